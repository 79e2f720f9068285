"""Receivers do not stand in each other's way: many that are slow, and one that dislikes a message now and then."""

import threading

import pytest

from portal.announcements import About
from portal.storage import Database, announcing
from portal.storage import webhooks as store
from portal.webhooks import delivering
from portal.webhooks.delivering import CLAIM
from tests.builders import NOW
from tests.hooking import Receiver, after, deliver, dispatch, happen, hook, log, managing


def _wait(receiver: Receiver) -> None:
    """Answer nothing before the end of the test."""
    receiver.ending.wait(60)


def test_many_slow_receivers_keep_no_other_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there may be are called at once; a turn has an end, and who has waited longest comes first."""
    with Receiver() as slow, Receiver() as quick:
        slow.before, called = lambda: _wait(slow), threading.Event()
        quick.before = called.set
        for _ in range(17):
            hook(database, slow.url, languages=("en",))
        last = hook(database, quick.url, languages=("fr",))
        happen(database, "1", "2")
        with database.write() as connection:
            announcing.announce(connection, About.GAP_OPENED, "3", "fr", {}, after(seconds=-1))
            order = store.due(connection, NOW, CLAIM)
        sends = dispatch(database)
        begun = sends.start(lambda: NOW)
        was_called = called.wait(60)
        slow.ending.set()
        deliver(sends, NOW)
    with Receiver() as receiver:
        monkeypatch.setattr(delivering, "TURN", 0.0)
        hook(database, receiver.url, languages=("de",))
        happen(database, "4", "5", language="de")
        deliver(sends, NOW)

    assert (begun, was_called, order[0]) == (18, True, last.id)
    assert len(receiver.calls) == 1


def test_a_message_that_was_disliked_long_ago_says_nothing_of_the_receiver(database: Database) -> None:
    """Only while it does not work that is counted; any other answer ends it."""
    with Receiver(422, 503, 422) as receiver:
        made = hook(database, receiver.url)
        happen(database, "1")
        sends, since = dispatch(database), []
        for days in (0, 20, 21):
            deliver(sends, after(days=days))
            since.append(managing(database).get(made.id).failing_since)

    assert since == [None, after(days=20), None]
    assert managing(database).get(made.id).is_active
    assert log(database)[0].attempts == 3
