"""Private links: how long they work, where a closed request goes on, and how one is asked for again."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.errors import NotFound
from portal.storage import Database, links, outbox
from portal.storage import tickets as store
from portal.storage.schema import link_requests
from portal.storage.schema import links as links_table
from portal.tickets import Action, Status
from tests.builders import NOW
from tests.requesting import SENT, count, events, in_processes, links_on, receive, requests_on, work

DAY = timedelta(days=1)


def mailed(database: Database) -> list[str]:
    """The paths of the private links in the mails of the outbox, oldest first; each is in a mail of its own."""
    found = []
    with database.write() as connection:
        while claimed := outbox.claim(connection, NOW + 365 * DAY, 60):
            found += sorted(
                set(re.findall(r"https://help\.example\.org(/\w\w/requests/[0-9a-f]{64})", claimed.mail.text))
            )
            outbox.sent(connection, claimed, NOW)
    return found


def ask(database: Database, number: object, email: str = SENT.email, language: str = "de", at: datetime = NOW) -> int:
    """Ask for a link and let the worker answer; how many mails it wrote."""
    links_on(database).ask(str(number), email, language, at)
    return links_on(database).send(at)


def test_a_link_works_until_ninety_days_after_closing(database: Database) -> None:
    """Open and solved requests have no end; of closed ones nothing works any more, nor is a link mailed again."""
    request, link = receive(database)
    requests = requests_on(database)
    long_after = NOW + 1000 * DAY

    assert requests.follow(link, long_after)[0].id == request.id
    requests.close(link, NOW)
    assert requests.follow(link, NOW + 90 * DAY)[0].status is Status.CLOSED

    past = NOW + 90 * DAY + timedelta(seconds=1)
    for use in (
        lambda: requests.follow(link, past),
        lambda: requests.answer_back(link, "Again", past),
        lambda: requests.rate(link, 5, "", past),
        lambda: requests.reopen(link, past),
        lambda: requests.close(link, past),
    ):
        with pytest.raises(NotFound):
            use()
    assert ask(database, request.id, at=past) == 0
    assert count(database, "tickets") == 1


def test_every_link_of_a_request_leads_to_it(database: Database) -> None:
    """Further links work beside the first; of none is there more than a hash in the database."""
    request, first = receive(database)
    other, _ = requests_on(database).receive(SENT, "other", NOW, stems=[])

    with database.write() as connection:
        second = links.new(connection, request.id, NOW)
        third = links.new(connection, other.id, NOW)

    assert re.fullmatch("[0-9a-f]{64}", second)
    assert [requests_on(database).follow(link, NOW)[0].id for link in (first, second, third)] == [
        request.id,
        request.id,
        other.id,
    ]
    assert requests_on(database).answer_back(second, "By the second link", NOW)[0].status is Status.NEW
    with database.read() as connection:
        stored = set(connection.execute(select(links_table.c.token_hash)).scalars())
    assert len(stored) == 2
    assert not stored & {first, second, third}


def test_a_reply_to_a_closed_request_opens_one_that_goes_on_with_it(database: Database) -> None:
    """It has the requester, the subject and the words, a link of its own that is mailed, and says what it follows."""
    request, link = receive(database, subject="Drucker", query="drucker")
    requests = requests_on(database)
    requests.close(link, NOW)
    mailed(database)

    follower, token = requests.answer_back(link, "Er druckt\nwieder nicht.", NOW + DAY)

    assert token is not None
    assert (follower.follows_id, follower.status, follower.subject) == (request.id, Status.NEW, "Drucker")
    assert (follower.requester_name, follower.requester_email) == ("Anna Kühn", "anna@example.org")
    assert (follower.description, follower.language) == ("Er druckt\nwieder nicht.", "de")
    assert requests.follow(token, NOW + DAY)[0] == follower
    assert mailed(database) == [f"/de/requests/{token}"]
    assert requests.follow(link, NOW + DAY)[0].status is Status.CLOSED


def test_what_goes_on_goes_on_in_one_place(database: Database) -> None:
    """A second press opens nothing; further replies by the old link reach the newest request, closed ones in between."""
    _, link = receive(database)
    requests = requests_on(database)
    requests.close(link, NOW)

    first, token = requests.answer_back(link, "Again", NOW)
    pressed = requests.answer_back(link, "Again", NOW)
    more, same = requests.answer_back(link, "And more", NOW)
    requests.close(token or "", NOW)
    third, newest = requests.answer_back(link, "A third time", NOW)

    assert (pressed[0].id, pressed[1]) == (more.id, same) == (first.id, token)
    assert (third.follows_id, newest == token) == (first.id, False)
    assert requests.follow(newest or "", NOW)[0].id == third.id
    assert [text for _, text in events(database, first.id)] == ["Again", "And more", ""]
    assert (count(database, "tickets"), count(database, "outbox")) == (3, 3)


def _reply(url: str, link: str, start: Any, results: Any) -> None:
    """Reply to the closed request, beginning with the others."""
    database = Database(url)
    start.wait()
    request, token = requests_on(database).answer_back(link, "Again", NOW)
    results.put((request.id, token))
    database.close()


def test_processes_that_reply_at_once_open_one_request(database: Database) -> None:
    """Four processes with the same reply to a closed request: one request goes on."""
    _, link = receive(database)
    requests_on(database).close(link, NOW)

    answers = in_processes(_reply, database.url, link)

    assert len(set(answers)) == 1
    assert (count(database, "tickets"), count(database, "outbox")) == (2, 2)


@pytest.mark.parametrize("typed", ["{}", " #{} ", "[#{}]", "n° {}", "№ {}"])
def test_number_and_address_bring_a_new_link(database: Database, typed: str) -> None:
    """Capitals in the address do not matter; the mail is in the language of the page that was used."""
    request, first = receive(database)
    mailed(database)

    sent = ask(database, typed.format(request.id), " ANNA@Example.ORG ", "fr")
    (path,) = mailed(database)

    assert (sent, count(database, "link_requests")) == (1, 0)
    assert path.startswith("/fr/requests/")
    assert path.rpartition("/")[2] != first
    assert requests_on(database).follow(path.rpartition("/")[2], NOW)[0].id == request.id


@pytest.mark.parametrize(
    ("number", "email"),
    [
        ("1", "eve@example.org"),
        ("1", ""),
        ("1", "anna@example.org\r\nBcc: eve@example.org"),
        ("1", "x" * 100_000),
        ("2", "anna@example.org"),
        ("", "anna@example.org"),
        ("-", "anna@example.org"),
        ("11111111111111111111", "anna@example.org"),
        ("9" * 100_000, "anna@example.org"),
        ("999999999", "anna@example.org"),
        ("1\x00\ud800", "\x00@\ud800"),
    ],
)
def test_nothing_is_told_to_whoever_asks_wrongly(database: Database, number: str, email: str) -> None:
    """Whatever is typed, one row is written and taken away by the worker; nobody gets a mail."""
    request, _ = receive(database)
    mailed(database)

    links_on(database).ask(number.replace("1", str(request.id), 1), email, "de", NOW)
    with database.read() as connection:
        kept = connection.execute(select(link_requests.c.email)).scalar_one()

    assert kept in {"", "eve@example.org", "anna@example.org"}
    assert links_on(database).send(NOW) == 0
    assert count(database, "link_requests") == 0
    assert mailed(database) == []


def test_a_gap_has_no_link(database: Database) -> None:
    """Nobody's empty address is everybody's: a ticket without a requester is never mailed about."""
    request, _ = receive(database)
    with database.write() as connection:
        store.save(connection, replace(request, requester_email=""))

    assert ask(database, request.id, "") == 0


def test_links_are_mailed_three_times_an_hour_for_each_request(database: Database) -> None:
    """Further wishes are dropped until an hour has passed; other requests have their own measure."""
    request, _ = receive(database)
    other, _ = requests_on(database).receive(SENT, "other", NOW, stems=[])

    first = [ask(database, request.id, at=NOW + timedelta(minutes=minutes)) for minutes in (0, 10, 20, 30, 59)]

    assert first == [1, 1, 1, 0, 0]
    assert ask(database, other.id, at=NOW + timedelta(minutes=59)) == 1
    assert [ask(database, request.id, at=NOW + timedelta(minutes=minutes)) for minutes in (61, 62)] == [1, 0]


def test_wishes_are_answered_oldest_first_and_in_bounds(database: Database) -> None:
    """A round looks at so many and leaves the rest to the next one."""
    requests = requests_on(database)
    asked = [requests.receive(SENT, str(nonce), NOW, stems=[])[0].id for nonce in range(3)]
    for number in asked:
        links_on(database).ask(str(number), SENT.email, "de", NOW)

    assert (links_on(database).send(NOW, limit=2), count(database, "link_requests")) == (2, 1)
    assert (links_on(database).send(NOW, limit=2), links_on(database).send(NOW)) == (1, 0)


def _answer(url: str, start: Any, results: Any) -> None:
    """Answer wishes, beginning with the others."""
    database = Database(url)
    start.wait()
    results.put(links_on(database).send(NOW))
    database.close()


def test_processes_that_answer_at_once_mail_each_wish_once(database: Database) -> None:
    """Four workers and six wishes for two requests: three mails each and no more."""
    requests = requests_on(database)
    for nonce in ("one", "two"):
        request, _ = requests.receive(SENT, nonce, NOW, stems=[])
        for _ in range(4):
            links_on(database).ask(str(request.id), SENT.email, "de", NOW)

    answers = in_processes(_answer, database.url)

    assert sum(answers) == 6
    assert (count(database, "link_requests"), count(database, "outbox")) == (0, 8)


def test_a_link_is_mailed_of_what_an_agent_took_out_of_the_spam(database: Database) -> None:
    """A person whose browser filled in the hidden field is served once somebody has looked."""
    request, _ = requests_on(database).receive(SENT, "nonce", NOW, stems=[], is_spam=True)
    work(database, request.id, Action.REOPEN)

    assert ask(database, request.id) == 1
