"""Surveys on every database: who is asked, once and in their language; bad answers come back; figures."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from portal.desk.surveys import FRESH, LOW, Surveys, is_chosen
from portal.locales import CODES
from portal.people import Role
from portal.storage import Database, notices, ratings
from portal.storage import surveys as known
from portal.storage.notices import About
from portal.storage.ratings import Rating
from portal.storage.schema import policy, surveys
from portal.storage.surveys import Answer, Figure, Filter
from portal.tickets import Action, Kind, Status, Ticket
from tests.builders import NOW
from tests.processes import context
from tests.storing import POSTING, add, agent, get, history
from tests.test_subscribing import mails

EVERYBODY, NOBODY = 100, 0
HOUR = timedelta(hours=1)


def ask(database: Database, percent: int) -> None:
    """Set the share that is asked."""
    with database.write() as connection:
        connection.execute(update(policy).values(survey_percent=percent))


def closed(database: Database, **changes: Any) -> Ticket:
    """A request that was closed an hour ago."""
    return add(database, **{"status": Status.CLOSED, "closed_at": NOW - HOUR, "tier": 1} | changes)


def rate(database: Database, found: Ticket, stars: int, comment: str = "", at: Any = NOW) -> None:
    """A requester's answer."""
    with database.write() as connection:
        ratings.put(connection, found.id, Rating(stars, comment, at))


def told(database: Database, person_id: int) -> list[tuple[int | None, str]]:
    """What somebody was told of bad answers."""
    with database.read() as connection:
        found = notices.newest(connection, person_id)
    assert {each.about for each in found} <= {About.LOW_SCORE}
    return [(each.ticket_id, each.text) for each in found]


@pytest.mark.parametrize("language", CODES)
def test_a_requester_is_asked_in_their_language(language: str, database: Database) -> None:
    """Once, with a private link that leads to the question; the history says so, the requester's page does not."""
    ask(database, EVERYBODY)
    found = closed(database, language=language, subject="Drucker")

    runs = [Surveys(database, POSTING).run(NOW + n * HOUR) for n in range(3)]

    assert runs == [1, 0, 0]
    [mail] = mails(database)
    assert (mail.recipient, mail.language, mail.ticket_id) == ("anna@example.org", language, found.id)
    assert mail.key == f"survey-{found.id}"
    address = f"https://help.example.org/{language}/requests/"
    assert address in mail.text
    assert mail.text.split(address, 1)[1].split()[0].endswith("#ui-actions")
    assert "Drucker" in mail.text
    event = history(database, found)[-1]
    assert (event.action, event.actor.name, event.is_public) == (Action.SURVEY, "", False)
    assert get(database, found).status is Status.CLOSED


def test_the_mails_differ_by_language(database: Database) -> None:
    """None is English by mistake: neither the question nor the name of the link."""
    ask(database, EVERYBODY)
    for code in CODES:
        closed(database, language=code, subject="X")
    Surveys(database, POSTING).run(NOW)

    texts = {mail.language: mail.text for mail in mails(database)}

    assert set(texts) == set(CODES)
    assert [code for code, text in texts.items() if "How well" in text or "Rate our help" in text] == ["en"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.SOLVED, "closed_at": None},
        {"status": Status.OPEN, "closed_at": None},
        {"status": Status.SPAM},
        {"kind": Kind.GAP},
        {"closed_at": NOW - FRESH - HOUR},
        {"requester_email": ""},
    ],
)
def test_who_is_left_in_peace(changes: dict[str, Any], database: Database) -> None:
    """Who still waits, what is no request, what was closed long ago, who is nobody any more."""
    ask(database, EVERYBODY)
    closed(database, **changes)

    assert Surveys(database, POSTING).run(NOW) == 0
    assert mails(database) == []


def test_who_has_rated_is_not_asked(database: Database) -> None:
    """They have said it already."""
    ask(database, EVERYBODY)
    rate(database, closed(database), 4)

    assert Surveys(database, POSTING).run(NOW) == 0


def test_a_share_is_asked_and_the_others_never(database: Database) -> None:
    """Who was left in peace is so later on too, whatever the policy is by then."""
    ask(database, 50)
    numbers = [closed(database).id for _ in range(40)]
    chosen = [number for number in numbers if is_chosen(number, 50)]

    first = Surveys(database, POSTING).run(NOW)
    ask(database, EVERYBODY)
    second = Surveys(database, POSTING).run(NOW)

    assert (first, second) == (len(chosen), 0)
    assert [mail.ticket_id for mail in mails(database)] == chosen
    assert 0 < len(chosen) < len(numbers)


def test_a_limit_is_kept(database: Database) -> None:
    """The next run goes on."""
    ask(database, EVERYBODY)
    for _ in range(5):
        closed(database)

    assert [Surveys(database, POSTING).run(NOW, limit=3) for _ in range(3)] == [3, 2, 0]


@given(st.integers(1, 10**9), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_has_the_smaller_one(number: int, one: int, other: int) -> None:
    """Nobody at 0, everybody at 100, and always the same."""
    smaller, larger = sorted((one, other))

    assert is_chosen(number, smaller) <= is_chosen(number, larger)
    assert (is_chosen(number, 0), is_chosen(number, 100)) == (False, True)


def test_the_share_is_about_what_it_says() -> None:
    """Of ten thousand in a row, within what chance allows."""
    for percent in (5, 50, 95):
        share = sum(is_chosen(number, percent) for number in range(10_000)) / 100
        assert abs(share - percent) < 2


def _run(url: str) -> None:
    """Ask in a process of its own."""
    database = Database(url)
    Surveys(database, POSTING).run(NOW)
    database.close()


def test_several_processes_ask_once(database: Database) -> None:
    """Each request gets one mail."""
    ask(database, EVERYBODY)
    numbers = [closed(database).id for _ in range(12)]
    workers = [context.Process(target=_run, args=(database.url,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(mail.ticket_id for mail in mails(database)) == numbers


def test_bad_answers_come_back(database: Database) -> None:
    """To the tier's supervisors and the owner, once, with what was said; addresses are masked."""
    boss = {"roles": frozenset({Role.SUPERVISOR})}
    first = agent(database, "one@example.org", tiers=(1,), **boss)
    second = agent(database, "two@example.org", tiers=(2, 3), **boss)
    gone = agent(database, "gone@example.org", tiers=(2,), is_active=False, **boss)
    owner, other = agent(database), agent(database, "other@example.org")
    found = closed(database, tier=2, owner_id=owner.id, owner_name="Mia")
    rate(database, found, 1, "Nobody called back. anna@example.org")
    rate(database, closed(database, tier=2), LOW + 1, "Well.")
    rate(database, closed(database, tier=2), 1, at=NOW - FRESH - HOUR)

    for _ in range(2):
        Surveys(database, POSTING).run(NOW)

    expected = [(found.id, "1/5: Nobody called back. [e-mail]")]
    assert told(database, second.id) == told(database, owner.id) == expected
    assert [told(database, each.id) for each in (first, gone, other)] == [[], [], []]


def test_a_tier_without_a_supervisor_has_all(database: Database) -> None:
    """An owner who supervises is told once."""
    boss = {"roles": frozenset({Role.SUPERVISOR}), "tiers": (1,)}
    first, second = agent(database, "one@example.org", **boss), agent(database, "two@example.org", **boss)
    found = closed(database, tier=3, owner_id=first.id)
    rate(database, found, 2)

    Surveys(database, POSTING).run(NOW)

    assert told(database, first.id) == told(database, second.id) == [(found.id, "2/5")]


def test_nobody_to_tell_is_no_fault(database: Database) -> None:
    """A desk without supervisors and a ticket without an owner."""
    rate(database, closed(database), 1)

    assert Surveys(database, POSTING).run(NOW) == 0


def test_figures_by_language_and_tier(database: Database) -> None:
    """Answered of asked; answers that nobody asked for count for the mean alone."""
    ask(database, EVERYBODY)
    asked = [closed(database, language="de", tier=2) for _ in range(3)]
    Surveys(database, POSTING).run(NOW)
    rate(database, asked[0], 5, at=NOW + HOUR)
    by_herself = closed(database, language="fr")
    rate(database, by_herself, 2, "Trop lent.", at=NOW + 2 * HOUR)

    with database.read() as connection:
        figures = known.figures(connection, NOW - HOUR)
        later = known.figures(connection, NOW + 90 * timedelta(minutes=1))
        answers = known.answers(connection, NOW - HOUR, Filter())

    assert figures == [Figure("de", 2, 3, 1, 1, 5), Figure("fr", 1, 0, 0, 1, 2)]
    assert later == [Figure("fr", 1, 0, 0, 1, 2)]
    assert answers == [
        Answer(by_herself.id, "fr", 1, 2, "Trop lent.", NOW + 2 * HOUR, False),
        Answer(asked[0].id, "de", 2, 5, "", NOW + HOUR, True),
    ]


def test_answers_are_filtered_and_paged(database: Database) -> None:
    """Newest first; every page goes on where the one before ended, also within one moment."""
    for number in range(7):
        found = closed(database, language="de" if number % 2 else "en", tier=1 + number % 3)
        rate(database, found, 1 + number % 5, "So." if number == 3 else "", at=NOW)

    def read(chosen: Filter, limit: int = 50) -> list[list[Answer]]:
        pages, before = [], None
        with database.read() as connection:
            while page := known.answers(connection, NOW - HOUR, chosen, before, limit):
                pages.append(page)
                before = page[-1].at, page[-1].number
        return pages

    [everything] = read(Filter())
    assert [each.number for each in everything] == sorted((each.number for each in everything), reverse=True)
    assert [each for page in read(Filter(), 3) for each in page] == everything
    assert [len(page) for page in read(Filter(), 3)] == [3, 3, 1]
    assert {each.language for each in read(Filter(language="de"))[0]} == {"de"}
    assert {each.tier for each in read(Filter(tier=2))[0]} == {2}
    assert {each.stars for each in read(Filter(most_stars=2))[0]} == {1, 2}
    assert [each.comment for each in read(Filter(has_comment=True))[0]] == ["So."]


def test_a_decision_goes_with_its_ticket_only(database: Database) -> None:
    """What is decided stays decided while the ticket is there, also without the answer."""
    ask(database, NOBODY)
    found = closed(database)
    Surveys(database, POSTING).run(NOW)
    ask(database, EVERYBODY)
    assert Surveys(database, POSTING).run(NOW) == 0

    with database.write() as connection:
        connection.execute(delete(surveys).where(surveys.c.ticket_id == found.id))
    assert Surveys(database, POSTING).run(NOW) == 1
