"""How often articles are opened, in the database: sums by day, language of the page and article."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from portal.storage.schema import article_views

#: Days whose sums are kept: a year can be compared with the one before for a month.
KEPT = timedelta(days=400)

_c = article_views.c


class View(NamedTuple):
    """Somebody opened an article; it is not known who."""

    #: UTC.
    day: date
    #: Of the page: what the reader reads, also where the article was shown in another language.
    language: str
    slug: str


def add(connection: Connection, views: Sequence[View]) -> None:
    """Count that articles were opened; always in the same order, so that two processes do not lock each other."""
    sums = Counter(views)
    if not sums:
        return
    engine: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    added = engine.insert(article_views)
    raised = added.on_conflict_do_update(
        index_elements=[_c.day, _c.language, _c.slug], set_={"views": _c.views + added.excluded.views}
    )
    connection.execute(raised, [{**view._asdict(), "views": times} for view, times in sorted(sums.items())])


def totals(connection: Connection, since: date) -> dict[tuple[str, str], int]:
    """How often every article was opened since a day (UTC), by language of the page and slug."""
    query = select(_c.language, _c.slug, func.sum(_c.views)).where(_c.day >= since)
    rows = connection.execute(query.group_by(_c.language, _c.slug))
    return {(language, slug): int(views) for language, slug, views in rows}
