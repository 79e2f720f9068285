"""Fixtures by role: an instance, a reader, an agent, databases, a running server."""

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from portal import library
from portal.app import create_app
from portal.server import prepare
from portal.services import Services, open_services
from portal.settings import Settings
from portal.storage import Database
from tests.browsing import Site, open_site
from tests.builders import PASSWORD, settings, write_library
from tests.builders import person as somebody
from tests.choosing import runs_on_postgresql
from tests.needs import IN_CI, chromium
from tests.postgres import instead, opened, postgres_database
from tests.publishing import Folder
from tests.quicker import share
from tests.ready import SHIPPED, ready
from tests.serving import Server

__all__ = ["postgres_database"]


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever runs the tests choose the engine."""
    how = "what instances keep their tickets in; postgresql leaves out what tests/choosing.py says"
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help=how)


def pytest_configure(config: pytest.Config) -> None:
    """Before any application is made."""
    share()
    opened.watch()
    config.addinivalue_line("markers", "sqlite: about SQLite itself, its file or its locks")
    config.addinivalue_line("markers", "reads: about pages, files or sockets; the database only has to be there")
    config.addinivalue_line("markers", "writes: what people do in a browser here is kept in the database")
    if config.getoption("--database") == "postgresql":
        instead.is_chosen = True
        every: Any = Settings
        every.database = property(lambda self: self.database_url or instead.url(self.data))


# Tests are of what is right, never of how quick a machine is.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

# As long as Playwright waits for everything else: a busy machine is slow, not wrong.
expect.set_options(timeout=30_000)


def pytest_unconfigure() -> None:
    """Leave no server behind."""
    instead.end()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out what says nothing more there; begin with what takes longest, so that nothing ends alone."""
    if instead.is_chosen:
        out = [item for item in items if not runs_on_postgresql(item)]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]
    items.sort(key=lambda item: not any(map(item.get_closest_marker, ("browser", "server"))))


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over what stays to the end: libraries and a few thousand tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def what_a_module_leaves_is_settled() -> Iterator[None]:
    """The same for what stays of a module: else each publication looks through all that earlier ones have left."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """Forget the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def place_for_what_is_ready(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One for all processes of the tests."""
    own = tmp_path_factory.getbasetemp()
    ready.place = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "ready"


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A prepared instance of the small library, of which tests get copies; nothing changes this one."""
    folder = tmp_path_factory.mktemp("pattern")
    made = settings(write_library(folder / "articles"), folder / "var")
    prepare(made)
    return made


@pytest.fixture(scope="session")
def small(pattern: Settings) -> Settings:
    """The same by its other name."""
    return pattern


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
    services.close()


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
    made = settings(SHIPPED, tmp_path_factory.mktemp("shipped") / "var")
    ready.copy(SHIPPED, made.data)
    prepare(made)
    return made


@pytest.fixture(scope="session")
def shipped_services(shipped: Settings) -> Iterator[Services]:
    """The parts of the shipped knowledge base."""
    services = open_services(shipped)
    yield services
    services.close()


@pytest.fixture(scope="session")
def postgres() -> str:
    """A real PostgreSQL server of our own; its address without a database."""
    return instead.running().url


@pytest.fixture(scope="session")
def migrated_postgres() -> str:
    """The name of a migrated database, of which tests get copies."""
    return instead.migrated()


@pytest.fixture(autouse=True)
def databases_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the databases that a test has used in place of SQLite's files."""
    folder = request.getfixturevalue("tmp_path") if instead.is_chosen and "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        instead.drop_below(folder)


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
