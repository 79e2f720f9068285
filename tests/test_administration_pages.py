"""The pages of the administration: who sees them, what they list, remove, reset and tell."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.errors import PasswordNeeded
from portal.locales import CODES
from portal.organisation import Calendar, Route, Rule, SavedReply, Supplier, Tier
from portal.people import Role
from portal.services import Services
from portal.storage import audit
from portal.storage import tickets as ticket_store
from portal.web.desk import administration  # noqa: F401 - its views
from tests.administering import ROOT, furnish, plain, press, send, signed_in, sound, standing_desk, typed
from tests.builders import PASSWORD, person, ticket
from tests.conftest import hidden, sign_in

PAGES = [
    "",
    "people",
    "people/new",
    "people/1",
    "people/1/leave",
    "tiers",
    "tiers/1",
    "tiers/4",
    "targets",
    "calendars",
    "calendars/new",
    "calendars/1",
    "calendars/1/remove",
    "topics",
    "topics/devices",
    "rules",
    "rules/new",
    "rules/1",
    "rules/1/remove",
    "suppliers",
    "suppliers/new",
    "suppliers/1",
    "suppliers/1/remove",
    "saved-replies",
    "saved-replies/new",
    "saved-replies/1",
    "saved-replies/1/remove",
    "settings",
    "audit",
]


@pytest.fixture
def admin(app: Flask, portal_services: Services) -> FlaskClient:
    """An administrator who is signed in."""
    return signed_in(app, portal_services)


@pytest.fixture
def furnished(portal_services: Services) -> Services:
    """A desk with a supplier, a saved reply and a route."""
    return furnish(portal_services)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, Services]]:
    """An administrator at a furnished desk, for tests that change nothing."""
    with standing_desk(tmp_path_factory.mktemp("standing")) as made:
        yield made


@pytest.mark.parametrize("language", CODES)
def test_every_page_is_there_in_every_language(language: str, standing: tuple[FlaskClient, Services]) -> None:
    """With one heading, sound references and no form without its token."""
    admin, _ = standing
    for path in PAGES:
        answer = admin.get(f"/{language}{ROOT}{path}")
        assert answer.status_code == 200, path
        assert answer.text.count("<h1>") == 1, path
        assert f'<html lang="{language}"' in answer.text
        posts = [part for part in answer.text.split("<form ")[1:] if 'method="post"' in part.split(">")[0]]
        assert all("csrf_token" in part for part in posts), path
        sound(answer.text)


@pytest.mark.parametrize("role", [Role.AGENT, Role.WRITER, Role.SUPERVISOR])
def test_only_administrators_set_the_desk_up(role: Role, app: Flask, furnished: Services) -> None:
    """Supervisors write saved replies; strangers are asked to sign in."""
    furnished.staff.add(person(roles=frozenset({role})), PASSWORD, furnished.clock())
    client = sign_in(app.test_client(), "mia@example.org")

    for path in PAGES:
        is_theirs = role is Role.SUPERVISOR and (path.startswith("saved-replies") or not path)
        assert client.get(f"/en{ROOT}{path}").status_code == (200 if is_theirs else 403), path
        assert app.test_client().get(f"/en{ROOT}{path}").status_code == 303, path
    if role is Role.SUPERVISOR:
        page = client.get(f"/en{ROOT}").text
        assert "Saved replies" in page
        assert ">People<" not in page
        assert send(client, "saved-replies/1", name="Merci")[0] == 303
    assert press_as(client, "tiers/1") in {400, 403}


def press_as(client: FlaskClient, path: str) -> int:
    """The status of a form that somebody sends who was never shown it."""
    token = hidden(client.get("/en/desk/").text, "csrf_token")
    return client.post(f"/en{ROOT}{path}", data={"csrf_token": token, "minutes": "1"}).status_code


def test_what_is_gone_is_a_page_that_does_not_exist(standing: tuple[FlaskClient, Services]) -> None:
    """Also with numbers that no database has, and topics that nobody wrote."""
    admin, _ = standing
    for path in ("calendars/99", "rules/99/remove", "suppliers/2147483647", "people/99", "people/99/leave", "tiers/0",
                 "tiers/9", "calendars/99999999999999999999", "topics/none-such", "saved-replies/5"):  # fmt: skip
        assert admin.get(f"/en{ROOT}{path}").status_code == 404, path


def test_removing_asks_first_and_is_refused_where_something_needs_it(admin: FlaskClient, furnished: Services) -> None:
    """Says what needs it; otherwise a page that asks, and then it is gone."""
    asked = admin.get(f"/en{ROOT}calendars/1/remove").text
    refused = press(admin, "calendars/1/remove")
    removed = press(admin, "rules/2/remove")

    assert "the settings of the desk" in asked
    assert refused[0] == 409
    assert removed[0] == 303
    assert "Removed." in admin.get(removed[1]).text
    assert [rule.id for rule in furnished.administration.everything(Rule)] == [1, 3]
    for path in ("suppliers/1", "saved-replies/1"):
        assert press(admin, f"{path}/remove")[0] == 303
    assert press(admin, "topics/printers/remove")[0] == 303
    assert furnished.administration.everything(Route) == []


def test_a_tier_with_tickets_stays_in_use(admin: FlaskClient, furnished: Services) -> None:
    """And the page says how many there are."""
    with furnished.database.write() as connection:
        ticket_store.create(connection, ticket(tier=3))

    form = typed(admin.get(f"/en{ROOT}tiers/3").text)
    del form["is_active"]
    answer = admin.post(f"/en{ROOT}tiers/3", data=form)

    assert answer.status_code == 400
    assert "Tickets or topics are still at this tier." in answer.text
    assert "1 unsolved ticket" in answer.text


def test_holidays_are_copied_to_the_next_year_before_saving(admin: FlaskClient, furnished: Services) -> None:
    """They stand in the form to be checked; nothing is stored until it is saved."""
    form = typed(admin.get(f"/en{ROOT}calendars/1").text) | {"holidays": "2026-12-25\n1.1.2027", "name": "Typed"}

    copied = admin.post(f"/en{ROOT}calendars/1", data=form | {"copy": "2026"})

    assert copied.status_code == 200
    assert typed(copied.text)["holidays"] == "2026-12-25\n2027-01-01\n2027-12-25"
    assert typed(copied.text)["name"] == "Typed"
    assert "The holidays were added for 2027." in copied.text
    assert furnished.administration.get(Calendar, 1).holidays == frozenset()
    wrong = admin.post(f"/en{ROOT}calendars/1", data=form | {"copy": "2026", "holidays": "x"})
    assert "one day in each line" in wrong.text


def test_a_saved_reply_is_shown_as_it_will_read(admin: FlaskClient, furnished: Services) -> None:
    """Filled in, in its language, escaped; nothing is stored."""
    form = typed(admin.get(f"/en{ROOT}saved-replies/1").text)
    form |= {"texts_fr": "Bonjour {name} <b>: {number}, {agent}", "preview": "1"}

    page = admin.post(f"/de{ROOT}saved-replies/1", data=form).text
    wrong = admin.post(f"/en{ROOT}saved-replies/1", data=form | {"texts_fr": "{nom}"})

    assert '<div class="mail" lang="fr">Bonjour ' in page
    assert "&lt;b&gt;: 4711, Ada Byron</div>" in page
    assert "Use only these fields" in wrong.text
    assert furnished.administration.get(SavedReply, 1).version == 1


def test_somebody_new_signs_in_with_their_first_password(admin: FlaskClient, app: Flask, furnished: Services) -> None:
    """With the roles, tiers, languages and topics that were ticked."""
    status, _ = send(
        admin,
        "people/new",
        name="Mia Lindt",
        email="Mia@Example.org",
        password=PASSWORD,
        roles=["agent", "supervisor"],
        tiers=["1", "2"],
        languages=["de", "ru"],
        topics=["devices"],
        calendar_id="1",
    )

    assert status == 303
    (mia,) = [each for each in furnished.staff.everybody() if each.name == "Mia Lindt"]
    assert (mia.email, mia.tiers, mia.languages, mia.topics) == ("mia@example.org", (1, 2), ("de", "ru"), ("devices",))
    assert mia.calendar_id == 1
    first = app.test_client()
    sign_in(first, "mia@example.org")
    assert first.get("/en/desk/").status_code == 303
    assert "Your present password was set by an administrator." in first.get("/en/account/first-password").text
    assert PASSWORD not in str([vars(entry) for entry in furnished.administration.history()])


def test_people_are_changed_signed_out_and_let_go(admin: FlaskClient, app: Flask, furnished: Services) -> None:
    """Whoever must not sign in any more is out at once; the page says what goes back to the queue."""
    mia = furnished.staff.add(person(), PASSWORD, furnished.clock())
    client = sign_in(app.test_client(), "mia@example.org")
    with furnished.database.write() as connection:
        ticket_store.create(connection, ticket(owner_id=mia.id, owner_name=mia.name))

    assert send(admin, f"people/{mia.id}", name="Mia Huber")[0] == 303
    assert client.get("/en/desk/").status_code == 200
    signed_out = press(admin, f"people/{mia.id}/sign-out")
    after_sign_out = client.get("/en/desk/").status_code
    sign_in(client, "mia@example.org")
    asked = admin.get(f"/en{ROOT}people/{mia.id}/leave").text
    left = press(admin, f"people/{mia.id}/leave")
    after_leaving = client.get("/en/desk/").status_code
    listed = admin.get(left[1]).text
    back = press(admin, f"people/{mia.id}/return")

    assert (signed_out[0], after_sign_out, left[0], after_leaving, back[0]) == (303, 303, 303, 303, 303)
    assert "1 unsolved ticket of theirs goes back to the queue" in asked
    assert "Mia Huber cannot sign in any more." in listed
    assert "cannot sign in</span>" in listed
    sign_in(client, "mia@example.org")


def test_the_last_administrator_cannot_let_themselves_go(admin: FlaskClient, furnished: Services) -> None:
    """The page says why."""
    status, page = press(admin, "people/1/leave")

    assert status == 400
    assert "Nobody else can set up the desk." in page
    assert furnished.administration.person(1).is_active


def test_passwords_and_codes_are_reset(admin: FlaskClient, app: Flask, furnished: Services) -> None:
    """The old password opens nothing; a password that is too easy is refused on the page."""
    mia = furnished.staff.add(person(), "another-old-secret-19", furnished.clock())

    easy = press(admin, f"people/{mia.id}/password", password="aaaaaaaaaaaaaaaa")
    short = press(admin, f"people/{mia.id}/password", password="")
    good = press(admin, f"people/{mia.id}/password", password=PASSWORD)
    codes = press(admin, f"people/{mia.id}/second-factor")

    assert easy[0] == short[0] == 400
    assert "too easy to guess" in easy[1]
    assert 'href="#ui-password"' in short[1]
    sound(easy[1])
    assert (good[0], codes[0]) == (303, 303)
    with pytest.raises(PasswordNeeded):
        furnished.staff.sign_in(mia.email, PASSWORD, furnished.clock())
    actions = [entry.action for entry in furnished.administration.history("person", limit=2)]
    assert actions == ["second_factor_off", "password"]


def test_what_is_missing_is_told_with_the_way_there(admin: FlaskClient, furnished: Services) -> None:
    """Nobody at a tier, no language, no holidays, no text, no topic, a contract that ended."""
    furnished.administration.change(
        None,
        replace(furnished.administration.get(Supplier, 1), contract_until=furnished.clock().date().replace(year=2020)),
        furnished.clock(),
    )
    before = admin.get(f"/en{ROOT}").text
    with furnished.database.write() as connection:
        made_at = furnished.clock() - timedelta(days=3)
        audit.record(connection, made_at, None, "make", "backup", "portal-1.tar.gz", {}, {}, actor_name="portal backup")
    page = admin.get(f"/en{ROOT}").text

    assert "The last backup" not in before
    assert "portal-1.tar.gz" in admin.get(f"/en{ROOT}audit?kind=backup").text
    for told in (
        "The last backup was made 3 days ago.",
        "Nobody serves L2.",
        "Nobody answers in this language: Russian.",
        "No holidays in",
        "The contract has ended: ACME.",
        "Thanks (missing: French, German, Russian).",
        "No article has this topic any more: printers.",
    ):
        assert told in page
    assert "Nobody serves L1." not in page
    assert "Nobody serves L4." not in page


def test_rules_are_sentences(admin: FlaskClient) -> None:
    """In the language of the page."""
    rules = admin.get(f"/en{ROOT}rules").text

    assert "When the tier should have done something and nobody has: pass it to the next tier." in plain(rules)
    assert "30 mins before the solution is due: warn the owner" in rules
    assert "Only: L1" in rules


def test_the_audit_log_is_read_page_by_page(admin: FlaskClient, furnished: Services) -> None:
    """Words instead of codes, hostile text harmless, unknown kinds and places ignored."""
    set_up, now = furnished.administration, furnished.clock()
    for number in range(1, 61):
        set_up.change(None, replace(set_up.get(Tier, 1), minutes=number, names={"en": f"<i>{number}"}), now)
    with furnished.database.write() as connection:
        audit.record(connection, now, None, "odd", "unheard", "k", {}, {"name": "<script>"}, actor_name="<u>")

    first = admin.get(f"/en{ROOT}audit").text
    tiers = admin.get(f"/en{ROOT}audit?kind=tier").text
    after = re.findall(r'rel="next" href="[^"]*after=(\d+)', tiers)[0]
    last = admin.get(f"/en{ROOT}audit?kind=tier&after={after}").text

    assert "Time for a first action: <del>59 mins</del>" in first.replace("\u00a0", " ")
    assert "<ins>1 hr</ins>" in first.replace("\u00a0", " ")
    assert "&lt;script&gt;" in first
    assert "<i>" not in first + tiers
    assert "<strong>L1</strong>" in tiers
    assert tiers.count("<tr>") == 51
    assert last.count("<tr>") == 11
    assert 'rel="next"' not in last
    for odd in ("kind=nothing", "after=x", "after=-1", "after=99999999999", "kind=tier%00"):
        assert admin.get(f"/en{ROOT}audit?{odd}").status_code == 200
    assert "Nothing has been changed yet." in admin.get(f"/en{ROOT}audit?kind=target").text


def test_lists_without_anything_say_what_to_do(admin: FlaskClient, portal_services: Services) -> None:
    """No empty tables."""
    for rule in portal_services.administration.everything(Rule):
        portal_services.administration.remove(None, Rule, rule.id, portal_services.clock())

    pages = [admin.get(f"/en{ROOT}{path}").text for path in ("rules", "suppliers", "saved-replies")]

    assert all('class="empty"' in page for page in pages)
