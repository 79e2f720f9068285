"""Requests that a major incident affects: linked and parted, told in their languages, solved with it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.desk.incidents import AT_ONCE, MESSAGE_LENGTH, RECENT
from portal.desk.merging import Merging
from portal.desk.telling import Done, label
from portal.errors import InvalidInput, NotFound
from portal.lifecycle import TEXT_LENGTH
from portal.locales import CODES
from portal.storage import Database
from portal.storage import tickets as store
from portal.storage.schema import tickets as table
from portal.tickets import Action, Actor, Kind, Resolution, Status
from tests.builders import NOW
from tests.counting import statements
from tests.declaring import TEXTS, affected, declared
from tests.storing import LATER, MUCH_LATER, POSTING, add, get, history
from tests.test_subscribing import mails


def test_requests_are_linked_and_parted(database: Database) -> None:
    """Each for itself: what cannot be linked keeps none of the others; twice is once."""
    incidents, sue, found = declared(database)
    one, two, closed = add(database), add(database, language="fr"), add(database, status=Status.CLOSED)
    gap = add(database, kind=Kind.GAP)
    numbers = [one.id, two.id, one.id, closed.id, gap.id, found.id, 999_999]

    first = incidents.link(sue, found.id, numbers, LATER)
    second = incidents.link(sue, found.id, [one.id], LATER)
    parted = incidents.unlink(sue, found.id, [one.id, closed.id], MUCH_LATER)

    assert first == Done((one.id, two.id), (), (closed.id, gap.id, found.id, 999_999))
    assert (second, parted) == (Done((), (one.id,)), Done((one.id,), (closed.id,)))
    assert (get(database, one).incident_id, get(database, two).incident_id) == (None, found.id)
    events = history(database, one)[1:]
    assert [(event.action, event.details) for event in events] == [
        (Action.LINK_INCIDENT, {"incident": str(found.id)}),
        (Action.UNLINK_INCIDENT, {"incident": str(found.id)}),
    ]
    with pytest.raises(NotFound):
        incidents.link(sue, one.id, [two.id], LATER)


def test_a_request_belongs_to_one_incident(database: Database) -> None:
    """It is not moved to another one by the way."""
    incidents, sue, found = declared(database)
    other = incidents.declare(sue, add(database).id, TEXTS, NOW)
    one = affected(database, incidents, sue, found)

    assert incidents.link(sue, other.id, [one.id], NOW).refused == (one.id,)
    assert get(database, one).incident_id == found.id


def test_a_requester_says_that_it_is_about_what_is_shown(database: Database) -> None:
    """The system links it; what is not shown, not there, or linked already cannot be named."""
    incidents, sue, found = declared(database)
    one, two = add(database), add(database)

    joined = incidents.join(found.id, one.id, LATER)
    again = incidents.join(found.id, one.id, LATER)
    odd = incidents.join(two.id, one.id, LATER) or incidents.join(found.id, 999_999, LATER)
    incidents.show(sue, found.id, LATER, is_shown=False)
    hidden = incidents.join(found.id, two.id, LATER)

    assert (joined, again, odd, hidden) == (True, False, False, False)
    assert (get(database, one).incident_id, get(database, two).incident_id) == (found.id, None)
    assert history(database, one)[-1].actor == Actor()


def test_candidates_are_the_new_unsolved_requests(database: Database) -> None:
    """Of any language, newest first; no gap, none that is solved, linked or older than a day."""
    incidents, sue, found = declared(database)
    one = add(database, created_at=NOW - timedelta(hours=1))
    two = add(database, language="ru")
    affected(database, incidents, sue, found)
    for changes in (
        {"kind": Kind.GAP},
        {"status": Status.SOLVED},
        {"status": Status.SPAM},
        {"created_at": NOW - RECENT - timedelta(minutes=1)},
    ):
        add(database, **changes)

    with database.read() as connection:
        assert [each.id for each in incidents.candidates(connection, found.id, NOW)] == [two.id, one.id]


def test_many_candidates_take_no_more_queries_than_one(database: Database) -> None:
    """Each page of an incident looks for them."""
    incidents, _sue, found = declared(database)
    counts = []
    for _ in range(2):
        add(database)
        with database.read() as connection, statements(database) as asked:
            incidents.candidates(connection, found.id, NOW)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_everybody_is_told_in_their_language(database: Database) -> None:
    """Once each, its own requester too; whose language is missing gets the default one with a label."""
    incidents, sue, found = declared(database)
    requests = {
        code: affected(database, incidents, sue, found, language=code, requester_email=f"{code}@example.org")
        for code in CODES
    }
    solved = affected(database, incidents, sue, found)
    with database.write() as connection:
        connection.execute(table.update().where(table.c.id == solved.id).values(status=Status.SOLVED.value))
    texts = {"en": "We are on it.", "de": "Wir arbeiten daran."}

    told = incidents.tell(sue, found.id, texts, LATER, "form 1")

    assert told == Done((*(each.id for each in requests.values()), found.id), (solved.id,))
    posted = {mail.recipient: mail for mail in mails(database)}
    assert {mail.language for mail in posted.values()} == set(CODES)
    assert "Wir arbeiten daran." in posted["de@example.org"].text
    assert label("fr", "en") in posted["fr@example.org"].text
    assert "We are on it." in posted["fr@example.org"].text
    assert label("en", "en") not in posted["en@example.org"].text
    event = history(database, requests["de"])[-1]
    assert (event.action, event.text, event.is_public, event.actor.name) == (
        Action.REPLY,
        "Wir arbeiten daran.",
        True,
        "Sue Hart",
    )
    assert get(database, requests["de"]).status is Status.OPEN


def test_a_second_press_tells_nobody_twice(database: Database) -> None:
    """The same form again reaches who was not told yet, and nobody else; another form with the same words everybody."""
    incidents, sue, found = declared(database)
    one = affected(database, incidents, sue, found)
    first = incidents.tell(sue, found.id, TEXTS, LATER, "form 1")
    two = affected(database, incidents, sue, found)

    second = incidents.tell(sue, found.id, TEXTS, LATER, "form 1")
    third = incidents.tell(sue, found.id, TEXTS, MUCH_LATER, "form 2")

    assert (first.done, second.done, second.known) == ((one.id, found.id), (two.id,), (one.id, found.id))
    assert third.done == (one.id, two.id, found.id)
    assert len(mails(database)) == 6


def test_without_a_form_the_words_say_whether_it_is_the_same(database: Database) -> None:
    """The same words once, other words again."""
    incidents, sue, found = declared(database)

    runs = [incidents.tell(sue, found.id, texts, LATER).done for texts in (TEXTS, TEXTS, TEXTS | {"ru": "Почта."})]

    assert runs == [(found.id,), (), (found.id,)]


def test_what_cannot_be_told(database: Database) -> None:
    """No text, one that is too long for a label above it, and what is no incident."""
    incidents, sue, found = declared(database)
    other = add(database)

    with pytest.raises(InvalidInput):
        incidents.tell(sue, found.id, {"de": "Wir arbeiten daran."}, LATER)
    with pytest.raises(InvalidInput):
        incidents.tell(sue, found.id, {"en": "x" * (MESSAGE_LENGTH + 1)}, LATER)
    with pytest.raises(NotFound):
        incidents.tell(sue, other.id, TEXTS, LATER)
    assert all(MESSAGE_LENGTH + len(label(a, b)) + 2 <= TEXT_LENGTH for a in CODES for b in CODES)
    assert incidents.tell(sue, found.id, {"en": "x" * MESSAGE_LENGTH}, LATER).done == (found.id,)


def test_all_are_solved_with_their_duplicates(database: Database) -> None:
    """Each mailed once; who is solved stays solved by a second press; the incident goes on until it is ended."""
    incidents, sue, found = declared(database)
    one = affected(database, incidents, sue, found, language="de")
    double = add(database, language="ru", requester_email="d@example.org")
    Merging(database, POSTING).merge(sue, double.id, one.id, NOW)

    solved = incidents.solve_all(sue, found.id, TEXTS, LATER)
    again = incidents.solve_all(sue, found.id, TEXTS, LATER)

    assert (solved.done, again.done) == ((one.id, found.id), ())
    assert {get(database, each).status for each in (one, found, double)} == {Status.SOLVED}
    assert get(database, one).resolution is Resolution.ANSWERED
    assert get(database, one).resolution_text == "E-Mail ist gestört."
    assert len(mails(database)) == 3
    assert get(database, found).is_major


def test_who_opened_theirs_again_is_not_solved_by_a_second_press(database: Database) -> None:
    """It is not solved for them; the same form does not say otherwise."""
    incidents, sue, found = declared(database)
    one = affected(database, incidents, sue, found)
    incidents.solve_all(sue, found.id, TEXTS, LATER, "form")
    with database.write() as connection:
        current = store.get(connection, one.id)
        store.save(connection, replace(current, status=Status.OPEN))

    incidents.solve_all(sue, found.id, TEXTS, LATER, "form")

    assert get(database, one).status is Status.OPEN


def test_very_many_are_linked_in_parts(database: Database) -> None:
    """No more at once than a form can hold; a list of nonsense does not take for ever."""
    incidents, sue, found = declared(database)

    linked = incidents.link(sue, found.id, list(range(10_000, 10_000 + 3 * AT_ONCE)), NOW)

    assert len(linked.refused) == AT_ONCE
