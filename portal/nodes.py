"""Several machines serve one portal: each says what it has, and new articles are shown by all at the same time."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from portal import keys
from portal.edition import Editions
from portal.errors import SearchUnavailable
from portal.faults import FaultLog, reason
from portal.processes import STAND_BY, Duty
from portal.settings import Settings
from portal.storage import Database
from portal.storage import nodes as store
from portal.storage.nodes import Node

log = logging.getLogger(__name__)

#: How often a machine says that it lives, and how long it is believed, in seconds.
EVERY, ALIVE = 2.0, 15.0
#: How often is looked whether the others have the same articles, in seconds.
LOOK_EVERY = 0.25
#: How often is looked whether the files have changed again meanwhile, in seconds.
FILES_EVERY = 1.0
#: How long a machine that has gone stays in the list.
_REMEMBERED = timedelta(days=1)
_SAYING = "what this machine has cannot be told to the others"
_KEYS = "machines do not believe each other's keys"


def name_of(settings: Settings) -> str:
    """What this machine is called among several."""
    return (settings.node or f"{socket.gethostname()}:{settings.port}")[:200]


def lacking(own: str, build: str, digest: str, known: Iterable[Node]) -> list[str]:
    """The machines that are waited for before some articles are shown: those that live and have not got them yet.

    Machines that run other code are not waited for: they may read the same files differently, and never agree.

    Args:
        own: name of the machine that asks.
        build: of its code.
        digest: of the articles.
        known: all machines.
    """
    awaited = (node for node in known if node.name != own and node.age < ALIVE and node.build == build and node.served)
    return [node.name for node in awaited if digest not in {node.ready, node.served}]


def strangers(own: str, believed: tuple[str, ...], known: Iterable[Node]) -> list[str]:
    """The living machines that sign with a key that this one does not believe."""
    living = (node for node in known if node.name != own and node.age < ALIVE and node.keys)
    return [node.name for node in living if node.keys[0] not in believed]


@dataclass(frozen=True)
class Self:
    """This machine."""

    name: str
    build: str
    keys: tuple[str, ...]


def this(settings: Settings, build: str, secret: bytes) -> Self:
    """This machine, as it tells the others."""
    return Self(name_of(settings), build, tuple(keys.name(key) for key in keys.believed(secret)))


class Agreement:
    """Waits until every machine that lives has the same new articles, for a limited time.

    On SQLite there is one machine, which never waits.

    Args:
        url: of the database.
        own: this machine.
        patience: longest wait, in seconds.
        pause: lets some seconds pass.
    """

    def __init__(self, url: str, own: Self, patience: float, pause: Callable[[float], object] = time.sleep) -> None:
        self._url = url
        self._own = own
        self._patience = patience
        self._pause = pause

    def wait(self, digest: str, begun: float, is_current: Callable[[], bool]) -> bool:
        """Wait until the articles can be shown.

        Args:
            digest: of the articles.
            begun: when the publication began, by `time.monotonic`.
            is_current: whether the files are still those that the articles were read from.

        Returns:
            False where there are newer files to be read first.
        """
        database = Database(self._url)
        try:
            return database.is_sqlite or self._wait(database, digest, begun, is_current)
        finally:
            database.close()

    def _wait(self, database: Database, digest: str, begun: float, is_current: Callable[[], bool]) -> bool:
        """See `wait`."""
        awaited, looked, is_told = ["the database"], time.monotonic(), False
        while time.monotonic() - begun < self._patience:
            try:
                if not is_told:
                    with database.write() as connection:
                        store.say(connection, self._own.name, self._own.build, self._own.keys, ready=digest)
                    is_told = True
                with database.read() as connection:
                    awaited = lacking(self._own.name, self._own.build, digest, store.everything(connection))
            except SQLAlchemyError as error:
                awaited = [f"the database ({reason(error)})"]
            if not awaited:
                return True
            if time.monotonic() - looked > FILES_EVERY:
                if not is_current():
                    return False
                looked = time.monotonic()
            self._pause(LOOK_EVERY)
        if self._patience:
            log.warning("new articles are shown without waiting any longer for %s", ", ".join(awaited))
        return True


class Heart(Duty):
    """Says every few seconds that this machine lives and which articles it shows; one process of several does.

    Args:
        settings: in force; nothing is said where the database is SQLite.
        own: this machine.
    """

    def __init__(self, settings: Settings, own: Self) -> None:
        super().__init__("heart", settings.data / "node.lock")
        self._settings = settings
        self._own = own
        self._faults = FaultLog(log)

    def work(self) -> None:
        """Go on until told to end."""
        settings = self._settings
        database = Database(settings.database)
        try:
            editions = Editions(settings.data, settings.default_language, settings.cuts)
            while not self._ending.is_set():
                self._beat(database, editions)
                self._ending.wait(EVERY)
        except Exception as fault:  # The clock may jump, a disk may go; it begins anew.
            self._faults.report(_SAYING, reason(fault))
            self._ending.wait(STAND_BY)
        finally:
            database.close()

    def _beat(self, database: Database, editions: Editions) -> None:
        """Say once what this machine has, and look at the others."""
        try:
            served = editions.current().knowledge.digest
        except SearchUnavailable:
            served = ""
        own = self._own
        try:
            with database.write() as connection:
                store.say(connection, own.name, own.build, own.keys, served=served)
                store.sweep(connection, _REMEMBERED)
            with database.read() as connection:
                known = store.everything(connection)
        except SQLAlchemyError as error:
            self._faults.report(_SAYING, reason(error))
            return
        self._faults.works(_SAYING)
        if others := strangers(own.name, own.keys, known):
            self._faults.report(
                _KEYS, f"{', '.join(others)} sign with a key that is not known here; give all the same file"
            )
        else:
            self._faults.works(_KEYS)


@contextmanager
def present(settings: Settings) -> Iterator[None]:
    """Let this machine be one of several until its main process ends; workers end here too, in their copies of this."""
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:
            leave(settings)


def leave(settings: Settings) -> None:
    """Let nobody wait any more for this machine, which ends; where that cannot be said, they notice."""
    database = Database(settings.database)
    try:
        if not database.is_sqlite:
            with database.write(STAND_BY) as connection:
                store.leave(connection, name_of(settings))
    except SQLAlchemyError as error:
        log.info("the other machines could not be told that this one ends: %s", reason(error))
    finally:
        database.close()
