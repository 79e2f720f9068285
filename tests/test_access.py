"""Who may open what: every address of the application, for everybody who may ask for it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import TestResponse

from portal.people import RIGHTS, Right, Role
from portal.services import Services
from tests.builders import PASSWORD, person

PUBLIC, SIGNED_IN = "public", "signed in"
READ, WORK, WRITE, MAJOR, REPORTS, SUPERVISE, ADMINISTER = (
    Right.READ_TICKETS,
    Right.WORK_TICKETS,
    Right.WRITE_ARTICLES,
    Right.DECLARE_MAJOR,
    Right.READ_REPORTS,
    Right.SUPERVISE,
    Right.ADMINISTER,
)
EVERYBODY = frozenset(Role)
#: Who has each right; spelt out, so that a right given by mistake is noticed.
MAY: dict[str, frozenset[Role]] = {
    PUBLIC: EVERYBODY,
    SIGNED_IN: EVERYBODY,
    READ: EVERYBODY,
    WRITE: EVERYBODY,
    WORK: frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMINISTRATOR}),
    MAJOR: frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR}),
    REPORTS: frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR}),
    SUPERVISE: frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR}),
    ADMINISTER: frozenset({Role.ADMINISTRATOR}),
}
#: What each endpoint needs. What is new stands here before it works.
NEEDS: dict[str, str] = {
    "api.index": PUBLIC,
    "api.openapi_document": PUBLIC,
    "api.problem": PUBLIC,
    "api.read_article": PUBLIC,
    "api.act_on_gap": PUBLIC,
    "api.act_on_ticket": PUBLIC,
    "api.close_request": PUBLIC,
    "api.create_request": PUBLIC,
    "api.get_article": PUBLIC,
    "api.get_gap": PUBLIC,
    "api.get_request": PUBLIC,
    "api.get_ticket": PUBLIC,
    "api.list_articles": PUBLIC,
    "api.list_gaps": PUBLIC,
    "api.list_tickets": PUBLIC,
    "api.list_topics": PUBLIC,
    "api.preview_for_supplier": PUBLIC,
    "api.rate_article": PUBLIC,
    "api.rate_request": PUBLIC,
    "api.reopen_request": PUBLIC,
    "api.reply_to_request": PUBLIC,
    "api.report_articles": PUBLIC,
    "api.report_board": PUBLIC,
    "api.report_escalations": PUBLIC,
    "api.report_funnel": PUBLIC,
    "api.report_metrics": PUBLIC,
    "api.report_survey": PUBLIC,
    "api.search": PUBLIC,
    "api.suggest": PUBLIC,
    "discovery.favicon": PUBLIC,
    "discovery.healthz": PUBLIC,
    "discovery.image": PUBLIC,
    "discovery.opensearch": PUBLIC,
    "discovery.readyz": PUBLIC,
    "discovery.robots": PUBLIC,
    "discovery.security_contact": PUBLIC,
    "discovery.sitemap": PUBLIC,
    "discovery.sitemap_part": PUBLIC,
    "discovery.suggestions": PUBLIC,
    "embed.script": PUBLIC,
    "embed.texts": PUBLIC,
    "feeds.of_language": PUBLIC,
    "feeds.of_topic": PUBLIC,
    "help.accessibility": PUBLIC,
    "help.article": PUBLIC,
    "help.home": PUBLIC,
    "help.search": PUBLIC,
    "help.suggest": PUBLIC,
    "help.topic": PUBLIC,
    "help.vote": PUBLIC,
    "monitoring.metrics": PUBLIC,
    "my_requests.new": PUBLIC,
    "my_requests.send": PUBLIC,
    "my_requests.shown": PUBLIC,
    "my_requests.solve": PUBLIC,
    "my_requests.solved": PUBLIC,
    "my_requests.suggest": PUBLIC,
    "private_page.close": PUBLIC,
    "private_page.find": PUBLIC,
    "private_page.here": PUBLIC,
    "private_page.rate": PUBLIC,
    "private_page.reopen": PUBLIC,
    "private_page.reply": PUBLIC,
    "private_page.send_link": PUBLIC,
    "private_page.status": PUBLIC,
    "private_page.thread": PUBLIC,
    "roots.root": PUBLIC,
    "sign_in.check_code": PUBLIC,
    "sign_in.code_form": PUBLIC,
    "sign_in.form": PUBLIC,
    "sign_in.leave": PUBLIC,
    "sign_in.sign_in": PUBLIC,
    "sign_in.sign_out": PUBLIC,
    "sign_in_roots.come_back": PUBLIC,
    "static": PUBLIC,
    "subscriptions.ask_stop": PUBLIC,
    "subscriptions.confirm": PUBLIC,
    "subscriptions.look": PUBLIC,
    "subscriptions.sent": PUBLIC,
    "subscriptions.stop": PUBLIC,
    "subscriptions.subscribe": PUBLIC,
    "visits.beacon": PUBLIC,
    "account.change_password": SIGNED_IN,
    "account.check_confirmation": SIGNED_IN,
    "account.choose_password": PUBLIC,
    "account.first_password": PUBLIC,
    "account.confirm": SIGNED_IN,
    "account.codes": SIGNED_IN,
    "account.end_others": SIGNED_IN,
    "account.end_sign_in": SIGNED_IN,
    "account.new_recovery_codes": SIGNED_IN,
    "account.page": SIGNED_IN,
    "account.turn_off": SIGNED_IN,
    "account.turn_on": SIGNED_IN,
    "account.stop_digest": PUBLIC,
    "account.ask_stop_digest": PUBLIC,
    "account.set_digest": SIGNED_IN,
    "desk.all_seen": READ,
    "desk.counts": READ,
    "desk.draft": READ,
    "desk.explain_search": READ,
    "desk.back": READ,
    "desk.here": READ,
    "desk.incidents": READ,
    "desk.keep_filter": READ,
    "desk.notices": READ,
    "desk.queue": READ,
    "desk.remove_filter": READ,
    "desk.seen": READ,
    "desk.ticket": READ,
    "reports.download": REPORTS,
    "reports.download_board": READ,
    "reports.board_live": READ,
    "reports.board": READ,
    "writers.article": WRITE,
    "writers.articles": WRITE,
    "writers.claim": WRITE,
    "writers.close": WRITE,
    "writers.compare": WRITE,
    "writers.feedback": WRITE,
    "writers.fresh_article": WRITE,
    "writers.fresh_articles": WRITE,
    "writers.fresh_compare": WRITE,
    "writers.gap": WRITE,
    "writers.gaps": WRITE,
    "writers.helpfulness": WRITE,
    "writers.page": WRITE,
    "writers.release": WRITE,
    "writers.texts": WRITE,
    "desk.assign": WORK,
    "desk.attempt_call": WORK,
    "desk.bulk": WORK,
    "desk.calls_page": WORK,
    "desk.classify": WORK,
    "desk.close_supplier_case": WORK,
    "desk.escalate": WORK,
    "desk.insert": WORK,
    "desk.join_incident": WORK,
    "desk.keep_draft": WORK,
    "desk.leave": WORK,
    "desk.link_incident": WORK,
    "desk.merge": WORK,
    "desk.next_ticket": WORK,
    "desk.plan_article": WORK,
    "desk.plan_call": WORK,
    "desk.preview": WORK,
    "desk.preview_supplier": WORK,
    "desk.record_supplier_answer": WORK,
    "desk.send_to_supplier": WORK,
    "desk.set_supplier_reference": WORK,
    "desk.swarm": WORK,
    "desk.undo": WORK,
    "desk.work": WORK,
    "desk.change_incident": MAJOR,
    "desk.tell_incident": MAJOR,
    "desk.admin_new_reply": SUPERVISE,
    "desk.admin_remove_reply": SUPERVISE,
    "desk.admin_replies": SUPERVISE,
    "desk.admin_reply": SUPERVISE,
    "desk.administration": SUPERVISE,
    "desk.surveys": SUPERVISE,
    "desk.admin_audit": ADMINISTER,
    "desk.admin_calendar": ADMINISTER,
    "desk.admin_calendars": ADMINISTER,
    "desk.admin_leave": ADMINISTER,
    "desk.admin_new_calendar": ADMINISTER,
    "desk.admin_new_person": ADMINISTER,
    "desk.admin_new_rule": ADMINISTER,
    "desk.admin_new_supplier": ADMINISTER,
    "desk.admin_password": ADMINISTER,
    "desk.admin_people": ADMINISTER,
    "desk.admin_person": ADMINISTER,
    "desk.admin_remove_calendar": ADMINISTER,
    "desk.admin_remove_rule": ADMINISTER,
    "desk.admin_remove_supplier": ADMINISTER,
    "desk.admin_remove_topic": ADMINISTER,
    "desk.admin_return": ADMINISTER,
    "desk.admin_rule": ADMINISTER,
    "desk.admin_rules": ADMINISTER,
    "desk.admin_second_factor": ADMINISTER,
    "desk.admin_settings": ADMINISTER,
    "desk.admin_sign_out": ADMINISTER,
    "desk.admin_supplier": ADMINISTER,
    "desk.admin_suppliers": ADMINISTER,
    "desk.admin_targets": ADMINISTER,
    "desk.admin_tier": ADMINISTER,
    "desk.admin_tiers": ADMINISTER,
    "desk.admin_topic": ADMINISTER,
    "desk.admin_new_token": ADMINISTER,
    "desk.admin_revoke_token": ADMINISTER,
    "desk.admin_tokens": ADMINISTER,
    "desk.admin_topics": ADMINISTER,
    "desk.admin_new_webhook": ADMINISTER,
    "desk.admin_remove_webhook": ADMINISTER,
    "desk.admin_replay": ADMINISTER,
    "desk.admin_rotate_webhook": ADMINISTER,
    "desk.admin_test_webhook": ADMINISTER,
    "desk.admin_webhook": ADMINISTER,
    "desk.admin_webhook_deliveries": ADMINISTER,
    "desk.admin_webhook_secret": ADMINISTER,
    "desk.admin_webhooks": ADMINISTER,
    "reports.articles": REPORTS,
    "reports.gaps": REPORTS,
    "reports.overview": REPORTS,
    "reports.requests": REPORTS,
    "reports.search": REPORTS,
    "reports.survey": REPORTS,
    "reports.translations": REPORTS,
}
#: What stands for the parts of an address; numbers are of nothing that exists.
PARTS = {
    "language": "en",
    "filename": "portal.css",
    "slug": "reset-password",
    "action": "take",
    "topic": "accounts",
    "code": "en",
}
NUMBER = 424_242


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address with each of its methods."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def address(app: Flask, rule: Rule) -> str:
    """An address of a rule, with something for each of its parts."""
    parts = {
        name: min(NUMBER, converter.max or NUMBER) if isinstance(converter, IntegerConverter) else PARTS.get(name, "x")
        for name, converter in rule._converters.items()
    }
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, parts, method=next(iter(rule.methods or ()))))


def ask(client: FlaskClient, path: str, method: str) -> str:
    """What kind of answer an address gives."""
    answered = client.open(path, method=method)
    kind = kind_of(answered)
    answered.close()
    return kind


def kind_of(answered: TestResponse) -> str:
    """`sign in`, `refused`, `allowed`, or the status of a fault."""
    location = answered.headers.get("Location", "")
    if answered.status_code == 401 or (answered.status_code == 303 and location.startswith("/en/sign-in?next=")):
        return "sign in"
    if answered.status_code == 403:
        return "refused"
    return "allowed" if answered.status_code < 500 else str(answered.status_code)


@pytest.fixture
def open_app(app: Flask) -> Flask:
    """The application without tokens in forms, which are a matter of their own."""
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def client_of(app: Flask, services: Services, role: Role | None) -> FlaskClient:
    """A browser in which somebody of a role has just signed in."""
    client = app.test_client()
    if role is not None:
        known = next(each for each in services.staff.everybody() if each.roles == {role})
        with client.session_transaction() as kept:
            kept["_user_id"] = services.staff.open(known, services.clock())
    return client


def test_every_address_is_in_the_table(app: Flask) -> None:
    """And nothing else is."""
    known = {rule.endpoint for rule, _ in rules(app)}

    assert sorted(known - set(NEEDS)) == []
    assert sorted(set(NEEDS) - known) == []


@pytest.mark.parametrize("role", [None, *Role], ids=["nobody", *Role])
def test_each_may_open_what_they_need(role: Role | None, open_app: Flask, portal_services: Services) -> None:
    """Nobody is asked to sign in; whoever lacks the right is refused; all others get an answer."""
    for each in Role:
        somebody = person(email=f"{each}@example.org", roles=frozenset({each}))
        portal_services.staff.add(somebody, PASSWORD, portal_services.clock())
    found: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for rule, method in rules(open_app):
        needed = NEEDS.get(rule.endpoint, "")
        path = address(open_app, rule)
        got = ask(client_of(open_app, portal_services, role), path, method)
        # What needs no right can refuse what it is sent, such as a wrong password, or lead back to the form.
        if (needed == PUBLIC and got in {"refused", "sign in"}) or (needed == SIGNED_IN and got == "refused"):
            got = "allowed"
        found[f"{method} {rule.endpoint}"] = got
        may = needed == PUBLIC or role in MAY.get(needed, ())
        wanted[f"{method} {rule.endpoint}"] = "allowed" if may else "refused" if role else "sign in"

    assert found == wanted


@pytest.mark.parametrize("right", Right)
def test_rights_are_those_of_the_table(right: Right) -> None:
    """The roles that have a right are the ones that are meant to."""
    assert {role for role in Role if right in RIGHTS[role]} == MAY[right]


def test_signed_out_or_deactivated_nobody_opens_anything(open_app: Flask, portal_services: Services) -> None:
    """An administrator's key is worth nothing once the session has ended."""
    portal_services.staff.add(
        person(email="a@example.org", roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, portal_services.clock()
    )
    client = client_of(open_app, portal_services, Role.ADMINISTRATOR)
    assert client.get("/en/desk/").status_code == 200
    portal_services.staff.sign_out_everywhere(None, 1, portal_services.clock())

    let_in = [
        f"{method} {rule.endpoint}"
        for rule, method in rules(open_app)
        if NEEDS.get(rule.endpoint) != PUBLIC and ask(client, address(open_app, rule), method) != "sign in"
    ]

    assert let_in == []
