"""One language's part of a publication: its files read, rendered and indexed, on all cores where there are many."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from portal import articles, library, markup
from portal.problems import Problem
from portal.processes import end_with
from portal.search import Document, whoosh_index
from portal.storage import published

#: From this many changed files on, every processor core takes part.
PARALLEL_FROM = 200

#: Told how many steps are done and how many there are; a file is two steps, reading and indexing.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """One language's part of a publication."""

    language: str
    root: Path
    target: Path
    files: tuple[library.SourceFile, ...]
    removed: tuple[str, ...]
    #: Topics for writers alone.
    internal: frozenset[str]


def run(jobs: list[Job], progress: Progress) -> list[published.Row]:
    """Do the jobs, on all cores where there is much to do."""
    total = 2 * sum(len(job.files) for job in jobs)
    if total < 2 * PARALLEL_FROM:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        return [row for job in jobs for row in _language(job, step)]
    # A new interpreter for each: forking a process that has threads can leave locks locked for ever.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(cores, len(jobs)), context, _share, (counter, os.getpid())) as pool:
        waiting = {pool.submit(_language, job) for job in sorted(jobs, key=lambda job: -len(job.files))}
        rows: list[published.Row] = []
        while waiting:
            done_now, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            rows.extend(row for future in done_now for row in future.result())
            progress(counter.value, total)
    return rows


_counter: Any = None


def _share(counter: Any, parent: int) -> None:
    """Receive the counter that a pool's processes share, and end with the process that started them."""
    global _counter  # noqa: PLW0603 - a pool's process has no other place
    _counter = counter
    end_with(parent)


def _count(steps: int) -> None:
    """Add to the shared counter."""
    with _counter.get_lock():
        _counter.value += steps


def _language(job: Job, step: Callable[[int], None] = _count) -> list[published.Row]:
    """Read, render and index one language's files."""
    rows: list[published.Row] = []
    documents: list[Document] = []
    for file in job.files:
        row, found = _file(job, file)
        rows.append(row)
        documents += [found] if found else []
        step(1)
    whoosh_index.write(job.target, job.language, documents, job.removed, step)
    step(len(job.files) - len(documents))
    return rows


def _file(job: Job, file: library.SourceFile) -> tuple[published.Row, Document | None]:
    """One file as it is stored, and what search is told of it where readers see it."""
    reading = library.read(file, job.root)
    row = published.Row(file.language, file.slug, file.signature, problems=reading.problems)
    if (article := reading.article) is None:
        return row, None
    try:
        is_public = article.status is articles.Status.PUBLISHED and article.topic not in job.internal
        rendered = markup.render(article.body, file.language) if is_public else None
    except RecursionError:  # One text must not keep all others from being published.
        deep = Problem(f"{file.language}/{file.slug}.md", 0, "too-many-signs", "It is nested too deeply to be shown.")
        return replace(row, problems=(*reading.problems, deep)), None
    fingerprint = articles.fingerprint(article)
    row = replace(row, article=replace(article, body=""), is_public=is_public, fingerprint=fingerprint)
    if rendered is None:
        return row, None
    sections = tuple((part.anchor, part.heading, part.text, part.level) for part in rendered.sections)
    return replace(row, html=rendered.html, sections=sections), document(article, rendered)


def document(article: articles.Article, rendered: markup.Rendered) -> Document:
    """What the search engine is told about an article."""
    return Document(
        article.slug,
        article.title,
        article.topic,
        article.summary,
        rendered.headings,
        (*article.keywords, *article.tags),
        rendered.text,
    )
