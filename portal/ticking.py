"""The work that nobody waits for: ended chains are judged, mails are sent, and what is old is forgotten."""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from portal import retention
from portal.delivery import Delivered
from portal.faults import FaultLog, reason
from portal.processes import STAND_BY, Duty
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import outbox

log = logging.getLogger(__name__)

#: How often the outbox is looked at while the portal runs, in seconds.
EVERY = 1.0
#: How often chains are judged, and how often old things are forgotten.
JUDGE_EVERY, FORGET_EVERY = timedelta(minutes=1), timedelta(hours=6)
_ROUNDS = "the rounds were broken off"
_MAIL = "mail cannot be delivered"


@dataclass(frozen=True)
class Ticked:
    """What one round did."""

    #: Chains that had ended.
    judged: int = 0
    #: Private links that were asked for and sent again.
    links: int = 0
    #: Mails sent, put off and given up.
    sent: int = 0
    retried: int = 0
    failed: int = 0
    #: Rows that were forgotten.
    forgotten: int = 0
    #: What did not work.
    faults: tuple[str, ...] = ()


def tick(portal: Services, now: datetime, *, judge: bool = True, forget: bool = True) -> Ticked:
    """Do everything that is due; twice at once or twice after each other is the same as once.

    A part that fails is logged once and keeps no other from being done.

    Args:
        portal: the parts.
        now: aware, UTC.
        judge: whether to judge the chains that have ended.
        forget: whether to forget what is old.
    """
    done: dict[str, int] = {}
    faults: list[str] = []

    def part(what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # Even a fault that nobody foresaw must not keep mails from being sent.
            why = reason(error)
            portal.faults.report(f"{what} could not be done", why)
            faults.append(f"{what}: {why}")
        else:
            portal.faults.works(f"{what} could not be done")

    def deliver() -> None:
        report = _deliver(portal, now)
        done.update(sent=report.sent, retried=report.retried, failed=report.failed)

    def send_links() -> None:
        done["links"] = portal.requests.send_links(now)

    def judge_chains() -> None:
        done["judged"] = portal.gaps.judge(now)

    def forget_old() -> None:
        done["forgotten"] = sum(retention.run(portal, now).values())
        done["forgotten"] += portal.delivery.forget(now - timedelta(days=portal.settings.event_days))

    part("sending links again", send_links)
    if judge:
        part("judging searches", judge_chains)
    if forget:
        part("forgetting", forget_old)
    part("sending mail", deliver)
    return Ticked(**done, faults=tuple(faults))


def _deliver(portal: Services, now: datetime) -> Delivered:
    """Send what waits; that a mail server takes nothing is logged until nothing waits for it any more."""
    report = portal.delivery.deliver(now)
    if report.retried:
        portal.faults.report(_MAIL, "it waits and is tried again; `portal mail list` says why")
    elif report.sent:
        with portal.database.read() as connection:
            if not outbox.delayed(connection):
                portal.faults.works(_MAIL)
    return report


def _is_due(at: datetime | None, every: timedelta, now: datetime) -> bool:
    """Whether something is to be done that was done last at a time; also when the clock has been put back since."""
    return at is None or abs(now - at) >= every


class Ticker(Duty):
    """Does the rounds while the portal runs, in one process of several.

    Args:
        settings: in force; the parts are opened in the process that is on duty.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("ticker", settings.data / "tick.lock")
        self._settings = settings
        self._faults = FaultLog(log)

    def work(self) -> None:
        """Round after round, until told to end; a fault that lasts is said once, however often they begin anew."""
        try:
            with closing(open_services(self._settings)) as portal:
                portal.faults = self._faults
                self._go_round(portal)
        except Exception as fault:  # The clock may jump, a disk may go; the next round begins anew.
            self._faults.report(_ROUNDS, reason(fault))
            self._ending.wait(STAND_BY)

    def _go_round(self, portal: Services) -> None:
        """Round after round, until told to end."""
        judged_at = forgot_at = None
        while not self._ending.is_set():
            now = portal.clock()
            judge, forget = _is_due(judged_at, JUDGE_EVERY, now), _is_due(forgot_at, FORGET_EVERY, now)
            done = tick(portal, now, judge=judge, forget=forget)
            judged_at, forgot_at = (now if judge else judged_at), (now if forget else forgot_at)
            told = {item.name: getattr(done, item.name) for item in fields(Ticked) if item.name != "faults"}
            if any(told.values()):
                log.info("done: %s", ", ".join(f"{value} {name}" for name, value in told.items() if value))
            self._faults.works(_ROUNDS)
            self._ending.wait(EVERY)
