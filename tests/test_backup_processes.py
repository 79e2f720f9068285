"""Backup and restore of running portals, and under kill -9 at any moment: what is there is always whole."""

import os
import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from portal.backup.archive import BadBackup
from portal.backup.making import back_up
from portal.backup.places import draft, staging
from portal.backup.restoring import check, restore
from portal.settings import Settings
from portal.storage import Database
from tests.backing_up import elsewhere, everything, rich
from tests.browsing import EMAIL
from tests.builders import NOW, PASSWORD
from tests.requesting import receive
from tests.serving import Server, portal, portal_with_input
from tests.test_failures import Start, Visitor, fields_of

MOMENTS = 6


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """Do something in a process of its own; the seconds that it took."""
    begin = time.monotonic()
    process = get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begin


def killed(seconds: float, work: Callable[..., Any], *arguments: Any) -> None:
    """Do something in a process that is killed after so many seconds, unless it has ended."""
    process = get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join(seconds)
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def alone(url: str) -> None:
    """Wait until nobody else works with a PostgreSQL database: its programs outlive who has started them."""
    if url.startswith("sqlite"):
        return
    database, others = Database(url), 1
    end = time.monotonic() + 120
    while others and time.monotonic() < end:
        with database.read() as connection:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
            others = int(found.scalar_one())
        time.sleep(0.02)
    database.close()
    assert not others


def test_what_others_have_laid_out_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    """A folder such as /tmp, and root who checks a backup there: links, pipes, and folders of somebody else."""
    place, outside = tmp_path / "place", tmp_path / "outside"
    for name in ("link", "pipe", "dead"):
        (place / f".restore-{name}").mkdir(parents=True)
    (place / ".restore-link" / "lock").symlink_to(outside)
    (place / ".restore-dead" / "lock").touch()
    os.mkfifo(place / ".restore-pipe" / "lock")
    os.mkfifo(place / ".portal-backup-pipe")
    (place / ".portal-backup-link").symlink_to(place / ".restore-dead" / "lock")
    strangers = place / ".restore-strange"
    if os.geteuid() == 0:
        strangers.mkdir()
        (strangers / "lock").touch()
        os.chown(strangers, 65534, 65534)

    with staging(place, ".restore-"), draft(place, ".portal-backup-"):
        pass

    assert not outside.exists()
    assert not (place / ".restore-dead").exists()
    assert (place / ".portal-backup-link").is_symlink()
    assert strangers.exists() == (os.geteuid() == 0)


@pytest.mark.sqlite  # PostgreSQL tells who else is there: test_backup_recovery.
def test_a_file_that_somebody_works_with_is_not_put_away(instance: Settings, tmp_path: Path) -> None:
    """Also by a portal of another instance folder: it would go on writing into what nobody reads any more."""
    blue = Database(instance.database)
    receive(blue)
    blue.close()
    made = back_up(instance, tmp_path / "out", NOW)
    good = everything(instance.database)
    green = replace(instance, data=tmp_path / "green", database_url=instance.database)
    with blue.write() as connection:
        connection.exec_driver_sql("UPDATE tickets SET subject = 'changed since'")
    with pytest.raises(BadBackup, match=r"The database .* is in use\. Stop every portal"):
        restore(made.path, green, NOW, is_replacing=True)
    with blue.read() as connection:
        assert connection.exec_driver_sql("SELECT subject FROM tickets").scalar_one() == "changed since"
    blue.close()

    place, link = tmp_path / "elsewhere" / "portal.db", tmp_path / "green" / "portal.db"
    place.parent.mkdir()
    link.symlink_to(place)
    (place.parent / ".restore-portal.db").write_text("of a restore that was killed")
    was = os.umask(0o022)
    try:
        for url in (instance.database, f"sqlite:///{link}"):
            restore(made.path, replace(green, database_url=url), NOW, is_replacing=True)
            assert everything(url) == good
        Database(f"sqlite:///{tmp_path / 'new.db'}").engine.connect().close()
    finally:
        os.umask(was)
    assert link.is_symlink()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, tmp_path / "new.db")} == {0o600}
    assert not list(place.parent.glob(".*"))


def test_a_killed_backup_leaves_whole_ones_alone(database: Database, tmp_path: Path) -> None:
    """Whatever has the name of a backup is one; the next backup sweeps up what was killed."""
    here, out = rich(database, tmp_path / "here"), tmp_path / "out"
    database.close()
    whole = timed(back_up, here, out, NOW)

    for moment in range(MOMENTS):
        killed(whole * (moment + 0.5) / MOMENTS, back_up, here, out, NOW)
        for path in out.glob("portal-*"):
            check(path, None, tmp_path)
    made = back_up(here, out, NOW)

    assert check(made.path, None, tmp_path).manifest == made.manifest
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    assert list(here.data.glob(".backup-*")) == []


def test_a_killed_restore_leaves_the_old_or_the_new(database: Database, tmp_path: Path) -> None:
    """Never a mixture and never nothing; what was there is kept beside, and once more finishes it."""
    here = rich(database, tmp_path / "here")
    database.close()
    good = back_up(here, tmp_path / "out", NOW).path
    new = everything(here.database)
    with elsewhere(here, tmp_path / "there") as target:
        restore(good, target, NOW)
        whole = timed(_again, good, target)
        for moment in range(MOMENTS):
            changed = Database(target.database)
            with changed.write() as connection:
                connection.exec_driver_sql(f"UPDATE tickets SET subject = 'at {moment}'")
            changed.close()
            old = everything(target.database)
            killed(whole * (moment + 0.5) / MOMENTS, _again, good, target)
            alone(target.database)
            assert everything(target.database) in (old, new)
        done = _again(good, target)

        assert everything(target.database) == new
        assert done.before is not None
        assert list(target.data.glob(".restore-*")) == []


def _again(good: Path, target: Settings) -> Any:
    """Restore over what is there."""
    return restore(good, target, NOW, is_replacing=True)


def asked(server: Server) -> str:
    """Send a request as a reader; the address of its private page."""
    reader = Visitor(server)
    reader.get("/en/search?q=zyxomat+jumping")
    address = "/en/requests/new"
    form = fields_of(reader.get(address), address)
    fields = form | {"name": "Zoë", "email": "zoe@example.org", "description": "The toner leaks", "suggested": "1"}
    status, _, private = reader.ask("POST", address, fields)
    assert status == 303
    return private


def signed_in(server: Server) -> Visitor:
    """An agent who has signed in with the password."""
    agent = Visitor(server)
    form = fields_of(agent.get("/en/sign-in"), "/en/sign-in") | {"email": EMAIL, "password": PASSWORD}
    assert agent.ask("POST", "/en/sign-in", form)[0] == 303
    return agent


@pytest.fixture
def fresh(instance: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A place that nobody has used."""
    with elsewhere(instance, tmp_path / "fresh") as made:
        yield made


@pytest.mark.server
def test_a_portal_starts_on_what_was_restored(
    serve: Start, fresh: Settings, library_folder: Path, tmp_path: Path
) -> None:
    """Backed up while it runs, lost, restored into a fresh folder: sign-in, private link, queue and search work."""
    lost = serve(data=tmp_path / "lost", articles=library_folder, PORTAL_WORKERS="1").start()
    options = ("--name", "Mia Lindt", "--own-password", "--password-stdin", "--data", str(lost.data))
    assert portal_with_input(f"{PASSWORD}\n", "staff", "add", EMAIL, *options) == 0
    private, session = asked(lost), signed_in(lost)
    place = ("--articles", str(library_folder))
    made = portal("backup", str(tmp_path / "out"), "--data", str(lost.data), *place)
    (archive,) = (tmp_path / "out").iterdir()
    running = portal("restore", str(archive), "--data", str(lost.data), *place, "--replace")
    lost.kill()
    database = {"PORTAL_DATABASE_URL": fresh.database}
    done = portal("restore", str(archive), "--data", str(fresh.data), *place, **database)
    found = serve(data=fresh.data, articles=library_folder, PORTAL_WORKERS="1", **database).start()

    assert (made.returncode, running.returncode, done.returncode) == (0, 1, 0), made.stderr + done.stderr
    assert "A portal is running in" in running.stderr
    assert "The toner leaks" in Visitor(found).get(private)
    queue = signed_in(found).get("/en/desk/")
    assert "zyxomat" in queue
    assert re.search(r"toner leaks", queue, re.IGNORECASE)
    # Who was signed in still is: the key came along.
    again = replace(session, server=found)
    assert again.ask("GET", "/en/desk/")[0] == 200
    assert "reset-password" in Visitor(found).get("/en/search?q=forgotten+password")


def test_a_restore_into_a_missing_database_says_so(database: Database, tmp_path: Path) -> None:
    """Before anything is unpacked."""
    here = rich(database, tmp_path / "here")
    good = back_up(here, tmp_path / "out", NOW).path
    other = "sqlite" if not database.is_sqlite else "postgresql+psycopg://nobody@127.0.0.1:1/none"
    url = f"sqlite:///{tmp_path / 'x.db'}" if other == "sqlite" else other
    target = replace(here, data=tmp_path / "there", database_url=url)

    with pytest.raises(Exception, match=r"does not answer|Restore it into PostgreSQL") as told:
        restore(good, target, NOW)
    assert isinstance(told.value, BadBackup) or "does not answer" in str(told.value)
