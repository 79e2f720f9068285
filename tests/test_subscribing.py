"""Subscribing on every database: confirmed by the owner of the address, told once, in their language, then forgotten."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.budgets import Budgets
from portal.errors import InvalidInput
from portal.gaps import GapRules, Gaps
from portal.letters import Letters
from portal.lifecycle import apply
from portal.storage import Database, outbox, schema
from portal.storage import subscriptions as subscription_store
from portal.storage import tickets as store
from portal.subscribing import CONFIRMATIONS, SECOND_CLICK, Subscriptions
from portal.tickets import Action, Actor, Kind, Resolution, Status, Ticket
from tests.builders import NOW, ticket

SECRET = b"s" * 32
LETTERS = Letters("https://help.example.org", "", "Europe/Berlin")
LATER = NOW + timedelta(hours=1)
TITLES = {"de": "Drucker offline", "fr": "Imprimante hors ligne"}


def subscriptions_on(database: Database, secret: bytes = SECRET) -> Subscriptions:
    """The use cases on a database."""
    budgets = Budgets("memory://", session=100, network=100, anonymous=100, total=100)
    gaps = Gaps(database, secret, budgets, GapRules())
    return Subscriptions(database, secret, LETTERS, gaps, "help.example.org")


def add_gap(database: Database, **changes: Any) -> Ticket:
    """A gap that one visitor has opened."""
    made = ticket(
        kind=Kind.GAP, language="de", query="drucker blau", subject="drucker blau", description="", is_confirmed=False,
        code="U0",
    )  # fmt: skip
    with database.write() as connection:
        number = store.create(connection, replace(made, **changes))
        return store.get(connection, number or 0)


def close(database: Database, number: int, slug: str = "printer", now: Any = LATER, *, tells: bool = True) -> int:
    """Close a gap by an article, and tell; how many were told."""
    with database.write() as connection:
        return close_in(connection, database, number, slug, now, tells=tells)


def close_in(connection: Any, database: Database, number: int, slug: str, now: Any, *, tells: bool = True) -> int:
    """The same in a transaction that goes on."""
    gap = store.get(connection, number, lock=True)
    if gap.status is Status.SOLVED:
        return 0
    changed, event = apply(gap, Action.SOLVE, now, Actor(None, "Mia"), "x", Resolution.ARTICLE_WRITTEN)
    details = {"slug": slug, "titles": '{"de": "Drucker offline", "fr": "Imprimante hors ligne"}'}
    told = subscriptions_on(database).tell(connection, gap, slug, TITLES["de"], "de", now, TITLES) if tells else 0
    store.save(connection, replace(changed, slug=slug))
    store.record(connection, number, replace(event, details=details))
    return told


def mails(database: Database) -> list[Any]:
    """What waits to be sent, in its order."""
    table = schema.outbox
    with database.read() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def rows(database: Database, name: str = "subscriptions") -> int:
    """How many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one())


def subscribe(database: Database, gap: Ticket, email: str = "anna@example.org", language: str = "de") -> str:
    """Subscribe and confirm; the token."""
    use = subscriptions_on(database)
    use.subscribe(gap.id, email, language, NOW)
    token = use.token(gap.id, email)
    assert use.confirm(token, NOW) is not None
    return token


def test_nobody_is_told_who_has_not_said_yes(database: Database) -> None:
    """The first mail asks; without an answer to it there is no second."""
    gap = add_gap(database)
    subscriptions_on(database).subscribe(gap.id, " anna@Example.org ", "ru", NOW)

    assert close(database, gap.id) == 0

    sent = mails(database)
    assert [(mail.recipient, mail.language) for mail in sent] == [("anna@example.org", "ru")]
    token = subscriptions_on(database).token(gap.id, "anna@example.org")
    assert f"https://help.example.org/ru/subscriptions/{token}" in sent[0].text
    assert rows(database) == 1


def test_the_link_shows_and_changes_nothing_until_it_is_confirmed(database: Database) -> None:
    """Mail programs that open links subscribe nobody; the table holds no token."""
    gap = add_gap(database)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "fr", NOW)
    token = use.token(gap.id, "anna@example.org")

    looked = [use.look(token), use.look(token)]
    unknown = [use.look("0" * 64), use.look("ю\udcff"), use.look("")]

    assert looked[0] == looked[1]
    assert looked[0] is not None
    assert (looked[0].query, looked[0].gap_language, looked[0].language) == ("drucker blau", "de", "fr")
    assert looked[0].confirmed_at is None
    assert unknown == [None, None, None]
    with database.read() as connection:
        stored = connection.execute(select(schema.subscriptions.c.token_hash)).scalar_one()
        assert not store.get(connection, gap.id).is_confirmed
    assert stored != token


def test_confirming_confirms_the_gap_and_twice_is_once(database: Database) -> None:
    """Who says yes is a person; a second click says so again."""
    gap = add_gap(database)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "de", NOW)
    token = use.token(gap.id, "anna@example.org")

    first = use.confirm(token, NOW)
    second = use.confirm(token, LATER)

    assert first == second
    assert first is not None
    assert first.confirmed_at == NOW
    assert use.confirm("0" * 64, NOW) is None
    with database.read() as connection:
        assert store.get(connection, gap.id).is_confirmed
        assert subscription_store.count(connection, gap.id) == 1


def test_everybody_is_told_once_in_their_own_language_and_forgotten(database: Database) -> None:
    """With the article in their language where it exists, and otherwise the gap's, which the mail says."""
    gap = add_gap(database)
    for email, language in (("anna@example.org", "de"), ("luc@example.org", "fr"), ("ivan@example.org", "ru")):
        subscribe(database, gap, email, language)

    assert close(database, gap.id) == 3
    with database.write() as connection:
        again = subscriptions_on(database).tell(connection, gap, "printer", "x", "de", LATER)

    told = {mail.recipient: mail for mail in mails(database)[3:]}
    assert again == 0
    assert {mail.language for mail in told.values()} == {"de", "fr", "ru"}
    assert "Drucker offline" in told["anna@example.org"].text
    assert "https://help.example.org/fr/articles/printer" in told["luc@example.org"].text
    assert "Imprimante hors ligne" in told["luc@example.org"].text
    assert "https://help.example.org/ru/articles/printer" in told["ivan@example.org"].text
    assert "Drucker offline" in told["ivan@example.org"].text
    assert rows(database) == 0


def test_who_confirms_after_the_answer_is_told_at_once(database: Database) -> None:
    """The article came between the wish and the click: still one mail, and no more after that."""
    gap = add_gap(database)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "fr", NOW)
    close(database, gap.id)
    use.subscribe(gap.id, "late@example.org", "de", LATER)

    confirmed = [use.confirm(use.token(gap.id, email), LATER) for email in ("anna@example.org", "late@example.org")]

    assert None not in confirmed
    assert use.confirm(use.token(gap.id, "anna@example.org"), LATER) is None
    told = [mail for mail in mails(database) if "/articles/printer" in mail.text]
    assert [(mail.recipient, mail.language) for mail in told] == [
        ("anna@example.org", "fr"),
        ("late@example.org", "de"),
    ]
    assert rows(database) == 0


def test_who_subscribes_again_later_is_told_again(database: Database) -> None:
    """A gap that opened again and was answered again: one mail for each wish."""
    gap = add_gap(database)
    subscribe(database, gap)
    close(database, gap.id)
    with database.write() as connection:
        changed, _event = apply(store.get(connection, gap.id), Action.REOPEN, LATER, Actor())
        store.save(connection, changed)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "de", LATER)
    use.confirm(use.token(gap.id, "anna@example.org"), LATER)

    assert close(database, gap.id, "other", LATER + timedelta(days=1)) == 1

    assert [mail.key.split("-")[0] for mail in mails(database)] == ["confirm", "answered", "confirm", "answered"]


def test_stopping_needs_one_click_and_works_twice(database: Database) -> None:
    """Nothing more is sent, and the address is gone."""
    gap = add_gap(database)
    token = subscribe(database, gap)
    use = subscriptions_on(database)

    assert [use.stop(token), use.stop(token), use.stop("0" * 64)] == [True, False, False]
    assert close(database, gap.id) == 0
    assert rows(database) == 0


def test_from_outside_every_address_and_gap_behaves_alike(database: Database) -> None:
    """Unknown, a request, solved otherwise, subscribed already, too many mails: nothing is returned or raised."""
    gap, request = add_gap(database), add_gap(database, kind=Kind.REQUEST)
    spam = add_gap(database, status=Status.SPAM)
    off = add_gap(database, status=Status.SOLVED, resolution=Resolution.OUT_OF_SCOPE, solved_at=NOW)
    subscribe(database, gap)
    before = len(mails(database))
    use = subscriptions_on(database)

    for number in (gap.id, request.id, spam.id, off.id, 0, -1, 999, 2**63, 10**30):
        use.subscribe(number, "anna@example.org", "de", LATER)

    assert len(mails(database)) == before
    assert rows(database) == 1


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@example.org,b@example.org", "a@example.org\nBcc: c@d.org"])
def test_only_what_is_no_address_is_refused(email: str, database: Database) -> None:
    """Whatever gap is named."""
    for number in (add_gap(database).id, 999):
        with pytest.raises(InvalidInput) as refused:
            subscriptions_on(database).subscribe(number, email, "en", NOW)
        assert refused.value.field == "email"
    assert (rows(database), rows(database, "outbox")) == (0, 0)


def test_a_strangers_mailbox_is_not_flooded(database: Database) -> None:
    """Three confirmations a day for one address, whatever the gaps; a second click sends none."""
    gaps = [add_gap(database) for _ in range(5)]
    use = subscriptions_on(database)

    for gap in (gaps[0], *gaps):
        use.subscribe(gap.id, "anna@example.org", "de", NOW)
    use.subscribe(gaps[4].id, "ANNA@example.org", "de", NOW)
    use.subscribe(gaps[0].id, "luc@example.org", "fr", NOW)
    use.subscribe(gaps[4].id, "anna@example.org", "de", NOW + timedelta(days=1))

    sent = [mail.recipient for mail in mails(database)]
    assert sent == ["anna@example.org"] * CONFIRMATIONS + ["luc@example.org", "anna@example.org"]
    assert "anna" not in "".join(mail.key for mail in mails(database))


def test_a_lost_confirmation_can_be_asked_for_again(database: Database) -> None:
    """In the language that is asked in now; the link of the first mail works as well."""
    gap = add_gap(database)
    use = subscriptions_on(database)
    use.subscribe(gap.id, "anna@example.org", "de", NOW)
    use.subscribe(gap.id, "anna@example.org", "ru", NOW + SECOND_CLICK + timedelta(seconds=1))

    first, second = mails(database)
    token = use.token(gap.id, "anna@example.org")
    assert (first.language, second.language) == ("de", "ru")
    assert token in first.text
    assert token in second.text
    assert (found := use.confirm(token, LATER)) is not None
    assert found.language == "ru"


def test_requests_that_came_from_the_gap_are_told(database: Database) -> None:
    """A line in the history and a mail, once for each article; who is served already is left in peace."""
    gap = add_gap(database)
    waiting, served = (
        add_gap(
            database, kind=Kind.REQUEST, status=status, gap_id=gap.id, language="fr", requester_name="Luc",
            requester_email="luc@example.org",
        )
        for status in (Status.OPEN, Status.SOLVED)
    )  # fmt: skip

    told = close(database, gap.id)
    with database.write() as connection:
        again = subscriptions_on(database).tell(connection, gap, "printer", TITLES["de"], "de", LATER, TITLES)
        history = store.history(connection, waiting.id, public_only=True)
        quiet = store.history(connection, served.id)
        links = connection.execute(select(schema.links.c.ticket_id)).scalars().all()
        posted = outbox.of_ticket(connection, waiting.id)

    assert (told, again, quiet, links) == (1, 0, [], [waiting.id])
    assert [(event.action, event.details) for event in history] == [
        (Action.TELL, {"slug": "printer", "language": "fr", "title": "Imprimante hors ligne"})
    ]
    assert [mail.recipient for mail in posted] == ["luc@example.org"]
    [mail] = mails(database)
    assert "/fr/requests/" in mail.text
    assert "/fr/articles/printer" in mail.text


def test_addresses_that_wait_for_nothing_are_forgotten(database: Database) -> None:
    """Unconfirmed after a week; confirmed when the gap ended a month ago without an answer."""
    gap, ended = add_gap(database), add_gap(database)
    subscribe(database, gap, "stays@example.org")
    subscribe(database, ended, "ends@example.org")
    use = subscriptions_on(database)
    use.subscribe(gap.id, "silent@example.org", "en", NOW)
    with database.write() as connection:
        read = store.get(connection, ended.id)
        store.save(connection, apply(read, Action.MARK_SPAM, NOW, Actor())[0])

    counts = [
        use.purge(NOW + timedelta(days=6)),
        use.purge(NOW + timedelta(days=8), dry_run=True),
        use.purge(NOW + timedelta(days=8)),
        use.purge(NOW + timedelta(days=31)),
        use.purge(NOW + timedelta(days=400)),
    ]

    assert counts == [0, 1, 1, 1, 0]
    with database.read() as connection:
        assert [found.email for found in subscription_store.confirmed(connection, gap.id)] == ["stays@example.org"]
