"""What was announced is told: each at least once, each receiver by itself, and those that are dead keep no other waiting."""

import json
import logging
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from portal.announcements import TEST
from portal.errors import InvalidInput
from portal.faults import FaultLog, reason
from portal.keys import believed
from portal.people import Right, may
from portal.settings import Settings
from portal.storage import Database, audit, notices, people
from portal.storage import webhooks as store
from portal.storage.webhooks import Claimed
from portal.webhooks import calling, signing, targets
from portal.webhooks.calling import Unreachable
from portal.webhooks.managing import MOST
from portal.webhooks.targets import Refused, Rules

log = logging.getLogger(__name__)

#: How long one process may take for one call before another tries it, in seconds.
CLAIM = 60.0
#: Age at which a delivery that was tried is given up, and attempts that it has at least: the portal itself may have slept.
GIVEN_UP_AFTER, LEAST_ATTEMPTS = timedelta(hours=72), 4
#: A webhook whose receiver has not worked for so long is turned off.
TURNED_OFF_AFTER = timedelta(days=5)
#: Shortest and longest time for which a receiver that does not work is left alone.
REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
#: Receivers that are called at once, all that there may be: else those that are slow keep the others waiting; and how
#: long one of them is told before it is looked again who is due, in seconds.
AT_ONCE, TURN = MOST, 5.0
#: The receiver says that nobody will ever take anything there.
_GONE = 410
_BUSY = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Told:
    """What came of one pass."""

    sent: int = 0
    #: To be tried again later.
    retried: int = 0
    #: Given up.
    failed: int = 0

    def __add__(self, other: "Told") -> "Told":
        return Told(self.sent + other.sent, self.retried + other.retried, self.failed + other.failed)


@dataclass(frozen=True)
class Answered:
    """What a receiver answered."""

    #: None where there was no answer.
    status: int | None
    fault: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether it has taken the message."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_down(self) -> bool:
        """Whether it is the receiver that does not work, rather than that it does not like this message."""
        return self.status is None or self.status >= 500 or self.status in _BUSY


class Dispatch:
    """The use cases of telling other systems.

    Args:
        database: where webhooks and deliveries are.
        secret: of the instance, from which the keys of webhooks follow.
        public_url: what addresses in messages begin with.
        rules: which targets are allowed.
        faults: where receivers that do not work are said.
        trust: whose certificates are believed; the system's when None.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        public_url: str,
        rules: Rules,
        faults: FaultLog | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._database = database
        self._secret = secret
        self._public_url = public_url
        self._rules = rules
        self._trust = trust
        self.faults = faults or FaultLog(log)
        #: How the addresses of hosts are found, and how long a call may take, in seconds.
        self.resolve: targets.Resolver = targets.system_resolver
        self.whole = calling.WHOLE
        self._busy: dict[int, threading.Thread] = {}
        self._lock = threading.Lock()

    def deliver(self, clock: Callable[[], datetime], patience: float = 20.0) -> Told:
        """Tell every receiver what is due, all at once, and wait for them.

        Args:
            clock: aware, UTC.
            patience: how long to wait at most, in seconds; what is still under way then is finished by itself.
        """
        done: list[Told] = []
        end = time.monotonic() + patience
        self.start(clock, done.append)
        for thread in list(self._busy.values()):
            thread.join(max(end - time.monotonic(), 0))
        return sum(done, Told())

    def start(self, clock: Callable[[], datetime], done: Callable[[Told], object] = lambda _told: None) -> int:
        """Begin to tell the receivers that something is due for and that are not being told; how many.

        Each has a thread of its own: a slow one keeps no other. Any number of processes may do this at once.

        Args:
            clock: aware, UTC.
            done: called with what came of it for each.
        """
        with self._database.read() as connection:
            numbers = store.due(connection, clock(), CLAIM)
        started = 0
        with self._lock:
            self._busy = {number: thread for number, thread in self._busy.items() if thread.is_alive()}
            for number in numbers:
                if number not in self._busy and len(self._busy) < AT_ONCE:
                    thread = threading.Thread(target=self._tell, args=(number, clock, done), daemon=True)
                    self._busy[number] = thread
                    thread.start()
                    started += 1
        return started

    def _tell(self, number: int, clock: Callable[[], datetime], done: Callable[[Told], object]) -> None:
        """Tell one receiver what is due, in order; while it does not work, nothing is due."""
        told, end = Told(), time.monotonic() + TURN
        what = f"webhook {number} could not be told"
        try:
            while (claimed := self._claim(number, clock())) is not None:
                told += self._try(claimed, clock)
                if time.monotonic() >= end:
                    break
            self.faults.works(what)
        except Exception as fault:  # A database that does not answer must not end the thread without a word.
            self.faults.report(what, reason(fault))
        done(told)

    def _claim(self, number: int, now: datetime, only: int | None = None) -> Claimed | None:
        """The next delivery to a receiver."""
        with self._database.write() as connection:
            return store.claim(connection, number, now, CLAIM, only)

    def once(self, delivery_id: int, clock: Callable[[], datetime]) -> bool:
        """Try one delivery now; whether the receiver has taken it. False also where another process is trying it."""
        with self._database.read() as connection:
            found = store.delivery(connection, delivery_id)
        claimed = self._claim(found.webhook_id, clock(), delivery_id) if found else None
        return claimed is not None and self._try(claimed, clock).sent == 1

    def _try(self, claimed: Claimed, clock: Callable[[], datetime]) -> Told:
        """Call a receiver and write down what came of it; a process that dies in between leaves it to be told again."""
        answered = self._call(claimed, clock())
        now, webhook = clock(), claimed.webhook
        what = f"webhook {webhook.id} does not work"
        if answered.is_taken:
            with self._database.write() as connection:
                store.sent(connection, claimed, now, answered.status or 0)
            self.faults.works(what)
            return Told(sent=1)
        is_old = now - claimed.created_at >= GIVEN_UP_AFTER and claimed.attempts >= LEAST_ATTEMPTS
        is_over = is_old or claimed.event == TEST or answered.status == _GONE
        with self._database.write() as connection:
            if not answered.is_down:
                store.works(connection, webhook.id, now)
            if claimed.event == TEST:
                store.failed(connection, claimed, now, answered.status, answered.fault)
                return Told(failed=1)
            since = store.fails(connection, webhook.id, now) if answered.is_down else now
            rest = _rest(now - since) if answered.is_down else None
            if is_over:
                store.failed(connection, claimed, now, answered.status, answered.fault)
            due_at = now + max(pause(claimed.attempts), rest or timedelta(0))
            store.retry(connection, claimed, now, due_at, answered.status, answered.fault, rest)
            is_dead = now - since >= TURNED_OFF_AFTER and claimed.attempts >= LEAST_ATTEMPTS
            if answered.status == _GONE or is_dead:
                _turn_off(connection, claimed, now, answered.fault)
        self.faults.report(what, f"{answered.fault}; `portal webhooks deliveries` says more")
        return Told(failed=1) if is_over else Told(retried=1)

    def _call(self, claimed: Claimed, now: datetime) -> Answered:
        """Call a receiver."""
        message_id, body = self.message(claimed.payload)
        salts = signing.Salts.read(claimed.webhook.salt)
        # By each key of the instance: receivers know the one before until they are given the new one.
        keys = [signing.key(secret, salt) for secret in believed(self._secret) for salt in salts.signing(now)]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tier0-portal",
            **signing.headers(keys, message_id, now, body),
        }
        try:
            target = targets.read(claimed.webhook.url, self._rules)
            found = targets.addresses(target, self._rules, self.resolve)
            status = calling.post(target, found, headers, body, whole=self.whole, trust=self._trust)
        except InvalidInput as error:
            return Answered(None, f"this address is not allowed: {error.code}")
        except (Refused, Unreachable) as error:
            return Answered(None, str(error))
        except Exception as error:  # Whatever one receiver does must not keep what is told to it from being marked.
            log.error("a webhook could not be called: %s", reason(error))
            return Answered(None, type(error).__name__)
        return Answered(status, _fault(status))

    def message(self, payload: str) -> tuple[str, bytes]:
        """The id of a message, and its body with whole addresses."""
        said = json.loads(payload)
        for about in ("ticket", "article"):
            if (told := said["data"].get(about)) is not None:
                told["url"] = self._public_url + told["url"]
        return said["id"], json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def open_dispatch(settings: Settings, database: Database, secret: bytes) -> Dispatch:
    """The dispatch of an instance, as its settings say."""
    return Dispatch(database, secret, settings.public_url, rules_of(settings))


def rules_of(settings: Settings) -> Rules:
    """Where webhooks may lead, as the settings say."""
    return Rules(settings.webhook_hosts, settings.dev)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1, 2, 4, 8 … minutes, at most `LONGEST_PAUSE`."""
    return min(timedelta(minutes=2 ** min(max(attempts - 1, 0), 20)), store.LONGEST_PAUSE)


def _rest(failing: timedelta) -> timedelta:
    """For how long a receiver is left alone that has not worked for a while: a tenth of that."""
    return max(REST, min(failing / 10, LONGEST_REST))


def _fault(status: int) -> str:
    """What is wrong with an answer."""
    if 300 <= status < 400:
        return f"it answers {calling.phrase(status)}, and redirects are not followed"
    return "" if 200 <= status < 300 else f"it answers {calling.phrase(status)}"


def _turn_off(connection: Connection, claimed: Claimed, now: datetime, fault: str) -> None:
    """Turn a webhook off that will not work any more, and tell the administrators."""
    webhook = claimed.webhook
    if not store.turn_off(connection, webhook.id):
        return
    before, after = {"name": webhook.name, "is_active": True}, {"name": webhook.name, "is_active": False}
    audit.record(connection, now, None, "turn_off", "webhook", webhook.id, before, after)
    key, text = f"webhook-{webhook.id}-{webhook.version}", f"{webhook.name}: {fault}"
    for person in people.everybody(connection):
        if person.is_active and may(person, Right.ADMINISTER):
            notices.tell(connection, person.id, notices.About.WEBHOOK, key, now, text=text)
