"""Reading all texts once, on all processor cores where there are many: the problems of each, and the facts about it."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from portal import library
from portal.articles import Article, fingerprint
from portal.library import Reading, SourceFile
from portal.outline import read_outline
from portal.problems import Problem
from portal.processes import end_with
from portal.writing.checking import cache, fixing
from portal.writing.checking.texts import Facts, Text
from portal.writing.rules import conflicts, images, left_over, structure, tone, wording

#: From this many files on, every processor core takes part; starting the others takes most of a second.
PARALLEL_FROM = 1_000
#: Files of one share: few enough that no core waits long for the last one.
SHARE = 100

#: Told how many files are done and how many there are.
Progress = Callable[[int, int], None]

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
    total = len(files)
    progress(len(lines), total)
    for number, (path, line) in enumerate(_read_all(changed, root), total - len(changed) + 1):
        lines[path] = line
        progress(number, total)
    return lines


def _read_all(files: list[SourceFile], root: Path) -> Iterator[tuple[str, str]]:
    """Path and line of each file, in any order."""
    if len(files) < PARALLEL_FROM:
        for file in files:
            yield _read(file, root)
        return
    shares = [files[start : start + SHARE] for start in range(0, len(files), SHARE)]
    # A new interpreter for each: forking a process that has threads can leave locks locked for ever.
    context = multiprocessing.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(cores, len(shares)), context, end_with, (os.getpid(),)) as pool:
        waiting = {pool.submit(_read_share, share, root) for share in shares}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_share(files: list[SourceFile], root: Path) -> list[tuple[str, str]]:
    """Path and line of some files."""
    return [_read(file, root) for file in files]


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
