"""Judged queries as values, and how they are read: what people ask, and the articles that answer it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from portal.articles import is_slug
from portal.errors import PortalError
from portal.locales import CODES

#: A line is one query with its articles; a longer one is no such thing.
MAX_LINE = 64 * 1024
#: Queries of one file.
MAX_QUERIES = 200_000
#: Longest query or sentence to take out, in characters; search itself cuts queries much shorter.
MAX_TEXT = 5_000
#: Questions of left-out articles that have so close a neighbour may be answered by it, and are not judged.
NEIGHBOUR = 0.5
TRANSLATIONS = ("original", "HT", "MT")

#: Files of a folder of queries that hold something else.
_NO_QUERIES = ("leaveout.jsonl", "duplicates.jsonl")
#: Names are printed and compared: a kind of query, a set.
_NAME = re.compile(r"[\w.+:/-]{1,60}")
#: Half a character, which JSON can spell and no file can hold.
_HALF = re.compile("[\ud800-\udfff]")


class BadJudgments(PortalError):
    """A file of judged queries cannot be used; the message names file and line, in one plain sentence."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {message}")


@dataclass(frozen=True)
class Judged:
    """One query, and what a good answer to it is."""

    #: Names it in its set, from one run to the next.
    id: str
    #: The set of queries that it belongs to.
    set: str
    #: Language of the reader.
    language: str
    text: str
    #: Slugs of every article that answers it.
    relevant: tuple[str, ...] = ()
    #: What sort of query it is within its set: how it was made, its noise, or the language that it is asked in.
    kind: str = ""
    #: The query before noise was added; empty where there is none.
    clean: str = ""
    #: Whether any article answers it; None where that is not to be judged.
    answerable: bool | None = None
    #: The article that it was made from; empty where it was not.
    slug: str = ""
    #: What is taken out of that article before it is asked.
    remove: str = ""
    #: Whether all titles are taken out before it is asked.
    removes_titles: bool = False
    #: Who translated the article: `HT` a person, `MT` a machine, `original` nobody; empty where it is not known.
    translation: str = ""
    #: The file that it is from.
    source: str = ""


@dataclass(frozen=True)
class QueryFile:
    """The judged queries of one file."""

    path: Path
    queries: tuple[Judged, ...]
    #: Those of them that are asked.
    chosen: tuple[Judged, ...]

    @property
    def changes_articles(self) -> bool:
        """Whether something is taken out of the articles before its queries are asked."""
        return any(query.remove or query.removes_titles for query in self.queries)


def read_queries(paths: Iterable[Path]) -> list[QueryFile]:
    """The judged queries of files, or of all `.jsonl` and `.tsv` files of folders, each file once.

    Raises:
        BadJudgments: for the first fault.
    """
    files = [_read_file(path) for path in dict.fromkeys(inner for path in paths for inner in _expand(path))]
    seen: dict[tuple[str, str], Path] = {}
    for file in files:
        for query in file.queries:
            if (other := seen.setdefault((query.set, query.id), file.path)) != file.path:
                raise BadJudgments(file.path, 0, f"The query {query.id[:60]!r} of this set is in {other} too.")
    return files


def _expand(path: Path) -> list[Path]:
    """The files that a path stands for."""
    if not path.is_dir():
        return [] if path.name in _NO_QUERIES else [path]
    found = [item for item in sorted(path.iterdir()) if item.suffix in {".jsonl", ".tsv"}]
    files = [item for item in found if item.name not in _NO_QUERIES]
    if not files:
        raise BadJudgments(path, 0, "The folder has no .jsonl or .tsv file of judged queries.")
    return files


def _read_file(path: Path) -> QueryFile:
    """The judged queries of one file, by what it is called."""
    lines = _lines(path)
    queries: Iterable[Judged | None]
    if path.suffix == ".tsv":
        queries = _read_table(path, lines)
    else:
        name = path.name.partition(".")[0]
        if not _NAME.fullmatch(name):
            raise BadJudgments(path, 0, "The name of the file must begin with the name of the set, a word.")
        queries = (_read_object(path, number, text, name) for number, text in lines)
    found: dict[str, Judged] = {}
    for count, query in enumerate(queries):
        if count == MAX_QUERIES:
            raise BadJudgments(path, 0, f"A file has at most {MAX_QUERIES} queries.")
        if query is not None and found.setdefault(query.id, query) is not query:
            raise BadJudgments(path, 0, f"The query {query.id[:60]!r} is there twice.")
    return QueryFile(path, tuple(found.values()), tuple(found.values()))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers."""
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE + 1):
                number += 1
                if len(raw) > MAX_LINE:
                    raise BadJudgments(path, number, f"A line has at most {MAX_LINE} bytes.")
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    raise BadJudgments(path, number, "The line is not UTF-8.") from None
                if text.strip():
                    yield number, text
    except OSError as error:
        raise BadJudgments(path, 0, f"The file cannot be read: {error.strerror}.") from error


class _Fields:
    """The fields of one line, each checked when it is read."""

    def __init__(self, path: Path, number: int, given: Mapping[str, Any]) -> None:
        self._path = path
        self._number = number
        self._given = given

    def fault(self, message: str) -> BadJudgments:
        """What is wrong with the line."""
        return BadJudgments(self._path, self._number, message)

    def text(self, name: str) -> str:
        """A text within bounds that is not blank; empty where it is missing."""
        value = self._given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or _HALF.search(value):
            raise self.fault(f"{name} must be text of 1 to {MAX_TEXT} characters.")
        return value

    def word(self, name: str) -> str:
        """A short name that is safe to print; empty where it is missing."""
        value = self._given.get(name) or ""
        if value and (not isinstance(value, str) or not _NAME.fullmatch(value)):
            raise self.fault(f"{name} must be a word of at most 60 letters, digits and -_.+:/ signs.")
        return str(value)

    def flag(self, name: str) -> bool | None:
        """Yes or no; None where it is missing."""
        value = self._given.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.fault(f"{name} must be true or false.")
        return value

    def slug(self, name: str) -> str:
        """A slug; empty where it is missing, or where it names something that is no article."""
        value = self.text(name)
        return value if is_slug(value) else ""

    def slugs(self, name: str) -> tuple[str, ...]:
        """Slugs, each once; none where they are missing."""
        values = self._given.get(name) or []
        if not isinstance(values, list) or not all(isinstance(value, str) and is_slug(value) for value in values):
            raise self.fault(f"{name} must be a list of slugs.")
        return tuple(dict.fromkeys(values))

    def number(self, name: str) -> float:
        """A number; 0 where it is missing."""
        value = self._given.get(name) or 0
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(f"{name} must be a number.")
        return float(value)


def _read_table(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Judged]:
    """Queries of a table with tabs; its language is the file's name, its set `judged`."""
    language = path.stem
    if language not in CODES:
        raise BadJudgments(path, 0, f"A table of queries is named for its language: {', '.join(CODES)}, and .tsv.")
    columns: list[str] = []
    for number, line in lines:
        cells = [cell.strip() for cell in line.split("\t")]
        if {"query", "relevant"} <= set(cells):
            columns = []  # What `portal search judged` prints can be added as it is, with its first line.
        if not columns:
            columns = cells
            if not {"query", "relevant"} <= set(columns) or len(set(columns)) != len(columns):
                raise BadJudgments(path, number, "The first line must name the columns query and relevant, and kind.")
            continue
        if columns[-1] == "kind" and len(cells) == len(columns) - 1:
            cells.append("")  # The kind may be left out.
        if len(cells) != len(columns):
            raise BadJudgments(path, number, f"The line has {len(cells)} columns instead of {len(columns)}.")
        row: dict[str, Any] = dict(zip(columns, cells, strict=True))
        if not row["relevant"]:
            raise BadJudgments(path, number, "relevant has slugs with blanks between, or - where nothing answers.")
        row["relevant"] = [] if row["relevant"] == "-" else row["relevant"].split()
        given = _Fields(path, number, row)
        text, relevant = given.text("query"), given.slugs("relevant")
        yield Judged(
            f"{language} {text}",
            "judged",
            language,
            text,
            relevant,
            given.word("kind"),
            answerable=bool(relevant),
            source=str(path),
        )


def _read_object(path: Path, number: int, line: str, name: str) -> Judged | None:
    """A query from a line of JSON; None for one that cannot be judged."""
    given = _Fields(path, number, _json(path, number, line))
    relevant, noise = given.slugs("relevant"), given.word("noise")
    query = Judged(
        given.text("id") or f"{given.word('lang')} {given.text('query')}",
        name,
        given.word("lang"),
        given.text("query"),
        relevant,
        noise or given.word("kind") or given.word("qlang"),
        given.text("clean") if noise else "",
        given.flag("answerable"),
        given.slug("slug") or (relevant[0] if len(relevant) == 1 else ""),
        given.text("remove"),
        bool(given.flag("remove_title")),
        "" if given.text("translation") == "?" else given.word("translation"),
        str(path),
    )
    for is_wrong, message in (
        (query.language not in CODES, f"lang must be one of {', '.join(CODES)}."),
        (not query.text, "query is missing."),
        (not relevant and query.answerable is None, "It needs relevant, answerable, or both."),
        (relevant and query.answerable is False, "It has relevant articles and is said to be unanswerable."),
        (noise and not query.clean, "A query with noise needs clean, the query before."),
        (query.remove and not query.slug, "remove needs slug, the article that it is taken out of."),
        (query.translation not in ("", *TRANSLATIONS), f"translation must be one of {', '.join(TRANSLATIONS)}."),
    ):
        if is_wrong:
            raise given.fault(message)
    has_neighbour = given.number("nearest_similarity") >= NEIGHBOUR
    return None if has_neighbour and query.answerable is False else query


def _json(path: Path, number: int, line: str) -> dict[str, Any]:
    """The object on a line."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadJudgments(path, number, "The line is not a JSON object.")
    return value


def sample(queries: Iterable[Judged], limit: int) -> list[Judged]:
    """At most so many of each set, noise and language, the same in every run; 0 takes all."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for query in queries:
        groups.setdefault((query.set, query.kind if query.clean else "", query.language), []).append(query)
    chosen = (sorted(group, key=lambda query: sha256(f"eval{query.id}".encode()).digest()) for group in groups.values())
    return [query for group in chosen for query in group[: limit or None]]


def read_left_out(path: Path) -> Callable[[str, str], bool]:
    """Which articles a run leaves out, as a question of language and slug.

    A line is a JSON object with `slug`, and with `lang` where it is left out in one language only; or a slug, or
    `lang:slug`.

    Raises:
        BadJudgments: for the first fault.
    """
    left_out: set[tuple[str, str]] = set()
    for number, line in _lines(path):
        if line.lstrip().startswith("{"):
            given = _json(path, number, line)
            language, slug = given.get("lang") or "", given.get("slug")
        else:
            language, _, slug = line.strip().rpartition(":")
        if language not in ("", *CODES) or not isinstance(slug, str) or not is_slug(slug):
            raise BadJudgments(path, number, "The line names no article: a slug, lang:slug, or JSON with slug.")
        left_out.add((language, slug))
    return lambda language, slug: ("", slug) in left_out or (language, slug) in left_out
