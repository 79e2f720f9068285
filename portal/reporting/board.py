"""The live board: how the desk stands at this moment."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.desk.presence import THERE
from portal.storage import Database
from portal.storage import board as store
from portal.storage.board import Group, Narrowed, Stuck, Today
from portal.storage.queue import Card
from portal.tickets import Status

__all__ = ["Board", "Narrowed", "Stuck", "Today", "Waiting", "live"]

#: How many tickets each list names.
LISTED = 10
#: How long ago a ticket's time may have run out to be announced.
NEWS = timedelta(minutes=5)
EVERYTHING = Narrowed()


@dataclass(frozen=True)
class Waiting:
    """A requester who waits for our answer."""

    card: Card
    #: When they wrote last.
    since: datetime
    #: Whether they have the page of their request open.
    is_here: bool


@dataclass(frozen=True)
class Board:
    """How the desk stands at one moment."""

    #: When it was read.
    at: datetime
    #: Unsolved tickets that somebody asks: how many by tier, language and priority (1–5).
    open: Counter[tuple[int, str, int]]
    #: The same by what is known of their status.
    by_status: Counter[Status]
    #: Unsolved major incidents.
    major: int
    #: How many tickets' time has run out, and runs out within half an hour; those longest overdue, and those due next.
    overdue: int
    soon: int
    overdue_cards: tuple[Card, ...]
    next_cards: tuple[Card, ...]
    #: Those whose time has run out in the last minutes, to be announced.
    breached: tuple[Card, ...]
    #: Open tickets that nobody has, and the oldest of them.
    unowned: int
    oldest_unowned: Card | None
    #: Unanswered searches that perhaps no person asked.
    unconfirmed: int
    #: How many requesters wait for our answer, how many of them on their page; those who wait longest.
    waiting: int
    here: int
    waiting_cards: tuple[Waiting, ...]
    #: Since midnight in the portal's time zone.
    today: Today
    #: Suppliers who have not answered in time.
    awaited: int
    stuck: Stuck

    @property
    def total(self) -> int:
        """How many tickets are open."""
        return self.open.total()

    def count(self, tier: int | None = None, language: str | None = None, priority: int | None = None) -> int:
        """How many tickets are open; None does not narrow."""
        wanted = (tier, language, priority)
        return sum(
            number
            for key, number in self.open.items()
            if all(want is None or want == have for want, have in zip(wanted, key, strict=True))
        )


def live(database: Database, now: datetime, zone: str, narrowed: Narrowed = EVERYTHING) -> Board:
    """How the desk stands now, all of it read at one moment.

    Args:
        database: where the tickets are.
        now: aware, UTC.
        zone: IANA name of the zone whose day today is.
        narrowed: which tickets it is about; mails and suppliers are always all.
    """
    local = ZoneInfo(zone)
    midnight = datetime.combine(now.astimezone(local).date(), time(), local)
    with database.read() as connection:
        groups = store.groups(connection, narrowed, now)
        asked = [group for group in groups if group.is_confirmed]
        late = store.overdue(connection, narrowed, now, LISTED)
        coming = store.next_due(connection, narrowed, now, LISTED)
        news = store.breached(connection, narrowed, now - NEWS, now, LISTED)
        present = store.here(connection, now - THERE, now + THERE)
        waiting = store.waiting(connection, narrowed, present)
        first = min((group.first_unowned for group in asked if group.first_unowned is not None), default=None)
        listed = [*late, *coming, *news, *(each.number for each in waiting[:LISTED]), *([first] if first else [])]
        cards = store.cards(connection, listed)
        return Board(
            at=now,
            open=_counted(((group.tier, group.language, group.priority), group.tickets) for group in asked),
            by_status=_by_status(asked),
            major=sum(group.tickets for group in asked if group.is_major),
            overdue=sum(group.overdue for group in groups),
            soon=sum(group.soon for group in groups),
            overdue_cards=tuple(cards[number] for number in late if number in cards),
            next_cards=tuple(cards[number] for number in coming if number in cards),
            breached=tuple(cards[number] for number in news if number in cards),
            unowned=sum(group.unowned for group in asked),
            oldest_unowned=cards.get(first) if first else None,
            unconfirmed=sum(group.tickets for group in groups if not group.is_confirmed),
            waiting=len(waiting),
            here=sum(each.is_here for each in waiting),
            waiting_cards=tuple(
                Waiting(cards[each.number], each.since, each.is_here)
                for each in waiting[:LISTED]
                if each.number in cards
            ),
            today=store.today(connection, narrowed, midnight),
            awaited=store.awaited(connection, now),
            stuck=store.stuck(connection, now - timedelta(days=1)),
        )


def _counted(pairs: Iterable[tuple[tuple[int, str, int], int]]) -> Counter[tuple[int, str, int]]:
    """Sums by key."""
    found: Counter[tuple[int, str, int]] = Counter()
    for key, number in pairs:
        found[key] += number
    return found


def _by_status(groups: Iterable[Group]) -> Counter[Status]:
    """How many tickets are in each status."""
    found: Counter[Status] = Counter()
    for group in groups:
        found[group.status] += group.tickets
    return found
