"""Major incidents on every database: declared, told on the portal, changed, hidden, ended."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from portal.desk.banners import KEPT, Banner
from portal.desk.incidents import NOTICE_LENGTH, Incidents
from portal.desk.telling import Done
from portal.errors import InvalidInput, NotAllowed, NotFound, StaleTicket, TransitionRefused
from portal.locales import CODES
from portal.people import Role
from portal.storage import Database, notices
from portal.storage import incidents as known
from portal.storage.notices import About
from portal.storage.schema import incidents as rows
from portal.storage.schema import tickets as table
from portal.tickets import Action, Actor, Kind, Status
from tests.builders import NOW
from tests.declaring import TEXTS, affected, declared, supervisor
from tests.storing import LATER, MUCH_LATER, POSTING, add, agent, get, history


class Clock:
    """Seconds that grow when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_it_is_declared_recorded_and_shown(database: Database) -> None:
    """The ticket says so, its history, the portal; and the priority of the matrix stays."""
    incidents, sue, found = declared(database)

    assert get(database, found) == found
    assert (found.is_major, found.priority, found.status) == (True, 3, Status.NEW)
    event = history(database, found)[-1]
    assert (event.action, event.details, event.actor) == (
        Action.DECLARE_MAJOR,
        {"priority": "3"},
        Actor(sue.id, "Sue Hart"),
    )
    assert not event.is_public
    assert incidents.banner("de") == (Banner(found.id, "E-Mail ist gestört.", "de", NOW),)


def test_the_colleagues_are_told_once(database: Database) -> None:
    """All who work on tickets, without who declared it, writers, and those who have left."""
    mia = agent(database)
    writer = agent(database, "w@example.org", roles=frozenset({Role.WRITER}))
    gone = agent(database, "gone@example.org", is_active=False)
    incidents, sue, found = declared(database)

    incidents.end(sue, found.id, LATER)

    with database.read() as connection:
        told = [(each.about, each.ticket_id, each.actor_name) for each in notices.newest(connection, mia.id)]
        others = [notices.unseen(connection, person.id) for person in (writer, gone, sue)]
    assert told == [(About.INCIDENT, found.id, "Sue Hart")] * 2
    assert others == [0, 0, 0]


def test_an_agent_may_link_and_nothing_else(database: Database) -> None:
    """Writers may not even do that."""
    incidents, _sue, found = declared(database)
    mia = agent(database)
    writer = agent(database, "w@example.org", roles=frozenset({Role.WRITER}))
    other = add(database)

    for refused in (
        lambda: incidents.declare(mia, other.id, TEXTS, NOW),
        lambda: incidents.end(mia, found.id, NOW),
        lambda: incidents.change_texts(mia, found.id, TEXTS, NOW),
        lambda: incidents.show(mia, found.id, NOW, is_shown=False),
        lambda: incidents.tell(mia, found.id, TEXTS, NOW),
        lambda: incidents.solve_all(mia, found.id, TEXTS, NOW),
        lambda: incidents.link(writer, found.id, [other.id], NOW),
        lambda: incidents.unlink(writer, found.id, [other.id], NOW),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert incidents.link(mia, found.id, [other.id], NOW) == Done((other.id,))


@pytest.mark.parametrize(
    ("texts", "field", "code"),
    [
        ({}, "text_en", "missing"),
        ({"en": " \n\0 "}, "text_en", "missing"),
        ({"de": "E-Mail ist gestört."}, "text_en", "missing"),
        ({"en": "x" * (NOTICE_LENGTH + 1)}, "text_en", "too_long"),
        ({"en": "x", "ru": "ж" * (NOTICE_LENGTH + 1)}, "text_ru", "too_long"),
    ],
)
def test_what_the_portal_cannot_say(texts: dict[str, str], field: str, code: str, database: Database) -> None:
    """A text in the default language is needed; nothing has happened afterwards."""
    incidents, sue, found = Incidents(database, POSTING), supervisor(database), add(database)

    with pytest.raises(InvalidInput) as refused:
        incidents.declare(sue, found.id, texts, NOW)

    assert (refused.value.field, refused.value.code) == (field, code)
    assert get(database, found) == found
    assert incidents.banner("en") == ()


def test_texts_are_lines_of_known_languages(database: Database) -> None:
    """Blanks are tidied up; what is empty or of another language is left out; another default language counts."""
    incidents, sue, found = Incidents(database, POSTING, "fr"), supervisor(database), add(database)

    incidents.declare(sue, found.id, {"fr": " La\r\n messagerie  est\0 en panne. ", "de": "  ", "xx": "?"}, NOW)

    with database.read() as connection:
        kept = known.find(connection, found.id)
    assert kept is not None
    assert kept.texts == {"fr": "La messagerie est en panne."}


@pytest.mark.parametrize("changes", [{"kind": Kind.GAP}, {"status": Status.CLOSED}, {"status": Status.SPAM}])
def test_what_is_no_incident(changes: dict[str, Any], database: Database) -> None:
    """A gap, what has ended; what is one already or belongs to one; a number that is none; a stale page."""
    incidents, sue, found = declared(database)
    other, one = add(database, **changes), affected(database, incidents, sue, found)

    for number in (other.id, found.id, one.id):
        with pytest.raises(TransitionRefused):
            incidents.declare(sue, number, TEXTS, NOW)
    with pytest.raises(NotFound):
        incidents.declare(sue, 999_999, TEXTS, NOW)
    with pytest.raises(StaleTicket):
        incidents.end(sue, found.id, NOW, found.version + 1)
    with pytest.raises(TransitionRefused):
        incidents.end(sue, one.id, NOW)


def test_it_ends_and_can_begin_again(database: Database) -> None:
    """Nothing is shown any more; declared again it has new texts and a new beginning."""
    incidents, sue, found = declared(database)
    one = affected(database, incidents, sue, found)

    ended = incidents.end(sue, found.id, LATER)
    after = (incidents.banner("en"), get(database, one).incident_id)
    incidents.declare(sue, found.id, {"en": "Once more."}, MUCH_LATER)

    assert (ended.is_major, ended.status) == (False, Status.NEW)
    assert after == ((), found.id)
    assert incidents.banner("ru") == (Banner(found.id, "Once more.", "en", MUCH_LATER),)
    with database.read() as connection:
        kept = known.find(connection, found.id)
    assert kept is not None
    assert (kept.ended_at, kept.is_shown) == (None, True)


def test_a_solved_one_can_still_be_ended(database: Database) -> None:
    """Solving it leaves the notice, for others read it; ending it is a decision."""
    incidents, sue, found = declared(database)
    incidents.solve_all(sue, found.id, {"en": "It works again."}, LATER)

    shown = incidents.banner("en")
    ended = incidents.end(sue, found.id, MUCH_LATER)

    assert len(shown) == 1
    assert (ended.status, ended.is_major) == (Status.SOLVED, False)


def test_the_notice_changes_and_hides(database: Database) -> None:
    """Each change is a line in the history; a second press is none; two who change it at once notice."""
    incidents, sue, found = declared(database)
    first = incidents.edition()
    changed = incidents.change_texts(sue, found.id, {"en": "Mail is slow."}, LATER, version=1)
    second = incidents.edition()
    incidents.show(sue, found.id, LATER, is_shown=False, version=changed.version)
    incidents.show(sue, found.id, LATER, is_shown=False)
    hidden = incidents.banner("en")
    incidents.show(sue, found.id, LATER, is_shown=True)

    assert hidden == ()
    assert [banner.text for banner in incidents.banner("en")] == ["Mail is slow."]
    assert len({first, second, incidents.edition(), ""}) == 4
    notes = [event for event in history(database, found) if event.action is Action.NOTE]
    assert [event.details for event in notes] == [{"banner": "changed"}, {"banner": "hidden"}, {"banner": "shown"}]
    assert not any(event.is_public for event in notes)
    with pytest.raises(StaleTicket):
        incidents.change_texts(sue, found.id, TEXTS, LATER, version=1)
    incidents.end(sue, found.id, LATER)
    for number in (found.id, 999_999):
        with pytest.raises(NotFound):
            incidents.change_texts(sue, number, TEXTS, LATER)


@pytest.mark.parametrize("language", CODES)
def test_readers_see_it_in_their_language_or_the_next_best(language: str, database: Database) -> None:
    """What is written in German only for French readers is English; newest first, three at most."""
    incidents, sue, _ = declared(database)
    for number in range(4):
        found = add(database)
        incidents.declare(sue, found.id, TEXTS | {"ru": "Почта."}, NOW + timedelta(minutes=number))

    shown = incidents.banner(language)

    expected = language if language != "fr" else "en"
    assert [banner.language for banner in shown] == [expected] * 3
    assert [banner.began_at for banner in shown] == sorted((each.began_at for each in shown), reverse=True)


def test_the_notice_is_read_now_and_then(database: Database) -> None:
    """Not at every page; another process sees it some seconds later, who declared it at once."""
    clock = Clock()
    elsewhere = Incidents(database, POSTING, clock=clock)
    before = elsewhere.banner("en")
    here, _, _ = declared(database)
    soon = elsewhere.banner("en")
    clock.now += KEPT + 1

    assert (before, soon) == ((), ())
    assert elsewhere.banner("en") == here.banner("en") != ()


def test_a_database_that_fails_keeps_nobody_from_reading(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known is shown on, and what was not is not."""
    clock = Clock()
    incidents = Incidents(database, POSTING, clock=clock)
    declared(database)
    shown = incidents.banner("en")

    def fail() -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(database, "read", fail)
    clock.now += KEPT + 1

    assert incidents.banner("en") == shown != ()
    assert Incidents(database, POSTING).banner("en") == ()


def test_the_list_counts(database: Database) -> None:
    """Newest first, with how many are affected and how many of them still wait; the ended ones apart."""
    incidents, sue, first = declared(database)
    second = incidents.declare(sue, add(database).id, TEXTS, LATER)
    for status in (Status.NEW, Status.NEW, Status.SOLVED):
        one = affected(database, incidents, sue, first)
        with database.write() as connection:
            connection.execute(table.update().where(table.c.id == one.id).values(status=status.value))
    incidents.end(sue, second.id, MUCH_LATER)

    with database.read() as connection:
        everything = known.newest(connection)
        current = known.newest(connection, is_current=True)
        ended = known.newest(connection, is_current=False)

    assert [each.ticket.id for each in everything] == [second.id, first.id]
    assert [(each.ticket.id, each.linked, each.unsolved) for each in current] == [(first.id, 3, 2)]
    assert [(each.ticket.id, each.linked) for each in ended] == [(second.id, 0)]


def test_an_incident_of_an_older_form_of_the_row(database: Database) -> None:
    """A row without any text, which no use case writes, is not shown."""
    found = add(database)
    with database.write() as connection:
        row = {"ticket_id": found.id, "texts": {}, "is_shown": True, "began_at": NOW, "version": 1}
        connection.execute(insert(rows).values(**row))
        assert connection.execute(select(rows.c.texts)).scalar_one() == {}

    assert Incidents(database, POSTING).banner("en") == ()
