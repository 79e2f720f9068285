"""The weekly digest: who is told what, when, in which language, each week once, and how it is turned off."""

import re
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal import ticking
from portal.digest_letters import (
    Digest,
    DigestLetters,
    Figure,
    Longest,
    OfTier,
    Overall,
    Question,
    Stock,
    Unhelpful,
)
from portal.locales import CODES
from portal.people import Role
from portal.reporting.digest import Digests, Shelf
from portal.sending import Sending
from portal.services import Services
from portal.storage import Database, people
from portal.storage import tickets as store
from portal.storage.facts import Key
from portal.storage.schema import digests, outbox
from portal.storage.schema import people as people_table
from portal.tickets import Kind
from tests.builders import PASSWORD, person, ticket
from tests.conftest import hidden
from tests.letters import Page, addresses, blocks, flowing
from tests.reported import report

BASE = "https://help.example.org"
LETTERS = DigestLetters(BASE, "", "Europe/Berlin")
WEEK = date(2026, 3, 2)
#: Monday 07:00 in Berlin.
DUE = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
BEFORE = DUE - timedelta(days=3)
NO_SHELF = cast(Any, lambda: Shelf(cast(Any, None), cast(Any, None), cast(Any, None)))
FULL = Digest(
    WEEK,
    (
        OfTier(
            1, (Figure("requests", 34, 28), Figure("first_reply", 95, None), Figure("satisfaction", 4.25, 4)), 9, 3, 1
        ),
    ),
    (Question(7, "de", "xerox 3345", 12), Question(8, "ru", "сканер", 1)),
    (Stock("fr", 3, 5),),
    (Unhelpful("en", "vpn", "Connect to the VPN", 2, 9),),
    Overall(
        (Figure("search_success", 0.61, 0.4), Figure("resolution", 3000, 2880)), ("ru", 0.4), (Longest(42, 2, 4400),)
    ),
)


def counted(*_: object) -> bool:
    """All of the week has been counted."""
    return True


def subscribed(database: Database, **changes: Any) -> Digests:
    """Digests of a database with one agent who wants them since last Friday."""
    with database.write() as connection:
        number = people.add(connection, person(**changes), "hash", BEFORE)
    made = Digests(database, LETTERS, "example.org", b"secret")
    made.turn_on(cast(int, number), "de", BEFORE)
    return made


def keys(database: Database) -> list[str]:
    """The digests that have been written."""
    with database.read() as connection:
        return list(connection.execute(select(outbox.c.key).order_by(outbox.c.id)).scalars())


def test_each_week_is_told_once_whatever_the_clock_does(database: Database) -> None:
    """Not before Monday, then once; after a long rest only the last week; a clock that jumps tells nothing twice."""
    made = subscribed(database)
    week, year = timedelta(days=7), timedelta(days=364)

    told = [
        made.run(at, NO_SHELF, counted)
        for at in (
            DUE - timedelta(seconds=1),
            DUE,
            DUE + timedelta(hours=1),
            DUE - week,
            DUE + 4 * week,
            DUE + 3 * week,
        )
    ]
    jumped = [made.run(at, NO_SHELF, counted) for at in (DUE + year, DUE + 5 * week, DUE + 5 * week)]

    assert told == [0, 1, 0, 0, 1, 0]
    assert jumped == [1, 1, 0]
    assert keys(database) == [f"digest-1-{WEEK + n * week}" for n in (0, 4, 52, 5)]


def test_two_processes_tell_it_once(database: Database) -> None:
    """Both have seen that it is due."""
    made = subscribed(database)
    both = threading.Barrier(2)
    found: list[int] = []

    def meet() -> Shelf:
        both.wait(60)
        return cast(Shelf, NO_SHELF())

    threads = [threading.Thread(target=lambda: found.append(made.run(DUE, meet, counted))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [0, 1]
    assert len(keys(database)) == 1


def test_who_has_left_or_asks_no_more_is_told_nothing(database: Database) -> None:
    """And who wishes for it later begins with the next week."""
    made = subscribed(database)
    with database.write() as connection:
        connection.execute(update(people_table).values(is_active=False))
    gone = made.run(DUE, NO_SHELF, counted)
    with database.write() as connection:
        connection.execute(update(people_table).values(is_active=True))
    assert made.turn_off(1)
    off = made.run(DUE, NO_SHELF, counted)
    made.turn_on(1, "ru", DUE + timedelta(hours=1))

    assert (gone, off, made.run(DUE + timedelta(hours=2), NO_SHELF, counted)) == (0, 0, 0)
    assert made.run(DUE + timedelta(days=7), NO_SHELF, counted) == 1
    assert not made.turn_off(2)


def facts(services: Services) -> None:
    """A week of figures, and the week before."""
    report(services.database, WEEK - timedelta(days=7), {Key("requests", "en", "", 1): 28})
    report(
        services.database,
        WEEK,
        {
            Key("requests", "en", "", 1): 34,
            Key("requests", "en", "", 2): 5,
            Key("requests.solved", "en", "", 1): 30,
            Key("ratings", "en", "", 1): 4,
            Key("ratings.stars", "en", "", 1): 17,
            Key("chains.success", "en"): 6,
            Key("chains.failure", "en"): 4,
            Key("chains.success", "ru"): 10,
            Key("chains.failure", "ru"): 10,
        },
        {(Key("first_reply", "en", "", 1), 12): 3},
    )
    with services.database.write() as connection:
        for language, asked in (("de", 12), ("ru", 40)):
            gap = ticket(kind=Kind.GAP, language=language, query=f"frage {language}", occurrences=asked)
            store.create(connection, replace(gap, fingerprint=language * 16, owner_id=None, tier=3))
    sent = Sending("Anna Weiss", "anna.weiss@example.org", "Geheim", "It does not print.", "en")
    _, token = services.requests.receive(sent, "nonce", BEFORE, stems=[])
    services.requests.answer_back(token, "Still white pages.", BEFORE)


def digest_of(services: Services, *roles: Role, **changes: Any) -> str:
    """The text of the digest that somebody with some roles gets."""
    services.staff.add(person(roles=frozenset(roles), **changes), PASSWORD, BEFORE)
    services.digests.turn_on(1, "en", BEFORE)
    facts(services)
    shelf = Shelf(services.edition.knowledge, services.tallies(), services.visits())
    assert services.digests.run(DUE + timedelta(hours=2), lambda: shelf, counted) == 1
    with services.database.read() as connection:
        row = connection.execute(select(outbox).where(outbox.c.key.like("digest-%"))).one()
    return cast(str, row.text or row.subject)


def test_a_round_tells_it_after_the_week_has_been_counted(portal_services: Services) -> None:
    """Once a minute at most, and what was sent has left."""
    portal_services.staff.add(person(roles=frozenset({Role.WRITER}), tiers=()), PASSWORD, BEFORE)
    portal_services.digests.turn_on(1, "fr", BEFORE)
    names = [name for name, _part in ticking.AT_TIMES]

    found = [ticking.tick(portal_services, DUE + timedelta(hours=hours), forget=False) for hours in (0, 2, 3)]

    assert names.index("telling about last week") == len(names) - 1
    assert [each.faults for each in found] == [()] * 3
    assert [(each.digests, each.sent) for each in found] == [(0, 0), (1, 1), (0, 0)]


def test_agents_are_told_of_their_tiers(portal_services: Services) -> None:
    """Requests, replies and satisfaction with the week before, what is unowned; nothing of others' tiers."""
    text = digest_of(portal_services, Role.AGENT, tiers=(1, 2))

    assert "week of 2–8 Mar 2026" in flowing(text)
    assert "L1 Requests received: 34 (the week before: 28) Requests solved: 30" in flowing(text)
    assert "First reply within (median): 12 minutes" in flowing(text)
    assert "Satisfaction, 1 to 5: 4.2 · 4 ratings" in flowing(text)
    assert "L2 Requests received: 5" in flowing(text)
    assert "L3" not in text
    assert f"{portal_services.settings.public_url}/en/desk/" in addresses(text)
    assert "For writers" not in text
    assert "Search success" not in text


def test_writers_are_told_what_is_asked_and_what_translations_lack(portal_services: Services) -> None:
    """In the languages that they write."""
    text = digest_of(portal_services, Role.WRITER, tiers=(), languages=("de", "fr"))

    assert "“frage de” (German): asked 12 times" in flowing(text)
    assert "frage ru" not in text
    assert "French: 2 missing" in flowing(text)
    assert "Your tiers" not in text


def test_supervisors_are_told_how_it_all_goes_and_nobodys_name(
    portal_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metrics, the language that does worst, and who waits longest by number alone."""
    monkeypatch.setattr("portal.reporting.digest.CLEARLY", 0.01)
    text = digest_of(portal_services, Role.SUPERVISOR, Role.AGENT, tiers=(1,))

    assert "Search success: 53%" in flowing(text)
    assert "Lowest search success: Russian, 50%" in flowing(text)
    assert "Ticket 3, L1: for 3 days" in flowing(text)
    assert flowing(text).index("Your tiers") < flowing(text).index("Self-service and support")
    assert not re.search("anna|weiss|geheim", text, re.IGNORECASE)


@pytest.mark.parametrize("code", CODES)
def test_the_form_of_the_letter(code: str) -> None:
    """Both parts say the same, lead into the desk, fit, and can be stopped with one click."""
    for digest in (FULL, Digest(WEEK)):
        mail = LETTERS.weekly(code, "mia@example.org", "Mia Lindt", digest, "1-abc")
        page = Page(mail.html)
        shown = " ".join(re.split(r"[ \n]+", page.body))

        assert (page.open, page.language, mail.recipient_name) == ([], code, "Mia Lindt")
        assert [block for block in blocks(mail.text) if block not in shown] == []
        assert set(page.links) == set(addresses(mail.text))
        assert all(link.startswith(f"{BASE}/{code}/") for link in page.links)
        assert f"{BASE}/{code}/account/" in page.links
        assert all(len(line) <= 72 or line.strip().startswith(BASE) for line in mail.text.split("\n"))
        assert not re.search(r"%\(|\n\n\n|&\w+;", mail.text)
        assert "2026" in mail.subject
        assert mail.headers["List-Unsubscribe"] == f"<{BASE}/{code}/account/digest/stop/1-abc>"
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_language_that_does_nearly_as_well_as_all_is_not_named(portal_services: Services) -> None:
    """50 per cent are hardly lower than 53."""
    text = digest_of(portal_services, Role.SUPERVISOR, tiers=())

    assert "Search success: 53%" in flowing(text)
    assert "Lowest search success" not in flowing(text)


def test_nothing_to_tell_is_one_sentence() -> None:
    """And how to turn it off."""
    found = blocks(LETTERS.weekly("en", "mia@example.org", "Mia Lindt", Digest(WEEK), "1-abc").text)

    assert found[1] == (
        "There is nothing to tell you about the week of 2–8 Mar 2026: nothing happened that concerns you."
    )
    assert len(found) == 6


def test_a_search_cannot_write_the_letter() -> None:
    """What people typed stays text: no address, no markup."""
    nasty = replace(FULL, questions=(Question(7, "de", "<b>x</b> https://evil.example %(num)s", 1),))
    mail = LETTERS.weekly("fr", "mia@example.org", "<i>Mia", nasty, "1-abc")

    assert "evil.example" not in mail.text + mail.html
    assert "<b>" not in mail.html
    assert "<i>" not in mail.html


def test_it_is_turned_on_and_off_in_the_account(agent: FlaskClient, portal_services: Services) -> None:
    """Off to begin with; the language of the mail is a choice of its own."""

    def send(**fields: str) -> str:
        token = hidden(agent.get("/de/account/").text, "csrf_token")
        answer = agent.post("/de/account/digest", data={"csrf_token": token, **fields})
        assert (answer.status_code, answer.location) == (303, "/de/account/")
        return agent.get("/de/account/").text

    first = agent.get("/de/account/").text
    on = send(wanted="yes", mail_language="ru")
    chosen = portal_services.digests.wish(1)
    other = send(wanted="yes", mail_language="xx")
    off = send(mail_language="ru")

    ticked = 'name="wanted" value="yes" checked'
    assert [ticked in page for page in (first, on, other, off)] == [False, True, True, False]
    assert '<option value="ru" lang="ru" selected>' in on
    assert chosen is not None
    assert chosen.language == "ru"
    assert '<option value="de" lang="de" selected>' in other
    assert portal_services.digests.wish(1) is None


def test_its_link_turns_it_off_without_signing_in(app: Flask, portal_services: Services) -> None:
    """By a click in the mail program or on the page; looking at the page alone ends nothing, and no other link works."""
    portal_services.staff.add(person(), PASSWORD, portal_services.clock())
    portal_services.digests.turn_on(1, "fr", portal_services.clock())
    token, stranger = portal_services.digests.token(1), app.test_client()
    forged = [f"2-{token[2:]}", "1-", "1-" + "é" * 40, "x", "9" * 20 + "-a", token[:-1]]

    refused = {stranger.post(f"/fr/account/digest/stop/{each}").status_code for each in forged}
    looked = stranger.get(f"/fr/account/digest/stop/{token}")
    still = portal_services.digests.wish(1)
    stopped = [stranger.post(f"/fr/account/digest/stop/{token}").status_code for _ in range(2)]

    assert refused == {404}
    assert (looked.status_code, still is not None) == (200, True)
    assert (stopped, portal_services.digests.wish(1)) == ([200, 200], None)


def test_the_wish_goes_with_the_person(database: Database) -> None:
    """Nothing is left of who is removed."""
    subscribed(database)
    with database.write() as connection:
        connection.execute(people_table.delete())
        assert connection.execute(select(digests)).all() == []
