"""The desk's set-up as a file: round and back unchanged, strict, all or nothing; and the commands around it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from portal.commands.desk import as_yaml, desk, from_yaml
from portal.desk.administration import Administration
from portal.desk.changes import Step
from portal.desk.set_up_file import BadSetUp, read
from portal.desk.setting_up import bring_about, export
from portal.organisation import Clock, Effect, Item, Rule, SavedReply, Supplier, Target, Tier
from portal.settings import Settings
from portal.storage import Database, audit
from tests.builders import NOW
from tests.postgres import database_at
from tests.test_administration import NEW


@pytest.fixture
def own(tmp_path: Path) -> Database:
    """One database on SQLite: the set-up is the same on both."""
    return database_at(tmp_path / "own.db")


def exported(database: Database) -> dict[str, Any]:
    """The set-up as plain values."""
    with database.read() as connection:
        return export(connection)


def without_numbers(steps: list[Step]) -> list[Step]:
    """Changes without the numbers of what is new: a server gives each once, also where the trial is undone."""
    bare = [replace(step, after={**step.after, "calendar_id": None}) for step in steps]
    return [replace(step, name="" if step.name.isdigit() else step.name) for step in bare]


def test_what_is_exported_and_imported_changes_nothing(database: Database) -> None:
    """On a desk with everything."""
    administration = Administration(database)
    for item in NEW:
        administration.add(None, item, NOW)
    before = exported(database)

    assert bring_about(database, read(before), NOW, "test") == []
    assert exported(database) == before


def test_a_file_brings_a_new_desk_to_the_same_state(own: Database, tmp_path: Any) -> None:
    """Calendars by name, also where their numbers differ; once more it changes nothing."""
    administration = Administration(own)
    for item in (replace(NEW[0], name="A"), *NEW):
        administration.add(None, item, NOW)
    administration.change(None, replace(administration.get(Tier, 2), calendar_id=3, names={"fr": "Experts"}), NOW)
    administration.change(None, replace(administration.get(Rule, 1), offset=5), NOW)
    other = database_at(tmp_path / "other.db")

    tried = bring_about(other, read(exported(own)), NOW, "test", is_dry=True)
    untouched = exported(other)
    made = bring_about(other, read(exported(own)), NOW, "test")

    assert without_numbers(tried) == without_numbers(made)
    assert untouched["suppliers"] == []
    assert exported(other) == exported(own)
    assert bring_about(other, read(exported(own)), NOW, "test") == []
    with other.read() as connection:
        log = audit.newest(connection)
    assert {entry.actor_name for entry in log} == {"test"}
    assert len(log) == len(made)


def test_a_section_is_complete_and_others_stay(own: Database) -> None:
    """What the section lacks is removed; sections that are not there are not touched."""
    administration = Administration(own)
    administration.add(None, NEW[3], NOW)

    made = bring_about(
        own, read({"rules": [], "targets": [{"priority": 1, "first_reply": None, "resolution": 5}]}), NOW, "x"
    )

    assert administration.everything(Rule) == []
    assert len(administration.everything(Target)) == 6
    assert len(administration.everything(Supplier)) == 1
    assert sorted({step.action for step in made}) == ["change", "remove"]


WRONG = [
    ([], "It must be sections such as tiers and rules."),
    ({"people": []}, "people: is no section"),
    ({"tiers": {}}, "tiers: must be a list"),
    ({"tiers": [3]}, "tiers[0]: must be fields"),
    ({"tiers": [{"number": 1, "minuten": 5}]}, "tiers[0].minuten: is no field"),
    ({"tiers": [{"minutes": 5}]}, "tiers[0].number: is missing"),
    ({"tiers": [{"number": 1, "minutes": True}]}, "tiers[0].minutes: must be a whole number"),
    ({"tiers": [{"number": 1, "minutes": "5"}]}, "tiers[0].minutes: must be a whole number"),
    ({"tiers": [{"number": 1, "names": {"es": "N1"}}]}, "tiers[0].names: must be texts by language"),
    ({"tiers": [{"number": 1}, {"number": 1}]}, "tiers[1].number: stands twice"),
    ({"tiers": [{"number": 1, "calendar": "None such"}]}, "tiers[0].calendar: cannot be so"),
    ({"tiers": [{"number": 7}]}, "tiers[0].number"),
    ({"policy": {"close_days": 999}}, "policy.close_days: is out of its range"),
    ({"policy": {"is_automatic": 1}}, "policy.is_automatic: must be true or false"),
    ({"rules": [{"name": "", "clock": "sundial", "offset": 0, "effect": "warn"}]}, "rules[0].clock: must be one of"),
    ({"rules": [{"name": "", "clock": ["tier"], "offset": 0, "effect": "warn"}]}, "rules[0].clock: must be one of"),
    ({"calendars": []}, "calendars: 9–17 is not in the file but is still needed"),
    ({"calendars": [{"name": "x", "time_zone": "", "week": {"monday": "9-8"}}]}, "calendars[0].week: must have hours"),
    ({"calendars": [{"name": "x", "time_zone": "", "week": {"montag": "9-8"}}]}, "calendars[0].week: must be hours"),
    ({"suppliers": [{"name": "A", "email": "x", "contract_until": 5}]}, "suppliers[0].contract_until: must be a day"),
    ({"suppliers": [{"name": "A", "email": "x"}]}, "suppliers[0].email: is no email address"),
    ({"saved_replies": [{"name": "A", "texts": {"en": "{colour}"}}]}, "saved_replies[0].texts_en: cannot be so"),
    ({"routes": [{"topic": "x"}] * 201}, "routes: must be a list of at most 200"),
]


@pytest.mark.parametrize(("plain", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_what_is_wrong_in_a_file_is_named_with_its_path(plain: Any, problem: str, own: Database) -> None:
    """And nothing of it is done."""
    before = exported(own)

    with pytest.raises(BadSetUp) as caught:
        bring_about(own, read(plain), NOW, "test")

    assert any(each.startswith(problem) for each in caught.value.problems), caught.value.problems
    assert exported(own) == before


LINES = some.text(some.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
RULES = some.builds(
    Rule,
    some.just(0),
    some.just("") | LINES,
    some.sampled_from(Clock),
    some.integers(-100, 100),
    some.sampled_from(Effect),
    some.lists(some.integers(1, 4), max_size=3).map(tuple),
    some.lists(some.integers(1, 6), max_size=3).map(tuple),
    some.lists(some.sampled_from(["en", "fr", "de", "ru"]), max_size=3).map(tuple),
    some.booleans(),
    some.booleans(),
)
REPLIES = some.builds(
    SavedReply,
    some.just(0),
    LINES,
    some.dictionaries(
        some.sampled_from(["en", "ru"]), LINES.map(lambda text: text.translate({123: 40, 125: 41})), min_size=1
    ),
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=some.lists(RULES, max_size=5), replies=some.lists(REPLIES, max_size=3, unique_by=lambda reply: reply.name))
def test_any_desk_goes_to_a_file_and_back(rules: list[Rule], replies: list[SavedReply], own: Database) -> None:
    """Rules without names too: exporting and importing is no change, and neither is importing twice."""
    administration = Administration(own)
    bring_about(own, read({"rules": [], "saved_replies": []}), NOW, "test")
    items: list[Item] = [*rules, *replies]
    for item in items:
        administration.add(None, item, NOW)
    before = exported(own)

    again = from_yaml(as_yaml(before))

    assert read(again) == read(before)
    assert bring_about(own, read(again), NOW, "test") == []
    bring_about(own, read({"rules": list(reversed(before["rules"]))}), NOW, "test")
    assert bring_about(own, read({"rules": list(reversed(before["rules"]))}), NOW, "test") == []


# The commands


def run(instance: Settings, *arguments: str, text: str = "") -> Result:
    """Run a command on an instance."""
    options = ["--articles", str(instance.articles), "--data", str(instance.data)]
    return CliRunner().invoke(desk, [*arguments, *options], input=text)


def test_the_export_is_a_file_that_imports(instance: Settings, tmp_path: Path) -> None:
    """Unchanged it changes nothing; changed it says what it does, and the audit log says who did it."""
    first = run(instance, "export")
    file = tmp_path / "desk.yml"
    file.write_text(first.stdout, encoding="utf-8")
    same = run(instance, "import", str(file))
    file.write_text(first.stdout.replace("minutes: 15", "minutes: 20"), encoding="utf-8")

    tried = run(instance, "import", str(file), "--dry-run")
    done = run(instance, "import", str(file))
    again = run(instance, "import", "-", "--json", text=file.read_text(encoding="utf-8"))
    log = json.loads(run(instance, "audit", "--json", "--limit", "5").stdout)
    words = run(instance, "audit").stdout

    assert (same.exit_code, same.stdout) == (0, "0 changes made.\n")
    assert "change  tier 1\n          minutes: 15 → 20\n" in tried.stdout
    assert tried.stdout.endswith("1 change would be made.\n")
    assert done.stdout.endswith("1 change made.\n")
    assert json.loads(again.stdout) == []
    (entry,) = log
    assert (entry["actor_name"], entry["subject"], entry["key"]) == ("portal desk import", "tier", "1")
    assert (entry["before"], entry["after"]) == ({"minutes": 15}, {"minutes": 20})
    assert "portal desk import\n  change  tier 1\n" in words
    assert "9–17" in first.stdout


def test_what_is_set_up_is_shown(instance: Settings) -> None:
    """All of it or one section, for people and for scripts."""
    whole = json.loads(run(instance, "show", "--json").stdout)
    part = json.loads(run(instance, "show", "tiers", "--json").stdout)

    assert part == {"tiers": whole["tiers"]}
    assert [tier["number"] for tier in part["tiers"]] == [1, 2, 3, 4]
    assert "close_days: 7" in run(instance, "show", "policy").stdout
    assert run(instance, "show", "people").exit_code == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tiers: [{number: 1, minuten: 5}]", "tiers[0].minuten: is no field"),
        ("tiers: [", "line "),
        ("a: &x [1]\nb: *x", "line 1: anchors, aliases and tags"),
        ("a: !!python/object:os.system []", "line 1: anchors, aliases and tags"),
        ("rules: []\nrules: []", "line 2: rules stands twice"),
        ("policy:\n  close_days: 1\n  close_days: 2", "line 3: close_days stands twice"),
        ("tiers:\n- number: 1\n  names: {en: A, en: B}", "line 3: en stands twice"),
        ("policy: " + "[" * 50 + "]" * 50, "line 1: it is nested too deeply"),
        ("policy: {close_days: 2026-02-31}", "cannot be read"),
        ("", "It must be sections"),
        ("- a", "line 1"),
        ("x: \x00", "line"),
    ],
)
def test_a_wrong_file_is_refused_with_every_problem_named(text: str, problem: str, instance: Settings) -> None:
    """Exit code 1, and nothing is changed."""
    before = run(instance, "export").stdout

    result = run(instance, "import", "-", text=text)

    assert result.exit_code == (0 if not text else 1), result.stdout
    if text:
        assert problem in result.stderr
        assert result.stderr.endswith("Nothing has been changed.\n")
    assert run(instance, "export").stdout == before


def test_a_file_that_is_no_text_is_refused(instance: Settings, tmp_path: Path) -> None:
    """Neither other encodings nor endless files."""
    binary, long = tmp_path / "binary.yml", tmp_path / "long.yml"
    binary.write_bytes(b"policy: \xff\xfe")
    long.write_text("# " + "x" * 4_200_000, encoding="utf-8")

    for file in (binary, long):
        result = run(instance, "import", str(file))
        assert result.exit_code == 1
        assert "Nothing has been changed." in result.stderr


def test_a_desk_is_set_up_before_it_is_served(library_folder: Path, tmp_path: Path) -> None:
    """Reading needs an instance and says so in one sentence; importing makes the database."""
    new = Settings(articles=library_folder, data=tmp_path / "none")

    shown = run(new, "show")
    imported = run(new, "import", "-", text="policy: {close_days: 3}")

    assert (shown.exit_code, shown.stderr.startswith("portal: There is no portal")) == (1, True)
    assert imported.exit_code == 0, imported.output
    assert "close_days: 7 → 3" in imported.stdout
