"""`portal tickets`: what is on the desk, for scripts and for trying things out."""

from typing import Any

import click

from portal.commands.options import as_json, services, show, with_settings
from portal.locales import CODES
from portal.settings import Settings
from portal.storage import tickets as store
from portal.tickets import Event, Kind, Ticket


@click.group()
def tickets() -> None:
    """Gaps and requests."""


def _plain(ticket: Ticket) -> dict[str, Any]:
    """A ticket for scripts; without the requester's name and address."""
    return {
        "number": ticket.id,
        "kind": ticket.kind.value,
        "tier": ticket.tier,
        "status": ticket.status.value,
        "language": ticket.language,
        "subject": ticket.subject,
        "query": ticket.query,
        "page": ticket.page,
        "occurrences": ticket.occurrences,
        "owner": ticket.owner_name or None,
        "resolution": ticket.resolution.value if ticket.resolution else None,
        "created_at": ticket.created_at.isoformat(),
        "updated_at": ticket.updated_at.isoformat(),
    }


def _event(event: Event) -> dict[str, Any]:
    """A line of the history for scripts."""
    return {
        "at": event.at.isoformat(),
        "action": event.action.value,
        "actor": event.actor.name or "system",
        "before": event.before.value if event.before else None,
        "after": event.after.value,
        "text": event.text,
        "public": event.is_public,
        "details": event.details,
    }


@tickets.command("list")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only gaps or only requests.")
@click.option("--language", type=click.Choice(CODES), help="Only this language.")
@click.option("--all", "everything", is_flag=True, help="Solved ones too.")
@click.option("--limit", default=1000, type=click.IntRange(1, 100_000), help="At most so many; oldest first.")
@as_json
@with_settings
def list_tickets(
    settings: Settings, as_json: bool, kind: str | None, language: str | None, everything: bool, limit: int
) -> None:
    """Tickets with work left, oldest first."""
    chosen = store.Filter(
        kind=Kind(kind) if kind else None, language=language, is_unsolved=None if everything else True
    )
    with services(settings).database.read() as connection:
        found = store.find(connection, chosen, limit=limit)
    show(
        [_plain(ticket) for ticket in found],
        as_json,
        lambda: [
            f"#{t.id:<6}{t.kind:<9}L{t.tier}  {t.status:<18}{t.language}  {t.occurrences:>4}×  {t.subject}{'' if t.is_confirmed else '  (unconfirmed)'}"
            for t in found
        ],
    )


@tickets.command("show")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@as_json
@with_settings
def show_ticket(settings: Settings, as_json: bool, number: int) -> None:
    """One ticket with its history."""
    with services(settings).database.read() as connection:
        ticket = store.get(connection, number)
        history = store.history(connection, number)
    value = _plain(ticket) | {
        "description": ticket.description,
        "requester": ticket.requester_name or None,
        "gap": ticket.gap_id,
        "resolution_text": ticket.resolution_text,
        "history": [_event(event) for event in history],
    }

    def lines() -> list[str]:
        facts = [f"{name:<16}{fact}" for name, fact in value.items() if name != "history" and fact not in (None, "")]
        past = [f"{e.at:%Y-%m-%d %H:%M}  {e.actor.name or 'system'}: {e.action} {e.text}".rstrip() for e in history]
        return [*facts, "", *past]

    show(value, as_json, lines)
