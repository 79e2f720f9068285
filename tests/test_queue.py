"""The queue's tickets: parts, filters, orders, pages and counts, beside a slow restatement; saved filters."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.errors import InvalidInput
from portal.storage import Database, queue, saved_filters
from portal.storage import people as people_store
from portal.storage import tickets as store
from portal.storage.queue import Place, Sort, Tab, Wanted
from portal.storage.schema.tickets import IS_UNSOLVED
from portal.tickets import UNSOLVED, Kind, Status, Ticket
from portal.web.desk import narrowing
from tests.builders import NOW, person, ticket

TABS = list(Tab)
ME, OTHER = 1, 2
WAITING = {Status.WAITING_REQUESTER, Status.WAITING_SUPPLIER, Status.PLANNED}

#: What each part of the queue has, said once more.
PARTS: dict[Tab, Callable[[Ticket], bool]] = {
    Tab.OPEN: lambda each: each.status in UNSOLVED and each.is_confirmed,
    Tab.MINE: lambda each: each.status in UNSOLVED and each.owner_id == ME,
    Tab.UNOWNED: lambda each: each.status in UNSOLVED and each.is_confirmed and each.owner_id is None,
    Tab.DUE: lambda each: (
        each.status in UNSOLVED and each.due_at is not None and each.due_at <= NOW + timedelta(minutes=30)
    ),
    Tab.WAITING: lambda each: each.status in WAITING,
    Tab.DONE: lambda each: each.status not in UNSOLVED,
    Tab.UNCONFIRMED: lambda each: each.status in UNSOLVED and not each.is_confirmed,
    Tab.ALL: lambda _each: True,
}
LATEST = datetime.max.replace(tzinfo=NOW.tzinfo)
ORDERS: dict[Sort, Callable[[Ticket], Any]] = {
    Sort.DUE: lambda each: (each.due_at or LATEST, each.id),
    Sort.PRIORITY: lambda each: (-each.priority, each.id),
    Sort.AGE: lambda each: each.id,
    Sort.NUMBER: lambda each: -each.id,
}


def fill(database: Database, count: int = 60) -> list[Ticket]:
    """Tickets of every sort, the same in every run."""
    chooser = random.Random(20260302)
    with database.write() as connection:
        for email in ("mia@example.org", "ben@example.org"):
            people_store.add(connection, person(email=email), "hash", NOW)
        made = []
        for _ in range(count):
            kind = chooser.choice([Kind.REQUEST, Kind.REQUEST, Kind.GAP])
            each = ticket(
                kind=kind,
                status=chooser.choice([*UNSOLVED, *UNSOLVED, *Status]),
                tier=chooser.choice([1, 1, 2, 3]),
                language=chooser.choice(["en", "fr", "de", "ru"]),
                priority=chooser.randint(1, 5),
                owner_id=chooser.choice([None, None, ME, OTHER]),
                is_confirmed=kind is Kind.REQUEST or chooser.random() < 0.5,
                is_major=chooser.random() < 0.08,
                topic=chooser.choice(["", "accounts", "devices"]),
                # Several are due at once: the number decides then.
                due_at=chooser.choice([None, NOW + timedelta(minutes=10 * chooser.randint(-6, 6))]),
            )
            number = store.create(connection, each)
            assert number is not None
            made.append(replace(each, id=number))
    return made


def pages(database: Database, wanted: Wanted, sort: Sort, size: int) -> list[int]:
    """All numbers of a filter, page after page."""
    found: list[int] = []
    after: Place | None = None
    with database.read() as connection:
        while page := queue.page(connection, wanted, sort, after, size):
            found += [card.id for card, _place in page]
            after = page[-1][1]
    return found


FILTERS: list[tuple[dict[str, Any], Callable[[Ticket], bool]]] = [
    ({}, lambda _each: True),
    ({"tiers": (1, 3)}, lambda each: each.tier in {1, 3}),
    ({"kind": Kind.GAP, "language": "de"}, lambda each: each.kind is Kind.GAP and each.language == "de"),
    ({"priority": 4, "topic": "devices"}, lambda each: each.priority == 4 and each.topic == "devices"),
    ({"status": Status.OPEN, "owner_id": OTHER}, lambda each: each.status is Status.OPEN and each.owner_id == OTHER),
    ({"is_unowned": True}, lambda each: each.owner_id is None),
]


def test_every_part_and_order_is_what_it_says_page_by_page(database: Database) -> None:
    """No ticket twice, none left out, in the order that is said; counts agree; major incidents are on top."""
    made = fill(database)

    for tab in TABS:
        for narrowed, holds in FILTERS:
            wanted = Wanted(tab, ME, NOW, **narrowed)
            expected = [each for each in made if PARTS[tab](each) and holds(each)]
            above = [] if tab in queue.PAST else [each.id for each in expected if each.is_major]
            with database.read() as connection:
                assert [card.id for card in queue.pinned(connection, wanted)] == above, wanted
                assert queue.count(connection, wanted) == len(expected), wanted
                assert queue.count(connection, wanted, since=30) == sum(each.id > 30 for each in expected)
            for sort in queue.sorts(tab):
                order = [each.id for each in sorted(expected, key=ORDERS[sort]) if each.id not in above]
                assert pages(database, wanted, sort, 4) == order, (wanted, sort)


def test_the_partial_indexes_know_the_unsolved_statuses() -> None:
    """The words of their condition are those of the lifecycle."""
    assert {f"'{status.value}'" for status in UNSOLVED} == set(IS_UNSOLVED.split("(")[1].rstrip(")").split(", "))


def test_counting_ends_where_nobody_counts_any_more(database: Database) -> None:
    """One more than the bound says that there are more."""
    fill(database, 30)

    with database.read() as connection:
        assert queue.count(connection, Wanted(Tab.ALL, ME, NOW), most=10) == 11
        assert queue.count(connection, Wanted(Tab.ALL, ME, NOW), most=30) == 30
        assert queue.newest(connection) == 30


def test_a_card_shows_what_its_ticket_is(database: Database) -> None:
    """Every field, times in UTC; numbers that are not there are left out."""
    made = fill(database, 5)[2]

    with database.read() as connection:
        found = queue.cards(connection, [made.id, 99])

    assert list(found) == [made.id]
    card = found[made.id]
    assert [getattr(card, name) for name in card.__dataclass_fields__] == [
        getattr(made, name) for name in card.__dataclass_fields__
    ]


def test_an_address_says_what_is_wanted() -> None:
    """Each argument narrows; who serves tiers sees those unless they ask for others."""
    me = person(id=ME, tiers=(1, 2))
    args = {
        "show": "due",
        "tier": "3",
        "kind": "request",
        "in": "ru",
        "priority": "5",
        "status": "open",
        "owner": "2",
        "topic": " accounts ",
        "sort": "age",
        "q": "  white\0  page ",
        "after": "0~~5",
        "other": "x",
    }

    asked = narrowing.read(args, me, NOW)
    everywhere = narrowing.read({"tier": "all", "owner": "none"}, me, NOW)
    own = narrowing.read({"owner": "me"}, me, NOW)

    assert asked.wanted == Wanted(
        Tab.DUE, ME, NOW, (3,), Kind.REQUEST, "ru", 5, Status.OPEN, OTHER, topic="accounts", is_unowned=False
    )
    assert (asked.sort, asked.text, asked.is_narrowed) == (Sort.AGE, "white page", True)
    assert asked.query == (
        "show=due&tier=3&kind=request&in=ru&priority=5&status=open&owner=2&topic=accounts&sort=age&q=white+page"
    )
    assert (everywhere.wanted.tiers, everywhere.wanted.is_unowned) == ((), True)
    assert (own.wanted.tiers, own.wanted.owner_id) == ((1, 2), ME)
    assert narrowing.read({"show": "mine"}, me, NOW).wanted.tiers == ()
    assert narrowing.read({"show": "all"}, me, NOW).wanted.tiers == ()


@pytest.mark.parametrize("value", ["", "x", "0", "-1", "9" * 30, "١", "é", "\0", "<script>", "1.5", "%"])
def test_what_an_address_should_not_have_does_not_narrow(value: str) -> None:
    """The queue is shown as if it were not there."""
    names = [name for name in narrowing.NAMES if name not in {"topic", "q"}]

    asked = narrowing.read(dict.fromkeys(names, value), person(id=ME), NOW)

    assert asked.wanted == Wanted(Tab.OPEN, ME, NOW, (1,))
    assert asked.arguments == {}
    assert asked.sort is Sort.DUE


def test_a_place_comes_back_from_an_address() -> None:
    """As it was written; anything else is the first page."""
    by_due = narrowing.read({}, person(), NOW)
    by_priority = narrowing.read({"sort": "priority"}, person(), NOW)
    past = narrowing.read({"show": "done"}, person(), NOW)

    for asked, place in ((by_due, Place(0, NOW, 7)), (by_due, Place(1, None, 7)), (by_priority, Place(4, None, 9))):
        assert narrowing.place(narrowing.written(place), asked) == place
    assert narrowing.place("0~~7", past) == Place(0, None, 7)
    for text in (
        "",
        "rubbish",
        "0~~7",
        "1~2026-01-01T00:00:00+00:00~7",
        "0~2026-01-01~7",
        "9~~7",
        "0~x~7",
        "~~",
        "1~~0",
    ):
        assert narrowing.place(text, by_due) is None, text


def test_filters_are_kept_replaced_and_removed(database: Database) -> None:
    """By person and name, no more than thirty; nobody removes another's."""
    fill(database, 1)
    with database.write() as connection:
        saved_filters.keep(connection, ME, "French", "in=fr")
        saved_filters.keep(connection, ME, "French", "in=fr&show=mine")
        saved_filters.keep(connection, OTHER, "French", "in=fr")
        for number in range(29):
            saved_filters.keep(connection, ME, f"filter {number:02}", "in=de")

    with database.write() as connection:
        for name, query, code in (
            ("one too many", "in=ru", "too_many"),
            ("", "in=ru", "missing"),
            ("n" * 61, "in=ru", "too_long"),
            ("French", "q" * 501, "too_long"),
        ):
            with pytest.raises(InvalidInput) as refused:
                saved_filters.keep(connection, ME, name, query)
            assert refused.value.code == code
        theirs = saved_filters.of_person(connection, OTHER)
        saved_filters.remove(connection, ME, theirs[0].id)
        mine = saved_filters.of_person(connection, ME)
        saved_filters.remove(connection, ME, mine[0].id)

    with database.read() as connection:
        assert saved_filters.of_person(connection, OTHER) == theirs
        left = saved_filters.of_person(connection, ME)
    assert (mine[0].name, mine[0].query, len(mine)) == ("French", "in=fr&show=mine", 30)
    assert left == mine[1:]
