"""What a day's tickets came to, from their histories."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from portal.clocks import ANSWERS, WAITING
from portal.daily.sources import Source, closing
from portal.histories import standing
from portal.metrics import ESCALATIONS, rounded
from portal.organisation import SUPPLIER_TIER
from portal.sending import read_before
from portal.storage import counting_tickets as store
from portal.storage.counting_tickets import Case
from portal.storage.facts import Counted, Key
from portal.tickets import PROVEN, UNSOLVED, Action, Event, Kind, Status

_GAPS = frozenset({Kind.GAP, Kind.TRANSLATION})
_PROVEN = frozenset(resolution.value for resolution in PROVEN)


def count_tickets(connection: Connection, day: date) -> dict[Source, Counted]:
    """What the histories say of a day.

    Everything counts for the day on which it happened, with the tier that had the ticket then, and with the language
    and topic that the ticket had when the day closed: requests when they came, were solved, opened again and closed;
    gaps when they were opened, and when an article was proven to answer them. What took time counts for the day on
    which it ended, in plain minutes, not working hours: the first reply of a person from the request's beginning,
    whatever was waited for; resolution without the time in which requester, supplier or a planned day were waited for,
    or it was solved; the wait in a tier, likewise, until the request left it or was solved; a gap's life since it was
    opened, or opened again. To wait for a supplier is to be passed on to the suppliers' tier and back: how long that
    took is that tier's wait, while the stay with ours goes on. A rating counts for the day on which it was given; there is only one of each request.

    Requests that are spam by the time the day closes are no requests. What was taken back never happened. A request
    that has been made anonymous meanwhile counts as one requester, and which articles they had opened is not known any
    more, only whether.

    Args:
        connection: of any transaction.
        day: UTC.
    """
    found = {source: Counted() for source in (Source.TICKETS, Source.GAPS, Source.REQUESTERS)}
    asked: dict[str, str] = {}
    for case in map(_then, store.cases(connection, day, closing(day))):
        walk = _Walk(case, day)
        walk.through(standing(case.events))
        if walk.is_spam:
            continue
        target = found[Source.GAPS] if case.kind in _GAPS else found[Source.TICKETS]
        if walk.is_opened and case.kind in _GAPS:
            target.facts[walk.opened_as("gaps")] += 1
            target.facts[walk.opened_as("gaps.confirmed")] += case.is_confirmed
        elif walk.is_opened and case.kind is Kind.REQUEST:
            target.facts[walk.opened_as("requests")] += 1
            asked.setdefault(case.email or str(case.id), case.language)
            _count_read(found[Source.REQUESTERS], case, walk)
        found[Source.TICKETS].facts.update(walk.counted.facts)
        found[Source.TICKETS].times.update(walk.counted.times)
        found[Source.TICKETS].articles.update(walk.counted.articles)
    for language in asked.values():
        found[Source.REQUESTERS].facts[Key("requesters", language)] += 1
    return found


def _then(case: Case) -> Case:
    """A ticket with the language and topic that it had; what older versions opened does not say its first topic."""
    known = {"language": case.language, "topic": case.topic}
    for event in case.events:
        if event.action in {Action.OPENED, Action.CLASSIFY}:
            known |= {name: event.details[name] for name in known.keys() & event.details.keys()}
    return replace(case, language=known["language"], topic=known["topic"])


def _count_read(counted: Counted, case: Case, walk: "_Walk") -> None:
    """Count that a requester had opened articles."""
    read = read_before(case.trail, walk.begin)
    counted.facts[walk.opened_as("requests.after_reading")] += bool(read) or walk.is_after_reading
    for language, slug in read:
        counted.articles["requests", language, slug] += 1


@dataclass
class _Walk:
    """Goes through a history and counts what happened on a day."""

    case: Case
    day: date
    counted: Counted = field(default_factory=Counted)
    is_opened: bool = False
    #: What is known of it without the trail.
    is_after_reading: bool = False
    is_spam: bool = False
    begin: datetime = field(init=False)
    _at: datetime = field(init=False)
    _tier: int = 1
    _first_tier: int = 1
    _status: Status = Status.NEW
    #: Time in which we had it, in all and in this tier.
    _worked: timedelta = timedelta()
    _waited: timedelta = timedelta()
    #: Time in which a supplier has had it.
    _supplied: timedelta = timedelta()
    _is_replied: bool = False
    _is_asked: bool = False

    def through(self, history: Sequence[Event]) -> None:
        """The whole of it."""
        for number, event in enumerate(history):
            if number == 0:
                self._begin(event)
            else:
                self._step(event)
        self.is_spam = self._status is Status.SPAM

    def opened_as(self, measure: str) -> Key:
        """A sum of the tier that it came to first."""
        return Key(measure, self.case.language, self.case.topic, self._first_tier)

    def _begin(self, event: Event) -> None:
        """It is opened."""
        self.begin = self._at = event.at
        self._tier = self._first_tier = _tier(event.details.get("tier"), 1)
        self._status = event.after
        self.is_opened = event.at.date() == self.day
        self.is_after_reading = event.details.get("read") == "yes"

    def _step(self, event: Event) -> None:
        """What happened next; a clock that was put back does not make time run backwards."""
        at = max(event.at, self._at)
        if self._status in UNSOLVED - WAITING:
            self._worked += at - self._at
            self._waited += at - self._at
        if self._status is Status.WAITING_SUPPLIER:
            self._supplied += at - self._at
        self._at = at
        before = self._status
        # Only a change counts, see `clocks`.
        self._status = event.after if event.before is not event.after else before
        is_today = event.at.date() == self.day
        if self.case.kind is Kind.REQUEST:
            self._step_request(event, before, is_today=is_today)
            self._step_supplier(before, is_today=is_today)
        elif self.case.kind in _GAPS:
            self._step_gap(event, before, is_today=is_today)
        if event.action is Action.ESCALATE:
            self._escalate(event, is_today=is_today and self.case.kind is Kind.REQUEST)

    def _count(self, measure: str, value: int = 1, tier: int | None = None) -> None:
        """Add to a sum of a tier; None: of the one that has it."""
        self.counted.facts[Key(measure, self.case.language, self.case.topic, tier or self._tier)] += value

    def _take(self, measure: str, time: timedelta, tier: int | None = None) -> None:
        """Count how long something took."""
        key = Key(measure, self.case.language, self.case.topic, tier or self._tier)
        self.counted.times[key, rounded(time / timedelta(minutes=1))] += 1

    def _pass_on(self, former: int, tier: int) -> None:
        """Count that it goes from one tier to another."""
        name = f"escalations.{former}-{tier}"
        if name in ESCALATIONS:
            self._count(name, tier=former)

    def _escalate(self, event: Event, *, is_today: bool) -> None:
        """It goes to another tier."""
        tier = _tier(event.details.get("to"), self._tier)
        if is_today and tier != self._tier:
            self._take("wait", self._waited)
            self._pass_on(self._tier, tier)
        self._tier, self._waited = tier, timedelta()

    def _step_supplier(self, before: Status, *, is_today: bool) -> None:
        """It goes to a supplier, or comes back to the tier that has it."""
        is_there, was_there = (status is Status.WAITING_SUPPLIER for status in (self._status, before))
        if is_there and not was_there and is_today:
            self._pass_on(self._tier, SUPPLIER_TIER)
        if was_there and not is_there:
            if is_today:
                self._pass_on(SUPPLIER_TIER, self._tier)
                self._take("wait", self._supplied, SUPPLIER_TIER)
            self._supplied = timedelta()

    def _step_request(self, event: Event, before: Status, *, is_today: bool) -> None:
        """What is counted of a request."""
        is_reply = event.action in ANSWERS and event.actor.person_id is not None and not self._is_replied
        is_over = before in UNSOLVED | {Status.DUPLICATE} and self._status in {Status.SOLVED, Status.CLOSED}
        if is_today:
            if is_reply:
                self._take("first_reply", max(event.at, self.begin) - self.begin)
            if is_over:
                self._end(before)
            self._count_change(event, before)
        self._is_replied |= is_reply
        self._is_asked |= event.action is Action.SURVEY
        if is_over:
            self._waited = timedelta()

    def _end(self, before: Status) -> None:
        """It is solved, or closed without a solution."""
        if before in UNSOLVED:
            self._take("wait", self._waited)
        if self._status is Status.SOLVED:
            self._count("requests.solved")
            self._take("resolution", self._worked)

    def _count_change(self, event: Event, before: Status) -> None:
        """It is closed or opened again, its requester is asked how they were served, or says so."""
        if self._status is Status.CLOSED and before is not Status.CLOSED:
            self._count("requests.closed")
        if before is Status.SOLVED and self._status in UNSOLVED:
            self._count("requests.reopened")
        if event.action is Action.SURVEY:
            self._count("surveys")
        if event.action is Action.RATE:
            self._count_rating(event)

    def _count_rating(self, event: Event) -> None:
        """The requester said how they were served."""
        stars = _tier(event.details.get("stars"), 0)
        if not 1 <= stars <= 5:
            return
        self._count("ratings")
        self._count("ratings.stars", stars)
        self._count(f"ratings.{stars}")
        self._count("ratings.asked", int(self._is_asked))

    def _step_gap(self, event: Event, before: Status, *, is_today: bool) -> None:
        """What is counted of a gap."""
        if before not in UNSOLVED and self._status in UNSOLVED:
            self.begin = self._at
        is_proven = event.action is Action.SOLVE and event.details.get("resolution") in _PROVEN
        if is_today and is_proven:
            self._count("gaps.answered")
            self._take("gap_life", self._at - self.begin)
            if slug := event.details.get("slug"):
                self.counted.articles["gaps", self.case.language, slug] += 1


def _tier(text: str | None, otherwise: int) -> int:
    """A small number of an event's details; a history cannot be put right."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 2 else otherwise
