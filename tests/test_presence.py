"""Who has a ticket open, and what they have begun to write."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal.desk.drafting import Drafting
from portal.desk.presence import REQUESTER, Presence, Present
from portal.errors import InvalidInput, NotAllowed, NotFound
from portal.lifecycle import TEXT_LENGTH
from portal.people import Role
from portal.storage import Database
from portal.storage import presence as store
from portal.storage.schema import presence as rows
from portal.tickets import Action, Resolution
from tests.builders import NOW
from tests.working import at, desk, hire, opened


def last_seen(database: Database, number: int, person_id: int) -> store.Seen | None:
    """What is stored of somebody."""
    with database.read() as connection:
        return store.last(connection, number, person_id)


def test_who_else_is_there(database: Database) -> None:
    """The requester first, then colleagues by name; nobody sees themselves, nor who is elsewhere."""
    mia, boris, ada = hire(database), hire(database, "Boris Orlow"), hire(database, "Ada Weber")
    number, other = opened(database), opened(database)
    there = Presence(database)

    for person_id, is_writing in ((boris.id, False), (REQUESTER, True), (mia.id, False), (ada.id, True)):
        there.here(number, person_id, NOW, is_writing)
    there.here(other, mia.id, NOW)

    lea = Present("Léa Martin", is_writing=True, is_requester=True)
    colleagues = [Present("Ada Weber", True, False), Present("Boris Orlow", False, False)]
    assert there.others(number, mia.id, at(30)) == [lea, *colleagues]
    assert there.others(number, REQUESTER, at(30)) == [*colleagues, Present("Mia Lindt", False, False)]
    assert (there.others(number, mia.id, at(30.1)), there.others(other, mia.id, NOW)) == ([], [])


def test_a_row_is_written_no_oftener_than_it_must(database: Database) -> None:
    """Every ten seconds, and at once when somebody begins or ends to write, whichever way the clock jumps."""
    mia, number, there = hire(database), opened(database), Presence(database)

    seen = []
    for seconds, is_writing in (
        (0, False),
        (9.9, False),
        (10, False),
        (11, True),
        (12, True),
        (13, False),
        (-60, False),
    ):
        there.here(number, mia.id, at(seconds), is_writing)
        stored = last_seen(database, number, mia.id)
        assert stored is not None
        seen.append((stored.at, stored.is_writing))

    assert seen == [
        (at(0), False),
        (at(0), False),
        (at(10), False),
        (at(11), True),
        (at(11), True),
        (at(13), False),
        (at(-60), False),
    ]
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(rows)).scalar_one() == 1


def test_nobody_is_on_a_ticket_that_is_not_there(database: Database) -> None:
    """Nothing is kept, and nobody is told."""
    mia, there = hire(database), Presence(database)

    there.here(99, mia.id, NOW)

    assert (last_seen(database, 99, mia.id), there.others(99, 0, NOW)) == (None, [])


def test_people_who_are_no_more_are_not_shown(database: Database) -> None:
    """A row of somebody unknown is nobody's."""
    number, there = opened(database), Presence(database)
    there.here(number, 77, NOW)

    assert there.others(number, 0, NOW) == []


def test_a_busy_database_keeps_nobody_from_their_page(tmp_path: Path) -> None:
    """A sign of life that cannot be written is given up."""
    gone = Database(f"sqlite:///{tmp_path / 'missing' / 'none.db'}")

    Presence(gone).here(1, 1, NOW)

    assert not list(tmp_path.iterdir())


def test_presence_is_forgotten_after_a_day(database: Database) -> None:
    """Also what a clock that was wrong has written ahead."""
    mia, boris, ada = hire(database), hire(database, "Boris Orlow"), hire(database, "Ada Weber")
    number, there = opened(database), Presence(database)
    for who, days in ((mia, -1), (boris, -1.01), (ada, 1.01)):
        there.here(number, who.id, NOW + timedelta(days=days))

    assert (there.forget(NOW), there.forget(NOW)) == (2, 0)
    assert last_seen(database, number, mia.id) is not None


def test_drafts_are_ones_own_and_by_field(database: Database) -> None:
    """What is kept replaces what was; an empty text is none."""
    mia, boris, number, drafting = hire(database), hire(database, "Boris"), opened(database), Drafting(database)

    for field, text in (("reply", "Dear"), ("reply", "Dear Léa,\n "), ("note", "hm"), ("note", " \n")):
        drafting.keep(mia, number, field, text, NOW)
    drafting.keep(boris, number, "note", "half\ud83da pair\0", NOW)

    assert drafting.of(mia.id, number) == {"reply": "Dear Léa,\n "}
    assert drafting.of(boris.id, number) == {"note": "halfa pair"}


@pytest.mark.parametrize("action", [Action.REPLY, Action.ASK_REQUESTER, Action.SOLVE, Action.NOTE])
def test_sending_empties_the_draft(database: Database, action: Action) -> None:
    """The one that was sent, not the other; and what the browser says too late does not bring it back."""
    mia, number, drafting = hire(database), opened(database), Drafting(database)
    fields = ("note", "reply") if action is Action.NOTE else ("reply", "note")
    for field in fields:
        drafting.keep(mia, number, field, "Words", NOW)

    desk(database).work(mia, number, action, at(1), text="Words", resolution=Resolution.ANSWERED)
    late = drafting.of(mia.id, number)
    drafting.keep(mia, number, fields[0], "Words ", at(2))
    same = drafting.of(mia.id, number)
    drafting.keep(mia, number, fields[0], "More words", at(3))

    assert late == same == {fields[1]: "Words"}
    assert drafting.of(mia.id, number) == {fields[0]: "More words", fields[1]: "Words"}


def test_what_is_refused_keeps_the_draft(database: Database) -> None:
    """A solution without a way leaves the text where it was."""
    mia, number, drafting = hire(database), opened(database), Drafting(database)
    drafting.keep(mia, number, "reply", "Words", NOW)

    with pytest.raises(InvalidInput):
        desk(database).work(mia, number, Action.SOLVE, at(1), text="Words")

    assert drafting.of(mia.id, number) == {"reply": "Words"}


def test_drafts_within_bounds(database: Database) -> None:
    """The longest text is kept; a longer one, another field, a writer and no ticket are refused."""
    mia, number, drafting = hire(database), opened(database), Drafting(database)
    writer = hire(database, "Kim Writer", roles=frozenset({Role.WRITER}))
    drafting.keep(mia, number, "reply", "я" * TEXT_LENGTH, NOW)

    with pytest.raises(InvalidInput):
        drafting.keep(mia, number, "reply", "я" * (TEXT_LENGTH + 1), NOW)
    with pytest.raises(InvalidInput):
        drafting.keep(mia, number, "subject", "x", NOW)
    with pytest.raises(NotAllowed):
        drafting.keep(writer, number, "reply", "x", NOW)
    with pytest.raises(NotFound):
        drafting.keep(mia, 99, "reply", "x", NOW)

    assert drafting.of(mia.id, number) == {"reply": "я" * TEXT_LENGTH}


def test_drafts_are_forgotten_after_a_month(database: Database) -> None:
    """Those that nobody has touched."""
    mia, old, new, drafting = hire(database), opened(database), opened(database), Drafting(database)
    drafting.keep(mia, old, "reply", "old", NOW)
    drafting.keep(mia, new, "reply", "new", NOW + timedelta(days=1))

    assert drafting.forget(NOW + timedelta(days=30, hours=1)) == 1
    assert (drafting.of(mia.id, old), drafting.of(mia.id, new)) == ({}, {"reply": "new"})
