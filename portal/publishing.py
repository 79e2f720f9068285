"""From the folder of Markdown files to what readers see: render what changed, index it, swap it in at once."""

import fcntl
import gc
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from portal import articles, front_matter, indexing, library, markup, redirects, vocabulary
from portal.errors import SearchUnavailable
from portal.indexing import Job, run
from portal.locales import CODES
from portal.parallel import Progress
from portal.problems import Problem, Severity
from portal.search import analyzers, chains, compounds, fields, generations, postgres, stemming, view, whoosh_index
from portal.search.fields import THESAURUS
from portal.search.thesaurus import Thesaurus
from portal.storage import Database, published, published_forms
from portal.topics import lost_topic, read_topics

log = logging.getLogger(__name__)

#: From so many times the articles that it was learned from on, what is learned from all of them is learned anew.
GROWTH = 1.25

#: What is remembered of the last publication.
_STATE = ("generation", "topics", "redirects", "thesaurus", "faults", "learned_from", "seen")


#: Waits until articles can be shown: their digest, when the publication began, whether the files are the same still.
Agree = Callable[[str, float, Callable[[], bool]], bool]


class _Overtaken(Exception):
    """The files have changed while others were waited for."""


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


class Publisher:
    """Publishes the articles of a folder into an instance folder; several processes may try at once.

    Args:
        root: folder of the articles.
        data: instance folder.
        search: address of the PostgreSQL database that keeps the index; empty for the embedded engine.
        agree: waits until what is ready can be shown, see `nodes.Agreement.wait`; None where nobody is waited for.
    """

    def __init__(
        self,
        root: Path,
        data: Path,
        search: str = "",
        agree: Agree | None = None,
    ) -> None:
        self.root = root
        self._agree = agree
        #: When the publication began, and the files as they were then.
        self._begun: tuple[float, frozenset[tuple[str, int, int]]] = 0.0, frozenset()
        self._search = search
        self._data = data
        self._generations = data / "index"
        #: Signature of the writers' words, what they came to, and what is wrong with them.
        self._words: tuple[str, str, tuple[Problem, ...]] | None = None
        self._old_slugs = redirects.File(root)

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
            SearchUnavailable: the database that keeps the index does not answer.
        """
        begun = time.monotonic()
        while True:
            self._begun = begun, library.stamps(self.root) if self._agree else frozenset()
            try:
                return self._publish(now, progress, rebuild=rebuild, verify=verify)
            except _Overtaken:
                log.info("the articles have changed again before they were shown")

    def _publish(self, now: datetime, progress: Progress, *, rebuild: bool, verify: bool) -> Report:
        """Publish once; see `publish`.

        Raises:
            _Overtaken: the files have changed since they were read, and nobody has seen what they were.
        """
        with self._alone() as database:
            found = library.scan(self.root)
            with database.read() as connection:
                old = {name: published.state(connection, name) for name in _STATE}
            # Thousands of them, which are not asked for where nothing has changed.
            known = cache(partial(published.signatures, database))
            before = published_forms.read_topics(old["topics"])
            topics, state, faults = self._beside(before, old["redirects"], found, known)
            current, number = old["generation"], len(found.files)
            why = "asked for" if rebuild and current else self._why_rebuild(current, database, verify)
            if why:
                log.warning("the search index is made anew: %s", why)
            elif current and number > GROWTH * int(old["learned_from"] or 0):
                why = "the articles have grown, and there are more words to learn from"
            fresh = bool(why) or not current
            # What a topic's new audience shows or hides counts as changed.
            moved, seen = articles.internal(before) ^ articles.internal(topics), found.digest()
            changed: list[library.SourceFile] = []
            gone: list[tuple[str, str]] = []
            if fresh or moved or seen != old["seen"]:
                changed = list(found.files) if fresh else _changed(found, known(), moved)
                gone = sorted(known().keys() - {(file.language, file.slug) for file in found.files})
            generation = current
            is_same = all(old[name] == value for name, value in state.items())
            state |= {"seen": seen, "learned_from": str(number) if fresh else old["learned_from"]}
            if changed or gone or fresh or not is_same:
                jobs = self._jobs(changed, gone, known(), fresh, articles.internal(topics))
                generation = self._write(database, jobs, gone, state, now, None if fresh else current, progress)
            elif seen != old["seen"]:  # Other names of the same files, as in a copy of them.
                with database.write() as connection:
                    published.set_state(connection, "seen", seen)
            with database.read() as connection:
                problems = (*faults, *published.problems(connection))
            self._sweep(generation)
        return Report(generation, len(changed), len(gone), tuple(sorted(problems)), why)

    def _sweep(self, generation: str) -> None:
        """Remove generations that nobody uses."""
        generations.sweep(self._generations, generation)
        if self._search:
            try:
                postgres.sweep(self._search, self._generations / generation)
            except SearchUnavailable as error:  # What is published is published.
                log.warning("old generations of the index stay for now: %s", error)

    def _beside(
        self,
        before: tuple[articles.Topic, ...],
        led: str,
        found: library.Scan,
        known: Callable[[], dict[tuple[str, str], published.Known]],
    ) -> tuple[tuple[articles.Topic, ...], dict[str, str], tuple[Problem, ...]]:
        """The topics, all that is remembered of what stands beside the articles, and what is wrong with it.

        While the topics' file is missing or faulty, what was for writers stays so, whatever is left of the file; where
        it only names such a topic no more, as long as an article stands in it. While the file of the old slugs cannot
        be read, they lead where they did: bookmarks outlive a typing error.

        Args:
            before: the topics of the last publication.
            led: its redirects, as they are stored.
            found: the files.
            known: gives what is remembered of them.
        """
        topics, topic_problems = read_topics(self.root)
        hidden = articles.internal(before) - {topic.slug for topic in topics}
        if hidden and topics and not any(problem.severity is Severity.ERROR for problem in topic_problems):
            lost = self._standing(hidden, found, known())
            hidden = frozenset(lost)
            topic_problems += tuple(lost_topic(slug, path) for slug, path in sorted(lost.items()))
        topics += tuple(topic for topic in before if topic.slug in hidden)
        thesaurus, word_problems = self._thesaurus()
        moved = self._old_slugs.read()
        led = published_forms.redirects_text(moved.mapping) if moved.is_readable else led
        faults = (*found.problems, *topic_problems, *moved.problems, *word_problems)
        state = {"topics": published_forms.topics_text(topics), "redirects": led, "thesaurus": thesaurus}
        return topics, state | {"faults": published_forms.problems_text(faults)}, faults

    def _standing(
        self, topics: frozenset[str], found: library.Scan, known: dict[tuple[str, str], published.Known]
    ) -> dict[str, str]:
        """Those of some topics in which an article stands, each with the first one's path.

        A file with errors counts where it has the topic's slug anywhere: it may be mended when nobody remembers.
        """
        standing: dict[str, str] = {}
        for file in found.files:
            was = known.get((file.language, file.slug))
            if was and was.topic and was.signature == file.signature:
                named = {was.topic}
            elif article := library.read(file, self.root).article:
                named = {article.topic}
            else:
                named = _mentioned(topics, file.path)
            for slug in named & topics:
                standing.setdefault(slug, f"{file.language}/{file.slug}.md")
        return standing

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

    def _why_rebuild(self, current: str, database: Database, verify: bool) -> str:
        """Why the present index cannot be built upon; empty where it can, or where there is none yet."""
        if not current:
            return ""
        directory = self._generations / current
        try:
            generations.check(directory, contents=verify)
        except SearchUnavailable as error:
            return str(error)
        with database.read() as connection:
            expected = dict.fromkeys(CODES, 0) | published.public_counts(connection)
        if self._search:
            return postgres.fault(self._search, directory, expected)
        return whoosh_index.fault(directory, expected)

    def _jobs(
        self,
        changed: list[library.SourceFile],
        gone: list[tuple[str, str]],
        known: dict[tuple[str, str], published.Known],
        fresh: bool,
        internal: frozenset[str],
    ) -> list[Job]:
        """What is to do in each language; languages with nothing to do are left out, but never from a fresh index."""
        jobs = []
        for code in CODES:
            files = tuple(file for file in changed if file.language == code)
            # What was indexed and has changed goes too: it may have become a draft, or have errors now.
            was = [file.slug for file in files] + [slug for language, slug in gone if language == code]
            removed = tuple(slug for slug in was if not fresh and (old := known.get((code, slug))) and old.is_public)
            if files or removed or fresh:
                jobs.append(Job(code, self.root, Path(code), files, removed, internal, self._search))
        return jobs

    def _is_current(self) -> bool:
        """Whether the files are those that are being published."""
        return library.stamps(self.root) == self._begun[1]

    def _write(
        self,
        database: Database,
        jobs: list[Job],
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
        rows = run([replace(job, target=directory / job.target) for job in jobs], progress)
        # Never into the file of the previous generation, which has the same name and may be the same file.
        (directory / THESAURUS).unlink(missing_ok=True)
        (directory / THESAURUS).write_text(state["thesaurus"], encoding="utf-8")
        generations.seal(directory, previous)
        with database.write() as connection:
            seen = published.state(connection, "digest")
            published.publish(connection, rows, gone, state, name)
            digest = published.state(connection, "digest")
            # Until the transaction ends, everybody reads what was there before.
            agree = self._agree if seen and digest != seen else None
            if agree is not None and not agree(digest, self._begun[0], self._is_current):
                raise _Overtaken
        if previous is not None and previous.exists():
            os.utime(previous)  # Its grace begins now.
        gc.collect()  # Whoosh's writer leaves the segments that it has merged open, in circles of references.
        return name


@cache
def _made_by() -> str:
    """What identifies the code that makes what is published: with other code, everything is made anew."""
    read = (articles, front_matter, indexing, library, markup)
    searched = (analyzers, chains, compounds, fields, stemming, view, whoosh_index)
    parts = (*read, *searched, published, published_forms)
    sources = b"".join(Path(str(part.__file__)).read_bytes() for part in parts)
    return hashlib.blake2b(sources + stemming.VERSION.encode(), digest_size=12).hexdigest()


def _changed(
    found: library.Scan, known: dict[tuple[str, str], published.Known], moved: frozenset[str]
) -> list[library.SourceFile]:
    """The files that are new, have been written, or stand in one of the topics that moved to another audience."""
    was = ((file, known.get((file.language, file.slug))) for file in found.files)
    return [file for file, old in was if old is None or old.signature != file.signature or old.topic in moved]


def _mentioned(topics: frozenset[str], path: Path) -> set[str]:
    """Those of some topics whose slug stands anywhere in a file; all where it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError:
        return set(topics)
    return {slug for slug in topics if slug.encode() in raw}
