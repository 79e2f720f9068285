"""A real server cuts connections, makes somebody give way, lets nobody in: people notice nothing, or lose nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import TimeoutError as NoConnection

from portal import storage
from portal.app import create_app
from portal.catalogues import catalogue
from portal.errors import CannotStart
from portal.services import SPARE_CONNECTIONS, Services, open_services
from portal.settings import Settings
from portal.storage import Database, masked, reachable
from portal.ticking import tick
from tests.postgres import postgres_database
from tests.test_failures import fields_of

# The engine is its own.
pytestmark = pytest.mark.sqlite
ADDRESS = "/de/requests/new"
Act = Callable[[Connection], object]
Break = Callable[[str, Act], list[int]]


@pytest.fixture
def url(postgres: str, migrated_postgres: str) -> Iterator[str]:
    """The address of a migrated database."""
    with postgres_database(postgres, migrated_postgres) as made:
        yield made


@pytest.fixture
def services(instance: Settings, url: str) -> Iterator[Services]:
    """A portal on a real server, with four threads at most."""
    made = open_services(replace(instance, database_url=url, threads=4, requests_per_hour=1000))
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    """A reader of it."""
    return create_app(services.settings, services).test_client()


@pytest.fixture
def other(url: str) -> Iterator[Connection]:
    """Somebody else's connection; every statement stands by itself unless a transaction is begun."""
    database = Database(url, 1)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    database.close()


@pytest.fixture
def meddle(services: Services) -> Iterator[Break]:
    """Does something once, just before a statement of the portal that begins with some words."""
    engine: Engine = services.database.engine
    placed: list[Any] = []

    def place(beginning: str, act: Act) -> list[int]:
        met: list[int] = []

        def before(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(beginning):
                met.append(1)
                if len(met) == 1:
                    act(connection)

        event.listen(engine, "before_cursor_execute", before)
        placed.append(before)
        return met

    yield place
    for before in placed:
        event.remove(engine, "before_cursor_execute", before)


def form(client: FlaskClient) -> dict[str, Any]:
    """A filled-in form."""
    sent = fields_of(client.get(ADDRESS).text, ADDRESS)
    return sent | {"name": "Zoë", "email": "zoe@example.org", "description": "Es “druckt” nicht", "suggested": "1"}


def end_all(other: Connection) -> None:
    """Cut every connection but one's own, as a restart does."""
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    other.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def kept(other: Connection) -> int:
    """How many requests there are."""
    return int(other.exec_driver_sql("SELECT count(*) FROM tickets WHERE kind = 'request'").scalar_one())


def refuse(state: str) -> Act:
    """The server itself says that a transaction has to give way."""
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'give way' USING ERRCODE = '{state}'; END $$"
    return lambda connection: connection.exec_driver_sql(raising)


def occupy(connection: Connection) -> None:
    """Leave the driver in the middle of something, as a server does that goes away after it has refused a statement."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.pgconn.send_query(b"SELECT 1")


def test_a_connection_that_the_driver_itself_cannot_use_is_given_up(
    client: FlaskClient, other: Connection, meddle: Break, caplog: pytest.LogCaptureFixture
) -> None:
    """The request is kept over another one, once, and the log shows no trace of what could not be taken back."""
    sent = form(client)
    met = meddle("INSERT INTO tickets", occupy)

    answer = client.post(ADDRESS, data=sent)

    assert (answer.status_code, kept(other), len(met)) == (303, 1, 2)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_connections_that_were_cut_between_two_requests_are_made_anew(
    client: FlaskClient, services: Services, other: Connection
) -> None:
    """A server that was started anew costs nobody anything."""
    sent = form(client)
    for _ in range(3):
        assert services.health.check()["database"] == "ok"
    end_all(other)

    assert client.post(ADDRESS, data=sent).status_code == 303
    assert kept(other) == 1


def test_a_connection_that_is_cut_in_the_midst_of_a_request_is_noticed_by_nobody(
    client: FlaskClient, other: Connection, meddle: Break
) -> None:
    """Nothing of it was kept, so it is done once more: one request, one mail."""
    sent = form(client)
    met = meddle("INSERT INTO tickets", lambda _: end_all(other))

    answer = client.post(ADDRESS, data=sent)

    assert (answer.status_code, len(met)) == (303, 2)
    assert kept(other) == 1
    assert other.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 1


def test_where_the_end_is_not_known_the_person_is_asked_and_nothing_is_kept_twice(
    client: FlaskClient, services: Services, other: Connection
) -> None:
    """Cut while it is being kept: the form comes back whole; sent again, it is there once."""
    sent = form(client)
    cut: list[int] = []

    def before(_connection: Connection) -> None:
        if not cut:
            cut.append(1)
            end_all(other)

    event.listen(services.database.engine, "commit", before)
    answer = client.post(ADDRESS, data=sent)
    again = fields_of(answer.text, ADDRESS)
    second = client.post(ADDRESS, data=sent | again)
    third = client.post(ADDRESS, data=sent | again)

    assert (answer.status_code, second.status_code, third.status_code) == (503, 303, 303)
    assert again["description"] == sent["description"]
    assert kept(other) == 1


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_who_has_to_give_way_tries_once_more(state: str, client: FlaskClient, other: Connection, meddle: Break) -> None:
    """Serialization failures and deadlocks of the server: the person notices nothing."""
    sent = form(client)
    met = meddle("INSERT INTO tickets", refuse(state))

    assert client.post(ADDRESS, data=sent).status_code == 303
    assert len(met) == 2
    assert kept(other) == 1


def test_a_real_deadlock_ends_well_for_both(client: FlaskClient, url: str, other: Connection, meddle: Break) -> None:
    """Two that wait for each other: the server ends one of them, which begins again."""
    rival, begun = Database(url, 1), threading.Event()

    def compete() -> None:
        with rival.write(30) as connection:
            connection.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(2)")
            begun.set()
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")

    thread = threading.Thread(target=compete)

    def meet(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
        thread.start()
        assert begun.wait(20)
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not other.exec_driver_sql(waiting).all():
            pass
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(2)")

    sent = form(client)
    met = meddle("INSERT INTO tickets", meet)
    answer = client.post(ADDRESS, data=sent)
    thread.join(20)

    assert (answer.status_code, len(met), kept(other)) == (303, 2, 1)
    assert not thread.is_alive()
    rival.close()


def test_a_lock_that_is_not_given_up_ends_in_the_polite_page(
    client: FlaskClient, other: Connection, meddle: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has waited is not made to wait once more; all that was typed comes back, and goes through afterwards."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT", 0.2)
    sent = form(client)
    met = meddle("INSERT INTO tickets", lambda _: None)
    other.exec_driver_sql("BEGIN")
    other.exec_driver_sql("LOCK TABLE tickets IN SHARE MODE")

    answer = client.post(ADDRESS, data=sent)
    vote = client.post("/de/articles/reset-password/vote", data={"helpful": "yes"})
    other.exec_driver_sql("COMMIT")
    again = fields_of(answer.text, ADDRESS)

    assert (answer.status_code, len(met)) == (503, 1)
    assert '<html lang="de"' in answer.text
    assert again["description"] == sent["description"]
    assert vote.status_code == 303, "what needs no lock goes on"
    assert client.post(ADDRESS, data=sent | again).status_code == 303
    assert kept(other) == 1


def test_the_background_tries_again_at_its_next_pass(
    client: FlaskClient, services: Services, other: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock, a serialization failure, a cut connection: the round says so, the next one does what was left."""
    assert client.post(ADDRESS, data=form(client)).status_code == 303
    monkeypatch.setattr(storage, "BUSY_TIMEOUT", 0.2)
    now = services.clock()
    other.exec_driver_sql("BEGIN")
    other.exec_driver_sql("LOCK TABLE tickets, outbox IN SHARE MODE")

    locked = tick(services, now, judge=False, forget=False)
    other.exec_driver_sql("COMMIT")
    end_all(other)
    after = tick(services, now, judge=False, forget=False)

    assert any("lock timeout" in fault for fault in locked.faults), locked.faults
    assert (locked.sent, locked.indexed) == (0, 0)
    assert after.faults == ()
    assert (after.sent, after.indexed) == (1, 1)


def test_a_server_that_can_only_be_read_is_left_for_the_one_that_writes(
    client: FlaskClient, other: Connection, meddle: Break
) -> None:
    """After a switch an open connection may lead to what is a standby now; the next one looks for the other."""
    sent = form(client)
    met = meddle("INSERT INTO tickets", lambda c: c.exec_driver_sql("SET TRANSACTION READ ONLY"))

    assert client.post(ADDRESS, data=sent).status_code == 303
    assert len(met) == 2
    assert kept(other) == 1


def test_every_thread_has_a_connection_and_whoever_gets_none_is_told(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as threads and some more; when all are taken the page says so in the reader's language."""
    pool: Any = services.database.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.1)
    sent = form(client)
    with ExitStack() as taken:
        for _ in range(4 + SPARE_CONNECTIONS):
            taken.enter_context(services.database.engine.connect())
        with pytest.raises(NoConnection):
            services.database.engine.connect()
        answer = client.get("/de/requests/" + "0" * 64)
        refused = client.post(ADDRESS, data=sent)

    assert (answer.status_code, refused.status_code) == (503, 503)
    assert catalogue("de").gettext("We are not available at the moment") in answer.text
    assert fields_of(refused.text, ADDRESS)["description"] == sent["description"]
    assert client.post(ADDRESS, data=sent).status_code == 303


def test_limits_of_the_server_are_set_and_can_be_chosen(url: str) -> None:
    """No statement and no forgotten transaction goes on for ever; what the address says comes first."""
    databases = Database(url), Database(f"{url}?options=-c%20statement_timeout%3D7000&application_name=mine")
    asked = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    found = []
    for database in databases:
        with database.read() as connection:
            found.append([connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in asked])
        database.close()

    assert found == [["2min", "5s", "5min", "portal"], ["7s", "0", "0", "mine"]]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql+psycopg://u:s3:c@ret@127.0.0.1:1/d", "postgresql+psycopg://u:***@127.0.0.1:1/d"),
        ("postgresql+psycopg://127.0.0.1:1/d?user=u&password=s3c", "postgresql+psycopg://127.0.0.1:1/d?user=u&password=***"),
        ("postgresql+psycopg://u:s3c@/d?host=127.0.0.1:1&host=127.0.0.1:2", "postgresql+psycopg://u:***@/d?host=127.0.0.1:1&host=127.0.0.1:2"),
        ("postgresql+psycopg://u:s3c@h:port/d", "postgresql+psycopg://u:***@h:port/d"),
    ],
)  # fmt: skip
def test_no_message_shows_a_password(address: str, shown: str) -> None:
    """Of one server, of several, in the query, and in an address that cannot be read."""
    assert masked(address) == shown
    with pytest.raises(CannotStart) as refused:
        reachable(Database(address))
    assert shown in str(refused.value)
    assert "s3" not in str(refused.value)
