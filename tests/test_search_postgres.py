"""The index in PostgreSQL: several nodes, killed writers, what is swept, and a server that fails."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, inspect

from portal.errors import InvalidSetting, SearchUnavailable
from portal.locales import CODES
from portal.search import postgres, postgres_server, postgres_view, postgres_writing
from portal.search.postgres import PostgresIndex
from portal.search.postgres_forms import read_postings
from portal.search.postgres_server import Server
from portal.search.postgres_writing import RATIO, sweep
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings, load
from tests.balancing import until
from tests.builders import write_article
from tests.conftest import postgres_database
from tests.needs import REPOSITORY
from tests.searching import WORDS, Engine, ask, document, no_hurry, slugs
from tests.serving import free_port


@pytest.fixture
def engine(postgres: str) -> Iterator[Engine]:
    """An empty database."""
    with postgres_database(postgres) as url, no_hurry():
        yield Engine(url)


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """The same, to look into."""
    made = create_engine(engine.url)
    yield made
    made.dispose()


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM search1_{table}").scalar_one())


MANY = [document(f"n{number}", f"Printer {number}", "cable tray") for number in range(20)]


def digest(directory: Path, language: str = "en") -> str:
    return postgres.stored(directory / language)[0]


def test_nodes_with_the_same_articles_share_one_generation(engine: Engine, database: Database, tmp_path: Path) -> None:
    """However they came to have them: all at once, or one after the other; one writes, the others wait."""
    nodes = [tmp_path / str(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda node: engine.write(node, *MANY), nodes))
    assert len({digest(node) for node in nodes}) == 1
    assert count(database, "documents") == len(MANY)

    engine.write(nodes[0], document("x", "Mouse"), removed=("n1",))
    engine.write(nodes[1], removed=("n1",))
    engine.write(nodes[1], document("x", "Mouse"))
    assert digest(nodes[0]) == digest(nodes[1]) != digest(nodes[2])
    # A node that has not changed yet goes on with its own.
    assert slugs(ask(engine.open(nodes[2]), "en", "mouse")) == []
    assert slugs(ask(engine.open(nodes[1]), "en", "mouse")) == ["x"]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_node_that_waited_for_the_tables_leaves_them_alone(
    engine: Engine, database: Database, isolation: str
) -> None:
    """It made them once more, and whoever had begun to write by then waited for it while it waited for the writer."""
    named = "'ALTER DATABASE ' || quote_ident(current_database())"
    with database.begin() as connection:
        changed = f"{named} || ' SET default_transaction_isolation = ' || quote_literal('{isolation}')"
        connection.exec_driver_sql(f"DO $$ BEGIN EXECUTE {changed}; END $$")
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
    )
    exclusive = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'"

    def locked_tables() -> int:
        with postgres_server.writing(engine.url) as cursor:
            postgres_writing.prepare(cursor)
            cursor.execute(exclusive)
            return int(cursor.fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        with postgres_server.writing(engine.url) as first:
            postgres_writing.prepare(first)
            first.execute(exclusive)
            assert first.fetchone()[0] > 0
            second = pool.submit(locked_tables)
            with database.connect() as connection:
                until(lambda: connection.exec_driver_sql(waiting).scalar_one() == 1, "nobody waits for the tables")
        assert second.result() == 0


def test_what_an_address_asks_for_is_kept_to(engine: Engine, database: Database, tmp_path: Path) -> None:
    """The server that can be written to, as where a standby may take over, and a schema; searches only read all the same."""
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA ours")
    url = f"{engine.url}?target_session_attrs=read-write&options=-c%20search_path%3Dours"
    asked = Engine(url)
    asked.write(tmp_path, document("a", "Printer"), document("b", "Mouse"))
    assert slugs(ask(asked.open(tmp_path), "en", "printer")) == ["a"]
    assert inspect(database).get_table_names() == []
    with pytest.raises(SearchUnavailable, match="read-only transaction"):
        postgres_server.server(url).rows("DELETE FROM search1_segments")


def test_tables_that_are_made_anew_are_not_taken_for_the_old_ones(
    engine: Engine, database: Database, tmp_path: Path
) -> None:
    """By a process that goes on: no segment is ever called as an earlier one was."""
    engine.write(tmp_path / "one", document("a", "Printer"), document("b", "Mouse"))
    assert slugs(ask(engine.open(tmp_path / "one"), "en", "printer")) == ["a"]
    with database.begin() as connection:
        tables = "search1_postings, search1_documents, search1_generations, search1_segments"
        connection.exec_driver_sql(f"DROP TABLE {tables}")
    engine.write(tmp_path / "two", document("x", "Keyboard"), document("y", "Cable"), document("z", "Tray"))
    assert slugs(ask(engine.open(tmp_path / "two"), "en", "keyboard")) == ["x"]


def test_an_article_that_is_written_as_it_was_costs_nothing(engine: Engine, database: Database, tmp_path: Path) -> None:
    engine.write(tmp_path, *MANY)
    before = digest(tmp_path), count(database, "documents")
    engine.write(tmp_path, MANY[3])
    assert (digest(tmp_path), count(database, "documents")) == before


def test_few_segments_however_often_articles_change(engine: Engine, database: Database, tmp_path: Path) -> None:
    """Small ones are merged, what was removed goes with them, and no article is lost."""
    engine.write(tmp_path, *MANY)
    for number in range(30):
        engine.write(tmp_path, document(f"n{number % 5}", f"Printer changed {number}", "cable tray"))
    with database.connect() as connection:
        statement = "SELECT segments FROM search1_generations WHERE digest = %s"
        segments = connection.exec_driver_sql(statement, (digest(tmp_path),)).scalar_one()
    assert len(segments) <= 2 + len(MANY).bit_length() // RATIO.bit_length()
    index = engine.open(tmp_path)
    assert set(slugs(ask(index, "en", "cable", limit=50))) == {held.slug for held in MANY}
    assert ask(index, "en", "changed").total == 5


_KILLED = """
import sys
from pathlib import Path
from portal.search import Document, postgres
def stop(_count):
    print("writing", flush=True)
    sys.stdin.read()
postgres.write(sys.argv[1], Path(sys.argv[2]), "en", [Document("new", "Mouse", "it", "", (), (), "")], (), stop)
"""


def test_a_writer_that_is_killed_leaves_the_old(engine: Engine, database: Database, tmp_path: Path) -> None:
    """Half a generation is none, and nobody waits for the dead one's lock."""
    engine.write(tmp_path, *MANY)
    before = digest(tmp_path), count(database, "generations"), count(database, "documents")
    command = [sys.executable, "-c", _KILLED, engine.url, str(tmp_path / "en")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
    assert (digest(tmp_path), count(database, "generations"), count(database, "documents")) == before
    assert slugs(ask(engine.open(tmp_path), "en", "mouse")) == []
    engine.write(tmp_path, document("new", "Mouse"))
    assert slugs(ask(engine.open(tmp_path), "en", "mouse")) == ["new"]


def test_what_nobody_uses_is_swept(engine: Engine, database: Database, tmp_path: Path) -> None:
    """What is used stays however old; what was used lately stays; the rest goes, with its segments."""
    old, new = tmp_path / "old", tmp_path / "new"
    engine.write(old, *MANY)
    engine.write(new, *MANY[:3])
    index = engine.open(old)
    used = {code: digest(new, code) for code in CODES}
    sweep(engine.url, used)
    assert ask(index, "en", "printer").total == len(MANY)
    sweep(engine.url, used, kept=0)
    assert count(database, "documents") == 3
    assert slugs(ask(engine.open(new), "en", "printer")) == ["n0", "n1", "n2"]
    # Whoever still reads the old one is told so, instead of being told that nobody has written about it.
    for text in ("tray", "cable tray"):
        with pytest.raises(SearchUnavailable):
            ask(index, "en", text)
    with pytest.raises(SearchUnavailable):
        engine.write(old, document("x", "Mouse"))
    assert "not in the database" in postgres.fault(engine.url, old, dict.fromkeys(CODES, 0))


def test_lists_that_are_lost_or_damaged_are_no_empty_answer(engine: Engine, database: Database, tmp_path: Path) -> None:
    engine.write(tmp_path, *MANY)
    for statement in ("UPDATE search1_postings SET postings = '\\x00'", "DELETE FROM search1_postings"):
        with database.begin() as connection:
            connection.exec_driver_sql(statement)
        with pytest.raises(SearchUnavailable):
            ask(engine.open(tmp_path), "en", "printer")
    for broken in (b"", b"\0" * 9, b"\xff" * 40):
        with pytest.raises(ValueError, match=r"damaged|buffer"):
            read_postings(broken)


def test_memory_of_lists_is_bounded(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is asked for again, with the same answer."""
    monkeypatch.setattr(postgres_view, "LISTS_KEPT", 500)
    monkeypatch.setattr(postgres_view, "HEADS_KEPT", 500)
    engine.write(tmp_path, *MANY)
    index = engine.open(tmp_path)
    assert isinstance(index, PostgresIndex)
    first = [index._search("en", index.clues("en", text), None, 0, 10) for text in ("printer", "tray", "cable", "7")]
    again = [index._search("en", index.clues("en", text), None, 0, 10) for text in ("printer", "tray", "cable", "7")]
    assert first == again
    view = index._view("en")
    assert isinstance(view, postgres_view.PostgresView)
    assert view._lists._size <= 500
    assert view._heads._size <= 500


def test_a_server_that_does_not_answer_is_told_at_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a server that was just found to be gone; it is tried again after a while."""
    monkeypatch.setattr(postgres_server, "PATIENCE", 600.0)
    engine.write(tmp_path, *MANY)
    gone = f"postgresql+psycopg://portal:s3cret@127.0.0.1:{free_port()}/portal"
    index = PostgresIndex(tmp_path, gone)
    for _ in range(2):
        with pytest.raises(SearchUnavailable) as error:
            ask(index, "en", "printer")
        assert "s3cret" not in str(error.value)
    server = postgres_server.server(gone)
    monkeypatch.setattr(server, "_rows", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(SearchUnavailable):
        server.rows("SELECT 1")


def test_reads_are_short_and_change_nothing(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends what takes long; a server that has stopped itself is left by us."""
    monkeypatch.setattr(postgres_server, "PATIENCE", 0.0)
    with postgres_database(postgres) as url:
        server = Server(url)
        with no_hurry():
            stopped = Server(url)
            with pytest.raises(SearchUnavailable, match="timeout"):
                server.rows("SELECT pg_sleep(90)")
            with pytest.raises(SearchUnavailable, match="read-only"):
                server.rows("CREATE TABLE mine (id int)")
            assert server.rows("SELECT %s::text", "'; DROP TABLE x; --") == [("'; DROP TABLE x; --",)]
            stopped.rows("SELECT 1")
        monkeypatch.setattr(postgres_server, "TIME_LIMIT", 0.1)
        with pytest.raises(SearchUnavailable, match="does not answer"):
            stopped.rows("SELECT pg_sleep(30)")
        server.close()
        stopped.close()


def test_connections_that_a_restart_has_ended_are_made_anew(engine: Engine, database: Database) -> None:
    server = Server(engine.url)
    assert server.rows("SELECT 1") == [(1,)]
    with database.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portal search'"
        )
    assert server.rows("SELECT 2") == [(2,)]
    server.close()


def test_the_setting_chooses_the_engine(engine: Engine, instance: Settings) -> None:
    """The portal itself: started, searched, changed from one engine to the other and back."""
    for name in ("postgresql", "whoosh", "postgresql"):
        chosen = replace(instance, database_url=engine.url, search_engine=name)
        prepared = prepare(chosen)
        assert prepared.counts["en"] == 3
        services = open_services(chosen)
        assert isinstance(services.edition.index, PostgresIndex) is (name == "postgresql")
        assert slugs(ask(services.edition.index, "en", "printer")) == ["printer-offline"]
        assert services.health.check()["search"] == "ok"
        services.close()
    write_article(instance.articles, slug="plotter", title="The plotter draws crooked lines")
    assert prepare(chosen).report.changed == 1


def test_what_cannot_be_is_said_before_anything_is_done(instance: Settings) -> None:
    with pytest.raises(InvalidSetting, match="PORTAL_DATABASE_URL"):
        prepare(replace(instance, search_engine="postgresql"))
    url = "postgresql+psycopg://portal@db/portal"
    made = load({"PORTAL_SEARCH_ENGINE": "postgresql", "PORTAL_DATABASE_URL": url})
    assert (made.search_kept, made.search_asked) == (url, url)
    beside = replace(made, search_url=f"{url}2")
    assert (beside.search_kept, beside.search_asked) == (url, f"{url}2")
    assert (Settings().search_kept, Settings(search_url=url).search_asked) == ("", "")


changes = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from(WORDS), max_size=4), max_size=6),
        st.sets(st.sampled_from("abcdefgh"), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_after_any_changes_exactly_what_is_there_is_found(
    engine: Engine, made_changes: list[tuple[dict[str, list[str]], set[str]]]
) -> None:
    """Each generation finds its own articles by every word, whatever was merged or removed on the way."""
    held: dict[str, list[str]] = {}
    with TemporaryDirectory() as name:
        root = Path(name)
        for written, removed in made_changes:
            gone = tuple(sorted(removed - written.keys()))
            engine.write(root, *(document(slug, " ".join(w), slug) for slug, w in written.items()), removed=gone)
            held = {slug: words for slug, words in {**held, **written}.items() if slug not in gone}
            index = engine.open(root)
            for word in WORDS[:4]:
                found = ask(index, "en", word)
                assert set(slugs(found)) == {slug for slug, words in held.items() if word in words}
                assert index.has("en", word) is bool(found.total)
            assert ask(index, "en", " ".join(WORDS), "it").total == sum(map(bool, held.values()))
            index.close()
