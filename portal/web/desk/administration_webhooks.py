"""Pages of the webhooks: which there are, what became of what they were to be told, and telling it again."""

import json
from dataclasses import replace

from flask import flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal.announcements import TEST, About
from portal.errors import InvalidInput, StaleTicket
from portal.people import Right
from portal.storage.announcing import State
from portal.storage.webhooks import Webhook
from portal.web.desk import administration_webhook_words as own_words
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, sent
from portal.web.proof import proven
from portal.web.security import needs, person
from portal.web.services import services
from portal.webhooks.signing import Salts

#: Deliveries on one page.
PAGE_SIZE = 50


def _values(webhook: Webhook) -> dict[str, str]:
    """A webhook as it is typed."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": " ".join(webhook.events),
        "languages": " ".join(webhook.languages),
        "is_active": "1" if webhook.is_active else "",
        "version": str(webhook.version),
    }


def _read(form: Form, old: Webhook) -> Webhook:
    """What was typed."""
    return replace(
        old,
        name=form.values.get("name", ""),
        url=form.values.get("url", ""),
        events=frozenset(about for about in About if about in form.list("events")),
        languages=tuple(form.list("languages")),
        is_active=bool(form.values.get("is_active")),
        version=form.version(),
    )


def _form(form: Form, webhook: Webhook, status: int = 200) -> Response:
    """The page of a webhook's form."""
    named = services().settings.webhook_hosts
    return page("webhook", status, form=form, item=webhook, is_new=not webhook.id, named=named, own=own_words)


def _edit(old: Webhook) -> Response:
    """The form of a webhook; saves what was sent."""
    if request.method == "GET":
        return _form(Form(values=_values(old)), old)
    form, webhooks = sent(), services().webhooks
    wanted = _read(form, old)
    for name, code in webhooks.faults(wanted).items():
        form.fail(name, code)
    if form.errors:
        return _form(form, old, 400)
    try:
        save = webhooks.change if old.id else webhooks.add
        made = save(person(), wanted, services().clock())
    except StaleTicket:
        form.changed = webhooks.since(old)[: max(old.version - wanted.version, 1)]
        form.values["version"] = str(old.version)
        return _form(form, old, 409)
    flash(gettext("Saved."))
    return redirect(url_for("desk.admin_webhook_deliveries", number=made.id), 303)


@blueprint.get("/administration/webhooks")
@needs(Right.ADMINISTER)
def admin_webhooks() -> Response:
    """All webhooks, and how they do."""
    webhooks = services().webhooks
    return page("webhooks", webhooks=webhooks.everything(), counts=webhooks.counts(), State=State, own=own_words)


@blueprint.route("/administration/webhooks/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
@proven
def admin_new_webhook() -> Response:
    """A new webhook."""
    return _edit(Webhook(0, "", "", frozenset(About)))


@blueprint.route("/administration/webhooks/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
@proven
def admin_webhook(number: int) -> Response:
    """One webhook."""
    return _edit(services().webhooks.get(number))


@blueprint.route("/administration/webhooks/<int(max=2147483647):number>/remove", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_remove_webhook(number: int) -> Response:
    """Remove a webhook with its log, or ask whether to."""
    webhook = services().webhooks.get(number)
    if request.method == "GET":
        return page("webhook_remove", item=webhook)
    services().webhooks.remove(person(), number, services().clock())
    flash(gettext("Removed."))
    return redirect(url_for("desk.admin_webhooks"), 303)


def _log(webhook: Webhook, secret: str = "") -> Response:
    """What became of what a webhook was to be told."""
    webhooks, now = services().webhooks, services().clock()
    wanted = request.args.get("state", "")
    state = State(wanted) if wanted in set(State) else None
    before = request.args.get("before", "")
    last = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    found = webhooks.deliveries(webhook.id, state, last, PAGE_SIZE + 1)
    rows = [(each, _pretty(each.payload)) for each in found[:PAGE_SIZE]]
    return page(
        "webhook_deliveries", item=webhook, rows=rows, state=state, states=State, own=own_words, secret=secret, test=TEST,
        counts=webhooks.counts().get(webhook.id, {}), more=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
        overlap=Salts.read(webhook.salt).overlap_until(now),
    )  # fmt: skip


def _pretty(payload: str) -> str:
    """A message as people read it; its addresses are whole."""
    _, body = services().dispatch.message(payload)
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


@blueprint.get("/administration/webhooks/<int(max=2147483647):number>/deliveries")
@needs(Right.ADMINISTER)
def admin_webhook_deliveries(number: int) -> Response:
    """What became of what a webhook was to be told."""
    return _log(services().webhooks.get(number))


@blueprint.post("/administration/webhooks/<int(max=2147483647):number>/secret")
@needs(Right.ADMINISTER)
@proven
def admin_webhook_secret(number: int) -> Response:
    """Show the secret once; it is in no page that can be opened again."""
    secret = services().webhooks.reveal(person(), number, services().clock())
    return _log(services().webhooks.get(number), secret)


@blueprint.post("/administration/webhooks/<int(max=2147483647):number>/rotate")
@needs(Right.ADMINISTER)
@proven
def admin_rotate_webhook(number: int) -> Response:
    """Make a new secret and show it."""
    secret = services().webhooks.rotate(person(), number, services().clock())
    return _log(services().webhooks.get(number), secret)


@blueprint.post("/administration/webhooks/<int(max=2147483647):number>/test")
@needs(Right.ADMINISTER)
def admin_test_webhook(number: int) -> Response:
    """Send a test event."""
    services().webhooks.test(person(), number, services().clock())
    flash(gettext("A test event is on its way. This page soon shows what came of it."))
    return redirect(url_for("desk.admin_webhook_deliveries", number=number, again=1), 303)


@blueprint.post("/administration/deliveries/<int(max=2147483647):number>/replay")
@needs(Right.ADMINISTER)
def admin_replay(number: int) -> Response:
    """Tell something once more, or say why not."""
    found = services().webhooks.delivery(number)
    try:
        services().webhooks.replay(person(), number, services().clock())
    except InvalidInput:
        flash(gettext("Nothing was sent: this webhook is not in use. Change that first, then send it again."), "fault")
    else:
        flash(gettext("It is sent once more. This page soon shows what came of it."))
    return redirect(url_for("desk.admin_webhook_deliveries", number=found.webhook_id, again=1), 303)
