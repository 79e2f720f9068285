"""What people did to find something, in both databases: kept whole, judged once, forgotten on time."""

import threading
from dataclasses import replace
from datetime import timedelta
from random import Random

from sqlalchemy import select

from portal.chains import Kind, SearchEvent
from portal.queries import Verdict
from portal.storage import Database, searches
from portal.storage.schema import search_events
from portal.storage.searches import MOST_OF_SESSION
from tests.builders import NOW

ANNA, BORIS = "a" * 64, "b" * 64


def event(minute: float = 0, kind: Kind = Kind.SEARCH, session: str | None = ANNA, **changes: object) -> SearchEvent:
    """Something that was done so many minutes after the start."""
    made = SearchEvent(NOW + timedelta(minutes=minute), kind, "en", session)
    return replace(made, **changes)  # type: ignore[arg-type]


def stored(database: Database, *events: SearchEvent) -> list[SearchEvent]:
    """Store events; all that there are then, with their numbers, oldest first."""
    with database.write() as connection:
        searches.add(connection, events)
    with database.read() as connection:
        sessions = connection.execute(select(search_events.c.session).distinct()).scalars().all()
        found = [
            one
            for session in sessions
            if session
            for one in searches.of_session(connection, session, NOW.replace(year=1))
        ]
    return sorted(found, key=lambda one: one.at)


def test_every_value_survives(database: Database) -> None:
    """Events of each kind come back as they were, times in UTC, numbered in the order of writing."""
    given = [
        event(
            0.5, query="пароль", topic="konten", fingerprint="f" * 32, verdict=Verdict.UNCERTAIN, confidence=0.25,
            total=12, repairs=(("layout", "пароль"), ("spelling", "Paßwort")), is_returning=True,
            results=(("vpn", "en", "r" * 16), ("vpn", "de", "")),
        ),
        event(1, code="U1", gap_id=41, verdict=Verdict.UNANSWERED, is_overflow=True),
        event(2, Kind.OPEN, slug="vpn", language="de"),
        event(3, Kind.READ, slug="vpn", seconds=0),
        event(4, Kind.VOTE, slug="vpn", is_helpful=False, revision="r" * 16),
        event(5, Kind.VOTE, slug="vpn", is_helpful=True),
        event(6, Kind.REQUEST),
    ]  # fmt: skip

    found = stored(database, *given)

    assert [replace(one, id=0) for one in found] == given
    assert [one.id for one in found] == sorted({one.id for one in found})


def test_nothing_is_stored_of_nothing_and_too_much_is_cut(database: Database) -> None:
    """An empty batch is none; a value that is longer than its column does not lose the others of its batch."""
    assert stored(database) == []

    (found,) = stored(database, event(query="ё" * 300, topic="t" * 300, slug="s" * 300))

    assert (len(found.query), len(found.topic), len(found.slug)) == (200, 120, 120)


def test_a_session_is_read_from_a_time_on_in_order(database: Database) -> None:
    """Only its own, not what was before; of one moment in the order of writing."""
    given = [event(minute, query=str(number)) for number, minute in enumerate((9, 5, 5, 1, 7))]
    Random(1).shuffle(given)
    stored(database, *given, event(6, session=BORIS), event(6, session=None))

    with database.read() as connection:
        found = searches.of_session(connection, ANNA, NOW + timedelta(minutes=5))
        nobody = searches.of_session(connection, "c" * 64, NOW)

    assert [one.at for one in found] == sorted(one.at for one in given if one.at >= NOW + timedelta(minutes=5))
    same = [one.query for one in found if one.at == NOW + timedelta(minutes=5)]
    assert same == [one.query for one in given if one.query in same]
    assert nobody == []


def test_a_session_has_ended_when_its_last_event_is_old(database: Database) -> None:
    """Longest ago first, as many as asked for; neither those without a session nor those that still go on."""
    stored(
        database, event(0), event(40), event(10, session=BORIS), event(0, session="c" * 64), event(90, session="c" * 64),
        event(5, session=None),
    )  # fmt: skip

    with database.read() as connection:
        at = [searches.ended(connection, NOW + timedelta(minutes=minute), 10) for minute in (5, 10, 11, 60, 100)]
        one = searches.ended(connection, NOW + timedelta(minutes=100), 1)

    assert at == [[], [], [BORIS], [BORIS, ANNA], [BORIS, ANNA, "c" * 64]]
    assert one == [BORIS]


def test_what_was_judged_is_not_judged_again(database: Database) -> None:
    """Closed events are left out; what comes later of the same session is a new matter."""
    first, second = stored(database, event(0), event(1, Kind.OPEN))

    with database.write() as connection:
        assert searches.unjudged(connection, ANNA) == [first, second]
        searches.close(connection, [second.id, first.id], "chain")
        assert searches.unjudged(connection, ANNA) == []
        assert searches.ended(connection, NOW + timedelta(days=1), 10) == []
    later = stored(database, event(50))[-1]

    with database.write() as connection:
        assert searches.unjudged(connection, ANNA) == [later]
        assert searches.ended(connection, NOW + timedelta(days=1), 10) == [ANNA]


def test_of_two_that_judge_at_once_the_second_waits_and_finds_nothing(database: Database) -> None:
    """The events are locked until the first has closed them."""
    stored(database, event(0), event(1))
    begun = threading.Event()
    seen: list[list[SearchEvent]] = []

    def judge() -> None:
        begun.set()
        with database.write() as connection:
            seen.append(searches.unjudged(connection, ANNA))

    second = threading.Thread(target=judge)
    with database.write() as connection:
        mine = searches.unjudged(connection, ANNA)
        second.start()
        assert begun.wait(60)
        second.join(0.2)
        assert second.is_alive(), "it did not wait"
        searches.close(connection, [one.id for one in mine], "chain")
    second.join(60)

    assert (len(mine), seen) == (2, [[]])


def test_thousands_are_closed_at_once(database: Database) -> None:
    """More events than a statement takes numbers."""
    stored(database, *(event(number / 1000) for number in range(2500)))

    with database.write() as connection:
        numbers = list(connection.execute(select(search_events.c.id)).scalars())
        searches.close(connection, numbers, "chain")
        searches.set_gap(connection, numbers, 5)
        searches.close(connection, [], "other")
    with database.read() as connection:
        rows = connection.execute(select(search_events.c.chain, search_events.c.gap_id)).all()

    assert {tuple(row) for row in rows} == {("chain", 5)}


def test_a_robots_endless_session_is_read_in_parts(database: Database) -> None:
    """To be judged, the oldest come first and the rest after them; to be looked at, the newest."""
    made = MOST_OF_SESSION + 5
    stored(database, *(event(number, query=str(number)) for number in range(made)))

    with database.write() as connection:
        first = searches.unjudged(connection, ANNA)
        newest = searches.of_session(connection, ANNA, NOW.replace(year=1))
        searches.close(connection, [one.id for one in first], "one")
        rest = searches.unjudged(connection, ANNA)

    assert [one.query for one in first] == [str(number) for number in range(MOST_OF_SESSION)]
    assert [one.query for one in rest] == [str(number) for number in range(MOST_OF_SESSION, made)]
    assert [one.query for one in newest] == [str(number) for number in range(5, made)]


def test_sessions_are_forgotten_and_nothing_else(database: Database) -> None:
    """After a time nobody knows whose the events were; they stay for the counts; a second time does nothing."""
    stored(database, event(0), event(10, session=BORIS), event(20), event(1, session=None))

    with database.write() as connection:
        forgotten = [searches.forget_sessions(connection, NOW + timedelta(minutes=20)) for _ in range(2)]
    with database.read() as connection:
        kept = connection.execute(select(search_events.c.session).order_by(search_events.c.at)).scalars().all()

    assert forgotten == [2, 0]
    assert kept == [None, None, None, ANNA]


def test_forgetting_waits_for_nobody(database: Database) -> None:
    """What another transaction has locked is left for the next time, where rows can be locked one by one."""
    if database.is_sqlite:
        return
    stored(database, event(0), event(1, session=BORIS))

    with database.write() as other:
        searches.unjudged(other, ANNA)
        with database.write() as connection:
            assert searches.forget_sessions(connection, NOW + timedelta(days=1)) == 1
    with database.write() as connection:
        assert searches.forget_sessions(connection, NOW + timedelta(days=1)) == 1


def told(database: Database, gap_id: int, limit: int = 50) -> list[tuple[str, str]]:
    """What is known of a gap, as kind and query or article."""
    with database.read() as connection:
        return [(one.kind.value, one.query or one.slug) for one in searches.of_gap(connection, gap_id, limit)]


def test_what_the_searchers_of_a_gap_did_follows_each_search(database: Database) -> None:
    """Newest search first, then what came after it in its chain, also when the session has been forgotten."""
    made = stored(
        database,
        event(0, query="before", gap_id=8),
        event(1, Kind.OPEN, slug="too-early"),
        event(2, query="first", gap_id=7),
        event(3, Kind.OPEN, slug="vpn"),
        event(4, query="other"),
        event(5, Kind.READ, slug="vpn", seconds=50),
        event(6, query="second", gap_id=7),
        event(7, Kind.VOTE, slug="vpn", is_helpful=False),
        event(8, Kind.REQUEST),
        event(300, Kind.OPEN, slug="another-chain"),
        event(9, query="third", gap_id=7, session=BORIS),
        event(10, Kind.OPEN, slug="mail", session=BORIS),
        event(11, query="nobody", gap_id=7, session=None),
        event(12, Kind.OPEN, slug="stranger", session=None),
        event(13, Kind.OPEN, slug="stranger", session="c" * 64),
    )
    expected = [
        ("search", "nobody"),
        ("search", "third"), ("open", "mail"),
        ("search", "second"), ("vote", "vpn"),
        # What was read after another search answers that one.
        ("search", "first"), ("open", "vpn"),
    ]  # fmt: skip

    with database.write() as connection:
        mine = [one.id for one in made if one.session == ANNA]
        searches.close(connection, mine[:-1], "one")
        searches.close(connection, mine[-1:], "two")
    assert told(database, 7) == expected
    assert told(database, 7, limit=2) == expected[:3]
    with database.write() as connection:
        searches.close(connection, [one.id for one in made if one.session == BORIS], "three")
        searches.forget_sessions(connection, NOW + timedelta(days=1))

    assert told(database, 7) == expected
    assert told(database, 99) == []


def test_searches_become_those_of_a_gap_later(database: Database) -> None:
    """A gap that was opened after enough doubts knows the searches that led to it."""
    first, second, _ = stored(database, event(0, query="a"), event(1, query="b"), event(2, query="c"))

    with database.write() as connection:
        searches.set_gap(connection, [first.id, second.id], 7)

    assert told(database, 7) == [("search", "b"), ("search", "a")]
