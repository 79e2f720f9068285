"""A trial: an instance's articles and index as they would be with some files exchanged, beside it and only for now."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from portal import library
from portal.edition import Edition, Editions
from portal.errors import CannotStart, SearchUnavailable
from portal.knowledge import Published
from portal.learning import learn
from portal.locales import CODES
from portal.parallel import Progress
from portal.publishing import Publisher
from portal.search import generations
from portal.settings import Settings
from portal.storage import Database, published
from portal.storage.copying import adopt_signatures, copy_database

#: How the folders of trials are called.
PREFIX = ".trial-"
#: In each of them; locked as long as the trial is under way.
_LOCK = "lock"
#: What is younger may have just begun and not be locked yet, in seconds.
_YOUNG = 60
#: Stands for a file that is gone and whose article stays; nobody reads it.
_KEPT = b"kept"
#: Times that an instance is copied while it keeps being published.
_ATTEMPTS = 5


def _nobody(_done: int, _total: int) -> None:
    """Tells nobody of progress."""


class Trial:
    """Articles in which files can be exchanged, and the editions that readers would see.

    Args:
        articles: its folder of articles.
        data: its instance folder.
        settings: of the instance that is tried.
        now: names the generations.
        progress: see `Publisher.publish`.
        learned: see `learning.learn`.
    """

    def __init__(
        self, articles: Path, data: Path, settings: Settings, now: datetime, progress: Progress, learned: Progress
    ) -> None:
        self._articles = articles
        self._data = data
        self._settings = settings
        self._now = now
        self._progress = progress
        self._learned = learned
        self._publisher = Publisher(articles, data, settings.search_kept)
        self._opened: list[Edition] = []

    def put(self, language: str, slug: str, raw: bytes | None) -> None:
        """Write the file of an article in the place of the one that was there, or take that away.

        Args:
            language: of the article.
            slug: of the article; checked by whoever gives it.
            raw: the whole file; None for none.

        Raises:
            CannotStart: there is no room.
        """
        path = self._path(language, slug)
        try:
            # Never into the file: it is the writer's own, under another name.
            path.unlink(missing_ok=True)
            if raw is not None:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(raw)
        except OSError as error:
            raise CannotStart(f"The article cannot be tried out: {error.strerror or error}.") from error

    def published(self, language: str, slug: str) -> Published | None:
        """The article as the instance has published it; None where it has not."""
        try:
            knowledge = self._open().knowledge
        except SearchUnavailable:
            return None
        return knowledge.articles.get((language, slug))

    def keep(self, language: str, slug: str) -> None:
        """Leave an article as it is published, whatever its file says; not where everything is made anew."""
        path = self._path(language, slug)
        if not path.exists():
            self.put(language, slug, _KEPT)
        adopt_signatures(self._data / "articles.db", [(language, slug, None, _signature(path))])

    def edition(self) -> Edition:
        """What readers would see with the files as they are now; earlier ones stay open beside it.

        Raises:
            CannotStart: it cannot be published.
        """
        try:
            is_first = not (self._data / "articles.db").exists()
            self._publisher.publish(self._now, self._progress, verify=False)
            if is_first:
                learn(self._data, self._learned)
        except OSError as error:
            raise CannotStart(f"The articles cannot be tried out: {error.strerror or error}.") from error
        return self._open()

    def _open(self) -> Edition:
        """What is published, to be closed at the end."""
        given = self._settings
        # Not from a replica, which has it only a moment later.
        edition = Editions(self._data, given.default_language, given.cuts, search=given.search_kept).current()
        self._opened.append(edition)
        return edition

    def _path(self, language: str, slug: str) -> Path:
        """Where the file of an article is."""
        return self._articles / language / f"{slug}.md"

    def close(self) -> None:
        """Give back files and memory."""
        for edition in self._opened:
            edition.index.close()


@contextmanager
def trial(
    settings: Settings, now: datetime, progress: Progress = _nobody, learned: Progress = _nobody
) -> Iterator[Trial]:
    """Copy the articles and what is published of them into a folder that goes afterwards, whatever happens.

    Files are not copied where the file system can give them a second name, and only what differs from the instance is
    published. The running portal is not touched. Where there is no instance, everything is published.

    Args:
        settings: in force.
        now: aware, UTC.
        progress: see `Publisher.publish`.
        learned: see `learning.learn`; only where there is no instance.

    Raises:
        CannotStart: the folder of the articles cannot be used, or there is no room for the trial.
    """
    with _folder(settings.data) as folder:
        articles, data = folder / "articles", folder / "data"
        try:
            data.mkdir(mode=0o700)
            copied = _copy_articles(settings.articles, articles)
            if (settings.data / "articles.db").exists():
                _copy_instance(settings.data, data)
                adopt_signatures(data / "articles.db", copied)
        except OSError as error:
            raise CannotStart(f"The articles cannot be tried out: {error.strerror or error}.") from error
        made = Trial(articles, data, settings, now, progress, learned)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def _folder(data: Path) -> Iterator[Path]:
    """A folder that goes afterwards: in the instance folder, whose file system it shares, or where there is room."""
    try:
        _sweep(data)
        folder = Path(mkdtemp(prefix=PREFIX, dir=data))
    except OSError:
        with TemporaryDirectory(prefix="portal-trial-") as elsewhere:
            yield Path(elsewhere)
        return
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(data: Path) -> None:
    """Remove what trials have left whose process was killed: the lock goes with the process."""
    for left in data.glob(f"{PREFIX}*"):
        try:
            if time.time() - left.stat().st_mtime > _YOUNG:
                with (left / _LOCK).open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue  # It is under way.


def _copy_articles(root: Path, target: Path) -> list[tuple[str, str, str, str]]:
    """Give every file a second name.

    Returns:
        Language, slug, signature and that of the copy, of the files that had to be copied because their file system
        is another, or the system lets nobody but their owner give them names.
    """
    copied = []
    for file in library.scan(root).files:
        path = target / file.language / file.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _name(file.path, path):
            copied.append((file.language, file.slug, file.signature, _signature(path)))
    for name in sorted(_beside(root)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        _name(root / name, target / name)
    return copied


def _signature(path: Path) -> str:
    """See `library.SourceFile`."""
    facts = path.stat()
    return f"{facts.st_mtime_ns}-{facts.st_size}-{facts.st_ino}"


def _beside(root: Path) -> Iterator[str]:
    """The files of writers that are no articles, by their paths: topics, glossary, redirects, synonyms."""
    inside = root.resolve()
    for path in (*root.glob("*.yml"), *(root / code / "synonyms.txt" for code in CODES)):
        # A link that leads out is not read, and must not become a file that is.
        if path.is_file() and path.resolve().is_relative_to(inside):
            yield path.relative_to(root).as_posix()


def _name(path: Path, target: Path) -> bool:
    """Give a file a second name, or copy it where that cannot be; a file that is gone is left out.

    Returns:
        Whether it needed no copy.
    """
    try:
        os.link(path.resolve() if path.is_symlink() else path, target)
    except FileNotFoundError:
        return True
    except OSError:
        shutil.copy2(path, target)
        return False
    return True


def _copy_instance(source: Path, target: Path) -> None:
    """Copy what is published, with its index and the term tables."""
    for _ in range(_ATTEMPTS):
        copy_database(source / "articles.db", target / "articles.db")
        generation = _generation(target / "articles.db")
        previous = source / "index" / generation
        try:
            if generation:
                generations.begin(target / "index", generation, previous)
                shutil.copy2(previous / "manifest.json", target / "index" / generation)
            break
        except FileNotFoundError:
            # It has been replaced and removed meanwhile. Where it is still the current one, it is made anew.
            shutil.rmtree(target / "index", ignore_errors=True)
    for path in (source / "terms").glob("*.terms"):
        (target / "terms").mkdir(exist_ok=True)
        _name(path, target / "terms" / path.name)


def _generation(path: Path) -> str:
    """The generation that a database names; empty where it names none."""
    database = Database(f"sqlite:///{path}")
    try:
        with database.read() as connection:
            return published.state(connection, "generation")
    finally:
        database.close()
