"""Backups in both databases: nothing lost on the way out and back, nothing half, nothing overwritten by mistake."""

import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portal import key_files
from portal.backup import postgresql, sealing
from portal.backup.archive import BadBackup
from portal.backup.making import back_up, tell
from portal.backup.restoring import check, restore
from portal.settings import Settings
from portal.storage import Database, gauges, migration
from tests.backing_up import MAIL, elsewhere, everything, members, rich
from tests.builders import NOW, settings, write_library
from tests.conftest import postgres_database
from tests.requesting import SENT, receive, requests_on


@pytest.fixture
def portal(database: Database, tmp_path: Path) -> Settings:
    """A portal with something in every table, on each of the engines."""
    return rich(database, tmp_path / "here")


@pytest.fixture
def target(portal: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Somewhere empty on the same engine."""
    with elsewhere(portal, tmp_path / "there") as made:
        yield made


def change(url: str) -> None:
    """Change something of a portal."""
    database = Database(url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tickets SET subject = 'changed since'")
    database.close()


def test_what_was_backed_up_is_restored_whole(portal: Settings, target: Settings, tmp_path: Path) -> None:
    """Every row of every table, the key, the mails, and the articles where that is wanted."""
    made = back_up(portal, tmp_path / "out", NOW, with_articles=True)
    done = restore(made.path, target, NOW, with_articles=True)

    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert everything(target.database) == everything(portal.database)
    assert min(len(rows) for rows in everything(target.database).values()) > 0
    assert key_files.load(target) == key_files.load(portal)
    assert [path.read_text() for path in (target.data / "mail" / "new").iterdir()] == [MAIL]
    assert {path.relative_to(target.articles) for path in target.articles.rglob("*")} == {
        path.relative_to(portal.articles) for path in portal.articles.rglob("*")
    }
    assert (done.revision, done.before, done.notes) == (migration.newest(), None, ())
    assert sorted(path.name for path in target.data.iterdir() if path.name.startswith(".")) == []
    assert (target.data / "settings-at-backup.json").is_file()


def test_a_backup_is_one_also_where_the_portal_cannot_be_told(portal: Settings, tmp_path: Path) -> None:
    """It says whether it could; the archive stays as it is."""
    made = back_up(portal, tmp_path / "out", NOW)
    assert tell(portal, made, NOW)
    database = Database(portal.database)
    with database.write() as connection:
        assert gauges.last_backup(connection) == NOW
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO away")
    database.close()

    assert not tell(portal, made, NOW)
    assert check(made.path, None, tmp_path).manifest == made.manifest


def test_an_archive_can_be_read_without_the_portal(portal: Settings, tmp_path: Path) -> None:
    """tar and cat are enough at three in the morning; sums, schema, version and counts stand in it."""
    found = members(back_up(portal, tmp_path / "out", NOW).path)

    told, manifest = json.loads(found["backup.json"]), json.loads(found["manifest.json"])
    database = next(name for name in found if name.endswith(".000001"))
    assert (told["product"], told["revision"], told["format"]) == ("tier0-portal", migration.newest(), 1)
    assert manifest["counts"]["tickets"] > 0
    assert {entry["name"]: entry["size"] for entry in manifest["members"]} == {
        name: len(content) for name, content in found.items() if name != "manifest.json"
    }
    assert found[database].startswith(b"SQLite format 3" if told["engine"] == "sqlite" else b"PGDMP")
    assert not any(name.startswith(("articles/", "index/")) for name in found)


def test_passwords_are_not_in_the_note_of_the_settings(portal: Settings, tmp_path: Path) -> None:
    """What an administrator needs to set the portal up again, without what opens other doors."""
    secret = replace(
        portal,
        mail_url="smtp+starttls://me:hunter2@mail.example.org:587",
        imap_url="imaps://me:hunter2@mail.example.org/INBOX",
        oidc_client_secret="hunter2",
        redis_url="redis://:hunter2@cache:6379/0",
        search_url="postgresql+psycopg://me:x/hunter2@replica/portal",
    )

    note = members(back_up(secret, tmp_path / "out", NOW).path)["settings.json"].decode()

    assert "hunter2" not in note
    assert "smtp+starttls://***@mail.example.org:587" in note
    assert json.loads(note)["PORTAL_REQUESTS_PER_HOUR"] == 30


def test_a_backup_is_of_one_moment_while_others_write(database: Database, tmp_path: Path) -> None:
    """Each ticket comes with its events and its mail, whatever is written meanwhile; nobody has to wait for it."""
    portal = settings(write_library(tmp_path / "articles"), tmp_path / "var", database_url=database.url)
    portal.data.mkdir()
    is_over, received = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        while not is_over.is_set():
            # Nobody is mailed of more than a few requests a day.
            sent = replace(SENT, email=f"{secrets.token_hex(8)}@example.org")
            requests_on(database).receive(sent, secrets.token_hex(8), NOW, stems=[])
            received.release()

    made = []
    with ThreadPoolExecutor(2) as writers:
        written = [writers.submit(write) for _ in range(2)]
        try:
            for _ in range(3):
                assert received.acquire(timeout=120)
                made.append(back_up(portal, tmp_path / "out", NOW))
        finally:
            is_over.set()
    assert [writer.result() for writer in written] == [None, None]
    counts = [each.manifest.counts for each in made]
    with elsewhere(portal, tmp_path / "there") as target:
        restore(made[-1].path, target, NOW)
        base = everything(target.database)

    assert counts[0]["tickets"] < counts[2]["tickets"]
    assert len({each["tickets"] - each["events"] for each in counts}) == 1
    assert len({each["tickets"] - each["outbox"] for each in counts}) == 1
    assert len(base["tickets"]) == counts[2]["tickets"]


def test_old_backups_go_and_nothing_else(portal: Settings, tmp_path: Path) -> None:
    """The newest stay; what has another name is somebody else's."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "portal-notes.tar.gz").write_text("mine")
    (folder / ".portal-backup-00000000").write_text("of a process that was killed")
    for day in range(4):
        made = back_up(portal, folder, NOW + timedelta(days=day), keep=2)

    left = sorted(path.name for path in folder.iterdir())
    assert left == ["portal-20260304T093000Z.tar.gz", "portal-20260305T093000Z.tar.gz", "portal-notes.tar.gz"]
    assert [path.name for path in made.removed] == ["portal-20260303T093000Z.tar.gz"]


def test_two_at_the_same_second_are_two(portal: Settings, tmp_path: Path) -> None:
    """A name is never taken twice."""
    assert len({back_up(portal, tmp_path / "out", NOW).path for _ in range(3)}) == 3


def test_what_is_there_is_not_overwritten_by_mistake(portal: Settings, target: Settings, tmp_path: Path) -> None:
    """A portal that is there stays; with `--replace` it is replaced and kept beside."""
    first = back_up(portal, tmp_path / "out", NOW)
    restore(first.path, target, NOW)
    change(target.database)
    changed, key = everything(target.database), b"k" * 32
    (target.data / "secret.key").write_bytes(key)

    with pytest.raises(BadBackup, match=r"There is a portal already: .*--replace"):
        restore(first.path, target, NOW)
    assert everything(target.database) == changed
    done = restore(first.path, target, NOW, is_replacing=True)

    assert everything(target.database) == everything(portal.database)
    assert key_files.load(target) == key_files.load(portal)
    assert done.before is not None
    assert (done.before / "secret.key").read_bytes() == key
    if target.database.startswith("sqlite"):
        assert everything(f"sqlite:///{done.before / 'portal.db'}") == changed


def test_a_running_portal_is_not_replaced(portal: Settings, target: Settings, tmp_path: Path) -> None:
    """Neither the one of the folder, nor others that work with the same database."""
    made = back_up(portal, tmp_path / "out", NOW)
    restore(made.path, target, NOW)
    other = Database(target.database)

    with (target.data / "serve.lock").open("a+") as running:
        fcntl.flock(running, fcntl.LOCK_SH)
        with pytest.raises(BadBackup, match="A portal is running in"):
            restore(made.path, target, NOW, is_replacing=True)
    if not other.is_sqlite:
        with other.read() as connection:
            connection.exec_driver_sql("SELECT 1")
            with pytest.raises(BadBackup, match="1 other connections use the database"):
                restore(made.path, target, NOW, is_replacing=True)
    other.close()


def test_an_older_schema_is_brought_to_this_versions(database: Database, tmp_path: Path) -> None:
    """A backup of an earlier version can be restored; its rows stay."""
    here = settings(write_library(tmp_path / "articles"), tmp_path / "var", database_url=database.url)
    here.data.mkdir()
    receive(database)
    earlier = migration.revisions()[-2]
    migration.downgrade(database, earlier)
    made = back_up(here, tmp_path / "out", NOW)
    migration.upgrade(database)

    with elsewhere(here, tmp_path / "there") as target:
        done = restore(made.path, target, NOW)

        assert (made.header.revision, done.revision) == (earlier, migration.newest())
        assert len(everything(target.database)["tickets"]) == 1
        assert any("no secret key" in note for note in done.notes)


def test_a_full_disk_leaves_nothing_behind(portal: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier backup stays as it is, and so does its number."""
    first = back_up(portal, tmp_path / "out", NOW)

    def full(_noting: sealing.Noting, data: bytes) -> int:
        raise OSError(28, os.strerror(28)) if len(data) > 100 else OSError(28, "No space left on device")

    monkeypatch.setattr(sealing.Noting, "write", full)
    with pytest.raises(BadBackup, match=r"could not be written in .*: No space left on device\. Nothing of it is left"):
        back_up(portal, tmp_path / "out", NOW, keep=1)

    assert list((tmp_path / "out").iterdir()) == [first.path]
    assert not list(portal.data.glob(".backup-*"))


def test_a_disk_that_returns_something_else_is_noticed(
    portal: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is read again before it is called a backup."""

    def rot(folder: Path) -> None:
        (draft,) = folder.glob(".portal-backup-*")
        content = bytearray(draft.read_bytes())
        content[len(content) // 2] ^= 1
        draft.write_bytes(content)

    real = os.fsync

    def fsync(descriptor: int) -> None:
        real(descriptor)
        rot(tmp_path / "out")

    monkeypatch.setattr("portal.backup.making.os.fsync", fsync)
    with pytest.raises(BadBackup, match="the disk is not to be trusted"):
        back_up(portal, tmp_path / "out", NOW)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_database_is_not_backed_up_in_silence(tmp_path: Path, small: Settings) -> None:
    """A copy of rubbish is no backup."""
    here = settings(small.articles, shutil.copytree(small.data, tmp_path / "var"))
    with closing(sqlite3.connect(here.data / "portal.db")) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    content = bytearray((here.data / "portal.db").read_bytes())
    content[4096 * 3 : 4096 * 20] = os.urandom(4096 * 17)
    (here.data / "portal.db").write_bytes(content)

    with pytest.raises(BadBackup, match=r"damaged|malformed"):
        back_up(here, tmp_path / "out", NOW)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("found", "message"),
    [({}, "are not installed"), ({14: 1, 9: 1}, "version 14, older than the server's 15.3")],
    ids=["missing", "older"],
)
def test_pg_dump_that_is_missing_or_too_old_is_told(
    found: dict[int, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package to install."""
    majors = iter([*found, *[0] * 10])
    monkeypatch.setattr(postgresql, "_PLACES", ("/usr",) * max(len(found), 1))
    monkeypatch.setattr(postgresql, "_major", lambda _folder: next(majors))

    with pytest.raises(BadBackup, match=message) as told:
        postgresql.programs("15.3")
    assert "postgresql-client-15" in str(told.value)


def test_nobody_reads_a_secret_in_the_arguments_of_a_program(
    postgres: str, migrated_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every user of a machine sees them. PostgreSQL's programs are told in other ways, and understand."""
    real = postgresql.programs("15.3").folder
    for name in ("pg_dump", "pg_restore"):
        told = f'printf "%s\\n" "$@" >> {tmp_path}/arguments; [ -z "$PGSERVICEFILE" ] || cat "$PGSERVICEFILE" >> {tmp_path}/{name}'
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\n{told}\nexec {real}/{name} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setattr(postgresql, "_PLACES", (str(tmp_path / "bin"),))

    with postgres_database(postgres, migrated_postgres) as url:
        shown = url.replace("portal@", "portal:hunter2@") + "?sslpassword=open%20sesame"
        portal = settings(write_library(tmp_path / "articles"), tmp_path / "var", database_url=shown)
        portal.data.mkdir()
        restore(back_up(portal, tmp_path / "out", NOW).path, portal, NOW, is_replacing=True)

    arguments = (tmp_path / "arguments").read_text()
    assert "--snapshot=" in arguments
    assert "--single-transaction" in arguments
    assert "hunter2" not in arguments
    assert "sesame" not in arguments
    for name in ("pg_dump", "pg_restore"):
        assert (tmp_path / name).read_text() == "[portal]\nsslpassword=open sesame\n"


def test_a_check_changes_nothing(portal: Settings, tmp_path: Path) -> None:
    """`--dry-run` reads all of it and leaves no trace."""
    made = back_up(portal, tmp_path / "out", NOW)
    (tmp_path / "place").mkdir()

    done = check(made.path, None, tmp_path / "place")

    assert done.manifest == made.manifest
    assert list((tmp_path / "place").iterdir()) == []
    with pytest.raises(BadBackup, match=r"could not be unpacked in .*: No such file or directory"):
        check(made.path, None, tmp_path / "missing")
