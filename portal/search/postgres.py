"""The engine in PostgreSQL: one generation of the index, shared by all nodes that have the same articles."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.search import Document, postgres_writing
from portal.search.engine import RankedIndex
from portal.search.fields import learn, learned_words, splitter
from portal.search.postgres_server import server, writing
from portal.search.postgres_view import PostgresView

#: Names the generation of a language in the database, in the directory of that language.
NAME = "postgresql.json"


class PostgresIndex(RankedIndex):
    """One generation, opened for reading.

    Args:
        directory: of the generation, with what is not in the database: compounds and the writers' words.
        url: of the database, or of one that follows it.
    """

    def __init__(self, directory: Path, url: str) -> None:
        super().__init__(directory)
        self._url = url

    def _open(self, language: str) -> PostgresView:
        """Open a language; each search asks the server for its own lists."""
        digest, _ = stored(self._directory / language)
        return PostgresView(server(self._url), language, digest, splitter(self._directory / language, language))


def stored(directory: Path) -> tuple[str, int]:
    """The digest of one language's generation, and how many articles it has.

    Raises:
        SearchUnavailable: none has been written there.
    """
    try:
        value = json.loads((directory / NAME).read_text(encoding="utf-8"))
        return str(value["digest"]), int(value["documents"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SearchUnavailable(f"{directory.name}: no index in PostgreSQL is named: {error}") from error


def write(
    url: str,
    directory: Path,
    language: str,
    documents: Sequence[Document],
    removed: Iterable[str] = (),
    progress: Callable[[int], None] = lambda _count: None,
) -> None:
    """Write documents into one language's index; an existing one is changed, a missing one is created.

    Args:
        url: of the database.
        directory: of the language, inside a generation that nobody reads yet.
        language: of the documents.
        documents: to add, or to replace by their slug.
        removed: slugs to take out.
        progress: told the number of documents written since it was last told.

    Raises:
        SearchUnavailable: the server does not answer.
    """
    directory.mkdir(parents=True, exist_ok=True)
    is_new = not (directory / NAME).exists()
    split = learn(directory, language, documents) if is_new else splitter(directory, language)
    base = None if is_new else stored(directory)[0]
    digest, count = postgres_writing.write(
        url, language, base, documents, removed, split, learned_words(directory), progress
    )
    # Never into the file of the previous generation, which has the same name and may be the same file.
    (directory / NAME).unlink(missing_ok=True)
    (directory / NAME).write_text(json.dumps({"digest": digest, "documents": count}), encoding="utf-8")


def is_there(url: str, directory: Path) -> bool:
    """Whether a server has a whole generation; one that follows another has it a moment later.

    Args:
        url: of the server.
        directory: of the generation.

    Raises:
        SearchUnavailable: the server does not answer, or nothing is named in the directory.
    """
    digests = _digests(directory)
    found = server(url).rows(
        "SELECT count(*) FROM unnest(%s::text[], %s::text[]) AS wanted (language, digest)"
        " JOIN search1_generations USING (language, digest)",
        list(digests),
        list(digests.values()),
    )
    return bool(found[0][0] == len(digests))


def fault(url: str, directory: Path, expected: dict[str, int]) -> str:
    """Why the database's part of a generation cannot be built upon; empty where it can.

    Args:
        url: of the database, not of one that follows it.
        directory: of the generation.
        expected: how many articles each language has.

    Raises:
        SearchUnavailable: the database does not answer; nothing is known of the index.
    """
    try:
        digests = _digests(directory)
    except SearchUnavailable as error:
        return str(error)
    with writing(url) as cursor:
        postgres_writing.prepare(cursor)
        cursor.execute(
            "SELECT language, documents FROM unnest(%s::text[], %s::text[]) AS wanted (language, digest)"
            " JOIN search1_generations USING (language, digest)",
            (list(digests), list(digests.values())),
        )
        held = dict(cursor.fetchall())
    for code, count in expected.items():
        if code not in held:
            return f"the {code} index is not in the database"
        if held[code] != count:
            return f"the {code} index holds {held[code]} articles instead of {count}"
    return ""


def sweep(url: str, directory: Path) -> None:
    """Say that a generation is used, and remove those that no node has used for long.

    Raises:
        SearchUnavailable: the database does not answer.
    """
    postgres_writing.sweep(url, _digests(directory))


def _digests(directory: Path) -> dict[str, str]:
    """The digest of each language in a generation."""
    return {code: stored(directory / code)[0] for code in CODES}
