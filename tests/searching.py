"""The engines behind search, as tests use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.locales import CODES
from portal.search import Document, Found, SearchIndex, postgres, postgres_server, whoosh_index
from portal.search.engine import WhooshIndex
from portal.search.fields import THESAURUS
from portal.search.postgres import PostgresIndex
from portal.search.thesaurus import Thesaurus
from tests.conftest import postgres_database

BOTH = ("whoosh", "postgresql")
WORDS = "printer paper login network screen cable mouse email folder tunnel".split()


class Engine:
    """One of the engines.

    Args:
        url: of the database that keeps the index; empty for the embedded one.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, directory: Path) -> SearchIndex:
        """Open a generation."""
        return PostgresIndex(directory, self.url) if self.url else WhooshIndex(directory)

    def write(self, directory: Path, *documents: Document, language: str = "en", removed: tuple[str, ...] = ()) -> None:
        """Write a generation, or change the one that is there."""
        is_new = not (directory / THESAURUS).exists()
        for code in CODES if is_new else (language,):
            held = documents if code == language else ()
            if self.url:
                postgres.write(self.url, directory / code, code, held, removed)
            else:
                whoosh_index.write(directory / code, code, held, removed)
        if is_new:
            (directory / THESAURUS).write_text(Thesaurus({}, {}).to_text(), encoding="utf-8")


@contextmanager
def no_hurry() -> Iterator[None]:
    """Let servers that keep an index take longer than readers would wait: a busy machine is slow, not wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "TIME_LIMIT", 60.0)
        patch.setitem(postgres_server._READING, "connect_timeout", 60)
        patch.setitem(postgres_server._READING, "options", "-c statement_timeout=60000")
        yield


@contextmanager
def engine_of(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine that a fixture's parameter names, with a database of its own where it needs one."""
    if request.param == "whoosh":
        yield Engine("")
        return
    with postgres_database(request.getfixturevalue("postgres")) as url, no_hurry():
        yield Engine(url)


def ask(
    index: SearchIndex, language: str, text: str, topic: str | None = None, offset: int = 0, limit: int = 10
) -> Found:
    """What the engine finds for a text."""
    return index.search(language, index.clues(language, text), topic, offset, limit)


def slugs(found: Found) -> list[str]:
    """The articles, best first."""
    return [match.slug for match in found.matches]


def document(slug: str, title: str, text: str = "", *headings: str, topic: str = "it") -> Document:
    """A document."""
    return Document(slug, title, topic, "", headings, (), text)
