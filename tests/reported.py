"""Figures as the counting puts them into the database, without anything that they are counted from."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from portal.daily.sources import Source
from portal.storage import Database, facts
from portal.storage.facts import Counted, Key, Mark, Measures
from tests.builders import NOW

#: Since when everything has been counted.
LONG_AGO = date(2020, 1, 1)


def report(
    database: Database,
    day: date,
    sums: Mapping[Key, int],
    times: Mapping[tuple[Key, int], int] | None = None,
    articles: Mapping[tuple[str, str, str], int] | None = None,
) -> None:
    """Store what is known of one day.

    Args:
        database: where.
        day: which.
        sums: by measure, language, topic and tier.
        times: the same with minutes.
        articles: by measure, language and slug.
    """
    times, articles = times or {}, articles or {}
    counted = Counted(Counter(sums), Counter(times), Counter(articles))
    measures = Measures(
        tuple({key.measure for key in sums}),
        tuple({key.measure for key, _minutes in times}),
        tuple({measure for measure, _language, _slug in articles}),
    )
    with database.write() as connection:
        mark = Mark(day, NOW, is_final=False)
        assert facts.put(connection, "test", measures, None, mark, counted)
        know(connection, LONG_AGO)
        know(connection, day)


def know(connection: Connection, day: date) -> None:
    """Mark a day as counted from every source, whatever came of it."""
    for source in Source:
        if facts.mark(connection, source, day) is None:
            facts.put(connection, source, Measures(), None, Mark(day, NOW, is_final=False), Counted())
