"""Fixtures by role: an instance, a reader, an agent, databases, a running server."""

import gc
import os
import pwd
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from portal import library
from portal.app import create_app
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import Database, migration
from tests.browsing import Site, open_site
from tests.builders import PASSWORD, settings, write_library
from tests.builders import person as somebody
from tests.needs import IN_CI, REPOSITORY, chromium, postgres_programs
from tests.publishing import Folder
from tests.quicker import share
from tests.serving import Server, free_port


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI every part is there: a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and exitstatus == 0 and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = 1


def pytest_xdist_auto_num_workers() -> int:
    """One process more for each two cores: half of the time the tests wait for browsers, servers and commands."""
    cores = len(os.sched_getaffinity(0))
    return cores + (cores + 1) // 2


def pytest_configure() -> None:
    """Before any application is made."""
    share()


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over what stays to the end: libraries and a few thousand tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """Forget the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A prepared instance of the small library, of which tests get copies; nothing changes this one."""
    folder = tmp_path_factory.mktemp("pattern")
    made = settings(write_library(folder / "articles"), folder / "var")
    prepare(made)
    return made


@pytest.fixture
def library_folder(pattern: Settings, tmp_path: Path) -> Path:
    """Seven articles in four languages."""
    return shutil.copytree(pattern.articles, tmp_path / "articles")


@pytest.fixture
def folder(library_folder: Path, tmp_path: Path) -> Folder:
    """A published folder."""
    made = Folder(library_folder, tmp_path / "var")
    made.publish()
    return made


@pytest.fixture
def instance(library_folder: Path, pattern: Settings, tmp_path: Path) -> Settings:
    """A prepared instance of the small library."""
    made = settings(library_folder, shutil.copytree(pattern.data, tmp_path / "var"))
    # Files are known by their numbers on the disk, too; those of the copies are others.
    files = library.scan(library_folder).files
    with closing(sqlite3.connect(made.data / "articles.db")) as known, known:
        change = "UPDATE articles SET signature = ? WHERE language = ? AND slug = ?"
        known.executemany(change, [(file.signature, file.language, file.slug) for file in files])
    return made


@pytest.fixture
def portal_services(instance: Settings) -> Iterator[Services]:
    """The parts of the small instance."""
    services = open_services(instance)
    yield services
    services.database.close()


@pytest.fixture
def app(instance: Settings, portal_services: Services) -> Flask:
    """The application on the small instance."""
    return create_app(instance, portal_services)


@pytest.fixture
def reader(app: Flask) -> FlaskClient:
    """Somebody who reads and is not signed in."""
    return app.test_client()


@pytest.fixture
def agent(app: Flask, portal_services: Services) -> FlaskClient:
    """An agent of L1 who is signed in."""
    portal_services.staff.add(somebody(), PASSWORD, portal_services.clock())
    return sign_in(app.test_client(), "mia@example.org")


def sign_in(client: FlaskClient, email: str) -> FlaskClient:
    """Sign in through the page, as a person does."""
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    answer = client.post("/en/sign-in", data={"email": email, "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == 303
    return client


def hidden(page: str, name: str) -> str:
    """The value of a page's hidden field."""
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A prepared instance of the shipped knowledge base, for tests that only read."""
    made = settings(REPOSITORY / "articles", tmp_path_factory.mktemp("shipped") / "var")
    prepare(made)
    return made


@pytest.fixture(scope="session")
def shipped_services(shipped: Settings) -> Iterator[Services]:
    """The parts of the shipped knowledge base."""
    services = open_services(shipped)
    yield services
    services.database.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL server of our own; the address of its template database.

    Not below pytest's folder: a second run of the tests would close that to the server's user.
    """
    programs = postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
        for parent in list(folder.parents)[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)

    def run(*arguments: str) -> None:
        subprocess.run(arguments, check=True, capture_output=True, user=user, cwd=folder, timeout=60)

    port = free_port()
    data = str(folder / "data")
    run(str(programs / "initdb"), "-D", data, "-U", "portal", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    places = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    options = f"{places} -c fsync=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB"
    run(str(programs / "pg_ctl"), "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    made = f"postgresql+psycopg://portal@127.0.0.1:{port}"
    yield made
    run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """The address of a database of its own, which is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    maintenance = Database(f"{server}/postgres")
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"{server}/{name}"
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    maintenance.close()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """The name of a migrated database, of which tests get copies."""
    maintenance = Database(f"{postgres}/postgres")
    with maintenance.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE DATABASE migrated")
    maintenance.close()
    made = Database(f"{postgres}/migrated")
    migration.upgrade(made)
    made.close()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated database, on each of the engines."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('pattern').data / 'portal.db', tmp_path)}"
        return
    template = request.getfixturevalue("migrated_postgres")
    with postgres_database(request.getfixturevalue("postgres"), template) as made:
        yield made


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, on each of the engines."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts real servers, and ends them with the test."""
    started: list[Server] = []

    def start(**options: Any) -> Server:
        server = Server(options.pop("data", tmp_path / "serve-var"), **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium, without the services that look for hosts outside."""
    quiet = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
    more = ("--no-sandbox", "--disable-component-update", "--disable-sync")
    return {"executable_path": chromium(), "args": [*quiet, *more]}


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens browsers of different people."""
    contexts = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """The real server with the shipped articles, an agent, a gap and a request."""
    server = Server(tmp_path_factory.mktemp("browser") / "var", PORTAL_REQUESTS_PER_HOUR="1000").start()
    yield open_site(server, browser)
    server.kill()
