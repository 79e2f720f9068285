"""What a check keeps of each file from one run to the next, as lines of JSON in one file of the instance folder."""

import hashlib
import json
import os
import sys
import tempfile
import time
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import markdown

import portal
from portal.articles import Article, Significance, Status
from portal.outline import CodeBlock, Heading, Link, Outline, Table
from portal.problems import Fix, Problem, Severity
from portal.writing.checking.texts import Facts

#: In bytes; a larger file is none of ours.
MAX_BYTES = 512 * 1024 * 1024
#: Seconds after which what a killed process has left half-written is removed.
LEFT_AFTER = 3_600
#: What decides what is found in one text, beside its bytes: modules and packages of `portal`, with their data.
_MADE_BY = ("articles.py", "front_matter.py", "library.py", "locales.py", "outline", "problems.py", "recognition.py",
            "search/analyzers.py", "search/stemming.py", "writing")  # fmt: skip
_KEYS = tuple(item.name for item in fields(Article) if item.name not in ("language", "slug", "body"))


def path_of(data: Path) -> Path:
    """Where the cache lies in an instance folder."""
    return data / "check.jsonl"


@cache
def made_by() -> str:
    """What identifies the code and the data of the rules: with others, everything is checked anew."""
    digest = hashlib.blake2b(digest_size=16)
    folder = Path(portal.__file__).parent
    for name in _MADE_BY:
        files = [folder / name] if name.endswith(".py") else sorted((folder / name).rglob("*"))
        for file in files:
            if file.suffix in {".py", ".yml"}:
                digest.update(file.read_bytes())
    versions = (markdown.__version__, sys.version, unicodedata.unidata_version)
    digest.update("\n".join(versions).encode())
    return digest.hexdigest()


def encode(signature: str, problems: tuple[Problem, ...], facts: Facts | None) -> str:
    """One file's line; its path is the key."""
    found = [
        [p.line, p.code, p.message, p.severity.value, p.column, list(vars(p.fix).values()) if p.fix else None]
        for p in problems
    ]
    kept: list[Any] | None = None
    if facts is not None:
        article = [_plain(getattr(facts.article, key)) for key in _KEYS]
        kept = [article, facts.body_line, dict(facts.lines), facts.outline, facts.fingerprint, facts.long_lines]
    return json.dumps([signature, found, kept], ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A value of the front matter as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def decode(line: str, path: str) -> tuple[tuple[Problem, ...], Facts | None]:
    """The problems and facts of a file.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is not such a line.
    """
    _, found, kept = json.loads(line)
    problems = tuple(_problem(path, *row) for row in found)
    if kept is None:
        if not any(problem.severity is Severity.ERROR for problem in problems):
            raise ValueError("a file is left out for an error only")
        return problems, None
    article, body_line, lines, outline, fingerprint, long_lines = kept
    language, slug = path.removesuffix(".md").split("/")
    shape = Outline(
        tuple(map(Heading._make, outline[0])),
        tuple(map(Link._make, outline[1])),
        tuple(map(CodeBlock._make, outline[2])),
        tuple(map(Table._make, outline[3])),
    )
    known = _article(language, slug, article)
    return problems, Facts(known, path, body_line, lines, shape, fingerprint, tuple(map(tuple, long_lines)))


def _problem(
    path: str, line: int, code: str, message: str, severity: str, column: int, fix: list[Any] | None
) -> Problem:
    """A problem from its row."""
    if not (type(line) is type(column) is int and type(code) is type(message) is str):
        raise TypeError("a problem has a line, a column, a code and a message")
    return Problem(path, line, code, message, Severity(severity), column, Fix(*fix) if fix else None)


def _article(language: str, slug: str, row: list[Any]) -> Article:
    """An article without its body."""
    known = dict(zip(_KEYS, row, strict=True))
    for key in ("updated", "review_by"):
        known[key] = date.fromisoformat(known[key]) if known[key] else None
    for key in ("tags", "keywords", "aliases", "answers"):
        known[key] = tuple(known[key])
    known["status"] = Status(known["status"])
    known["significance"] = Significance(known["significance"]) if known["significance"] else None
    return Article(language, slug, **known)


def load(file: Path | None, root: Path) -> dict[str, str]:
    """The lines that were kept of a folder, by path; none where there is no such file or something is wrong with it."""
    if file is None:
        return {}
    try:
        if file.stat().st_size > MAX_BYTES:
            return {}
        head, _, body = file.read_bytes().partition(b"\n")
        if head != _head(root, body):
            return {}
        kept = {}
        for line in body.decode().split("\n")[:-1]:
            path, _, rest = line.partition("\t")
            kept[path] = rest
    except (OSError, ValueError):
        return {}
    return kept


def save(file: Path | None, root: Path, kept: Mapping[str, str]) -> None:
    """Keep the lines of a folder; whoever reads meanwhile, or a process that is killed, sees the old file.

    Where the folder does not exist or cannot be written, nothing is kept.
    """
    if file is None or not file.parent.is_dir():
        return
    body = "".join(f"{path}\t{line}\n" for path, line in sorted(kept.items())).encode()
    with suppress(OSError):
        for left in file.parent.glob(f".{file.name}-*"):
            if time.time() - left.stat().st_mtime > LEFT_AFTER:
                left.unlink()
        handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as beside:
                beside.write(_head(root, body) + b"\n" + body)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _head(root: Path, body: bytes) -> bytes:
    """The first line: what the rest was made by and of, and what it comes to."""
    folder = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=8).hexdigest()
    return f"{made_by()} {folder} {hashlib.blake2b(body, digest_size=16).hexdigest()}".encode()
