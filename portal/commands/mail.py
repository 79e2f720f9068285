"""`portal mail`: send what waits, see what became of it, and take in what comes."""

import os
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from portal.bounces import MAX_BYTES, read_bounce
from portal.commands.options import as_json, services, show, with_settings
from portal.errors import PortalError
from portal.faults import reason
from portal.inbound import MAX_BYTES as MAX_MAIL
from portal.mail import Unavailable
from portal.services import utc_now
from portal.settings import Settings
from portal.storage import outbox
from portal.storage.outbox import Posted, State


@click.group()
def mail() -> None:
    """Mails to requesters and subscribers."""


@mail.command()
@as_json
@with_settings
def send(settings: Settings, as_json: bool) -> None:
    """Send the mails that are due; the running portal does this by itself."""
    done = services(settings).delivery.deliver(utc_now())
    value = {"sent": done.sent, "retried": done.retried, "failed": done.failed}
    show(value, as_json, lambda: [f"{done.sent} sent, {done.retried} to be tried again, {done.failed} given up."])
    if done.retried or done.failed:
        raise SystemExit(1)


def _plain(posted: Posted) -> dict[str, Any]:
    """What became of a mail, for scripts; without the recipient, the subject and the text."""
    return {
        "ticket": posted.ticket_id,
        "language": posted.language,
        "state": posted.state.value,
        "attempts": posted.attempts,
        "created_at": posted.created_at.isoformat(),
        "ended_at": posted.ended_at.isoformat() if posted.ended_at else None,
        "fault": posted.fault or None,
    }


@mail.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only this state.")
@click.option("--limit", default=1000, type=click.IntRange(1, 100_000), help="At most so many; newest first.")
@as_json
@with_settings
def list_mails(settings: Settings, as_json: bool, state: str | None, limit: int) -> None:
    """What became of the mails, newest first; never what they say or to whom."""
    with services(settings).database.read() as connection:
        found = outbox.newest(connection, State(state) if state else None, limit)

    def lines() -> list[str]:
        counts = Counter(posted.state.value for posted in found)
        rows = [
            f"{p.created_at:%Y-%m-%d %H:%M}  {p.state:<8}{p.language}  {p.attempts:>3}×  "
            f"{f'#{p.ticket_id}' if p.ticket_id else '-':<8}{p.fault}".rstrip()
            for p in found
        ]
        return [*rows, ", ".join(f"{counts[state]} {state}" for state in State if counts[state]) or "No mails."]

    show([_plain(posted) for posted in found], as_json, lines)


@mail.command()
@with_settings
def bounce(settings: Settings) -> None:
    """Read one mail from standard input, as a mail server pipes it; a report of a failed delivery is noted."""
    found = read_bounce(sys.stdin.buffer.read(MAX_BYTES))
    if found is None:
        raise PortalError("This mail is no report of a mail that could not be delivered.")
    is_news = services(settings).delivery.bounced(found, utc_now())
    click.echo("Noted." if is_news else "Nothing to note: no mail of ours, known already, or still being tried.")


def _or_kept(command: Callable[..., Any]) -> Callable[..., Any]:
    """End a command that could not be done so that a mail server keeps the mail and tries again (`EX_TEMPFAIL`)."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except SystemExit as end:
            if end.code:
                sys.exit(os.EX_TEMPFAIL)
            raise
        except Exception as error:  # A mail server would give the mail back to its sender.
            click.echo(f"portal: the mail was not taken: {reason(error)}", err=True)
            sys.exit(os.EX_TEMPFAIL)

    return run


def _standard_input() -> bytes:
    """A mail, or the beginning of one that is too large; a mail server wants to get rid of all of it."""
    content = sys.stdin.buffer.read(MAX_MAIL + 1)
    while sys.stdin.buffer.read(1_000_000):
        pass
    return content


@mail.command()
@as_json
@_or_kept
@with_settings
def receive(settings: Settings, as_json: bool) -> None:
    """Take one mail from standard input, as a mail server pipes it: a request, a reply, or a report.

    Ends with 0 when it has been taken, also if nothing comes of it, and with 75 when it has to be handed over again.
    """
    content = _standard_input()
    portal = services(settings)
    try:
        taken = portal.inbox.receive(content, utc_now())
    finally:
        portal.close()
    if as_json:  # Mail servers send what a command prints to whom they like.
        show({"outcome": taken.outcome.value, "ticket": taken.ticket_id}, as_json, list)


@mail.command()
@as_json
@with_settings
def poll(settings: Settings, as_json: bool) -> None:
    """Fetch unread mails from the mailbox; the running portal does this by itself."""
    portal = services(settings)
    try:
        if portal.mailbox is None:
            raise PortalError("There is no mailbox to look into: PORTAL_IMAP_URL is not set.")
        done = portal.mailbox.poll(lambda content: portal.inbox.receive(content, utc_now()))
    except Unavailable as error:
        raise PortalError(f"No mail could be fetched: {error}.") from None
    finally:
        portal.close()
    show({"taken": done.taken, "failed": done.failed}, as_json, lambda: [f"{done.taken} taken, {done.failed} failed."])
    if done.failed:
        raise SystemExit(1)
