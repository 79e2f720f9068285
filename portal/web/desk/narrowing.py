"""What the queue's address asks for: the tickets, their order and page; whatever is unknown does not narrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from portal.desk.finding import QUERY_LENGTH
from portal.locales import LANGUAGES
from portal.people import Person
from portal.storage.queue import PAST, Place, Sort, Tab, Wanted, sorts
from portal.tickets import Kind, Status

#: The arguments that narrow or order the queue, in the order in which they stand in an address.
NAMES = ("show", "tier", "kind", "in", "priority", "status", "owner", "topic", "sort", "q")
#: Largest number that the database has room for.
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see."""

    wanted: Wanted
    sort: Sort
    #: Words that are looked for; empty for none.
    text: str
    #: Those of `NAMES` that were asked for and are understood, as they stand in the address.
    arguments: dict[str, str]

    @property
    def is_narrowed(self) -> bool:
        """Whether more is asked for than a part of the queue."""
        return bool(self.arguments.keys() - {"show", "sort"})

    @property
    def query(self) -> str:
        """The arguments as an address has them, without those that follow from the person."""
        return urlencode(self.arguments)


def read(args: Mapping[str, str], me: Person, now: datetime) -> Asked:
    """What the arguments of an address ask for.

    Args:
        args: of the address.
        me: who asks; unless the address says otherwise they see the tiers that they serve.
        now: aware, UTC.
    """
    given = {name: " ".join(args.get(name, "").replace("\0", " ").split())[:QUERY_LENGTH] for name in NAMES}
    tab = Tab(given["show"]) if given["show"] in set(Tab) else Tab.OPEN
    orders = sorts(tab)
    sort = Sort(given["sort"]) if given["sort"] in orders else orders[0]
    known = {
        "show": given["show"] in set(Tab),
        "tier": given["tier"] in {"all", "1", "2", "3", "4"},
        "kind": given["kind"] in set(Kind),
        "in": given["in"] in LANGUAGES,
        "priority": given["priority"] in {"1", "2", "3", "4", "5"},
        "status": given["status"] in set(Status),
        "owner": given["owner"] in {"me", "none"} or _number(given["owner"]) is not None,
        "topic": given["topic"] != "",
        "sort": given["sort"] in orders,
        "q": given["q"] != "",
    }
    arguments = {name: value for name, value in given.items() if known[name]}
    owner = arguments.get("owner", "")
    wanted = Wanted(
        tab,
        me.id,
        now,
        tiers=_tiers(arguments.get("tier", ""), tab, me),
        kind=Kind(arguments["kind"]) if "kind" in arguments else None,
        language=arguments.get("in"),
        priority=int(arguments["priority"]) if "priority" in arguments else None,
        status=Status(arguments["status"]) if "status" in arguments else None,
        owner_id=me.id if owner == "me" else _number(owner),
        is_unowned=owner == "none",
        topic=arguments.get("topic"),
    )
    return Asked(wanted, sort, arguments.get("q", ""), arguments)


def _tiers(asked: str, tab: Tab, me: Person) -> tuple[int, ...]:
    """The tiers to be seen: those asked for, else the person's own; what is theirs may be at any tier."""
    if asked.isdigit():
        return (int(asked),)
    return () if asked == "all" or tab in {Tab.MINE, Tab.ALL} else me.tiers


def _number(text: str) -> int | None:
    """A positive number that the database has room for; None for anything else."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0
    return number if 0 < number <= _LARGEST else None


def written(place: Place) -> str:
    """A place as an address has it."""
    return f"{place.part}~{place.value.isoformat() if place.value else ''}~{place.number}"


def place(text: str, asked: Asked) -> Place | None:
    """Where the page before ended; None for the first page and for anything that is no place in this order."""
    part, _first, rest = text.partition("~")
    moment, _second, last = rest.partition("~")
    number = _number(last)
    if number is None or part not in {"0", "1", "2", "3", "4"}:
        return None
    try:
        at = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        return None
    has_moment = asked.sort is Sort.DUE and part == "0" and asked.wanted.tab not in PAST
    if (at is not None) != has_moment or (at is not None and at.tzinfo is None):
        return None
    return Place(int(part), at, number)
