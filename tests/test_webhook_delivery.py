"""Webhooks are told at least once: real receivers that are slow, refuse, redirect, speak no HTTP, and die."""

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import update

from portal.announcements import About
from portal.people import Role
from portal.server import prepare
from portal.services import Services
from portal.settings import Settings
from portal.storage import Database, notices
from portal.storage import webhooks as store
from portal.storage.announcing import State
from portal.storage.schema import webhooks as table
from portal.ticking import Dispatcher, tick
from portal.webhooks import delivering, signing
from portal.webhooks.delivering import CLAIM, GIVEN_UP_AFTER, REST, TURNED_OFF_AFTER, Told, pause
from portal.webhooks.signing import Salts
from portal.webhooks.targets import Rules
from tests.builders import NOW
from tests.hooking import HERE, SECRET, Receiver, after, deliver, dispatch, happen, hook, log, managing
from tests.needs import REPOSITORY
from tests.serving import free_port
from tests.working import hire


def test_a_message_is_told_once_in_order_signed_and_whole(database: Database) -> None:
    """Its address is whole, its id stays, and the signature holds; nothing is left to tell."""
    with Receiver() as receiver:
        made = hook(database, receiver.url)
        happen(database, "1", "2", "3")
        passes = [deliver(dispatch(database), NOW), deliver(dispatch(database), after(days=1))]

    assert passes == [Told(sent=3), Told()]
    assert [said["data"]["ticket"]["number"] for said in receiver.said] == ["1", "2", "3"]
    assert receiver.said[0]["data"]["ticket"]["url"] == "https://help.example.org/x"
    headers, body = receiver.calls[0]
    key = signing.read(managing(database).key_of(made))
    assert headers["webhook-signature"] == signing.sign(key, headers["webhook-id"], int(NOW.timestamp()), body)
    assert (headers["webhook-timestamp"], headers["Content-Type"]) == (str(int(NOW.timestamp())), "application/json")
    assert headers["webhook-id"] == json.loads(body)["id"] == json.loads(log(database)[0].payload)["id"]
    assert [(each.state, each.status, each.attempts) for each in log(database)] == [(State.SENT, 204, 1)] * 3


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        (500, 500, "500 Internal Server Error"), (404, 404, "404 Not Found"), (302, 302, "redirects are not followed"),
        ("drop", None, "closed the connection"), ("rubbish", None, "HTTP"),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_told_again(database: Database, answer: int | str, status: int | None, fault: str) -> None:
    """After a minute, with the same id; redirects lead nowhere."""
    with Receiver(answer) as receiver:
        hook(database, receiver.url)
        happen(database, "1")
        sends = dispatch(database)
        first = deliver(sends, NOW)
        (waiting,) = log(database)
        passes = [deliver(sends, after(seconds=59)), deliver(sends, after(seconds=60))]

    assert [first, *passes] == [Told(retried=1), Told(), Told(sent=1)]
    assert (waiting.state, waiting.status, waiting.due_at) == (State.WAITING, status, after(minutes=1))
    assert fault in waiting.fault
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    assert len(receiver.calls) == 2


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_call_has_an_end(database: Database, answer: str) -> None:
    """Also with a receiver that always says a little more."""
    with Receiver(answer) as receiver:
        hook(database, receiver.url)
        happen(database, "1")
        begun = time.monotonic()
        told = deliver(dispatch(database, whole=0.3), NOW)

    assert (told, log(database)[0].fault) == (Told(retried=1), "no answer in time")
    assert time.monotonic() - begun < 30


def test_a_receiver_that_is_down_is_left_alone_and_the_others_are_told(database: Database) -> None:
    """One call in a minute, not one for each message; when it works again everything is told at once."""
    with Receiver("hang", 503) as slow, Receiver() as quick:
        hook(database, slow.url)
        hook(database, quick.url)
        happen(database, *"123")
        # Long enough for the quick one on a machine that has much else to do.
        sends = dispatch(database, whole=4)
        first = deliver(sends, NOW)
        second = deliver(sends, after(seconds=30))
        third = deliver(sends, NOW + REST)
        fourth = deliver(sends, NOW + 2 * REST)
        fifth = deliver(sends, NOW + 2 * REST)

    assert (first, second, third, fourth, fifth) == (Told(3, 1), Told(), Told(retried=1), Told(sent=3), Told())
    assert len(quick.calls) == 3
    assert [said["data"]["ticket"]["number"] for said in slow.said] == ["1", "1", "2", "1", "3"]


def test_one_message_that_is_refused_keeps_no_other(database: Database) -> None:
    """A receiver that dislikes some of them is told the rest; those keep their pause, whatever is taken meanwhile."""
    with Receiver(422, 204, 422) as receiver:
        hook(database, receiver.url)
        happen(database, *"123")
        passes = [deliver(dispatch(database), after(seconds=seconds)) for seconds in (30, 89, 90)]

    assert passes == [Told(sent=1, retried=2), Told(), Told(sent=2)]
    assert [(each.state, each.attempts) for each in log(database)] == [(State.SENT, count) for count in (2, 1, 2)]


def test_pauses_grow_and_end() -> None:
    """Minutes first, six hours at most."""
    assert [pause(number) / timedelta(minutes=1) for number in (1, 2, 3, 4, 9, 10, 1000)] == [1, 2, 4, 8, 256, 360, 360]


def test_it_is_given_up_in_the_end_and_told_again_by_hand(database: Database) -> None:
    """After three days and four attempts at least; by hand it begins anew, with the same id."""
    with Receiver(404, 404, 404, 404) as receiver:
        hook(database, receiver.url)
        happen(database, "1")
        sends = dispatch(database)
        late = NOW + GIVEN_UP_AFTER
        passes = [deliver(sends, late + timedelta(hours=number)) for number in range(4)]
        (given_up,) = log(database)
        managing(database).replay(None, given_up.id, late + timedelta(days=1))
        last = deliver(sends, late + timedelta(days=1))

    assert passes == [Told(retried=1)] * 3 + [Told(failed=1)]
    assert (given_up.state, given_up.status, given_up.attempts) == (State.FAILED, 404, 4)
    assert (last, log(database)[0].state) == (Told(sent=1), State.SENT)
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1


def test_gone_means_gone(database: Database) -> None:
    """The webhook is turned off at once, and the administrators are told; others are not."""
    ada, mia = hire(database, "Ada Byron", roles=frozenset({Role.ADMINISTRATOR})), hire(database)
    with Receiver(410) as receiver:
        made = hook(database, receiver.url)
        happen(database, "1", "2")
        told = [deliver(dispatch(database), NOW), deliver(dispatch(database), after(days=1))]

    assert told == [Told(failed=1), Told()]
    assert managing(database).get(made.id).is_active is False
    with database.read() as connection:
        (notice,) = notices.newest(connection, ada.id)
        assert notices.newest(connection, mia.id) == []
    assert (notice.about, notice.text) == (notices.About.WEBHOOK, "Statistics: it answers 410 Gone")
    managing(database).change(None, store.Webhook(made.id, "A", receiver.url, frozenset(About), version=2), NOW)
    assert deliver(dispatch(database), after(days=1)).retried == 1


def test_a_webhook_that_has_failed_for_days_is_turned_off(database: Database) -> None:
    """Not at the first failure after a long sleep of the portal itself."""
    port = free_port()
    made = hook(database, f"http://127.0.0.1:{port}/")
    happen(database, "1")
    with database.write() as connection:
        connection.execute(update(table).values(failing_since=NOW - TURNED_OFF_AFTER))
    active = []
    for number in range(4):
        told = deliver(dispatch(database), after(hours=2 * number))
        active.append(managing(database).get(made.id).is_active)

    assert (told, active) == (Told(retried=1), [True, True, True, False])
    assert log(database)[0].fault == "it refuses connections"


def test_an_address_that_is_not_allowed_any_more_is_not_called(database: Database) -> None:
    """The settings in force count when it is called, and so does where the name leads then."""
    with Receiver() as receiver:
        hook(database, receiver.url)
        hook(database, f"http://a.receiver.example:{receiver.port}/")
        happen(database, "1")
        told = deliver(dispatch(database, Rules()), NOW)
        again = dispatch(database)
        again.resolve = lambda *_: ["169.254.169.254"]
        deliver(again, after(hours=1))

    assert (told, receiver.calls) == (Told(retried=2), [])
    assert [each.fault for each in log(database)] == ["it leads into a private network"] * 2


def test_both_secrets_sign_for_a_day(database: Database) -> None:
    """A receiver may change its own at any time of that."""
    with Receiver() as receiver:
        made = hook(database, receiver.url)
        old = managing(database).key_of(made)
        new = managing(database).rotate(None, made.id, NOW)
        happen(database, "1", "2")
        with database.write() as connection:
            store.claim(connection, made.id, NOW, CLAIM)
        deliver(dispatch(database), after(hours=1))
        salts = Salts.read(managing(database).get(made.id).salt)

    headers, body = receiver.calls[0]
    signed = [
        signing.sign(signing.read(key), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        for key in (new, old)
    ]
    assert headers["webhook-signature"].split(" ") == signed
    assert [len(salts.signing(after(hours=hours))) for hours in (23, 24)] == [2, 1]
    assert signing.shown(signing.key(SECRET, salts.new)) == new


def test_many_at_once_tell_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four dispatchers share the work; what one has claimed no other tells."""
    monkeypatch.setattr(delivering, "TURN", 60.0)
    with Receiver() as receiver:
        hook(database, receiver.url)
        happen(database, *(str(number) for number in range(24)))
        threads = [threading.Thread(target=deliver, args=(dispatch(database), NOW)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert sorted(said["data"]["ticket"]["number"] for said in receiver.said) == sorted(map(str, range(24)))
    assert {each.state for each in log(database)} == {State.SENT}


@pytest.mark.parametrize("behind", [1.0, CLAIM - 1])
def test_two_workers_whose_clocks_differ_take_one_message_once(database: Database, behind: float) -> None:
    """A claim that ends later than one's own would is no mistake of a clock: another worker has just made it."""
    number = hook(database).id
    happen(database, "1")
    first, second = after(minutes=5), after(minutes=5) - timedelta(seconds=behind)
    with ThreadPoolExecutor(1) as other, database.write() as mine:
        has_first = store.claim(mine, number, first, CLAIM) is not None
        # PostgreSQL passes over the row that is locked; SQLite waits until it is free.
        at_once = other.submit(dispatch(database)._claim, number, second)

    assert (has_first, at_once.result(30)) == (True, None)
    assert dispatch(database)._claim(number, second) is None
    with database.read() as connection:
        assert store.due(connection, second, CLAIM) == []


_CHILD = """
import sys
from tests.hooking import deliver, dispatch
from tests.builders import NOW
from portal.storage import Database
deliver(dispatch(Database(sys.argv[1])), NOW)
"""


def test_a_process_that_is_killed_after_a_call_tells_it_again_with_the_same_id(database: Database) -> None:
    """Between the call and the mark; the receiver knows the message by its id."""
    with Receiver("hang") as receiver:
        called = threading.Event()
        receiver.before = called.set
        hook(database, receiver.url)
        happen(database, "1")
        url = database.engine.url.render_as_string(hide_password=False)
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, url], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": "."}
        )
        assert called.wait(120)
        child.send_signal(signal.SIGKILL)
        child.wait(60)
        passes = [deliver(dispatch(database), after(seconds=seconds)) for seconds in (CLAIM - 1, CLAIM)]

    assert passes == [Told(), Told(sent=1)]
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    assert len(receiver.calls) == 2


def test_a_round_by_hand_tells_and_the_test_event_reaches_what_is_turned_off(
    instance: Settings, portal_services: Services
) -> None:
    """`portal tick` does what the running portal does aside."""
    prepare(instance)
    with Receiver() as receiver:
        portal_services.webhooks.rules = portal_services.dispatch._rules = HERE
        wanted = store.Webhook(0, "Off", receiver.url, frozenset(About), is_active=False)
        made = portal_services.webhooks.add(None, wanted, NOW)
        first = tick(portal_services, portal_services.clock(), dispatch=True)
        number = portal_services.webhooks.test(None, made.id, portal_services.clock())
        second = tick(portal_services, portal_services.clock(), dispatch=True)

    assert ((first.told, second.told), (first.faults, second.faults)) == ((0, 1), ((), ()))
    assert receiver.said[0]["type"] == "webhook.test"
    assert portal_services.webhooks.delivery(number).state is State.SENT


def test_the_receiver_of_the_documentation_checks_what_it_is_told(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes what is genuine, once, with either secret; what is forged, changed or old it refuses."""
    path = REPOSITORY / "docs" / "examples" / "webhooks" / "receiver.py"
    example: Any = runpy.run_path(str(path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), example["Receiver"])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    made = hook(database, f"http://127.0.0.1:{server.server_address[1]}/")
    example["Receiver"].secret = managing(database).key_of(made)
    managing(database).rotate(None, made.id, datetime.now(UTC))
    happen(database, "1")
    sends = dispatch(database)
    first = sends.deliver(lambda: datetime.now(UTC))
    managing(database).replay(None, log(database)[0].id, datetime.now(UTC))
    second = sends.deliver(lambda: datetime.now(UTC))
    example["Receiver"].secret = "whsec_" + "A" * 44
    happen(database, "2")
    third = sends.deliver(lambda: datetime.now(UTC))
    server.shutdown()
    server.server_close()

    assert (first, second, third) == (Told(sent=1), Told(sent=1), Told(retried=1))
    assert capsys.readouterr().out == 'gap.opened {"ticket": {"number": "1", "url": "https://help.example.org/x"}}\n'
    key, is_genuine = b"k" * 32, example["is_genuine"]
    headers = signing.headers([b"x", key], "evt_1", NOW, b"{}")
    now = NOW.timestamp()
    assert is_genuine(signing.shown(key), headers, b"{}", now)
    assert not is_genuine(signing.shown(key), headers, b"{ }", now)
    assert not is_genuine(signing.shown(key), headers, b"{}", now + 301)
    assert not is_genuine(signing.shown(key), headers | {"webhook-timestamp": "x"}, b"{}", now)
    assert not is_genuine(signing.shown(key), {}, b"{}", now)


def test_the_running_portal_tells_by_itself(instance: Settings, portal_services: Services) -> None:
    """Aside from its rounds, in one process of several."""
    with Receiver() as receiver:
        called = threading.Event()
        receiver.before = called.set
        hook(portal_services.database, receiver.url)
        happen(portal_services.database, "1")
        duties = [Dispatcher(replace(instance, webhook_hosts=("127.0.0.1",))) for _ in range(2)]
        for duty in duties:
            duty.start()
        assert called.wait(60)
        for duty in duties:
            duty.stop()
            duty.join(60)

    assert len(receiver.calls) == 1
