"""The published articles, rendered, in a local database that can be made again from the files at any time."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, delete, insert, select
from sqlalchemy.exc import DatabaseError, OperationalError

from portal.articles import Article, Significance, Status, Topic
from portal.knowledge import KnowledgeBase, Published
from portal.storage import Database

#: Anchor, heading and plain text.
SectionText = tuple[str, str, str]

_metadata = MetaData()
_articles = Table(
    "articles",
    _metadata,
    Column("language", String, primary_key=True),
    Column("slug", String, primary_key=True),
    #: Of the file that it was made from; see `library.SourceFile`.
    Column("signature", String, nullable=False),
    #: Front matter; null where the file has errors.
    Column("article", Text),
    Column("fingerprint", String, nullable=False),
    Column("html", Text, nullable=False),
    #: List of anchor, heading, text and level.
    Column("sections", Text, nullable=False),
    #: List of the problems that reading found.
    Column("problems", Text, nullable=False),
)
_state = Table("state", _metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))


@dataclass(frozen=True)
class Row:
    """One file as it was read and rendered."""

    language: str
    slug: str
    signature: str
    #: Without its body; None where the file has errors.
    article: Article | None = None
    fingerprint: str = ""
    html: str = ""
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...] = ()
    #: Path, line, code, message and severity of each problem.
    problems: tuple[tuple[str, int, str, str, str], ...] = ()


@dataclass(frozen=True)
class Content:
    """The text of an article."""

    html: str
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...]


def open_published(path: Path, made_by: str) -> Database:
    """Open the database, making it anew where it is missing, broken or made by another version.

    Args:
        path: of its file.
        made_by: changes with the tables below and with how articles are read, rendered or analysed.

    Raises:
        OperationalError: it is there and in order, but locked or out of reach.
    """
    database = Database(f"sqlite:///{path}")
    try:
        with database.write() as connection:
            _metadata.create_all(connection)
            if state(connection, "made_by") == made_by:
                return database
    except OperationalError:
        database.close()
        raise  # A lock, a full disk or too many open files is no reason to throw anything away.
    except DatabaseError:
        pass
    database.close()
    for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        _metadata.create_all(connection)
        set_state(connection, "made_by", made_by)
    return database


def state(connection: Connection, name: str) -> str:
    """A remembered value; empty where there is none."""
    return str(connection.execute(select(_state.c.value).where(_state.c.name == name)).scalar() or "")


def set_state(connection: Connection, name: str, value: str) -> None:
    """Remember a value."""
    connection.execute(delete(_state).where(_state.c.name == name))
    connection.execute(insert(_state).values(name=name, value=value))


def signatures(connection: Connection) -> dict[tuple[str, str], tuple[str, bool]]:
    """Signature of every file, and whether readers see its article, by language and slug."""
    query = select(_articles.c.language, _articles.c.slug, _articles.c.signature, _articles.c.article)
    return {
        (row.language, row.slug): (
            row.signature,
            bool(row.article) and json.loads(row.article)["status"] == "published",
        )
        for row in connection.execute(query)
    }


def problems(connection: Connection) -> list[tuple[str, int, str, str, str]]:
    """The problems of all files, by path and line."""
    query = select(_articles.c.problems).where(_articles.c.problems != "[]")
    return sorted(tuple(problem) for text in connection.execute(query).scalars() for problem in json.loads(text))


def publish(
    connection: Connection,
    rows: Iterable[Row],
    gone: Iterable[tuple[str, str]],
    remembered: Mapping[str, str],
    generation: str,
) -> None:
    """Store a new generation; readers see it when the transaction ends, and nothing of it before.

    Args:
        connection: of a write transaction.
        rows: files that were read.
        gone: files that are no longer there, by language and slug.
        remembered: values that `state` gives back.
        generation: its name.
    """
    for row in rows:
        values = {
            "language": row.language,
            "slug": row.slug,
            "signature": row.signature,
            "article": json.dumps(_plain(row.article), ensure_ascii=False) if row.article else None,
            "fingerprint": row.fingerprint,
            "html": row.html,
            "sections": json.dumps(row.sections, ensure_ascii=False),
            "problems": json.dumps(row.problems, ensure_ascii=False),
        }
        _forget(connection, row.language, row.slug)
        connection.execute(insert(_articles).values(**values))
    for language, slug in gone:
        _forget(connection, language, slug)
    for name, value in remembered.items():
        set_state(connection, name, value)
    set_state(connection, "generation", generation)


def topics_text(topics: tuple[Topic, ...]) -> str:
    """Topics in the form in which they are stored."""
    return json.dumps([asdict(topic) for topic in topics], ensure_ascii=False)


def _forget(connection: Connection, language: str, slug: str) -> None:
    """Remove one file's row."""
    connection.execute(delete(_articles).where(_articles.c.language == language, _articles.c.slug == slug))


class Loader:
    """Reads the published articles without their texts; what has not changed since the last time is kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[str, Published]] = {}

    def load(self, connection: Connection, default_language: str) -> KnowledgeBase:
        """The knowledge base of the current generation."""
        keys = select(_articles.c.language, _articles.c.slug, _articles.c.signature).where(
            _articles.c.article.is_not(None)
        )
        kept: dict[tuple[str, str], tuple[str, Published]] = {}
        wanted = []
        for language, slug, signature in connection.execute(keys):
            known = self._kept.get((language, slug))
            if known is not None and known[0] == signature:
                kept[language, slug] = known
            else:
                wanted.append((language, slug, signature))
        for language, slug, signature in wanted if len(wanted) < MANY else ():
            same = (_articles.c.language == language) & (_articles.c.slug == slug)
            text, fingerprint = connection.execute(_text.where(same)).one()
            kept[language, slug] = signature, Published(_article(json.loads(text)), fingerprint)
        if len(wanted) >= MANY:
            for row in connection.execute(_everything):
                kept[row.language, row.slug] = (
                    row.signature,
                    Published(_article(json.loads(row.article)), row.fingerprint),
                )
        self._kept = kept
        return _knowledge(connection, default_language, kept)


#: From this many changed articles on, all are read at once.
MANY = 200
_text = select(_articles.c.article, _articles.c.fingerprint)
_everything = select(
    _articles.c.language, _articles.c.slug, _articles.c.signature, _articles.c.article, _articles.c.fingerprint
).where(_articles.c.article.is_not(None))


def _knowledge(
    connection: Connection, default_language: str, found: dict[tuple[str, str], tuple[str, Published]]
) -> KnowledgeBase:
    """A knowledge base of everything but drafts."""
    articles = {key: item for key, (_, item) in found.items() if item.article.status is Status.PUBLISHED}
    stored = json.loads(state(connection, "topics") or "[]")
    topics = tuple(Topic(**{**topic, "featured": tuple(topic["featured"])}) for topic in stored)
    return KnowledgeBase(state(connection, "generation"), articles, topics, default_language)


def content(connection: Connection, language: str, slug: str) -> Content | None:
    """The text of an article; None where there is none."""
    query = select(_articles.c.html, _articles.c.sections).where(
        _articles.c.language == language, _articles.c.slug == slug, _articles.c.article.is_not(None)
    )
    row = connection.execute(query).first()
    return Content(row.html, tuple(tuple(section) for section in json.loads(row.sections))) if row else None


def sections(connection: Connection, language: str, slugs: Collection[str]) -> dict[str, tuple[SectionText, ...]]:
    """Anchor, heading and plain text of the sections of some articles; those that are gone are left out."""
    query = select(_articles.c.slug, _articles.c.sections).where(
        _articles.c.language == language, _articles.c.slug.in_(slugs), _articles.c.article.is_not(None)
    )
    return {
        row.slug: tuple((anchor, heading, text) for anchor, heading, text, _level in json.loads(row.sections))
        for row in connection.execute(query)
    }


def headings(connection: Connection, language: str) -> list[tuple[str, str, str]]:
    """Slug, anchor and heading of every section of a language's articles, drafts included."""
    query = select(_articles.c.slug, _articles.c.sections).where(
        _articles.c.language == language, _articles.c.article.is_not(None)
    )
    return [
        (row.slug, anchor, heading)
        for row in connection.execute(query)
        for anchor, heading, _text, _level in json.loads(row.sections)
        if heading
    ]


@dataclass(frozen=True)
class TextRow:
    """The plain text of one published article."""

    language: str
    slug: str
    title: str
    #: Day of its last change, as year-month-day.
    updated: str
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...]


def texts(connection: Connection) -> list[TextRow]:
    """The plain texts of all published articles."""
    query = select(_articles.c.language, _articles.c.slug, _articles.c.article, _articles.c.sections)
    found = []
    for row in connection.execute(query.where(_articles.c.article.is_not(None))):
        article = json.loads(row.article)
        if article["status"] == Status.PUBLISHED.value:
            sections = tuple(tuple(section) for section in json.loads(row.sections))
            found.append(TextRow(row.language, row.slug, article["title"], article["updated"], sections))
    return found


_DAYS = ("updated", "review_by")
_TUPLES = ("tags", "keywords", "aliases", "answers")


def _plain(article: Article) -> dict[str, Any]:
    """What is stored of an article: everything but its body, and nothing that is empty."""
    values = {name: value for name, value in asdict(article).items() if value not in (None, "", ()) and name != "body"}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _article(values: dict[str, Any]) -> Article:
    """An article from what was stored."""
    for name in _DAYS:
        if name in values:
            values[name] = date.fromisoformat(values[name])
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    values["status"] = Status(values["status"])
    if "significance" in values:
        values["significance"] = Significance(values["significance"])
    return Article(**values)
