"""`portal webhooks`: where other systems are told of what happens, what became of it, and telling it again."""

from dataclasses import asdict
from typing import Any

import click

from portal.announcements import About
from portal.commands.options import as_json, services, show, with_settings
from portal.errors import InvalidInput, NotFound, PortalError
from portal.locales import CODES
from portal.services import utc_now
from portal.settings import Settings
from portal.storage.announcing import State
from portal.storage.webhooks import Delivery, Webhook

#: Stands for a name in the audit log.
_ACTOR = "portal webhooks"
#: What is wrong with a webhook, for operators.
_WRONG = {
    "user_info": "the address may hold no user name and no password",
    "insecure": "the address must begin with https://, unless PORTAL_WEBHOOK_HOSTS names its host",
    "port": "the port must be 80, 443 or at least 1024",
    "not_listed": "PORTAL_WEBHOOK_HOSTS does not name this host",
    "private": "the address leads into a private network; PORTAL_WEBHOOK_HOSTS can name hosts there",
    "too_many": "there are too many webhooks already",
}


@click.group()
def webhooks() -> None:
    """Other systems that are told of what happens."""


def _plain(webhook: Webhook, counts: dict[State, int]) -> dict[str, Any]:
    """A webhook, for scripts; never its secret."""
    return {
        "id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "events": sorted(webhook.events),
        "languages": list(webhook.languages),
        "is_active": webhook.is_active,
        "failing_since": webhook.failing_since.isoformat() if webhook.failing_since else None,
        "deliveries": {state.value: counts.get(state, 0) for state in State},
    }


@webhooks.command("list")
@as_json
@with_settings
def list_webhooks(settings: Settings, as_json: bool) -> None:
    """All webhooks, and how they do."""
    portal = services(settings)
    found, counts = portal.webhooks.everything(), portal.webhooks.counts()

    def lines() -> list[str]:
        return [_line(each, counts.get(each.id, {})) for each in found] or ["No webhooks."]

    show([_plain(each, counts.get(each.id, {})) for each in found], as_json, lines)


def _line(webhook: Webhook, counts: dict[State, int]) -> str:
    """A webhook in one line."""
    state = "working" if webhook.is_active else "not in use"
    if webhook.failing_since and webhook.is_active:
        state = f"has taken nothing since {webhook.failing_since:%Y-%m-%d %H:%M}"
    told = ", ".join(f"{counts[each]} {each}" for each in State if counts.get(each)) or "nothing yet"
    return f"{webhook.id:>4}  {webhook.name}  {webhook.url}  {state}  {told}"


@webhooks.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([about.value for about in About]),
    help="One event; without it all.",
)
@click.option("--language", "languages", multiple=True, type=click.Choice(CODES), help="One language; without it all.")
@as_json
@with_settings
def add(
    settings: Settings, as_json: bool, name: str, url: str, events: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    """Add a webhook and print the secret that its receiver checks signatures with."""
    portal = services(settings)
    wanted = frozenset(About(event) for event in events) or frozenset(About)
    webhook = Webhook(0, name, url, wanted, languages)
    if faults := portal.webhooks.faults(webhook):
        raise PortalError("; ".join(f"{field}: {_WRONG.get(code, code)}" for field, code in faults.items()) + ".")
    try:
        made = portal.webhooks.add(None, webhook, utc_now(), _ACTOR)
    except InvalidInput as error:
        raise PortalError(f"{error.field}: {_WRONG.get(error.code, error.code)}.") from None
    secret = portal.webhooks.key_of(made)
    show({**_plain(made, {}), "secret": secret}, as_json, lambda: [f"Added as {made.id}. Its secret: {secret}"])


@webhooks.command()
@click.argument("number", type=click.IntRange(1))
@with_settings
def secret(settings: Settings, number: int) -> None:
    """Print the secret of a webhook; the audit log keeps that it was."""
    click.echo(_found(lambda: services(settings).webhooks.reveal(None, number, utc_now(), _ACTOR), "webhook", number))


def _found(work: Any, what: str, number: int) -> Any:
    """What a use case gives; a plain sentence where its thing is not there."""
    try:
        return work()
    except NotFound:
        raise PortalError(f"There is no {what} {number}.") from None


@webhooks.command()
@click.argument("number", type=click.IntRange(1))
@with_settings
def test(settings: Settings, number: int) -> None:
    """Send an event of its own to a webhook, now, and say what came of it."""
    portal = services(settings)
    delivery = _found(lambda: portal.webhooks.test(None, number, utc_now()), "webhook", number)
    _try(portal, delivery)


def _try(portal: Any, number: int) -> None:
    """Deliver something now; ends with 1 where it is not taken."""
    is_taken = portal.dispatch.once(number, utc_now)
    after = portal.webhooks.delivery(number)
    if is_taken:
        click.echo(f"Taken: the receiver answered {after.status}.")
        return
    raise PortalError(f"Not taken: {after.fault or 'it is being sent by the running portal'}.")


def _plain_delivery(delivery: Delivery) -> dict[str, Any]:
    """What became of something, for scripts."""
    times = {"created_at": delivery.created_at, "due_at": delivery.due_at, "ended_at": delivery.ended_at}
    said = {name: at.isoformat() if at else None for name, at in times.items()}
    return asdict(delivery) | said | {"state": delivery.state.value}


@webhooks.command()
@click.argument("number", type=click.IntRange(1), required=False)
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only this state.")
@click.option("--limit", default=100, type=click.IntRange(1, 100_000), help="At most so many; newest first.")
@as_json
@with_settings
def deliveries(settings: Settings, as_json: bool, number: int | None, state: str | None, limit: int) -> None:
    """What became of what was to be told, newest first; of one webhook, or of all."""
    portal = services(settings)
    if number is not None:
        _found(lambda: portal.webhooks.get(number), "webhook", number)
    found = portal.webhooks.deliveries(number, State(state) if state else None, limit=limit)

    def lines() -> list[str]:
        return [
            f"{each.id:>7}  {each.created_at:%Y-%m-%d %H:%M}  webhook {each.webhook_id}  {each.event:<18}{each.state:<8}"
            f"{each.attempts:>3}×  {each.status or '-'}  {each.fault}".rstrip()
            for each in found
        ] or ["No deliveries."]

    show([_plain_delivery(each) for each in found], as_json, lines)


@webhooks.command()
@click.argument("number", type=click.IntRange(1))
@with_settings
def replay(settings: Settings, number: int) -> None:
    """Tell a receiver something once more, now, with the same id: a delivery by its number."""
    portal = services(settings)
    try:
        _found(lambda: portal.webhooks.replay(None, number, utc_now(), _ACTOR), "delivery", number)
    except InvalidInput:
        raise PortalError("Not sent: its webhook is off. Turn it on first, under Administration → Webhooks.") from None
    _try(portal, number)
