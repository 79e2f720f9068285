"""The weekly digest: which week is told from when on, not before it was counted, and what can still change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal import ticking
from portal.chains import Kind as Deed
from portal.daily.sources import MEASURES, Source
from portal.digest_letters import Digest, DigestLetters, Figure, Overall
from portal.locales import CODES
from portal.people import Role
from portal.queries import Verdict
from portal.reporting.digest import Digests, Shelf, last_week
from portal.services import Services
from portal.storage import Database, facts, people, searches
from portal.storage.facts import Counted, Key, Mark
from portal.storage.schema import outbox
from tests.builders import PASSWORD, person
from tests.forgetting import happened
from tests.letters import flowing

LETTERS = DigestLetters("https://help.example.org", "", "Europe/Berlin")
WEEK = date(2026, 3, 2)
#: Monday 07:00 in Berlin.
DUE = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
BEFORE = DUE - timedelta(days=3)


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Asia/Vladivostok", "Pacific/Kiritimati"]
    ),
)
def test_the_week_that_is_told_ended_by_monday_seven(now: datetime, zone: str) -> None:
    """Whatever the zone and its clock changes: the last such Monday, and the seven days before it, in UTC too."""
    week, at = last_week(now, zone)
    monday = week + timedelta(days=7)
    local = datetime.combine(monday, time(7), ZoneInfo(zone)).astimezone(UTC)
    ended = datetime.combine(monday, time(0, 15), UTC)

    assert (week.weekday(), at.astimezone(UTC)) == (0, max(local, ended))
    assert at <= now < at + timedelta(days=7, hours=1)
    assert last_week(at, zone) == (week, at)
    assert last_week(at - timedelta(seconds=1), zone)[0] == week - timedelta(days=7)


def test_nobody_is_told_of_a_week_that_is_not_counted(database: Database) -> None:
    """After an upgrade, a long stop or a fault it waits; where nobody wishes for it nothing is looked up."""
    with database.write() as connection:
        number = people.add(connection, person(roles=frozenset({Role.AGENT})), "hash", BEFORE)
    made = Digests(database, LETTERS, "example.org", b"secret")
    shelf = cast(Shelf, None)
    asked: list[tuple[date, datetime]] = []

    def is_counted(until: date, now: datetime) -> bool:
        asked.append((until, now))
        return now > DUE

    nobody = made.run(DUE, lambda: shelf, is_counted)
    made.turn_on(cast(int, number), "de", BEFORE)
    later = DUE + timedelta(minutes=10)

    assert (nobody, asked) == (0, [])
    assert [made.run(at, lambda: shelf, is_counted) for at in (DUE, later)] == [0, 1]
    assert asked == [(WEEK + timedelta(days=6), DUE), (WEEK + timedelta(days=6), later)]


def test_a_round_waits_for_the_counting(portal_services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the days cannot be counted nothing is told; as soon as they are, it is."""
    services = portal_services
    services.staff.add(person(roles=frozenset({Role.SUPERVISOR})), PASSWORD, BEFORE)
    services.digests.turn_on(1, "en", BEFORE)
    with services.database.write() as connection:
        searches.add(
            connection, [happened(DUE - timedelta(days=3), Deed.SEARCH, query="vpn", verdict=Verdict.ANSWERED)]
        )

    def fail(*_: object) -> int:
        raise RuntimeError("a row cannot be read")

    monkeypatch.setattr(services.daily, "run", fail)
    waiting = ticking.tick(services, DUE + timedelta(hours=1), forget=False)
    monkeypatch.undo()
    told = ticking.tick(services, DUE + timedelta(hours=2), forget=False)

    assert (waiting.digests, len(waiting.faults)) == (0, 1)
    assert (told.digests, told.faults) == (1, ())


@pytest.mark.parametrize("key", ["search_success", "deflection"])
@pytest.mark.parametrize("code", CODES)
def test_what_can_still_change_is_told(code: str, key: str) -> None:
    """Below the figures that a later request lowers, and nowhere else."""
    digest = Digest(WEEK, overall=Overall((Figure(key, 0.5, None),), None, ()))
    other = Digest(WEEK, overall=Overall((Figure("requests", 5, None), Figure(key, None, 0.5)), None, ()))
    mails = [LETTERS.weekly(code, "mia@example.org", "Mia", each, "1-a") for each in (digest, other)]
    words = {"en": "the last four days", "fr": "quatre derniers jours", "de": "letzten vier Tage", "ru": "четыре дня"}

    assert [words[code] in flowing(mail.text) for mail in mails] == [True, False]


def test_what_was_not_counted_is_no_week_before(portal_services: Services) -> None:
    """Where the counting began with the week there is nothing to compare it with."""
    services = portal_services
    services.staff.add(person(roles=frozenset({Role.SUPERVISOR})), PASSWORD, BEFORE)
    services.digests.turn_on(1, "en", BEFORE)
    counted = Counted(Counter({Key("searches", "en"): 34}))
    with services.database.write() as connection:
        mark = Mark(WEEK, DUE, is_final=False)
        facts.put(connection, Source.SEARCHES, MEASURES[Source.SEARCHES], None, mark, counted)
    shelf = cast(Shelf, None)

    assert services.digests.run(DUE + timedelta(hours=1), lambda: shelf, lambda *_: True) == 1
    with services.database.read() as connection:
        text = connection.execute(select(outbox.c.text).where(outbox.c.key.like("digest-%"))).scalar_one()
    assert "Searches: 34" in flowing(text)
    assert "the week before" not in flowing(text)
