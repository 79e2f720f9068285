"""Webhooks are looked after on pages and by commands: everything wrong at once, nothing secret by accident, all audited."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from portal.announcements import About
from portal.cli import main
from portal.locales import CODES
from portal.services import Services
from portal.settings import Settings
from portal.storage import audit
from portal.storage.webhooks import Webhook
from tests.administering import press, send, signed_in, sound
from tests.builders import NOW
from tests.hooking import Receiver, happen

URL = "https://hooks.example.org/portal"


@pytest.fixture
def ada(app: Flask, portal_services: Services) -> FlaskClient:
    """An administrator who is signed in."""
    return signed_in(app, portal_services)


def added(services: Services, **changes: Any) -> Webhook:
    """A stored webhook."""
    made = Webhook(0, **{"name": "Statistik", "url": URL, "events": frozenset(About), **changes})
    return services.webhooks.add(None, made, NOW)


def audited(services: Services) -> list[tuple[str, str]]:
    """What was done to webhooks and by whom, oldest first."""
    with services.database.read() as connection:
        return [(each.action, each.actor_name) for each in audit.newest(connection, "webhook")[::-1]]


def test_it_is_added_changed_and_removed(ada: FlaskClient, portal_services: Services) -> None:
    """And its log with it; the audit log says what, and keeps no secret."""
    empty = ada.get("/en/desk/administration/webhooks").text
    status, _ = send(ada, "webhooks/new", name=" Statistik ", url=URL, events=["gap.opened"], languages=list(CODES))
    (made,) = portal_services.webhooks.everything()
    happen(portal_services.database, "1")
    listed = ada.get("/en/desk/administration/webhooks").text
    send(ada, f"webhooks/{made.id}", name="Zahlen", languages=["de"], is_active="")
    (changed,) = portal_services.webhooks.everything()
    gone = send(ada, f"webhooks/{made.id}/remove")[0]

    assert "no other system is told of anything" in empty
    assert (status, made.name, made.events, made.languages) == (303, "Statistik", frozenset({About.GAP_OPENED}), ())
    assert URL in listed
    assert (changed.name, changed.languages, changed.url, changed.is_active) == ("Zahlen", ("de",), URL, False)
    assert changed.salt == made.salt
    assert (gone, portal_services.webhooks.everything(), portal_services.webhooks.deliveries()) == (303, [], [])
    assert audited(portal_services) == [(action, "Ada Byron") for action in ("add", "change", "remove")]
    log = ada.get("/en/desk/administration/audit?kind=webhook").text
    assert "Zahlen" in log
    assert made.salt not in log


def test_everything_wrong_is_said_at_once(ada: FlaskClient, portal_services: Services) -> None:
    """In each language; what was typed stays, and nothing is stored."""
    for code in CODES:
        path = f"/{code}/desk/administration/webhooks/new"
        page = ada.get(path).text
        token = page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
        answer = ada.post(path, data={"csrf_token": token, "name": "", "url": "http://10.0.0.1/<x", "version": "1"})
        assert answer.status_code == 400
        assert answer.text.count('<li><a href="#ui-') == 3, code
        assert "http://10.0.0.1/&lt;x" in answer.text
        sound(answer.text)
        sound(page)
    for url in (
        "http://hooks.example.org/",
        "https://a:b@hooks.example.org/",
        "https://127.0.0.1/",
        "https://x.org:22/",
    ):
        assert send(ada, "webhooks/new", name="x", url=url)[0] == 400

    assert portal_services.webhooks.everything() == []


def test_two_who_change_it_at_once(ada: FlaskClient, portal_services: Services) -> None:
    """The second sees what the first has done, and may replace it."""
    made = added(portal_services)
    portal_services.webhooks.change(None, Webhook(made.id, "Neu", URL, made.events, version=1), NOW)

    status, page = send(ada, f"webhooks/{made.id}", name="Anders", version="1")

    assert status == 409
    assert "Somebody was faster" in page
    assert "Neu" in page
    assert send(ada, f"webhooks/{made.id}", name="Anders")[0] == 303


def test_the_secret_is_shown_on_demand_and_that_is_recorded(ada: FlaskClient, portal_services: Services) -> None:
    """No page shows it by itself; a new one replaces it, and the old one signs for a day."""
    made = added(portal_services)
    path = f"/en/desk/administration/webhooks/{made.id}"
    secret = portal_services.webhooks.key_of(made)
    before = ada.get(path).text + ada.get(f"{path}/deliveries").text
    _, shown = press(ada, f"webhooks/{made.id}/secret")
    _, rotated = press(ada, f"webhooks/{made.id}/rotate")
    new = portal_services.webhooks.key_of(portal_services.webhooks.get(made.id))

    assert secret not in before + rotated
    assert secret in shown
    assert (new in rotated, new != secret) == (True, True)
    assert "signed with the secret before, too" in ada.get(f"{path}/deliveries").text
    assert audited(portal_services)[1:] == [("reveal", "Ada Byron"), ("new_secret", "Ada Byron")]
    assert ada.get(f"{path}/deliveries").headers["Cache-Control"] == "no-store"


def test_deliveries_are_listed_tested_and_replayed(ada: FlaskClient, portal_services: Services) -> None:
    """With what is sent, in each language; the rest is on the next page, and another state narrows."""
    made = added(portal_services)
    happen(portal_services.database, *(f"<b>{number}" for number in range(52)))
    (first, *_, last) = portal_services.webhooks.deliveries(made.id, limit=100)[::-1]
    path = f"/en/desk/administration/webhooks/{made.id}/deliveries"
    page = ada.get(path).text
    tested = press(ada, f"webhooks/{made.id}/test")[0]
    refreshed = 'http-equiv="refresh"'
    assert (refreshed in ada.get(f"{path}?again=1").text, refreshed in page) == (True, False)
    replayed = press(ada, f"deliveries/{first.id}/replay")[0]
    older = ada.get(f"{path}?before={last.id - 49}").text

    assert (tested, replayed) == (303, 303)
    assert page.count("<details>") == 50
    assert "&lt;b&gt;51" in page
    assert "http://127.0.0.1:8000/x" in page
    assert f"before={last.id - 49}" in page
    assert older.count("<details>") == 2
    for code in CODES:
        sound(ada.get(f"/{code}/desk/administration/webhooks/{made.id}/deliveries").text)
    assert "There is nothing in this state" in ada.get(f"{path}?state=failed").text
    assert ada.get(f"{path}?state=x&before=-1").status_code == 200
    assert ada.get("/en/desk/administration/webhooks/999/deliveries").status_code == 404
    assert press(ada, "deliveries/999/replay")[0] == 404
    assert ("replay", "Ada Byron") in audited(portal_services)


def test_what_is_out_of_use_is_sent_nothing_again(
    ada: FlaskClient, instance: Settings, portal_services: Services
) -> None:
    """The page and the command say so and what to do; a test event goes all the same."""
    with Receiver() as receiver:
        environment = replace(portal_services.webhooks.rules, hosts=("127.0.0.1",))
        portal_services.webhooks.rules = environment
        made = added(portal_services, url=receiver.url)
        happen(portal_services.database, "1")
        portal_services.webhooks.change(None, replace(made, is_active=False), NOW)
        (found,) = portal_services.webhooks.deliveries(made.id)
        status, where = press(ada, f"deliveries/{found.id}/replay")
        command = run(instance, "replay", str(found.id))
        number = portal_services.webhooks.test(None, made.id, NOW)
        tested = run(instance, "replay", str(number))

    page = ada.get(where).text
    assert (status, "Nothing was sent: this webhook is not in use." in page) == (303, True)
    assert "It is sent once more" not in page
    assert (command.exit_code, tested.exit_code) == (1, 0)
    assert "Not sent: its webhook is off. Turn it on first" in command.stderr
    assert [said["type"] for said in receiver.said] == ["webhook.test"]
    assert ("replay", "Ada Byron") not in audited(portal_services)


def test_the_audit_log_keeps_no_token_of_an_address(ada: FlaskClient, portal_services: Services) -> None:
    """Neither when it is added nor when only that changes, which is a change all the same; names are kept in ASCII."""
    made = added(portal_services, url="https://bücher.example:8443/hook?key=token-1")
    portal_services.webhooks.change(None, replace(made, url="https://bücher.example:8443/hook?key=token-2#x"), NOW)
    (changed,) = portal_services.webhooks.everything()
    portal_services.webhooks.remove(None, made.id, NOW)

    assert made.url == "https://xn--bcher-kva.example:8443/hook?key=token-1"
    assert changed.url.endswith("token-2")
    assert [action for action, _ in audited(portal_services)] == ["add", "change", "remove"]
    log = ada.get("/en/desk/administration/audit?kind=webhook").text
    assert "https://xn--bcher-kva.example:8443/hook" in log
    assert "token-" not in log


def run(instance: Settings, *arguments: str, hosts: str = "127.0.0.1") -> Result:
    """Run `portal webhooks`."""
    environment = {"PORTAL_WEBHOOK_HOSTS": hosts}
    return CliRunner().invoke(main, ["webhooks", *arguments, "--data", str(instance.data)], env=environment)


def test_the_commands(instance: Settings, portal_services: Services) -> None:
    """Add, list, test, see and send again; what cannot be says why in one sentence."""
    with Receiver(204, 404) as receiver:
        made = json.loads(run(instance, "add", "Statistik", receiver.url, "--event", "gap.opened", "--json").stdout)
        taken = run(instance, "test", str(made["id"]))
        refused = run(instance, "test", str(made["id"]))
        happen(portal_services.database, "1")
        found = json.loads(run(instance, "deliveries", str(made["id"]), "--json").stdout)
        again = run(instance, "replay", str(found[0]["id"]))
    listed = run(instance, "list")

    assert made["secret"] == run(instance, "secret", str(made["id"])).stdout.strip()
    assert "secret" not in run(instance, "list", "--json").stdout
    assert (taken.exit_code, refused.exit_code, again.exit_code) == (0, 1, 0)
    assert "404 Not Found" in refused.stderr
    assert [(each["event"], each["state"]) for each in found] == [
        ("gap.opened", "waiting"), ("webhook.test", "failed"), ("webhook.test", "sent"),
    ]  # fmt: skip
    assert [said["type"] for said in receiver.said] == ["webhook.test", "webhook.test", "gap.opened"]
    assert "2 sent, 1 failed" in listed.stdout
    assert "gap.opened" in run(instance, "deliveries", "--state", "sent").stdout
    for arguments, words in {
        ("add", "x", "http://10.0.0.1/"): "PORTAL_WEBHOOK_HOSTS does not name",
        ("test", "99"): "There is no webhook 99",
        ("replay", "99"): "There is no delivery 99",
        ("deliveries", "99"): "There is no webhook 99",
    }.items():
        result = run(instance, *arguments)
        assert result.exit_code == 1
        assert words in result.stderr
