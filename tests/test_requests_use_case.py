"""Requests on every database: sent once however often, told by mail, answered, closed, opened again, rated."""

import multiprocessing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from portal.budgets import Budgets
from portal.errors import InvalidInput, NotFound, TransitionRefused
from portal.gaps import GapRules, Gaps
from portal.letters import Letters
from portal.lifecycle import TEXT_LENGTH, apply
from portal.mail import Mail
from portal.queries import gap_fingerprint
from portal.requests import RECEIVED_A_DAY, Requests, Sending
from portal.storage import Database, outbox, schema
from portal.storage import tickets as store
from portal.storage.ratings import Rating
from portal.tickets import Action, Actor, Callback, Kind, Resolution, Status, Ticket
from tests.builders import NOW, ticket

SECRET = b"s" * 32
LETTERS = Letters("https://help.example.org", "Help", "Europe/Berlin")
SENT = Sending("Anna Kühn", "anna@example.org", "", "It does not print.\nSince Monday.", "de")
MIA = Actor(None, "Mia Lindt")


def requests_on(database: Database, letters: Letters = LETTERS) -> Requests:
    """The use cases on a database."""
    budgets = Budgets("memory://", session=100, network=100, anonymous=100, total=100)
    return Requests(database, SECRET, letters, Gaps(database, SECRET, budgets, GapRules()), 90, "help.example.org")


def receive(database: Database, **changes: Any) -> tuple[Ticket, str]:
    """A request that was sent, and its link."""
    return requests_on(database).receive(replace(SENT, **changes), "nonce", NOW, stems=[])


def work(database: Database, number: int, *actions: Action) -> None:
    """What an agent does."""
    with database.write() as connection:
        for action in actions:
            found = store.get(connection, number)
            changed, event = apply(found, action, NOW, MIA, "Fertig.", Resolution.ANSWERED)
            store.save(connection, changed)
            store.record(connection, number, event)


def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one())


def events(database: Database, number: int) -> list[tuple[Action, str]]:
    """A request's history."""
    with database.read() as connection:
        return [(event.action, event.text) for event in store.history(connection, number)]


def in_processes(work: Any, *arguments: Any) -> list[Any]:
    """What four processes answer that do the same at once."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=work, args=(*arguments, start, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    answers = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(30)
    return answers


def test_a_request_sent_twice_is_one_request(database: Database) -> None:
    """The form's number makes a second click, or a replay, the same request with the same link and one mail."""
    (first, link), (second, same) = receive(database), receive(database)
    other, another = requests_on(database).receive(SENT, "another form", NOW, stems=[])

    assert (first.id, link) == (second.id, same)
    assert (other.id, another) != (first.id, link)
    assert first.subject == "It does not print."
    assert (count(database, "tickets"), count(database, "outbox")) == (2, 2)
    assert events(database, first.id) == [(Action.OPENED, SENT.description)]


def _send(url: str, start: Any, results: Any) -> None:
    """Send the same request as the others."""
    database = Database(url)
    start.wait()
    request, link = receive(database)
    results.put((request.id, link))
    database.close()


def test_processes_that_send_at_once_make_one_request(database: Database) -> None:
    """Four processes with the same form: one request, one link, one mail, one line of history."""
    answers = in_processes(_send, database.url)

    assert len(set(answers)) == 1
    assert [count(database, table) for table in ("tickets", "events", "outbox")] == [1, 1, 1]


def test_what_was_sent_comes_back(database: Database) -> None:
    """Every field survives the way into the database, and the link leads to it."""
    trail = ({"kind": "article", "text": "Der Drucker", "language": "de", "at": NOW.isoformat(), "slug": "printer"},)

    sent, link = receive(
        database, subject="Drucker", page="/de/search", query="drucker", phone="+49 30 1234567",
        callback=Callback.MORNING, trail=trail,
    )  # fmt: skip
    found, shown, rating = requests_on(database).follow(link, NOW)

    assert found == sent
    assert (found.phone, found.callback, found.trail) == ("+49 30 1234567", Callback.MORNING, trail)
    assert (found.kind, found.status, found.tier, found.language) == (Kind.REQUEST, Status.NEW, 1, "de")
    assert [(event.action, event.actor.name, event.text) for event in shown] == [
        (Action.OPENED, "Anna Kühn", SENT.description)
    ]
    assert rating is None


def test_a_broken_rule_is_told_and_nothing_is_kept(database: Database) -> None:
    """The first fault is raised with field and code; all of them can be asked for."""
    with pytest.raises(InvalidInput) as refused:
        receive(database, subject="x" * 121, email="")

    assert (refused.value.field, refused.value.code) == ("subject", "too_long")
    assert Requests.faults(replace(SENT, subject="x" * 121, email="")).keys() == {"subject", "email"}
    assert count(database, "tickets") == 0


def test_hostile_text_is_kept_without_what_no_database_takes(database: Database) -> None:
    """NUL bytes, lone surrogates and other controls go; line breaks and all letters stay."""
    bad = "a\x00b\ud800c\x1b\r\nПривет\u00a0! 👩\u200d💻"

    request, link = receive(database, name=bad, description=bad, subject=bad, query=bad, page=bad)
    requests_on(database).answer_back(link, bad + "?", NOW)
    found, shown, _ = requests_on(database).follow(link, NOW)

    assert found == replace(request, version=2)
    assert [event.text for event in shown] == ["abc\nПривет\u00a0! 👩\u200d💻", "abc\nПривет\u00a0! 👩\u200d💻?"]


def test_the_link_is_mailed_in_the_requesters_language(database: Database) -> None:
    """The mail is in the outbox with the request, to the requester, about it, with the private link."""
    request, link = receive(database)

    with database.write() as connection:
        (posted,) = outbox.of_ticket(connection, request.id)
        claimed = outbox.claim(connection, NOW, 60)

    assert claimed is not None
    assert (posted.recipient, posted.language) == ("anna@example.org", "de")
    assert f"https://help.example.org/de/requests/{link}" in claimed.mail.text
    assert claimed.mail.recipient_name == "Anna Kühn"
    assert claimed.message_id.endswith("@help.example.org>")


def test_an_address_is_sent_no_more_than_its_share_of_mails_about_new_requests(database: Database) -> None:
    """Whoever types a stranger's address all day long fills the queue, not the stranger's mailbox."""
    asked = requests_on(database)

    for number in range(RECEIVED_A_DAY + 3):
        asked.receive(replace(SENT, email="ANNA@example.org" if number % 2 else SENT.email), str(number), NOW, stems=[])
    asked.receive(SENT, "tomorrow", NOW + timedelta(days=1), stems=[])

    assert count(database, "tickets") == RECEIVED_A_DAY + 4
    assert count(database, "outbox") == RECEIVED_A_DAY + 1


def test_a_robots_request_is_kept_out_of_the_way_and_mails_nobody(database: Database) -> None:
    """Whoever fills in what no person sees gets the usual answer, and no mail goes to the address they gave."""
    request, link = requests_on(database).receive(SENT, "nonce", NOW, stems=[], is_spam=True)
    requests_on(database).ask_link(str(request.id), SENT.email, "de", NOW)

    assert request.status is Status.SPAM
    assert requests_on(database).follow(link, NOW)[0].id == request.id
    assert requests_on(database).send_links(NOW) == 0
    assert count(database, "outbox") == 0


class Torn(Letters):
    """Letters of which none is ever finished."""

    def received(self, ticket: Ticket, token: str) -> Mail:
        """Breaks off."""
        raise ZeroDivisionError


class Unstorable(Letters):
    """Letters that the outbox cannot take."""

    def received(self, ticket: Ticket, token: str) -> Mail:
        """Without what every row needs."""
        return replace(super().received(ticket, token), language=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("letters", [Torn, Unstorable])
def test_a_request_and_its_mail_are_kept_together_or_not_at_all(database: Database, letters: type[Letters]) -> None:
    """Where the mail cannot be written, there is no request either, and sending again works."""
    broken = requests_on(database, letters("https://help.example.org", "Help", "UTC"))

    with pytest.raises((ZeroDivisionError, IntegrityError)):
        broken.receive(SENT, "nonce", NOW, stems=[])
    left = [count(database, table) for table in ("tickets", "events", "outbox")]
    receive(database)

    assert left == [0, 0, 0]
    assert [count(database, table) for table in ("tickets", "events", "outbox")] == [1, 1, 1]


@pytest.mark.parametrize("is_spam", [False, True])
def test_a_request_is_linked_to_the_gap_of_its_search_and_confirms_it(database: Database, is_spam: bool) -> None:
    """Who found nothing and then asks is joined to their gap, which then is a person's; a robot confirms nothing."""
    gap = ticket(kind=Kind.GAP, fingerprint=gap_fingerprint("de", ["kazoo"], None), is_confirmed=False)
    with database.write() as connection:
        number = store.create(connection, gap)

    request, _ = requests_on(database).receive(SENT, "nonce", NOW, stems=["kazoo"], is_spam=is_spam)
    unlinked, _ = requests_on(database).receive(SENT, "another", NOW, stems=["ukulele"])

    assert (request.gap_id, unlinked.gap_id) == (number, None)
    with database.read() as connection:
        assert store.get(connection, number or 0).is_confirmed is not is_spam


@pytest.mark.parametrize("token", ["", "0" * 64, "0" * 63, "Z" * 64, "\x00" * 64, "é" * 64, "\ud800", "0" * 100_000])
def test_what_is_no_link_leads_nowhere(database: Database, token: str) -> None:
    """A guessed, cut or hostile link is answered like one that never was, whatever is done with it."""
    receive(database)
    requests = requests_on(database)

    for use in (
        lambda: requests.follow(token, NOW),
        lambda: requests.answer_back(token, "text", NOW),
        lambda: requests.close(token, NOW),
        lambda: requests.rate(token, 5, "", NOW),
    ):
        with pytest.raises(NotFound):
            use()


def test_a_reply_goes_to_the_desk_and_opens_what_was_solved(database: Database) -> None:
    """The requester's words are in the history under their name; notes stay among colleagues."""
    request, link = receive(database)
    work(database, request.id, Action.NOTE, Action.SOLVE)

    changed, other = requests_on(database).answer_back(link, " Noch nicht. ", NOW)
    _, shown, _ = requests_on(database).follow(link, NOW)

    assert (changed.status, changed.resolution, other) == (Status.OPEN, None, None)
    assert [event.action for event in shown] == [Action.OPENED, Action.SOLVE, Action.REQUESTER_REPLY]
    assert (shown[-1].text, shown[-1].actor) == ("Noch nicht.", Actor(name="Anna Kühn"))


@pytest.mark.parametrize(("text", "code"), [(" \u200b\n", "missing"), ("ё" * (TEXT_LENGTH + 1), "too_long")])
@pytest.mark.parametrize("is_closed", [False, True])
def test_a_reply_within_bounds(database: Database, text: str, code: str, is_closed: bool) -> None:
    """An empty or endless reply is refused, also where it would open another request."""
    _, link = receive(database)
    if is_closed:
        requests_on(database).close(link, NOW)

    with pytest.raises(InvalidInput) as refused:
        requests_on(database).answer_back(link, text, NOW)

    assert (refused.value.field, refused.value.code) == ("text", code)
    assert count(database, "tickets") == 1


def test_a_second_press_of_a_button_changes_nothing(database: Database) -> None:
    """The same reply, closing or opening at once again is the same; later, or other words, are not."""
    request, link = receive(database)
    requests = requests_on(database)
    soon, later = NOW + timedelta(minutes=9), NOW + timedelta(minutes=11)

    for at in (NOW, soon, later):
        requests.answer_back(link, "Hello?", at)
    requests.answer_back(link, "Nobody there?", later)
    work(database, request.id, Action.SOLVE)
    for _ in range(2):
        requests.reopen(link, later, "No.")
    for _ in range(2):
        closed = requests.close(link, later)

    assert closed.status is Status.CLOSED
    assert [action for action, _ in events(database, request.id)] == [
        Action.OPENED, *[Action.REQUESTER_REPLY] * 3, Action.SOLVE, Action.REOPEN, Action.REQUESTER_CLOSE,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "It broke again."])
def test_the_requester_opens_a_solved_request_again(database: Database, text: str) -> None:
    """With or without a word; what is not solved cannot be opened again by them."""
    request, link = receive(database)
    with pytest.raises(TransitionRefused):
        requests_on(database).reopen(link, NOW, text)
    work(database, request.id, Action.SOLVE)

    opened = requests_on(database).reopen(link, NOW, text)

    assert (opened.status, opened.solved_at) == (Status.OPEN, None)
    assert events(database, request.id)[-1] == (Action.REOPEN, text)


@pytest.mark.parametrize("action", [Action.MARK_SPAM, Action.MARK_DUPLICATE])
def test_what_the_desk_put_aside_is_not_the_requesters_to_open(database: Database, action: Action) -> None:
    """Spam and duplicates open again by an agent, not by the requester's button."""
    request, link = receive(database)
    work(database, request.id, action)

    with pytest.raises(TransitionRefused):
        requests_on(database).reopen(link, NOW)


def test_a_rating_is_one_answer_that_can_be_changed(database: Database) -> None:
    """Stars and comment are kept once and shown; the history has every change, for the staff only."""
    request, link = receive(database)
    work(database, request.id, Action.SOLVE)
    requests, later = requests_on(database), NOW + timedelta(days=1)

    for stars, comment in ((4, "  Fast.\x00 "), (4, "Fast."), (2, "")):
        requests.rate(link, stars, comment, later)
    found, shown, rating = requests.follow(link, later)

    assert (found.status, rating) == (Status.SOLVED, Rating(2, "", later))
    assert [event.action for event in shown] == [Action.OPENED, Action.SOLVE]
    with database.read() as connection:
        rated = [event for event in store.history(connection, request.id) if event.action is Action.RATE]
    assert [(event.text, event.details) for event in rated] == [("Fast.", {"stars": "4"}), ("", {"stars": "2"})]


@pytest.mark.parametrize(
    ("stars", "comment", "field", "code"),
    [(0, "", "stars", "missing"), (6, "", "stars", "missing"), (3, "ё" * 601, "comment", "too_long")],
)
def test_a_rating_within_bounds(database: Database, stars: int, comment: str, field: str, code: str) -> None:
    """One to five stars and 600 characters; anything else is refused."""
    _, link = receive(database)
    requests_on(database).close(link, NOW)

    with pytest.raises(InvalidInput) as refused:
        requests_on(database).rate(link, stars, comment, NOW)

    assert (refused.value.field, refused.value.code) == (field, code)
    assert count(database, "ratings") == 0


def test_only_what_has_ended_is_rated(database: Database) -> None:
    """An open request has no rating yet; a closed one still takes the longest comment."""
    _, link = receive(database)
    requests = requests_on(database)

    with pytest.raises(TransitionRefused):
        requests.rate(link, 5, "", NOW)
    requests.close(link, NOW)
    requests.rate(link, 5, "ё" * 600, NOW)

    assert requests.follow(link, NOW)[2] == Rating(5, "ё" * 600, NOW)
