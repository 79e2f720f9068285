"""The forms of the administration: every one saves, says what is wrong, and loses nothing that was typed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.locales import CODES
from portal.organisation import Calendar, Policy, Route, Rule, SavedReply, Supplier, Target, Tier
from portal.people import Role
from portal.services import Services
from portal.web.desk import administration  # noqa: F401 - its views
from tests.administering import ROOT, furnish, plain, send, signed_in, sound, standing_desk, typed
from tests.builders import PASSWORD, person


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


SAVED = [
    ("tiers/2", {"minutes": "90", "names_de": "Netz", "is_active": "1"}, Tier, 2, {"minutes": 90}),
    ("calendars/1", {"week_5": "9-12", "holidays": "25.12.2026", "time_zone": "Europe/Berlin"}, Calendar, 1, {}),
    ("calendars/new", {"name": "Nights", "week_6": "0-24"}, Calendar, 2, {"name": "Nights"}),
    ("rules/1", {"side": "before", "offset": "0:05", "tiers": ["1", "2"], "is_unowned": "1"}, Rule, 1, {"offset": -5}),
    ("rules/new", {"clock": "resolution", "effect": "warn", "priorities": ["6"]}, Rule, 4, {"priorities": (6,)}),
    (
        "suppliers/1",
        {"language": "ru", "languages": ["en"], "shared": ["name"]},
        Supplier,
        1,
        {"languages": ("ru", "en")},
    ),
    (
        "suppliers/new",
        {"name": "B", "email": "b@b.example", "contract_until": "2027-01-31"},
        Supplier,
        2,
        {"name": "B"},
    ),
    ("saved-replies/1", {"texts_fr": "Merci, {name}.", "topic": ""}, SavedReply, 1, {"topic": ""}),
    (
        "saved-replies/new",
        {"name": "B", "texts_ru": "Да.\r\n\r\nНет."},
        SavedReply,
        2,
        {"texts": {"ru": "Да.\n\nНет."}},
    ),
    ("settings", {"close_days": "3", "is_automatic": "1", "calendar_id": ""}, Policy, 1, {"calendar_id": None}),
    ("topics/devices", {"tier": "2", "impact": "5"}, Route, "devices", {"tier": 2, "impact": 5}),
    ("topics/printers", {"tier": "3"}, Route, "printers", {"tier": 3, "impact": 4, "version": 2}),
]


@pytest.mark.parametrize(("path", "changes", "kind", "key", "facts"), SAVED, ids=[row[0] for row in SAVED])
def test_what_is_typed_is_saved_and_said_so(
    path: str,
    changes: dict[str, Any],
    kind: Any,
    key: Any,
    facts: dict[str, Any],
    admin: FlaskClient,
    furnished: Services,
) -> None:
    """Back on the list, which says so; the audit log names who did it."""
    status, target = send(admin, path, **changes)

    assert status == 303, target
    assert '<p class="banner" role="status">Saved.</p>' in admin.get(target).text
    item = furnished.administration.get(kind, key)
    assert {name: getattr(item, name) for name in facts} == facts
    assert furnished.administration.history(limit=1)[0].actor_name == "Ada Byron"
    assert "Ada Byron" in admin.get(f"/en{ROOT}audit").text


@pytest.mark.parametrize(
    "path", ["tiers/1", "calendars/1", "rules/2", "suppliers/1", "saved-replies/1", "settings", "targets"]
)
def test_what_is_opened_and_sent_back_changes_nothing(path: str, admin: FlaskClient, furnished: Services) -> None:
    """A form shows its item wholly: no field is lost on the way."""
    before = furnished.administration.history(limit=1)

    assert send(admin, path)[0] == 303

    assert furnished.administration.history(limit=1) == before


WRONG = [
    ("tiers/2", {"minutes": "soon"}, "minutes", "Enter a time such as 1:30"),
    ("tiers/2", {"minutes": "0"}, "minutes", "0:01–8784:00"),
    ("tiers/2", {"names_ru": "x" * 101}, "names_ru", "at most 100 characters"),
    ("tiers/2", {"calendar_id": "77"}, "calendar_id", "cannot be read"),
    ("targets", {"first_reply_3": "x", "resolution_1": "0"}, "first_reply_3", "Enter a time such as 1:30"),
    ("calendars/1", {"name": " "}, "name", "Fill this in."),
    ("calendars/1", {"week_2": "17-9"}, "week_2", "09:00–12:00"),
    ("calendars/1", {"time_zone": "Mars/Olympus"}, "time_zone", "Europe/Berlin"),
    ("calendars/1", {"holidays": "2026-02-30"}, "holidays", "one day in each line"),
    ("calendars/1", dict.fromkeys([f"week_{day}" for day in range(7)], ""), "week_0", "at least one day"),
    ("rules/new", {"side": "after", "offset": ""}, "offset", "Fill this in."),
    ("rules/new", {"clock": "sundial"}, "clock", "cannot be read"),
    ("suppliers/new", {"name": "", "email": "nobody"}, "name", "Fill this in."),
    ("suppliers/new", {"name": "ACME", "email": "a@b.example"}, "name", "in use already"),
    ("suppliers/1", {"answer_days": "many"}, "answer_days", "1–365"),
    ("suppliers/1", {"contract_until": "2026-02-30"}, "contract_until", "Enter a day"),
    ("saved-replies/new", {"name": "B"}, "texts_en", "at least one language"),
    ("saved-replies/1", {"texts_de": "Hallo {nom}"}, "texts_de", "{name}, {number}"),
    ("settings", {"survey_percent": "101"}, "survey_percent", "0–100"),
    ("settings", {"close_days": ""}, "close_days", "Fill this in."),
    ("topics/devices", {"tier": "9"}, "tier", "1–3"),
    ("people/new", {"name": "", "email": "x@y.example", "password": PASSWORD}, "name", "Fill this in."),
    ("people/new", {"name": "B", "email": "ada@example.org", "password": PASSWORD}, "email", "has access already"),
    ("people/new", {"name": "B", "email": "b@y.example", "password": "short"}, "password", "at least 15"),
    ("people/1", {"roles": []}, "roles", "Choose at least one role."),
    ("people/1", {"roles": ["agent"]}, "roles", "Nobody else can set up the desk."),
]  # fmt: skip


@pytest.mark.parametrize(("path", "changes", "field", "told"), WRONG, ids=[f"{row[0]}-{row[2]}" for row in WRONG])
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_lost(
    path: str, changes: dict[str, Any], field: str, told: str, standing: tuple[FlaskClient, Services]
) -> None:
    """A summary leads to the field; what was typed is still there; nothing is stored."""
    admin, furnished = standing
    before = furnished.administration.history()

    status, page = send(admin, path, **changes)

    assert status == 400
    assert "Please check your entries" in page
    assert f'<a href="#ui-{field}">' in page
    assert f'id="ui-{field}-fault">' in page
    assert told in plain(page)
    sound(page)
    again = typed(page)
    for name, value in changes.items():
        if name != "password" and isinstance(value, str) and name not in {"clock", "calendar_id", "tier"}:
            assert again[name] == value
    assert 'value="' + PASSWORD not in page
    assert furnished.administration.history() == before


DAYS = [f"week_{day}" for day in range(7)]
SEVERAL = [
    ("tiers/2", {"minutes": "0", "names_ru": "x" * 101, "names_de": "x" * 101}, ["minutes", "names_de", "names_ru"]),
    ("calendars/1", {"name": "", "time_zone": "Mars/Olympus", "holidays": "y"}, ["name", "time_zone", "holidays"]),
    ("calendars/1", {**dict.fromkeys(DAYS, ""), "week_3": "x"}, ["week_3"]),
    ("suppliers/new", {"name": "", "email": "nobody", "answer_days": "0"}, ["name", "email", "answer_days"]),
    ("saved-replies/1", {"name": "", "texts_de": "{nom}", "texts_fr": "{x}"}, ["name", "texts_de", "texts_fr"]),
    ("settings", {"close_days": "", "survey_percent": "101"}, ["close_days", "survey_percent"]),
    ("topics/devices", {"tier": "9", "impact": "9"}, ["tier", "impact"]),
    (
        "people/new",
        {"name": "", "email": "nobody", "password": "short", "roles": []},
        ["name", "email", "password", "roles"],
    ),
    ("tokens/new", {"name": "", "per_minute": "x"}, ["name", "per_minute"]),
]


@pytest.mark.parametrize(("path", "changes", "told"), SEVERAL, ids=[f"{row[0]}-{len(row[2])}" for row in SEVERAL])
def test_all_that_is_wrong_is_said_at_once(
    path: str, changes: dict[str, Any], told: list[str], standing: tuple[FlaskClient, Services]
) -> None:
    """In the page's order. Nobody mends a form field by field; what cannot be read is not called missing as well."""
    admin, _ = standing

    status, page = send(admin, path, **changes)

    assert status == 400
    assert re.findall(r'<a href="#ui-(\w+)">', page.split('class="summary"')[1].split("</ul>")[0]) == told
    sound(page)


@pytest.mark.parametrize("language", CODES)
def test_faults_are_told_in_every_language(language: str, standing: tuple[FlaskClient, Services]) -> None:
    """No code and no field's own name reaches the page."""
    admin, _ = standing
    page = admin.get(f"/{language}{ROOT}calendars/1").text
    wrong = {"name": "", "week_0": "x", "holidays": "y"}

    answer = admin.post(f"/{language}{ROOT}calendars/1", data=typed(page) | wrong)

    assert answer.status_code == 400
    summary = answer.text.split('class="summary"')[1].split("</ul>")[0]
    assert summary.count("<li>") == 3
    assert not re.search(r">[^<]*(?:week_0|holidays|missing|invalid)[^<]*<", summary)


def test_a_person_has_another_kind_of_name_than_a_thing(admin: FlaskClient, furnished: Services) -> None:
    """Where a language has two words for it: in forms, their summaries, lists and the audit log; days within a text."""
    named = {
        path: admin.post(f"/ru{ROOT}{path}", data=typed(admin.get(f"/ru{ROOT}{path}").text) | {"name": ""}).text
        for path in ("people/1", "calendars/1")
    }
    hours = admin.post(f"/ru{ROOT}calendars/1", data=typed(admin.get(f"/ru{ROOT}calendars/1").text) | {"week_0": "x"})
    send(admin, "people/1", name="Ida")
    send(admin, "calendars/1", name="Ours")
    log = plain(admin.get(f"/ru{ROOT}audit").text)

    for path, word, other in (("people/1", "Имя", "Название"), ("calendars/1", "Название", "Имя")):
        assert f">{word}: Заполните это поле.</a>" in named[path]
        assert f'<label for="ui-name">{word}</label>' in named[path]
        assert other not in named[path]
    assert ">Рабочее время (понедельник): " in hours.text
    assert ">Имя</th>" in admin.get(f"/ru{ROOT}people").text
    assert re.search("Имя: .*Ida", log)
    assert re.search("Название: .*Ours", log)


@pytest.mark.parametrize(
    ("path", "mine", "change"),
    [
        ("tiers/1", {"names_en": "Front <b>"}, Tier(1, {}, minutes=20)),
        ("settings", {"close_days": "9"}, Policy(5, calendar_id=1)),
        ("targets", {"first_reply_6": "0:09"}, Target(6, 8, 100)),
        ("calendars/1", {"name": "Ours"}, Calendar(1, "9–17", "Europe/Paris", Calendar(1, "", "", ((),) * 7).week)),
    ],
    ids=["tier", "settings", "targets", "calendar"],
)
def test_who_was_slower_is_told_what_changed_and_keeps_what_they_typed(
    path: str, mine: dict[str, str], change: Any, admin: FlaskClient, furnished: Services
) -> None:
    """Sending once more replaces what the other has done."""
    page = admin.get(f"/en{ROOT}{path}").text
    if isinstance(change, Calendar):
        change = replace(change, week=furnished.administration.get(Calendar, 1).week)
    furnished.administration.change(
        person(id=9, name="Bea", roles=frozenset({Role.ADMINISTRATOR})), change, furnished.clock()
    )

    answer = admin.post(f"/en{ROOT}{path}", data=typed(page) | mine)

    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
    assert "Bea" in answer.text.split("Somebody was faster")[1].split("</ul>")[0]
    assert "<del>" in answer.text
    again = typed(answer.text)
    assert {name: again[name] for name in mine} == mine
    sound(answer.text)
    assert admin.post(f"/en{ROOT}{path}", data=again).status_code == 303
    assert furnished.administration.history(limit=1)[0].actor_name == "Ada Byron"
