"""Backup and restore of running portals, and under kill -9 at any moment: what is there is always whole."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from portal.backup.archive import BadBackup
from portal.backup.making import back_up
from portal.backup.restoring import check, restore
from portal.settings import Settings
from portal.storage import Database
from tests.backing_up import elsewhere, everything, rich
from tests.browsing import EMAIL
from tests.builders import NOW, PASSWORD
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
    end = time.monotonic() + 30
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


@pytest.mark.server
def test_a_portal_starts_on_what_was_restored(serve: Start, library_folder: Path, tmp_path: Path) -> None:
    """Backed up while it runs, lost, restored into a fresh folder: sign-in, private link, queue and search work."""
    lost = serve(data=tmp_path / "lost", articles=library_folder, PORTAL_WORKERS="1").start()
    options = ("--name", "Mia Lindt", "--password-stdin", "--data", str(lost.data))
    assert portal_with_input(f"{PASSWORD}\n", "staff", "add", EMAIL, *options) == 0
    private, session = asked(lost), signed_in(lost)
    place = ("--articles", str(library_folder))
    made = portal("backup", str(tmp_path / "out"), "--data", str(lost.data), *place)
    (archive,) = (tmp_path / "out").iterdir()
    running = portal("restore", str(archive), "--data", str(lost.data), *place, "--replace")
    lost.kill()
    done = portal("restore", str(archive), "--data", str(tmp_path / "fresh"), *place)
    found = serve(data=tmp_path / "fresh", articles=library_folder, PORTAL_WORKERS="1").start()

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
