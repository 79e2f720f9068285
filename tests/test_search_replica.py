"""Search on two real servers: written on the primary, read from a replica that streams from it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import create_engine

from portal.edition import Edition, Editions
from portal.errors import SearchUnavailable
from portal.publishing import Publisher
from portal.queries import Query
from portal.search import postgres_server
from portal.selfservice import answer
from portal.settings import Settings
from tests.builders import NOW, write_article, write_library
from tests.needs import postgres_programs
from tests.searching import no_hurry
from tests.serving import free_port

#: How long is waited for a replica, in seconds.
PATIENCE = 120.0


class Cluster:
    """A PostgreSQL server and one that follows it.

    Args:
        folder: of their own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._programs = folder, postgres_programs()
        self._user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        self._ports = {name: free_port() for name in ("primary", "replica")}
        if self._user:
            shutil.chown(folder, self._user)
            for parent in list(folder.parents)[:3]:
                parent.chmod(parent.stat().st_mode | 0o011)
        data = self._data("primary")
        self._run("initdb", "-D", data, "-U", "portal", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start("primary")
        source = ("-h", "127.0.0.1", "-p", str(self._ports["primary"]), "-U", "portal")
        self._run("pg_basebackup", "-D", self._data("replica"), "-R", "-X", "stream", "-c", "fast", *source)
        self.start("replica")

    def _data(self, name: str) -> str:
        return str(self._folder / name)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd=self._folder, timeout=60)

    def start(self, name: str) -> None:
        """Start one of the servers."""
        places = f"-p {self._ports[name]} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        options = f"{places} -c fsync=off -c wal_level=replica -c max_wal_size=256MB"
        log = str(self._folder / f"{name}.log")
        self._run("pg_ctl", "-D", self._data(name), "-o", options, "-l", log, "-w", "start")

    def stop(self, name: str) -> None:
        """End one of the servers at once."""
        self._run("pg_ctl", "-D", self._data(name), "-m", "immediate", "-w", "stop")

    def url(self, name: str) -> str:
        """The address of one of them."""
        return f"postgresql+psycopg://portal@127.0.0.1:{self._ports[name]}/postgres"

    def tell(self, name: str, statement: str) -> None:
        """Have one of them do something."""
        engine = create_engine(self.url(name))
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


class Site(NamedTuple):
    """Articles that are published on the primary, and searched on the replica."""

    cluster: Cluster
    articles: Path
    publish: Callable[[], object]
    #: What readers see now.
    current: Callable[[], Edition]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(postgres_server, "PATIENCE", 0.0)
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    cluster = Cluster(folder)
    articles, data = write_library(tmp_path / "articles"), tmp_path / "var"
    data.mkdir()
    publisher = Publisher(articles, data, cluster.url("primary"))
    ticks = iter(range(10**9))
    editions = Editions(data, "en", Settings().cuts, lambda: float(next(ticks)), search=cluster.url("replica"))
    with no_hurry():
        yield Site(cluster, articles, lambda: publisher.publish(NOW), editions.current)
    for name in ("replica", "primary"):
        if (folder / name / "postmaster.pid").exists():
            cluster.stop(name)
    shutil.rmtree(folder, ignore_errors=True)


def find(edition: Edition, text: str) -> list[str]:
    return [result.item.article.slug for result in answer(edition, Query("en", text)).results]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def found_by(site: Site, text: str, slug: str) -> bool:
    """Whether readers find an article; not yet, while the replica has nothing."""
    try:
        return slug in find(site.current(), text)
    except SearchUnavailable:
        return False


def test_readers_search_the_replica(site: Site) -> None:
    """Saved, found through the replica; old while it lags, unavailable while it is gone, and right again."""
    site.publish()
    until(lambda: found_by(site, "forgotten password", "reset-password"))

    write_article(site.articles, slug="plotter", title="The plotter draws crooked lines")
    site.publish()
    until(lambda: found_by(site, "plotter", "plotter"))

    # The replica lags: readers stay with what it has, whole and consistent.
    site.cluster.tell("replica", "SELECT pg_wal_replay_pause()")
    before = site.current()
    write_article(site.articles, slug="beamer", title="The beamer stays dark")
    site.publish()
    assert site.current() is before
    assert find(before, "beamer") == []
    assert find(before, "plotter") == ["plotter"]
    site.cluster.tell("replica", "SELECT pg_wal_replay_resume()")
    until(lambda: found_by(site, "beamer", "beamer"))

    # The replica is gone: never taken for no answer; the articles change all the same.
    site.cluster.stop("replica")
    edition = site.current()
    with pytest.raises(SearchUnavailable):
        find(edition, "stapler")
    write_article(site.articles, slug="stapler", title="The stapler jams")
    site.publish()
    assert ("en", "stapler") in site.current().knowledge.articles
    with pytest.raises(SearchUnavailable):
        find(site.current(), "stapler")
    site.cluster.start("replica")
    until(lambda: found_by(site, "stapler", "stapler"))

    # The primary is gone: what has been published is searched on; nothing new is published, and nothing is broken.
    site.cluster.stop("primary")
    edition = site.current()
    write_article(site.articles, slug="scanner", title="The scanner hums")
    with pytest.raises(SearchUnavailable):
        site.publish()
    assert site.current() is edition
    assert find(edition, "crooked lines") == ["plotter"]
    site.cluster.start("primary")
    site.publish()
    until(lambda: found_by(site, "scanner hums", "scanner"))
