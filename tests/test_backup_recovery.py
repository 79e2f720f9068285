"""Recovery to a point in time on a real PostgreSQL server, by the steps and the lines of `docs/backup.md`."""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.backup import restoring
from portal.backup.archive import BadBackup
from portal.backup.making import back_up
from portal.backup.restoring import restore
from portal.storage import Database, migration
from tests.backing_up import everything, members
from tests.builders import NOW, settings
from tests.conftest import postgres_database
from tests.needs import REPOSITORY, postgres_programs
from tests.requesting import receive
from tests.serving import free_port


class Cluster:
    """A server with a folder of its own, which keeps its log of changes."""

    def __init__(self) -> None:
        self.programs = postgres_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="recovery-"))
        self._user = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
            for parent in list(self.folder.parents)[:3]:
                parent.chmod(parent.stat().st_mode | 0o011)
        self.port = free_port()

    def run(self, *command: str) -> None:
        """Run something as the server's user."""
        name = str(self.programs / command[0]) if (self.programs / command[0]).exists() else command[0]
        done = subprocess.run(
            [name, *command[1:]],
            capture_output=True,
            text=True,
            user=self._user,
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self, data: str) -> None:
        """Start the server on a data folder."""
        places = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self.run("pg_ctl", "-D", data, "-o", places, "-l", str(self.folder / "log"), "-w", "start")

    def write(self, name: str, text: str) -> None:
        """Write a file as the server's user, at the end of what is there."""
        with (self.folder / name).open("a") as file:
            file.write(text)
        if self._user:
            shutil.chown(self.folder / name, self._user)

    @property
    def url(self) -> str:
        """Address of the portal's database."""
        return f"postgresql+psycopg://portal@127.0.0.1:{self.port}/portal"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server that is stopped and removed afterwards."""
    made = Cluster()
    made.run("initdb", "-D", "data", "-U", "portal", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    yield made
    for name in ("data", "again"):
        pid = made.folder / name / "postmaster.pid"
        if pid.exists():
            made.run("pg_ctl", "-D", name, "-m", "immediate", "stop")
    shutil.rmtree(made.folder, ignore_errors=True)


def documented(mark: str, folder: Path) -> str:
    """The lines that the documentation gives for a configuration file, with the test's folders."""
    page = (REPOSITORY / "docs" / "backup.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {mark} -->\n```ini\n(.*?)```", page, re.DOTALL)
    assert found, mark
    return found[1].replace("/srv/wal", str(folder / "wal"))


def until_archived(database: Database) -> None:
    """Close the current file of the log, and wait until it has been put away."""
    with database.write() as connection:
        name = str(connection.exec_driver_sql("SELECT pg_walfile_name(pg_switch_wal())").scalar_one())
    end = time.monotonic() + 120
    last = ""
    while last < name and time.monotonic() < end:
        with database.read() as connection:
            last = str(connection.exec_driver_sql("SELECT last_archived_wal FROM pg_stat_archiver").scalar_one())
        time.sleep(0.02)
    assert last >= name


def test_the_moment_before_a_mistake_comes_back(cluster: Cluster) -> None:
    """A base backup and the log, as documented: what was acknowledged before is there, the mistake is not."""
    cluster.run("mkdir", "wal")
    cluster.write("data/postgresql.conf", documented("archive", cluster.folder))
    cluster.start("data")
    cluster.run("createdb", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "portal", "portal")
    database = Database(cluster.url)
    migration.upgrade(database)
    address = f"host=127.0.0.1 port={cluster.port} user=portal"
    cluster.run("pg_basebackup", "-d", address, "-D", "base", "--checkpoint=fast", "--no-sync")
    receive(database)
    with database.read() as connection:
        moment = str(connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one())
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM events")
        connection.exec_driver_sql("DELETE FROM outbox")
        connection.exec_driver_sql("UPDATE tickets SET description = 'overwritten by mistake'")
    until_archived(database)
    database.close()

    cluster.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
    cluster.run("cp", "-r", "base", "again")
    lines = documented("recovery", cluster.folder)
    cluster.write(
        "again/postgresql.conf", re.sub(r"recovery_target_time = '.*'", f"recovery_target_time = '{moment}'", lines)
    )
    cluster.write("again/recovery.signal", "")
    cluster.start("again")

    recovered = Database(cluster.url)
    end, is_waiting = time.monotonic() + 120, True
    while is_waiting and time.monotonic() < end:
        with recovered.read() as connection:
            is_waiting = bool(connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one())
        time.sleep(0.02)
    with recovered.read() as connection:
        rows = connection.exec_driver_sql("SELECT description FROM tickets").scalars().all()
        events = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
    recovered.close()
    assert not is_waiting
    assert rows == ["It does not print.\nSince Monday."]
    assert events > 0


def test_who_owns_the_database_needs_no_other_right(
    postgres: str, migrated_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backup, restore into an empty database and over what is there, by a user who is no administrator."""
    with postgres_database(postgres, migrated_postgres) as source, postgres_database(postgres) as target:
        role = f"owner_{secrets.token_hex(4)}"
        server = Database(source)
        with server.write() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
            connection.exec_driver_sql(f"GRANT pg_read_all_data TO {role}")
            connection.exec_driver_sql(f"ALTER DATABASE {target.rpartition('/')[2]} OWNER TO {role}")
        receive(server)
        server.close()
        here = settings(tmp_path / "articles", tmp_path / "here", database_url=source.replace("portal@", f"{role}@"))
        there = settings(tmp_path / "articles", tmp_path / "there", database_url=target.replace("portal@", f"{role}@"))
        here.data.mkdir()
        good = back_up(here, tmp_path / "out", NOW).path
        restore(good, there, NOW)
        again = restore(back_up(there, tmp_path / "out", NOW).path, there, NOW, is_replacing=True)

        assert everything(there.database) == everything(source)
        assert again.manifest.counts["tickets"] == 1
        there_now = Database(target)
        with there_now.write() as connection:
            with pytest.raises(BadBackup, match="1 other connections use the database"):  # Of another user.
                restore(good, there, NOW, is_replacing=True)
            # One that has come while the backup was unpacked is seen, too.
            monkeypatch.setattr(restoring, "_refuse_what_is_there", lambda *_, **__: None)
            with pytest.raises(BadBackup, match="1 other connections use the database"):
                restore(good, there, NOW, is_replacing=True)
            monkeypatch.undo()
            connection.exec_driver_sql("CREATE TABLE of_somebody_else (id integer)")
        there_now.close()
        with pytest.raises(BadBackup, match=r"tables that are not in the backup, such as of_somebody_else"):
            restore(good, there, NOW, is_replacing=True)


def test_what_is_not_the_portals_is_neither_saved_nor_replaced(
    postgres: str, migrated_postgres: str, tmp_path: Path
) -> None:
    """Other schemas, extensions that only the server's owner may make, and the search index."""
    with postgres_database(postgres, migrated_postgres) as source, postgres_database(postgres) as target:
        server = Database(source)
        receive(server)
        with server.write() as connection:
            connection.exec_driver_sql("CREATE SCHEMA other")
            connection.exec_driver_sql("CREATE TABLE other.tickets AS SELECT generate_series(1, 3) AS id")
            connection.exec_driver_sql("CREATE EXTENSION pg_stat_statements")
            connection.exec_driver_sql("CREATE TABLE search1_segments (id bigint GENERATED ALWAYS AS IDENTITY)")
        server.close()
        here, there = (settings(tmp_path / "a", tmp_path / str(url[-9:]), database_url=url) for url in (source, target))
        here.data.mkdir()
        before = everything(source)
        made = back_up(here, tmp_path / "out", NOW)
        for place in (there, here):
            restore(made.path, place, NOW, is_replacing=True)
        hand = members(made.path)["database.dump.000001"]
        with postgres_database(postgres) as third:
            address = ["pg_restore", "--no-owner", "--exit-on-error", "-d", third.replace("+psycopg", "")]
            subprocess.run(address, input=hand, check=True)
            assert everything(third) == before

        assert before == everything(source) == everything(target)
        for url, are_there in ((target, False), (source, True)):
            looked = Database(url)
            with looked.read() as connection:
                names = connection.exec_driver_sql(
                    "SELECT to_regclass('other.tickets'), to_regclass('search1_segments')"
                )
                assert [name is not None for name in names.one()] == [are_there, are_there]
            looked.close()
