"""From the folder of Markdown files to what readers see: render what changed, index it, swap it in at once."""

import fcntl
import gc
import hashlib
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from portal import articles, front_matter, library, markup, vocabulary
from portal.errors import SearchUnavailable
from portal.locales import CODES
from portal.problems import Problem, Severity
from portal.processes import end_with
from portal.search import Document, analyzers, chains, compounds, generations, stemming, whoosh_index
from portal.search.thesaurus import Thesaurus
from portal.storage import Database, published

log = logging.getLogger(__name__)

#: From this many changed files on, every processor core takes part.
PARALLEL_FROM = 200
#: From so many times the articles that it was learned from on, what is learned from all of them is learned anew.
GROWTH = 1.25

#: What is remembered of the last publication.
_STATE = ("generation", "topics", "thesaurus", "learned_from")

#: Told how many steps are done and how many there are; a file is two steps, reading and indexing.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """What a publication came to."""

    generation: str
    #: Files that were read because they are new or have changed.
    changed: int
    #: Articles that are no longer there.
    removed: int
    #: Everything that is wrong with the files at present, changed or not.
    problems: tuple[Problem, ...]
    #: Why the whole index was made anew; empty where it was not.
    rebuilt: str = ""


@dataclass(frozen=True)
class _Job:
    """One language's part of a publication."""

    language: str
    root: Path
    target: Path
    files: tuple[library.SourceFile, ...]
    removed: tuple[str, ...]


class Publisher:
    """Publishes the articles of a folder into an instance folder; several processes may try at once.

    Args:
        root: folder of the articles.
        data: instance folder.
    """

    def __init__(self, root: Path, data: Path) -> None:
        self.root = root
        self._data = data
        self._generations = data / "index"
        #: Signature of the writers' words, what they came to, and what is wrong with them.
        self._words: tuple[str, str, tuple[Problem, ...]] | None = None

    @contextmanager
    def _alone(self) -> Iterator[Database]:
        """Let one process publish at a time; the lock goes with the process, however it ends."""
        with (self._data / "publish.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            database = published.open_published(self._data / "articles.db", _made_by())
            try:
                yield database
            finally:
                database.close()

    def publish(
        self,
        now: datetime,
        progress: Progress = lambda _done, _total: None,
        *,
        rebuild: bool = False,
        verify: bool = True,
    ) -> Report:
        """Bring what readers see up to date with the files.

        Only new and changed files are read. Readers see the old state until the new one is complete; a process that
        is killed half-way leaves the old state.

        Args:
            now: names the generation.
            progress: told of every step.
            rebuild: read and index everything again.
            verify: check the present index's files, as at start.

        Raises:
            CannotStart: the folder of the articles cannot be used.
            OSError: the instance folder cannot be written, for example because the disk is full.
        """
        with self._alone() as database:
            found = library.scan(self.root)
            topics, topic_problems = library.read_topics(self.root)
            thesaurus, word_problems = self._thesaurus()
            with database.read() as connection:
                known = published.signatures(connection)
                old = {name: published.state(connection, name) for name in _STATE}
            current, number = old["generation"], len(found.files)
            why = "asked for" if rebuild and current else self._why_rebuild(current, known, verify)
            if why:
                log.warning("the search index is made anew: %s", why)
            elif current and number > GROWTH * int(old["learned_from"] or 0):
                why = "the articles have grown, and there are more words to learn from"
            fresh = bool(why) or not current
            files = {(file.language, file.slug): file for file in found.files}
            changed = [file for key, file in files.items() if fresh or known.get(key, ("", False))[0] != file.signature]
            gone = sorted(known.keys() - files.keys())
            generation = current
            state = {"topics": published.topics_text(topics), "thesaurus": thesaurus}
            is_same = all(old[name] == value for name, value in state.items())
            state["learned_from"] = str(number) if fresh else old["learned_from"]
            if changed or gone or fresh or not is_same:
                jobs = self._jobs(changed, gone, known, fresh)
                generation = self._write(database, jobs, gone, state, now, None if fresh else current, progress)
            problems = (*found.problems, *topic_problems, *word_problems, *_of_files(database))
            generations.sweep(self._generations, generation)
        return Report(generation, len(changed), len(gone), tuple(sorted(problems)), why)

    def _thesaurus(self) -> tuple[str, tuple[Problem, ...]]:
        """The writers' synonyms and glossary as the index keeps them, and what is wrong with their files.

        They are read again only when one of them has been written.
        """
        signature = vocabulary.signature(self.root)
        if self._words is None or self._words[0] != signature:
            synonyms = {code: vocabulary.read_synonyms(self.root, code) for code in CODES}
            glossary, problems = vocabulary.read_glossary(self.root)
            text = Thesaurus({code: groups for code, (groups, _) in synonyms.items()}, glossary).to_text()
            faults = (*(problem for _, found in synonyms.values() for problem in found), *problems)
            self._words = signature, text, faults
        return self._words[1], self._words[2]

    def _why_rebuild(self, current: str, known: dict[tuple[str, str], tuple[str, bool]], verify: bool) -> str:
        """Why the present index cannot be built upon; empty where it can, or where there is none yet."""
        if not current:
            return ""
        directory = self._generations / current
        try:
            generations.check(directory, contents=verify)
            for code in CODES:
                expected = sum(1 for (language, _), (_, is_public) in known.items() if language == code and is_public)
                if (held := whoosh_index.count(directory / code)) != expected:
                    return f"the {code} index holds {held} articles instead of {expected}"
        except SearchUnavailable as error:
            return str(error)
        return ""

    def _jobs(
        self,
        changed: list[library.SourceFile],
        gone: list[tuple[str, str]],
        known: dict[tuple[str, str], tuple[str, bool]],
        fresh: bool,
    ) -> list[_Job]:
        """What is to do in each language; languages with nothing to do are left out, but never from a fresh index."""
        jobs = []
        for code in CODES:
            files = tuple(file for file in changed if file.language == code)
            # What was indexed and has changed goes too: it may have become a draft, or have errors now.
            was = [file.slug for file in files] + [slug for language, slug in gone if language == code]
            removed = tuple(slug for slug in was if not fresh and known.get((code, slug), ("", False))[1])
            if files or removed or fresh:
                jobs.append(_Job(code, self.root, Path(code), files, removed))
        return jobs

    def _write(
        self,
        database: Database,
        jobs: list[_Job],
        gone: list[tuple[str, str]],
        state: dict[str, str],
        now: datetime,
        base: str | None,
        progress: Progress,
    ) -> str:
        """Write a new generation and make it the current one; its name."""
        name = f"{now:%Y%m%dT%H%M%S}-{os.getpid()}-{time.monotonic_ns():x}"
        previous = self._generations / base if base else None
        self._generations.mkdir(mode=0o700, exist_ok=True)
        directory = generations.begin(self._generations, name, previous)
        rows = _run([replace(job, target=directory / job.target) for job in jobs], progress)
        # Never into the file of the previous generation, which has the same name and may be the same file.
        (directory / whoosh_index.THESAURUS).unlink(missing_ok=True)
        (directory / whoosh_index.THESAURUS).write_text(state["thesaurus"], encoding="utf-8")
        generations.seal(directory, previous)
        with database.write() as connection:
            published.publish(connection, rows, gone, state, name)
        if previous is not None and previous.exists():
            os.utime(previous)  # Its grace begins now.
        gc.collect()  # Whoosh's writer leaves the segments that it has merged open, in circles of references.
        return name


@cache
def _made_by() -> str:
    """What identifies the code that makes what is published: with other code, everything is made anew."""
    parts = (articles, front_matter, library, markup, analyzers, chains, compounds, stemming, whoosh_index, published)
    sources = b"".join(Path(str(part.__file__)).read_bytes() for part in parts)
    return hashlib.blake2b(sources, digest_size=12).hexdigest()


def _of_files(database: Database) -> list[Problem]:
    """The problems of all files, read now or earlier."""
    with database.read() as connection:
        return [Problem(*row[:4], Severity(row[4])) for row in published.problems(connection)]


def _run(jobs: list[_Job], progress: Progress) -> list[published.Row]:
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


def _language(job: _Job, step: Callable[[int], None] = _count) -> list[published.Row]:
    """Read, render and index one language's files."""
    rows: list[published.Row] = []
    documents: list[Document] = []
    for file in job.files:
        reading = library.read(file, job.root)
        row = published.Row(
            file.language,
            file.slug,
            file.signature,
            problems=tuple((p.path, p.line, p.code, p.message, p.severity.value) for p in reading.problems),
        )
        if reading.article is not None:
            rendered = markup.render(reading.article.body, file.language)
            sections = tuple((part.anchor, part.heading, part.text, part.level) for part in rendered.sections)
            row = replace(
                row,
                article=replace(reading.article, body=""),
                fingerprint=articles.fingerprint(reading.article),
                html=rendered.html,
                sections=sections,
            )
            if reading.article.status is articles.Status.PUBLISHED:
                documents.append(document(reading.article, rendered))
        rows.append(row)
        step(1)
    whoosh_index.write(job.target, job.language, documents, job.removed, step)
    step(len(job.files) - len(documents))
    return rows


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
