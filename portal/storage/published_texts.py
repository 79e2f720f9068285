"""The plain texts of the published articles."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portal.storage.published import articles


@dataclass(frozen=True)
class TextRow:
    """The plain text of one article that readers see."""

    language: str
    slug: str
    title: str
    #: Day of its last change, as year-month-day.
    updated: str
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...]


def texts(connection: Connection) -> list[TextRow]:
    """The plain texts of all articles that readers see."""
    query = select(articles.c.language, articles.c.slug, articles.c.article, articles.c.sections)
    found = []
    for row in connection.execute(query.where(articles.c.is_public)):
        article = json.loads(row.article)
        sections = tuple(tuple(section) for section in json.loads(row.sections))
        found.append(TextRow(row.language, row.slug, article["title"], article["updated"], sections))
    return found
