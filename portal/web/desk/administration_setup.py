"""Pages of what every desk has: tiers, targets and settings."""

from dataclasses import replace

from flask import request, url_for
from werkzeug.wrappers import Response

from portal.desk.hours import minutes
from portal.organisation import Calendar, Policy, Target, Tier
from portal.people import Right
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, sent, submit
from portal.web.desk.administration_parts import Part, users_of
from portal.web.security import needs, person
from portal.web.services import services


def _show_tier(tier: Tier) -> dict[str, str]:
    """A tier as it is typed."""
    return {f"names_{code}": name for code, name in tier.names.items()} | {
        "is_active": "1" if tier.is_active else "",
        "minutes": minutes(tier.minutes),
        "calendar_id": str(tier.calendar_id or ""),
    }


def _read_tier(form: Form, old: Tier) -> Tier:
    """What was typed; L1 is always in use, and has no box to untick."""
    return replace(
        old,
        names=form.by_language("names"),
        is_active=old.number == 1 or bool(form.values.get("is_active")),
        minutes=form.minutes("minutes"),
        calendar_id=form.calendar(),
    )


def _beside_tier(_form: Form, tier: Tier) -> dict[str, object]:
    """Who serves the tier, what is at it, and the calendars to choose from."""
    return {
        "calendars": services().administration.everything(Calendar),
        "servers": [each for each in services().staff.everybody() if each.is_active and tier.number in each.tiers],
        "users": users_of(services().administration.uses(Tier, tier.number)),
    }


TIER = Part(Tier, "tier", "desk.admin_tiers", Tier(1), _show_tier, _read_tier, _beside_tier)


@blueprint.get("/administration/tiers")
@needs(Right.ADMINISTER)
def admin_tiers() -> Response:
    """The four tiers."""
    people = [each for each in services().staff.everybody() if each.is_active]
    tiers = services().administration.everything(Tier)
    servers = {tier.number: [each for each in people if tier.number in each.tiers] for tier in tiers}
    load = services().administration.load()["tiers"]
    names = {tier.number: tier.names for tier in tiers}
    return page("tiers", tiers=tiers, servers=servers, load=load, names=names)


@blueprint.route("/administration/tiers/<int(max=4):number>", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_tier(number: int) -> Response:
    """One tier."""
    return TIER.edit(number)


@blueprint.route("/administration/targets", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_targets() -> Response:
    """What is promised at each priority: one form, one row for each."""
    administration = services().administration
    targets = {target.priority: target for target in administration.everything(Target)}
    if request.method == "GET":
        values: dict[str, str] = {}
        for number, target in targets.items():
            values[f"first_reply_{number}"] = minutes(target.first_reply)
            values[f"resolution_{number}"] = minutes(target.resolution)
            values[f"version_{number}"] = str(target.version)
        return page("targets", form=Form(values=values), targets=targets)
    form = sent()
    wanted = [
        replace(
            target,
            first_reply=form.minutes(f"first_reply_{number}"),
            resolution=form.minutes(f"resolution_{number}"),
            version=form.version(f"version_{number}"),
        )
        for number, target in targets.items()
    ]
    for target in wanted:
        for name, value in (("first_reply", target.first_reply), ("resolution", target.resolution)):
            if value == 0:
                form.fail(f"{name}_{target.priority}", "out_of_range")

    def again(status: int) -> Response:
        if status == 409:
            form.changed = [entry for target in wanted for entry in administration.since(target)]
            for target in administration.everything(Target):
                form.values[f"version_{target.priority}"] = str(target.version)
        return page("targets", status, form=form, targets=targets)

    return submit(
        form,
        lambda: administration.change_all(person(), wanted, services().clock()),
        url_for("desk.administration"),
        again,
        wanted[0],
    )


def _show_policy(policy: Policy) -> dict[str, str]:
    """The settings as they are typed."""
    return {
        "close_days": str(policy.close_days),
        "survey_percent": str(policy.survey_percent),
        "is_automatic": "1" if policy.is_automatic else "",
        "most_open": str(policy.most_open),
        "calendar_id": str(policy.calendar_id or ""),
    }


def _read_policy(form: Form, old: Policy) -> Policy:
    """What was typed."""
    return replace(
        old,
        close_days=form.whole("close_days"),
        survey_percent=form.whole("survey_percent"),
        is_automatic=bool(form.values.get("is_automatic")),
        most_open=form.whole("most_open"),
        calendar_id=form.calendar(),
    )


POLICY = Part(
    Policy,
    "settings",
    "desk.administration",
    Policy(),
    _show_policy,
    _read_policy,
    lambda _form, _policy: {"calendars": services().administration.everything(Calendar)},
)


@blueprint.route("/administration/settings", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_settings() -> Response:
    """What else the desk can choose."""
    return POLICY.edit(1)
