"""Claims: one writer for each gap, whoever else wants it at the same time."""

import threading
from dataclasses import replace
from datetime import date

import pytest

from portal.errors import AlreadyTaken, NotAllowed, NotFound, TransitionRefused
from portal.people import Person, Role
from portal.storage import Database, claims, gaps, unanswered
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.tickets import Action, Kind, Status
from portal.writing.planning.claims import GIVEN_BACK, TAKEN, Claims
from tests.builders import NOW
from tests.working import at, hire, history, opened

WRITER = frozenset({Role.WRITER})


def gap(database: Database, **changes: object) -> int:
    """The number of a stored gap."""
    facts = {"kind": Kind.GAP, "query": "kazoo", "requester_name": "", "requester_email": "", "description": ""}
    return opened(database, **{**facts, **changes})


def writer(database: Database, name: str = "Wanda Writer", *roles: Role) -> Person:
    """A stored writer."""
    return hire(database, name, roles=frozenset(roles) or WRITER, tiers=())


def holder(database: Database, number: int) -> str:
    """Who has taken a gap on; empty where nobody has."""
    with database.read() as connection:
        claim = claims.of(connection, [number]).get(number)
    return claim.name if claim else ""


def test_of_many_at_once_one_has_it(database: Database) -> None:
    """The others are told who; the history has it once."""
    number = gap(database)
    writers = [writer(database, f"Writer{place} Of") for place in range(6)]
    start, outcomes = threading.Barrier(len(writers)), []

    def take(who: Person) -> None:
        start.wait()
        try:
            Claims(database).claim(who, number, at(1))
            outcomes.append((who.name, "has it"))
        except AlreadyTaken as taken:
            outcomes.append((who.name, taken.owner))

    threads = [threading.Thread(target=take, args=(who,)) for who in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    [winner] = [name for name, outcome in outcomes if outcome == "has it"]
    assert sorted(outcome for _, outcome in outcomes) == sorted(["has it", *[winner] * 5])
    assert holder(database, number) == winner
    assert [(event.action, event.actor.name, event.details) for event in history(database, number)] == [
        (Action.NOTE, winner, {"claim": TAKEN})
    ]


def test_taken_twice_and_given_back(database: Database) -> None:
    """Taking it again changes nothing; the ticket keeps its owner and status; what is given back is anybody's."""
    number, wanda, otto = gap(database), writer(database), writer(database, "Otto Other")
    use = Claims(database)
    taken = use.claim(wanda, number, at(1))

    again = use.claim(wanda, number, at(2))
    with pytest.raises(AlreadyTaken):
        use.claim(otto, number, at(3))
    with pytest.raises(NotAllowed):
        use.release(otto, number, at(4))
    with database.read() as connection:
        mine = [claim.number for claim in claims.of_person(connection, wanda.id)]
    use.release(wanda, number, at(5))
    use.release(wanda, number, at(6))
    use.claim(otto, number, at(7))

    assert again == taken
    assert (taken.status, taken.owner_id) == (Status.NEW, None)
    assert mine == [number]
    assert holder(database, number) == "Otto Other"
    assert [(event.text, event.details["claim"]) for event in history(database, number)] == [
        ("Wanda Writer", TAKEN), ("Wanda Writer", GIVEN_BACK), ("Otto Other", TAKEN),
    ]  # fmt: skip


def test_who_looks_after_the_others_gives_back_what_somebody_has_forgotten(database: Database) -> None:
    """The history says who did it, and whose it was."""
    number, wanda = gap(database), writer(database)
    sue = hire(database, "Sue Pervisor", roles=frozenset({Role.SUPERVISOR}))
    Claims(database).claim(wanda, number, at(1))

    Claims(database).release(sue, number, at(2))

    last = history(database, number)[-1]
    assert (last.actor.name, last.text, holder(database, number)) == ("Sue Pervisor", "Wanda Writer", "")


def test_who_has_left_has_nothing(database: Database) -> None:
    """Their gaps are anybody's at once."""
    number, wanda, otto = gap(database), writer(database), writer(database, "Otto Other")
    Claims(database).claim(wanda, number, at(1))
    with database.write() as connection:
        known = people_store.get(connection, wanda.id)
        assert known is not None
        people_store.save(connection, replace(known, is_active=False))

    before = holder(database, number)
    Claims(database).claim(otto, number, at(2))

    assert (before, holder(database, number)) == ("", "Otto Other")


@pytest.mark.parametrize("status", [Status.SOLVED, Status.SPAM, Status.DUPLICATE, Status.CLOSED])
def test_what_has_ended_is_nobodys(status: Status, database: Database) -> None:
    """It cannot be taken on, and a claim from before does not count."""
    number, wanda = gap(database), writer(database)
    Claims(database).claim(wanda, number, at(1))
    with database.write() as connection:
        ticket = store.get(connection, number)
        store.save(connection, replace(ticket, status=status))

    assert holder(database, number) == ""
    with pytest.raises(TransitionRefused):
        Claims(database).claim(wanda, number, at(2))


def test_only_writers_and_only_gaps(database: Database) -> None:
    """Requests belong to agents; the counter of floods is no question; what is not there is not there."""
    use, wanda = Claims(database), writer(database)
    nobody = hire(database, "No Body", roles=frozenset())
    for number in (opened(database), gap(database, kind=Kind.OVERFLOW)):
        with pytest.raises(TransitionRefused):
            use.claim(wanda, number, NOW)
    with pytest.raises(NotFound):
        use.claim(wanda, 4711, NOW)
    for act in (use.claim, use.release):
        with pytest.raises(NotAllowed):
            act(nobody, gap(database), NOW)


def test_the_list_is_by_how_often_it_was_asked(database: Database) -> None:
    """By language, page by page; only what persons asked in vain and nobody has solved."""
    asked = [("en", 5), ("de", 9), ("en", 5), ("ru", 1), ("en", 30)]
    numbers = [gap(database, language=code, occurrences=times) for code, times in asked]
    gap(database, occurrences=99, is_confirmed=False)
    gap(database, occurrences=99, status=Status.SOLVED)
    gap(database, occurrences=99, kind=Kind.OVERFLOW)
    opened(database, occurrences=99)
    wanted = gap(database, language="fr", kind=Kind.TRANSLATION, slug="vpn", occurrences=7)

    with database.read() as connection:
        every = unanswered.page(connection, ("en", "fr", "de", "ru"))
        first = unanswered.page(connection, ("en",), limit=2)
        rest = unanswered.page(connection, ("en",), (first[-1].occurrences, first[-1].number), 2)
        counts = unanswered.counts(connection)
        known = unanswered.several(connection, [wanted, 4711])

    order = [numbers[4], numbers[1], wanted, numbers[2], numbers[0], numbers[3]]
    assert [each.number for each in every] == order
    assert [each.number for each in [*first, *rest]] == [numbers[4], numbers[2], numbers[0]]
    assert counts == {"en": (3, 40), "de": (1, 9), "ru": (1, 1), "fr": (1, 7)}
    assert [(each.kind, each.slug) for each in known.values()] == [(Kind.TRANSLATION, "vpn")]


def test_the_wordings_of_a_question_with_how_often(database: Database) -> None:
    """Of all days together, by the language of the page that it was asked on."""
    number, other = gap(database), gap(database)
    with database.write() as connection:
        for day, code, words, times in (
            (1, "en", "kazoo", 2), (2, "en", "kazoo", 3), (2, "en", "kazoo tuning", 4), (2, "fr", "kazoo", 1),
        ):  # fmt: skip
            gaps.count_occurrence(connection, number, date(2026, 3, day), code, words, "kazoo", times)

    with database.read() as connection:
        found = unanswered.variants(connection, [number, other])

    assert [tuple(each) for each in found[number]] == [
        ("en", "kazoo", 5),
        ("en", "kazoo tuning", 4),
        ("fr", "kazoo", 1),
    ]
    assert found[other] == []
