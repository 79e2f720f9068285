"""The commands that take mails: silent, and a mail server keeps what they could not take."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal.commands import mail as commands
from portal.desk.inbox import Inbox
from portal.settings import Settings
from portal.storage import Database
from tests.postgres import locked
from tests.receiving import (
    MAILS,
    raw,
)


@pytest.fixture
def run(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `portal mail`."""
    monkeypatch.setenv("PORTAL_DATA", str(instance.data))
    monkeypatch.setenv("PORTAL_ARTICLES", str(instance.articles))
    return lambda *arguments, **options: CliRunner().invoke(commands.mail, arguments, **options)


def test_the_command_takes_a_mail_silently(run: Callable[..., Any]) -> None:
    """What it prints would get to people by the mail server."""
    quiet, told = run("receive", input=raw()), run("receive", "--json", input=raw())

    assert (quiet.exit_code, quiet.output) == (0, "")
    assert json.loads(told.output)["outcome"] == "duplicate"


def test_nothing_comes_of_an_automatic_mail_and_that_is_well(run: Callable[..., Any]) -> None:
    """The mail server is done with it."""
    told = run("receive", "--json", input=(MAILS / "auto-replied.eml").read_bytes())

    assert (told.exit_code, json.loads(told.output)) == (0, {"outcome": "automatic", "ticket": None})


def test_a_mail_server_keeps_what_a_locked_database_could_not_take(
    run: Callable[..., Any], instance: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail is handed over again later; nothing of it is said."""
    monkeypatch.setattr(Database.write.__wrapped__, "__defaults__", (0.05,))  # type: ignore[attr-defined]
    with locked(instance.database):
        kept = run("receive", input=raw())

    assert kept.exit_code == 75
    assert not any(word in kept.output for word in ("anna", "Kühn", "Drucker"))
    assert run("receive", input=raw()).exit_code == 0


def test_a_mail_server_keeps_what_a_fault_of_ours_could_not_take(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's mail is given back because of it, and what is said is not what they wrote."""
    monkeypatch.setattr(Inbox, "receive", lambda *_: (_ for _ in ()).throw(KeyError("anna@example.org")))

    kept = run("receive", input=raw())

    assert kept.exit_code == 75
    assert "KeyError" in kept.output
    assert "anna" not in kept.output


def test_a_mail_server_keeps_mails_while_there_is_no_portal(tmp_path: Path) -> None:
    """As at the time of a move; in a process of its own, as a mail server starts it."""
    command = [sys.executable, "-m", "portal", "mail", "receive", "--data", str(tmp_path / "none")]

    done = subprocess.run(command, input=raw(), capture_output=True, check=False, timeout=60)

    assert done.returncode == 75
    assert b"anna" not in done.stdout + done.stderr


def test_polling_without_a_mailbox_says_so(run: Callable[..., Any]) -> None:
    """Which setting is missing."""
    result = run("poll")

    assert result.exit_code == 1
    assert "PORTAL_IMAP_URL" in result.output
