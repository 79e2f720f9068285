"""Sums of many days, read from as few rows as will do; see `facts` for which there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, select, union_all

from portal.locales import CODES
from portal.storage.facts import ALL, ALL_TIERS, WEEK

_EVERYTHING: dict[str, Any] = {"language": ALL, "topic": ALL, "tier": ALL_TIERS}


@dataclass(frozen=True)
class Narrowed:
    """What is asked for; None does not narrow."""

    language: str | None = None
    topic: str | None = None
    tier: int | None = None
    #: `language`, `topic` or `tier`, where the sums of each are wanted.
    apart: str = ""

    @property
    def _chosen(self) -> dict[str, Any]:
        """What it is narrowed by."""
        given = {"language": self.language, "topic": self.topic, "tier": self.tier}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def _needed(self) -> set[str]:
        """What rows must be told apart by."""
        return {*self._chosen, self.apart} - {""}

    @property
    def is_weekly(self) -> bool:
        """Whether weeks are summed up: they are not by all three."""
        return len(self._needed) < len(_EVERYTHING)

    def conditions(self, table: Table, *, weekly: bool = False) -> list[ColumnElement[bool]]:
        """The rows of `daily_facts` or `daily_times` that add up to it, each thing counted once.

        Args:
            table: one of the two.
            weekly: whether of weeks, else of days.
        """
        chosen, needed = self._chosen, self._needed
        # What is not summed up beforehand is added up from its parts.
        parts = needed if weekly or len(needed) <= 1 else set(_EVERYTHING)
        conditions = [table.c[name] == value for name, value in chosen.items()]
        for name, every in _EVERYTHING.items():
            if name not in parts:
                conditions.append(table.c[name] == every)
            elif name not in chosen:
                # Not what is different from everything: an index leads to what is in a list.
                conditions.append(table.c[name].in_(CODES) if name == "language" else table.c[name] != every)
        return conditions


def selected(
    table: Table,
    columns: Sequence[Any],
    names: Collection[str],
    points: Iterable[tuple[date, date]],
    narrowed: Narrowed,
) -> Any:
    """A query of some measures over some days; the name of a measure that is of a week ends in `WEEK`.

    Each day is named, so that an index leads to its rows.

    Args:
        table: `daily_facts` or `daily_times`.
        columns: that are wanted; rows may have to be added up.
        names: of measures.
        points: first and last days; none shares a day with another.
        narrowed: what is wanted.
    """
    days, mondays = _days(points, in_weeks=narrowed.is_weekly)
    weekly = [name + WEEK for name in names]
    conditions = narrowed.conditions(table)
    single = select(*columns).where(table.c.measure.in_(names), table.c.day.in_(days), *conditions)
    if not mondays:
        return single
    conditions = narrowed.conditions(table, weekly=True)
    whole = select(*columns).where(table.c.measure.in_(weekly), table.c.day.in_(mondays), *conditions)
    return union_all(single, whole) if days else whole


def _days(points: Iterable[tuple[date, date]], *, in_weeks: bool) -> tuple[list[date], list[date]]:
    """The days of some points, and the Mondays of the weeks that are wholly in one of them."""
    days, mondays = [], []
    for first, last in points:
        day = first
        while day <= last:
            if in_weeks and day.weekday() == 0 and day + timedelta(days=6) <= last:
                mondays.append(day)
                day += timedelta(days=7)
            else:
                days.append(day)
                day += timedelta(days=1)
    return days, mondays
