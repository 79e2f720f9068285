"""Pages of the rules that clocks set off, and of where topics go."""

from dataclasses import replace

from flask import flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from portal.desk.hours import minutes
from portal.errors import NotFound
from portal.locales import CODES
from portal.organisation import SUPPLIER_TIER, Clock, Effect, Route, Rule, Tier
from portal.organisation_checks import faults
from portal.people import Person, Right
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, sent, submit, topics
from portal.web.desk.administration_parts import Part
from portal.web.security import needs, person
from portal.web.services import services


def _numbers(form: Form, name: str, highest: int) -> tuple[int, ...]:
    """Ticked numbers; what is none was not on the page."""
    return tuple(number for number in range(1, highest + 1) if str(number) in form.list(name))


def _show(rule: Rule) -> dict[str, str]:
    """A rule as it is typed."""
    return {
        "name": rule.name,
        "clock": rule.clock.value,
        "effect": rule.effect.value,
        "offset": minutes(abs(rule.offset)) if rule.offset else "",
        "side": "before" if rule.offset < 0 else "after" if rule.offset else "due",
        "tiers": " ".join(map(str, rule.tiers)),
        "priorities": " ".join(map(str, rule.priorities)),
        "languages": " ".join(rule.languages),
        "is_unowned": "1" if rule.is_unowned else "",
        "is_active": "1" if rule.is_active else "",
    }


def _read(form: Form, old: Rule) -> Rule:
    """What was typed."""
    side = form.one("side", ("due", "before", "after"))
    amount = (form.minutes("offset") or 0) if side != "due" else 0
    if side != "due" and not amount and "offset" not in form.errors:
        form.fail("offset", "missing")
    return replace(
        old,
        name=form.values.get("name", ""),
        clock=Clock(form.one("clock", list(Clock))),
        effect=Effect(form.one("effect", list(Effect))),
        offset=-amount if side == "before" else amount,
        tiers=_numbers(form, "tiers", SUPPLIER_TIER),
        priorities=_numbers(form, "priorities", 6),
        languages=tuple(code for code in CODES if code in form.list("languages")),
        is_unowned=bool(form.values.get("is_unowned")),
        is_active=bool(form.values.get("is_active")),
    )


PART = Part(Rule, "rule", "desk.admin_rules", Rule(0, "", Clock.TIER, 0, Effect.ESCALATE), _show, _read)


@blueprint.get("/administration/rules")
@needs(Right.ADMINISTER)
def admin_rules() -> Response:
    """All rules, in the order in which they were made."""
    return page("rules", rules=sorted(services().administration.everything(Rule), key=lambda rule: rule.id))


@blueprint.route("/administration/rules/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_new_rule() -> Response:
    """A new rule."""
    return PART.edit(None)


@blueprint.route("/administration/rules/<int(max=2147483647):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_rule(number: int) -> Response:
    """One rule."""
    return PART.edit(number)


@blueprint.route("/administration/rules/<int(max=2147483647):number>/remove", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_remove_rule(number: int) -> Response:
    """Remove a rule."""
    return PART.remove(number)


def knows(each: Person, topic: str) -> bool:
    """Whether somebody works on a topic."""
    return each.is_active and bool(each.tiers) and (not each.topics or topic in each.topics)


@blueprint.get("/administration/topics")
@needs(Right.ADMINISTER)
def admin_topics() -> Response:
    """The articles' topics, and those that only have a route left."""
    named = topics()
    routes = {route.topic: route for route in services().administration.everything(Route)}
    people = services().staff.everybody()
    rows = [
        (topic, named.get(topic, topic), routes.get(topic) or Route(topic), [p for p in people if knows(p, topic)])
        for topic in (*named, *(topic for topic in sorted(routes) if topic not in named))
    ]
    return page("topics", rows=rows, routes=routes, named=named)


@blueprint.route("/administration/topics/<topic>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_topic(topic: str) -> Response:
    """Where requests about a topic go."""
    administration, named = services().administration, topics()
    try:
        old, is_new = administration.get(Route, topic), False
    except NotFound:
        if topic not in named:
            raise
        old, is_new = Route(topic), True
    tiers = [tier for tier in administration.everything(Tier) if tier.is_active and tier.number < SUPPLIER_TIER]

    def show(form: Form, status: int = 200) -> Response:
        name = named.get(topic, topic)
        return page("topic", status, form=form, item=old, name=name, is_new=is_new, tiers=tiers)

    if request.method == "GET":
        version = "0" if is_new else str(old.version)
        return show(Form(values={"tier": str(old.tier), "impact": str(old.impact), "version": version}))
    form = sent()
    wanted = replace(old, tier=form.whole("tier"), impact=form.whole("impact"), version=form.version() or 1)
    form.add(faults(wanted))
    is_addition = form.version() == 0

    def save() -> None:
        if is_addition and is_new:
            administration.add(person(), wanted, services().clock())
        else:
            administration.change(person(), wanted, services().clock())

    return submit(form, save, url_for("desk.admin_topics"), lambda status: show(form, status), wanted)


@blueprint.post("/administration/topics/<topic>/remove")
@needs(Right.ADMINISTER)
def admin_remove_topic(topic: str) -> Response:
    """Send requests about a topic where all others go."""
    services().administration.remove(person(), Route, topic, services().clock())
    flash(gettext("Removed."))
    return redirect(url_for("desk.admin_topics"), 303)
