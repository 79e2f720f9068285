"""Reading all texts once, on all processor cores where there are many: the problems of each, and the facts about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from portal import library
from portal.articles import Article, fingerprint
from portal.library import Reading, SourceFile
from portal.outline import read_outline
from portal.parallel import Progress, Step, work
from portal.problems import Problem
from portal.writing.checking import cache, fixing
from portal.writing.checking.texts import Facts, Text
from portal.writing.rules import conflicts, images, left_over, structure, tone, wording

#: From this many files on, every processor core takes part; starting the others takes most of a second.
PARALLEL_FROM = 1_000
#: Files of one share: few enough that no core waits long for the last one.
SHARE = 100

_RULES = (conflicts, wording, structure, tone, images, left_over)


def text_of(article: Article, path: str, reading: Reading) -> Text:
    """A text as the rules of one text take it.

    Args:
        article: as it was read.
        path: relative to the folder of the articles.
        reading: what it was read from.
    """
    outline = read_outline(article.body, reading.body_line)
    return Text(article, path, reading.body_line, dict(reading.lines), outline)


def check_text(text: Text) -> Iterator[Problem]:
    """What is wrong with a text by itself."""
    for module in _RULES:
        yield from module.of_text(text)


def facts_of(text: Text) -> Facts:
    """What the others are checked against."""
    article = text.article
    return Facts(
        replace(article, body=""),
        text.path,
        text.body_line,
        text.lines,
        text.outline,
        fingerprint(article),
        left_over.long_lines(article.body, text.body_line, article.language),
    )


def gather(files: Sequence[SourceFile], root: Path, kept: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """The line of each file, as `cache` encodes it: that which was kept, or a new one where the file has changed.

    Args:
        files: all of them.
        root: folder of the articles.
        kept: lines of an earlier run by path.
        progress: told of every step.
    """
    lines: dict[str, str] = {}
    changed: list[SourceFile] = []
    for file in files:
        path = f"{file.language}/{file.slug}.md"
        line = kept.get(path, "")
        if line.startswith(f'["{file.signature}",'):
            lines[path] = line
        else:
            changed.append(file)
    total, before = len(files), len(lines)
    progress(before, total)
    shares = [(changed[start : start + SHARE], root) for start in range(0, len(changed), SHARE)]
    is_large = len(changed) >= PARALLEL_FROM
    done = work(
        _read_share, shares, len(changed), lambda count, _all: progress(before + count, total), is_large=is_large
    )
    return lines | {path: line for share in done for path, line in share}


def _read_share(share: tuple[list[SourceFile], Path], step: Step) -> list[tuple[str, str]]:
    """Path and line of some files."""
    found = []
    for file in share[0]:
        found.append(_read(file, share[1]))
        step(1)
    return found


def _read(file: SourceFile, root: Path) -> tuple[str, str]:
    """Path and line of a file."""
    path = f"{file.language}/{file.slug}.md"
    problems: list[Problem] = []
    try:
        raw = file.path.read_bytes()
    except OSError:
        reading = library.read(file, root)
    else:
        reading = library.parse(raw, file.language, file.slug, path)
        problems += fixing.of_bytes(raw, path) if reading.article is not None else ()
    problems += reading.problems
    facts = None
    if reading.article is not None:
        text = text_of(reading.article, path, reading)
        problems += check_text(text)
        facts = facts_of(text)
    return path, cache.encode(file.signature, tuple(problems), facts)
