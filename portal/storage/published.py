"""The articles as they were last read and rendered, in a local database that can be made again from the files."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Boolean, Column, Connection, MetaData, String, Table, Text, bindparam, delete, insert, select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.sql import func

from portal.articles import Article, internal
from portal.knowledge import KnowledgeBase, Published
from portal.problems import Problem, Severity
from portal.storage import Database
from portal.storage.published_forms import (
    article_text,
    digest_of,
    problems_text,
    read_article,
    read_problems,
    read_topics,
)

#: Anchor, heading and plain text.
SectionText = tuple[str, str, str]

_metadata = MetaData()
articles = Table(
    "articles",
    _metadata,
    Column("language", String, primary_key=True),
    Column("slug", String, primary_key=True),
    #: Of the file that it was made from; see `library.SourceFile`.
    Column("signature", String, nullable=False),
    #: Whether readers see it and search finds it: it has no errors, is no draft, and its topic is for everybody.
    Column("is_public", Boolean, nullable=False),
    #: Empty where the file has errors.
    Column("topic", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    #: List of the problems that reading found.
    Column("problems", Text, nullable=False),
    # What is long comes last: whoever reads the others does not have to read past it.
    #: Front matter; null where the file has errors.
    Column("article", Text),
    #: Of all that the pages are made of.
    Column("digest", String, nullable=False, server_default=""),
    #: Empty where it is not public.
    Column("html", Text, nullable=False),
    #: List of anchor, heading, text and level; empty where it is not public.
    Column("sections", Text, nullable=False),
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
    is_public: bool = False
    fingerprint: str = ""
    html: str = ""
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...] = ()
    problems: tuple[Problem, ...] = ()


class Known(NamedTuple):
    """What is remembered of a file that has been read."""

    #: See `library.SourceFile`.
    signature: str
    #: Whether readers see its article.
    is_public: bool
    #: Its article's topic; empty where it has errors.
    topic: str


@dataclass(frozen=True)
class Content:
    """The text of an article."""

    html: str
    #: Anchor, heading, plain text and level of each section.
    sections: tuple[tuple[str, str, str, int], ...]


def open_published(path: Path, made_by: str) -> Database:
    """Open the database, making it anew where it is missing, broken or made by another version.

    The topics of the last publication outlive another version: they say what was for writers.

    Args:
        path: of its file.
        made_by: changes with the tables below and with how articles are read, rendered or analysed.

    Raises:
        OperationalError: it is there and in order, but locked or out of reach.
    """
    database = Database(f"sqlite:///{path}")
    topics = ""
    try:
        with database.write() as connection:
            _metadata.create_all(connection)
            topics = state(connection, "topics")
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
        set_state(connection, "topics", topics)
    return database


def topics_for_writers(path: Path) -> frozenset[str]:
    """The topics that were for writers at the last publication; none where there was none.

    Args:
        path: of the database's file.
    """
    if not path.exists():
        return frozenset()
    database = Database(f"sqlite:///{path}")
    try:
        with database.read() as connection:
            topics = read_topics(state(connection, "topics"))
    finally:
        database.close()
    return internal(topics)


def state(connection: Connection, name: str) -> str:
    """A remembered value; empty where there is none."""
    return str(connection.execute(select(_state.c.value).where(_state.c.name == name)).scalar() or "")


def set_state(connection: Connection, name: str, value: str) -> None:
    """Remember a value."""
    connection.execute(delete(_state).where(_state.c.name == name))
    connection.execute(insert(_state).values(name=name, value=value))


def signatures(database: Database) -> dict[tuple[str, str], Known]:
    """What is remembered of every file, by language and slug."""
    c = articles.c
    with database.read() as connection:
        rows = connection.execute(select(c.language, c.slug, c.signature, c.is_public, c.topic)).all()
    return {(language, slug): Known(*rest) for language, slug, *rest in rows}


def public_counts(connection: Connection) -> dict[str, int]:
    """How many articles of each language readers see; languages without any are left out."""
    c = articles.c
    query = select(c.language, func.count()).where(c.is_public).group_by(c.language)
    return {language: number for language, number in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def problems(connection: Connection) -> list[Problem]:
    """What is wrong with the files that were read, in order."""
    query = select(articles.c.problems).where(articles.c.problems != "[]")
    return sorted(problem for text in connection.execute(query).scalars() for problem in read_problems(text))


def all_problems(connection: Connection) -> list[Problem]:
    """What is wrong with the files that were read, with their names, and with what stands beside them, in order."""
    return sorted((*read_problems(state(connection, "faults")), *problems(connection)))


def broken(connection: Connection) -> list[Problem]:
    """The first error of every file that has one, in order: what keeps it from readers."""
    first: dict[str, Problem] = {}
    for problem in all_problems(connection):
        if problem.severity is Severity.ERROR:
            first.setdefault(problem.path, problem)
    return [*first.values()]


def saved_last(connection: Connection, limit: int) -> list[tuple[str, str, datetime]]:
    """The files that were written last, newest first: language, slug, and when."""
    c = articles.c
    # A signature begins with the time in nanoseconds, which has the same number of digits until the year 2286.
    rows = connection.execute(select(c.language, c.slug, c.signature).order_by(c.signature.desc()).limit(limit))
    return [(row[0], row[1], datetime.fromtimestamp(int(row[2].partition("-")[0]) / 1e9, UTC)) for row in rows]


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
            "is_public": row.is_public,
            "topic": row.article.topic if row.article else "",
            "article": article_text(row.article) if row.article else None,
            "fingerprint": row.fingerprint,
            "html": row.html,
            "sections": json.dumps(row.sections, ensure_ascii=False),
            "problems": problems_text(row.problems),
        }
        values["digest"] = digest_of(str(values[name]) for name in ("is_public", "article", "html", "sections"))
        _forget(connection, row.language, row.slug)
        connection.execute(insert(articles).values(**values))
    for language, slug in gone:
        _forget(connection, language, slug)
    for name, value in remembered.items():
        set_state(connection, name, value)
    set_state(connection, "generation", generation)
    set_state(connection, "digest", _digest(connection))


def _digest(connection: Connection) -> str:
    """What identifies all that readers see, on whichever machine it was published."""
    c = articles.c
    rows = connection.execute(select(c.language, c.slug, c.digest).where(c.topic != "").order_by(c.language, c.slug))
    beside = [state(connection, name) for name in ("topics", "redirects", "thesaurus")]
    return digest_of([*("\0".join(row) for row in rows), *beside])


def _forget(connection: Connection, language: str, slug: str) -> None:
    """Remove one file's row."""
    connection.execute(delete(articles).where(articles.c.language == language, articles.c.slug == slug))


class Loader:
    """Reads the published articles without their texts; what has not changed since the last time is kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[str, Published]] = {}

    def load(self, connection: Connection, default_language: str) -> KnowledgeBase:
        """The knowledge base of the current generation."""
        rows: Sequence[Sequence[Any]] = connection.execute(_facts).all() if self._kept else ()
        kept: dict[tuple[str, str], tuple[str, Published]] = {}
        wanted = []
        for language, slug, signature, _ in rows:
            known = self._kept.get((language, slug))
            if known is not None and known[0] == signature:
                kept[language, slug] = known
            else:
                wanted.append((language, slug, signature))
        for language, slug, signature in wanted if len(wanted) < MANY else ():
            same = (articles.c.language == language) & (articles.c.slug == slug)
            text, fingerprint = connection.execute(_text.where(same)).one()
            kept[language, slug] = signature, Published(read_article(text), fingerprint)
        if not self._kept or len(wanted) >= MANY:
            rows = connection.execute(_facts.add_columns(*_text.selected_columns)).all()
            kept = {
                (language, slug): (signature, Published(read_article(text), fingerprint))
                for language, slug, signature, _, text, fingerprint in rows
            }
        self._kept = kept
        public = {(language, slug) for language, slug, _, is_public, *_ in rows if is_public}
        return _knowledge(connection, default_language, kept, public)


#: From this many changed articles on, all are read at once.
MANY = 200
#: A file that cannot be read has no topic.
_facts = select(articles.c.language, articles.c.slug, articles.c.signature, articles.c.is_public).where(
    articles.c.topic != ""
)
_text = select(articles.c.article, articles.c.fingerprint)


def _knowledge(
    connection: Connection,
    default_language: str,
    found: dict[tuple[str, str], tuple[str, Published]],
    public: set[tuple[str, str]],
) -> KnowledgeBase:
    """A knowledge base of what is public, with what is for writers beside it."""
    articles = {key: item for key, (_, item) in found.items() if key in public}
    within = {key: item for key, (_, item) in found.items() if key not in public}
    topics = read_topics(state(connection, "topics"))
    redirects = json.loads(state(connection, "redirects") or "{}")
    generation, digest = state(connection, "generation"), state(connection, "digest")
    faults = broken(connection)
    return KnowledgeBase(generation, articles, topics, default_language, within, redirects, faults, digest)


def content(connection: Connection, language: str, slug: str) -> Content | None:
    """The text of an article that readers see; None where there is none."""
    query = select(articles.c.html, articles.c.sections).where(
        articles.c.language == language, articles.c.slug == slug, articles.c.is_public
    )
    row = connection.execute(query).first()
    return Content(row.html, tuple(tuple(section) for section in json.loads(row.sections))) if row else None


def sections(connection: Connection, language: str, slugs: Collection[str]) -> dict[str, tuple[SectionText, ...]]:
    """Anchor, heading and plain text of the sections of some articles; those that are gone are left out."""
    found = connection.execute(_sections, {"language": language, "slugs": [*slugs]}).all()
    return {
        slug: tuple((anchor, heading, text) for anchor, heading, text, _level in _read_sections(stored))
        for slug, stored in found
    }


_sections = select(articles.c.slug, articles.c.sections).where(
    articles.c.language == bindparam("language"),
    articles.c.slug.in_(bindparam("slugs", expanding=True)),
    articles.c.is_public,
)
_read_sections = msgspec.json.Decoder(list[tuple[str, str, str, int]]).decode


def headings(connection: Connection, language: str) -> list[tuple[str, str, str]]:
    """Slug, anchor and heading of every section of a language's articles that readers see."""
    query = select(articles.c.slug, articles.c.sections).where(articles.c.language == language, articles.c.is_public)
    return [
        (row.slug, anchor, heading)
        for row in connection.execute(query)
        for anchor, heading, _text, _level in json.loads(row.sections)
        if heading
    ]
