"""Sessions: what ends them, what renews their key, what needs the person once more, and what the log says of it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.app import create_app
from portal.people import Person, Role
from portal.services import Services, open_services
from portal.settings import Settings
from portal.staff import Staff
from tests.builders import PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.signing_in import Clock, post, start_codes
from tests.test_access import address, rules

BOSS = "boss@example.org"
#: What concerns how people sign in, or opens the portal to others, and so needs the person once more.
NEEDS_PROOF = {
    "account.end_others", "account.end_sign_in", "desk.admin_new_person", "desk.admin_new_token",
    "desk.admin_new_webhook", "desk.admin_password", "desk.admin_person", "desk.admin_return",
    "desk.admin_rotate_webhook", "desk.admin_second_factor", "desk.admin_webhook", "desk.admin_webhook_secret",
}  # fmt: skip


@pytest.fixture
def clock(portal_services: Services) -> Clock:
    """The time of this portal."""
    made = Clock()
    portal_services.clock = made
    return made


@pytest.fixture
def boss(app: Flask, portal_services: Services, clock: Clock) -> FlaskClient:
    """An administrator who has just signed in, beside an agent whose number is 2."""
    portal_services.staff.add(person(email=BOSS, roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, clock())
    portal_services.staff.add(person(), PASSWORD, clock())
    return sign_in(app.test_client(), BOSS)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, object]]]:
    """The events that the log of security tells, as values."""
    caplog.set_level(logging.INFO, "portal.security")
    events: list[dict[str, object]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append(dict(record.values))  # type: ignore[attr-defined]
            assert "@" not in record.getMessage()
            assert PASSWORD not in record.getMessage() + json.dumps(record.values)  # type: ignore[attr-defined]

    handler = Keep()
    logging.getLogger("portal.security").addHandler(handler)
    yield events
    logging.getLogger("portal.security").removeHandler(handler)


def key_of(client: FlaskClient) -> str:
    """The key of a browser's session."""
    with client.session_transaction() as kept:
        return str(kept["_user_id"])


def test_what_needs_the_person_once_more(app: Flask, boss: FlaskClient, clock: Clock) -> None:
    """Twenty minutes after signing in, these and no others lead to the question who is there; half an hour later forms too."""
    app.config["WTF_CSRF_ENABLED"] = False
    asked: dict[str, set[str]] = {"GET": set(), "POST": set()}
    clock.on(minutes=50)
    for rule, method in rules(app):
        if (
            rule.endpoint.startswith(("desk.admin", "account.", "reports.", "writers."))
            and rule.endpoint != "account.confirm"
        ):
            answered = boss.open(address(app, rule).replace("424242", "2"), method=method)
            if (answered.location or "").startswith("/en/account/confirm?next="):
                asked[method].add(rule.endpoint)

    assert asked["GET"] | asked["POST"] == NEEDS_PROOF
    assert asked["POST"] == NEEDS_PROOF
    assert boss.get("/en/desk/administration/people").status_code == 200


def test_a_form_that_was_opened_in_time_can_be_sent(boss: FlaskClient, clock: Clock) -> None:
    """After a quarter of an hour no such page opens; what was begun may be sent for half an hour more."""
    page = "/en/desk/administration/people/2"
    token = hidden(boss.get(page).text, "csrf_token")
    clock.on(minutes=20)
    sent = {"csrf_token": token, "password": "a-meadow-of-quartz-lamps"}

    assert boss.get(page).location == "/en/account/confirm?next=/en/desk/administration/people/2"
    assert boss.post(f"{page}/password", data=sent).location == page
    clock.on(minutes=30)
    again = boss.post(f"{page}/password", data=sent, headers={"Referer": f"http://localhost{page}"})
    assert again.location == f"/en/account/confirm?next={page}"
    assert "Nothing has been changed yet" in boss.get(again.location).text
    odd = boss.post(f"{page}/password", data=sent, headers={"Referer": "http://["})
    assert odd.location == "/en/account/confirm?next="


def test_who_presses_twice_stays_signed_in(
    boss: FlaskClient, clock: Clock, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are on their way with the same key when the first one renews it, and the browser keeps the second answer."""
    clock.on(minutes=20)
    at, page = "/en/account/confirm", "/en/desk/administration/people/2"
    first = app.test_client()
    with boss.session_transaction() as mine, first.session_transaction() as same:
        same.update(mine)
    check, presses = Staff.confirm, [first]

    def check_both(staff: Staff, *proof: Any) -> None:
        if presses:
            assert post(presses.pop(), at, at, password=PASSWORD)[0] == 303
        check(staff, *proof)

    monkeypatch.setattr(Staff, "confirm", check_both)

    assert post(boss, at, at, password=PASSWORD, next=page)[::2] == (303, page)
    assert boss.get(page).status_code == 200
    assert first.get(page).status_code == 200


def test_confirming_renews_the_key_and_leads_back(
    boss: FlaskClient, clock: Clock, app: Flask, told: list[dict[str, object]]
) -> None:
    """The key that somebody may have seen is worth nothing afterwards; a wrong password counts as at the door."""
    clock.on(minutes=20)
    before = key_of(boss)
    at, page = "/en/account/confirm", "/en/desk/administration/people/2"

    assert post(boss, at, at, password="wrong")[0] == 403
    assert post(boss, at, at, password=PASSWORD, next=page)[::2] == (303, page)

    assert boss.get(page).status_code == 200
    thief = app.test_client()
    with thief.session_transaction() as kept:
        kept["_user_id"], kept["proven"] = before, ["x", clock().isoformat()]
    assert thief.get("/en/desk/").status_code == 303
    assert [event["event"] for event in told] == ["sign_in_refused", "refused", "confirmed"]
    for _ in range(10):
        post(boss, at, at, password="wrong")
    assert post(boss, at, at, password=PASSWORD)[0] == 429


def test_who_uses_codes_confirms_with_one(boss: FlaskClient, clock: Clock) -> None:
    """The password alone is not who signed in; a code that was used is none, and wrong ones close the account."""
    app, recovery = start_codes(boss, clock)
    clock.on(minutes=20)
    at = "/en/account/confirm"

    assert 'name="code"' in boss.get(at).text
    assert post(boss, at, at, password=PASSWORD)[0] == 403
    assert post(boss, at, at, password=PASSWORD, code=app.at(clock()))[0] == 303
    assert post(boss, at, at, password=PASSWORD, code=app.at(clock()))[0] == 403
    assert post(boss, at, at, password=PASSWORD, code=recovery[0])[0] == 303
    # A right password forgives no wrong code.
    answers = [post(boss, at, at, password=PASSWORD, code="000000")[0] for _ in range(11)]
    assert (answers[0], answers[-1]) == (403, 429)


def test_a_proof_belongs_to_its_session(boss: FlaskClient, clock: Clock) -> None:
    """What is remembered of one session says nothing of the next one in the same browser."""
    with boss.session_transaction() as kept:
        kept["proven"] = ["another session", (clock() + timedelta(hours=5)).isoformat()]
    clock.on(minutes=20)

    assert boss.get("/en/desk/administration/people/2").status_code == 303


def requiring(instance: Settings) -> tuple[Flask, Services]:
    """A portal whose staff must use codes."""
    changed = replace(instance, second_factor="required")
    services = open_services(changed)
    return create_app(changed, services), services


def test_codes_can_be_required_of_everybody(instance: Settings) -> None:
    """Until they are set up, every page of the desk leads there, and nothing else can be done."""
    app, services = requiring(instance)
    clock = services.clock = Clock()
    services.staff.add(person(email=BOSS, roles=frozenset({Role.ADMINISTRATOR})), PASSWORD, clock())
    boss = sign_in(app.test_client(), BOSS)
    app.config["WTF_CSRF_ENABLED"] = False
    inside = [
        boss.open(address(app, rule), method=method)
        for rule, method in rules(app)
        if rule.endpoint.startswith(("desk.", "writers.", "reports."))
    ]
    assert {(answered.status_code, answered.location) for answered in inside} == {(303, "/en/account/codes")}
    app.config["WTF_CSRF_ENABLED"] = True

    app_of_codes, _ = start_codes(boss, clock)
    assert boss.get("/en/desk/").status_code == 200
    clock.on(minutes=1)
    assert post(boss, "/en/account/codes/off", "/en/account/codes", password=PASSWORD)[0] == 303
    assert boss.get("/en/desk/").location == "/en/account/codes"
    assert isinstance(app_of_codes, pyotp.TOTP)


def sessions_of(services: Services, who: Person, *names: str) -> list[str]:
    """Keys of new sessions of somebody."""
    return [services.staff.open(who, services.clock(), name) for name in names]


@pytest.mark.parametrize("cause", ["deactivate", "role", "password", "codes", "sign-out", "own-password", "end-others"])
def test_whatever_ends_sessions_ends_all_of_them(
    cause: str, app: Flask, boss: FlaskClient, portal_services: Services
) -> None:
    """In every browser and tab, at the next request; API tokens where the person may not act any more."""
    mia = next(each for each in portal_services.staff.everybody() if each.email == "mia@example.org")
    here = sign_in(app.test_client(), mia.email)
    keys = sessions_of(portal_services, mia, "Firefox, Linux", "Safari, iPhone")
    now = portal_services.clock()
    administration, staff = portal_services.administration, portal_services.staff
    chief = next(each for each in staff.everybody() if each.email == BOSS)
    if cause == "deactivate":
        administration.change_person(chief, replace(mia, is_active=False), now)
    elif cause == "role":
        administration.change_person(chief, replace(mia, roles=frozenset({Role.WRITER}), tiers=()), now)
    elif cause == "password":
        staff.set_password(chief, mia.id, "a-meadow-of-quartz-lamps", now)
    elif cause == "codes":
        staff.reset_second_factor(chief, mia.id, now)
    elif cause == "sign-out":
        staff.sign_out_everywhere(chief, mia.id, now)
    elif cause == "own-password":
        assert post(here, "/en/account/password", old=PASSWORD, password="a-meadow-of-quartz-lamps")[0] == 303
    else:
        assert post(here, "/en/account/sign-ins/end-others")[0] == 303

    assert [staff.of_session(key, now) for key in keys] == [None, None]
    assert here.get("/en/desk/").status_code == (200 if cause in {"own-password", "end-others"} else 303)
    assert boss.get("/en/desk/").status_code == 200


def test_the_log_tells_who_came_and_who_was_refused(
    app: Flask, boss: FlaskClient, portal_services: Services, clock: Clock, told: list[dict[str, object]]
) -> None:
    """In numbers and keyed hashes, and never in what was typed."""
    client = app.test_client()
    token = hidden(client.get("/en/sign-in").text, "csrf_token")
    for email in ("mia@example.org", "nobody@example.org", " MIA@example.org"):
        client.post("/en/sign-in", data={"email": email, "password": "zyxomat", "csrf_token": token})
    agent = sign_in(app.test_client(), "mia@example.org")
    agent.get("/en/desk/administration/people")
    agent.post("/en/desk/tickets/1/take", data={"csrf_token": "forged"})
    agent.post("/en/desk/tickets/1/take", headers={"Sec-Fetch-Site": "cross-site"})
    agent.get("/api/v1/tickets", headers={"Authorization": "Bearer wrong"})
    client.get("/api/v1/tickets")
    client.get("/en/", headers={"Host": "evil.example"})
    agent.post("/en/sign-out", data={"csrf_token": hidden(agent.get("/en/desk/").text, "csrf_token")})

    kinds = [event["event"] for event in told]
    assert kinds == [
        "sign_in_refused", "refused", "sign_in_refused", "refused", "sign_in_refused", "refused", "signed_in", "refused",
        "forged_form", "foreign_origin", "refused", "refused", "foreign_host", "signed_out",
    ]  # fmt: skip
    tried = [event["account"] for event in told if "account" in event]
    assert tried[0] == tried[2] != tried[1]
    assert told[6] == {"event": "signed_in", "by": "password", "person": 2}
    assert told[7] == {"event": "refused", "person": 2, "status": 403, "endpoint": "desk.admin_people"}
    assert (told[11]["status"], told[11]["endpoint"]) == (401, "api.list_tickets")


def test_each_change_of_how_people_sign_in_is_audited(boss: FlaskClient, portal_services: Services) -> None:
    """Who, what, whom and when, in the audit log that nobody can change."""
    page = "/en/desk/administration/people/2"
    for way in ("password", "second-factor", "sign-out", "leave", "return"):
        post(boss, f"{page}/{way}", page, password="a-meadow-of-quartz-lamps")
    post(boss, "/en/account/password", old=PASSWORD, password="another-lamp-on-the-meadow")

    found = portal_services.administration.history()
    done = [(entry.action, entry.subject, entry.key, entry.person_id) for entry in found]
    assert [each for each in done if each[1] == "person"][:6] == [
        ("password", "person", "1", 1),
        ("change", "person", "2", 1),
        ("change", "person", "2", 1),
        ("sign_out", "person", "2", 1),
        ("second_factor_off", "person", "2", 1),
        ("password", "person", "2", 1),
    ]
    assert all(isinstance(entry.at, datetime) for entry in found)
