"""The work that nobody waits for: clocks, assignment, ended chains, reminders, mails, and what is old."""

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from portal import monitoring, retention
from portal.errors import SearchUnavailable
from portal.faults import FaultLog, reason
from portal.mail import Unavailable
from portal.processes import STAND_BY, Duty
from portal.reporting.digest import Shelf
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import outbox
from portal.webhooks.delivering import Told

log = logging.getLogger(__name__)

#: How often the outbox is looked at while the portal runs, in seconds.
EVERY = 1.0
#: How often chains are judged, and how often old things are forgotten.
JUDGE_EVERY, FORGET_EVERY = timedelta(minutes=1), timedelta(hours=6)
#: How long a round judges more and more chains where a busy minute has left many, in seconds: mails wait meanwhile.
LONGEST_JUDGING = 10.0
_ROUNDS = "the rounds were broken off"
_MAIL = "mail cannot be delivered"
_MAILBOX = "the mailbox cannot be read"
_WEBHOOKS = "webhooks cannot be called"


@dataclass(frozen=True)
class Ticked:
    """What one round did."""

    #: Chains that had ended.
    judged: int = 0
    #: Days that the reports are about, counted anew.
    counted: int = 0
    #: Private links that were asked for and sent again.
    links: int = 0
    #: Requests whose clocks were computed anew or that a rule applied to, and that were given to somebody.
    escalated: int = 0
    assigned: int = 0
    #: Duplicates that were solved or opened again with the ticket that they were merged into.
    merged: int = 0
    #: Solved requests that were closed, and closed ones whose requester was asked how they were served.
    closed: int = 0
    surveyed: int = 0
    #: People who were reminded of calls and suppliers.
    reminded: int = 0
    #: Tickets whose words the search of the desk learned.
    indexed: int = 0
    #: Mails sent, put off and given up.
    sent: int = 0
    retried: int = 0
    failed: int = 0
    #: Articles that other systems are told of, and what they were told.
    announced: int = 0
    told: int = 0
    #: People who were told how last week went.
    digests: int = 0
    #: Rows that were forgotten.
    forgotten: int = 0
    #: What did not work.
    faults: tuple[str, ...] = ()


#: What a part of a round did, by the names of `Ticked`.
Done = dict[str, int]
Part = Callable[[Services, datetime], Done]


def _forget(portal: Services, now: datetime) -> Done:
    """Forget what is old, of people and of the machinery."""
    forgotten = sum(retention.run(portal, now).values())
    forgotten += portal.delivery.forget(now - timedelta(days=portal.settings.event_days))
    return {"forgotten": forgotten + portal.presence.forget(now) + portal.drafting.forget(now)}


def _remind(portal: Services, now: datetime) -> Done:
    """Plan the calls that requesters wish for, and tell who has to call and who waits for a supplier."""
    portal.calls.plan_new(now)
    return {"reminded": portal.calls.remind(now) + portal.suppliers.remind(now)}


def _tell_week(portal: Services, now: datetime) -> Done:
    """Mail the weekly digest to those who have wished for it."""

    def shelf() -> Shelf:
        return Shelf(portal.edition.knowledge, portal.tallies(), portal.visits())

    return {"digests": portal.digests.run(now, shelf, portal.daily.is_counted)}


def fetch(portal: Services) -> int:
    """Fetch mails, if there is a mailbox and it has not been looked into for a while; how many were taken."""
    if portal.mailbox is None:
        return 0
    try:
        polled = portal.mailbox.poll_if_due(lambda content: portal.inbox.receive(content, portal.clock()))
    except Unavailable as error:
        portal.faults.report(_MAILBOX, str(error))
        return 0
    if polled.is_due:
        portal.faults.works(_MAILBOX)
    return polled.taken


def _judge(portal: Services, now: datetime) -> Done:
    """Judge the attempts that have ended, share by share."""
    end, judged = time.monotonic() + LONGEST_JUDGING, 0
    while more := portal.gaps.judge(now):
        judged += more
        if time.monotonic() >= end:
            break
    return {"judged": judged}


def _announce(portal: Services, now: datetime) -> Done:
    """Announce what has changed in the articles; while nothing is published there is nothing to say."""
    try:
        edition = portal.edition
    except SearchUnavailable:
        return {}
    return {"announced": portal.announced.announce(edition, now)}


def _dispatch(portal: Services, _now: datetime) -> Done:
    """Tell other systems what was announced."""
    told = portal.dispatch.deliver(portal.clock)
    return {"told": told.sent}


#: What is done in every round, in this order; mails leave last, so that those of this round are among them.
ALWAYS: tuple[tuple[str, Part], ...] = (
    ("sending links again", lambda portal, now: {"links": portal.lost_links.send(now)}),
    ("escalating", lambda portal, now: {"escalated": portal.escalation.run(now)}),
    ("seeing to duplicates", lambda portal, now: {"merged": portal.merging.run(now)}),
    ("assigning", lambda portal, now: {"assigned": portal.assigner.run(now)}),
    ("indexing tickets", lambda portal, now: {"indexed": portal.finding.index(now)}),
    ("announcing articles", _announce),
)
#: What is done once a minute.
AT_TIMES: tuple[tuple[str, Part], ...] = (
    ("judging searches", _judge),
    ("counting days", lambda portal, now: {"counted": portal.daily.run(now)}),
    ("closing what is solved", lambda portal, now: {"closed": portal.ageing.run(now)}),
    ("asking for ratings", lambda portal, now: {"surveyed": portal.surveys.run(now)}),
    ("reminding", _remind),
    ("telling about last week", _tell_week),
)
#: What is done every few hours.
SELDOM: tuple[tuple[str, Part], ...] = (("forgetting", _forget),)


def tick(portal: Services, now: datetime, *, judge: bool = True, forget: bool = True, dispatch: bool = False) -> Ticked:
    """Do everything that is due; twice at once or twice after each other is the same as once.

    A part that fails is logged once and keeps no other from being done.

    Args:
        portal: the parts.
        now: aware, UTC.
        judge: whether to do what is done once a minute.
        forget: whether to forget what is old.
        dispatch: whether to call other systems; a running portal does it aside, for they may be slow.
    """
    done: Done = {}
    faults: list[str] = []
    last = (("sending mail", _deliver), *((("calling webhooks", _dispatch),) if dispatch else ()))
    for what, work in (*ALWAYS, *(AT_TIMES if judge else ()), *(SELDOM if forget else ()), *last):
        try:
            done |= work(portal, now)
        except Exception as error:  # Even a fault that nobody foresaw must not keep mails from being sent.
            why = reason(error)
            portal.faults.report(f"{what} could not be done", why)
            faults.append(f"{what}: {why}")
        else:
            portal.faults.works(f"{what} could not be done")
    monitoring.note_round(portal.settings.data)
    return Ticked(**done, faults=tuple(faults))


def _deliver(portal: Services, now: datetime) -> Done:
    """Send what waits; that a mail server takes nothing is logged until nothing waits for it any more."""
    report = portal.delivery.deliver(now)
    if report.retried:
        portal.faults.report(_MAIL, "it waits and is tried again; `portal mail list` says why")
    elif report.sent:
        with portal.database.read() as connection:
            if not outbox.delayed(connection):
                portal.faults.works(_MAIL)
    return {"sent": report.sent, "retried": report.retried, "failed": report.failed}


def _is_due(at: datetime | None, every: timedelta, now: datetime) -> bool:
    """Whether something is to be done that was done last at a time; also when the clock has been put back since."""
    return at is None or abs(now - at) >= every


class _PortalDuty(Duty):
    """Does something with the parts of the portal while it runs, in one process of several.

    Args:
        name: of the duty.
        lock: name of the file that whoever is on duty holds.
        settings: in force; the parts are opened in the process that is on duty.
    """

    #: What is said where it was broken off.
    what = _ROUNDS

    def __init__(self, name: str, lock: str, settings: Settings) -> None:
        super().__init__(name, settings.data / lock)
        self._settings = settings
        self._faults = FaultLog(log)

    def work(self) -> None:
        """Go on until told to end; a fault that lasts is said once, however often it begins anew."""
        try:
            with closing(open_services(self._settings)) as portal:
                portal.faults = portal.dispatch.faults = self._faults
                while not self._ending.is_set():
                    self._go_on(portal)
                    self._ending.wait(EVERY)
        except Exception as fault:  # The clock may jump, a disk may go; it begins anew.
            self._faults.report(self.what, reason(fault))
            self._ending.wait(STAND_BY)

    def _go_on(self, portal: Services) -> None:
        """Do once what is done again and again."""
        raise NotImplementedError


class Ticker(_PortalDuty):
    """Does the rounds while the portal runs."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("ticker", "tick.lock", settings)
        self._judged_at: datetime | None = None
        self._forgot_at: datetime | None = None

    def _go_on(self, portal: Services) -> None:
        """One round."""
        now = portal.clock()
        judge, forget = _is_due(self._judged_at, JUDGE_EVERY, now), _is_due(self._forgot_at, FORGET_EVERY, now)
        done = tick(portal, now, judge=judge, forget=forget)
        self._judged_at, self._forgot_at = (now if judge else self._judged_at), (now if forget else self._forgot_at)
        told = {item.name: getattr(done, item.name) for item in fields(Ticked) if item.name != "faults"}
        if any(told.values()):
            log.info("done: %s", ", ".join(f"{value} {name}" for name, value in told.items() if value))
        self._faults.works(_ROUNDS)


def _told(told: Told) -> None:
    """Log what came of telling one receiver."""
    if told != Told():
        log.info("webhooks: %s told, %s to be tried again, %s given up", told.sent, told.retried, told.failed)


class Dispatcher(_PortalDuty):
    """Calls webhooks while the portal runs; receivers that are slow keep nothing else."""

    what = _WEBHOOKS

    def __init__(self, settings: Settings) -> None:
        super().__init__("dispatcher", "dispatch.lock", settings)

    def _go_on(self, portal: Services) -> None:
        """Look who is to be called."""
        portal.dispatch.start(portal.clock, _told)
        self._faults.works(_WEBHOOKS)


class Fetcher(_PortalDuty):
    """Fetches mails while the portal runs; a mail server that is slow keeps nothing else."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("fetcher", "fetch.lock", settings)

    def _go_on(self, portal: Services) -> None:
        """Look once."""
        if taken := fetch(portal):
            log.info("fetched: %s mails", taken)
