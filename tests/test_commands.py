"""The commands for scripts: what they print, and how they fail."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from portal.settings import Settings
from portal.storage import migration
from tests.builders import PASSWORD, write_article


def run(instance: Settings, *arguments: str, text: str = "") -> Result:
    """Run a command on an instance."""
    options = ["--articles", str(instance.articles), "--data", str(instance.data)]
    return CliRunner().invoke(main, [*arguments, *options], input=text)


def as_json(instance: Settings, *arguments: str) -> object:
    """What a command prints as JSON."""
    result = run(instance, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_search_prints_hits_for_scripts(instance: Settings) -> None:
    """Rank, slug, score, snippet and verdict; the same words as the page."""
    found = as_json(instance, "search", "query", "de", "vergessenes", "passwort")

    assert isinstance(found, dict)
    assert found["verdict"] == "answered"
    assert found["code"] is None
    assert found["hits"][0]["slug"] == "reset-password"
    assert found["hits"][0]["url"] == "/de/articles/reset-password"
    assert found["total"] == 1


def test_a_search_opens_a_ticket_only_when_told_to(instance: Settings) -> None:
    """Trying out leaves no trace; `--record` counts as a reader's search."""
    plain = as_json(instance, "search", "query", "ru", "зюксомат")
    before = as_json(instance, "tickets", "list")
    recorded = as_json(instance, "search", "query", "ru", "зюксомат", "--record")
    again = as_json(instance, "search", "query", "ru", "зюксомат", "--record")
    after = as_json(instance, "tickets", "list")

    assert isinstance(plain, dict)
    assert isinstance(recorded, dict)
    assert isinstance(again, dict)
    assert (plain["code"], plain["ticket"], before) == ("U0", None, [])
    assert recorded["ticket"] == again["ticket"] == 1
    assert isinstance(after, list)
    assert [
        {key: row[key] for key in ("number", "kind", "tier", "status", "language", "query", "occurrences")}
        for row in after
    ] == [
        {
            "number": 1,
            "kind": "gap",
            "tier": 1,
            "status": "new",
            "language": "ru",
            "query": "зюксомат",
            "occurrences": 2,
        }
    ]


def test_a_ticket_is_shown_with_its_history(instance: Settings) -> None:
    """Everything that is recorded, for scripts and for people."""
    run(instance, "search", "query", "en", "zyxomat", "--record")

    shown = as_json(instance, "tickets", "show", "1")
    text = run(instance, "tickets", "show", "1").stdout
    missing = run(instance, "tickets", "show", "99")

    assert isinstance(shown, dict)
    assert shown["history"][0]["action"] == "opened"
    assert shown["history"][0]["details"]["query"] == "zyxomat"
    assert "zyxomat" in text
    assert (missing.exit_code, missing.stderr) == (1, "portal: no such ticket\n")


def test_articles_are_listed_with_their_freshness(instance: Settings) -> None:
    """One row per language and slug."""
    rows = as_json(instance, "articles", "list", "--language", "ru")

    assert isinstance(rows, list)
    assert [(row["slug"], row["freshness"], row["topic"]) for row in rows] == [
        ("reset-password", "unknown", "accounts")
    ]


def test_the_index_says_how_it_is(instance: Settings) -> None:
    """Healthy, then damaged with exit code 1 and the reason, then rebuilt."""
    status = as_json(instance, "index", "status")
    assert isinstance(status, dict)
    segment = next((instance.data / "index" / status["generation"]).glob("en/*.seg"))
    segment.write_bytes(b"rubbish")

    damaged = run(instance, "index", "status", "--json")
    rebuilt = run(instance, "index", "rebuild")

    assert status["healthy"] is True
    assert status["documents"] == status["articles"] == {"en": 3, "fr": 1, "de": 2, "ru": 1}
    assert damaged.exit_code == 1
    assert json.loads(damaged.stdout)["healthy"] is False
    assert "damaged" in json.loads(damaged.stdout)["fault"]
    assert rebuilt.exit_code == 0
    assert run(instance, "index", "status").exit_code == 0


def test_the_check_names_every_problem_and_fails_on_errors(instance: Settings, library_folder: Path) -> None:
    """Text, JSON and annotations; warnings alone are no failure."""
    clean = run(instance, "articles", "check")
    write_article(
        library_folder, "en", "wrong", body="[a](nowhere.md) ![](../images/no.png)\n\n#### Deep", colour="blue"
    )
    write_article(
        library_folder,
        "en",
        "links",
        body="## A\n\n[a](nowhere.md) ![](../images/no.png)\n\n#### Deep {#d}\n\n[b](reset-password.md#no)",
    )

    text = run(instance, "articles", "check")
    rows = json.loads(run(instance, "articles", "check", "--format", "json").stdout)
    github = run(instance, "articles", "check", "--format", "github").stdout

    assert clean.exit_code == 0
    assert text.exit_code == 1
    assert "en/wrong.md:5: error unknown-key" in text.stdout
    codes = {(row["path"], row["line"], row["code"]) for row in rows}
    assert codes >= {
        ("en/links.md", 9, "dead-link"),
        ("en/links.md", 9, "missing-alt"),
        ("en/links.md", 11, "heading-skips-level"),
        ("en/links.md", 13, "dead-anchor"),
        ("en/printer-offline.md", 0, "missing-translation"),
    }
    assert "::error file=" in github


def test_staff_are_added_and_listed(instance: Settings) -> None:
    """Roles, tiers and languages; the password comes from standard input and is never shown."""
    options = ["--name", "Mia Lindt", "--role", "agent", "--role", "writer", "--language", "de", "--password-stdin"]
    added = run(instance, "staff", "add", "Mia@Example.org", *options, text=f"{PASSWORD}\n")
    people = as_json(instance, "staff", "list")

    assert added.exit_code == 0, added.output
    assert isinstance(people, list)
    assert people[0]["email"] == "mia@example.org"
    assert people[0]["roles"] == ["agent", "writer"]
    assert PASSWORD not in added.output + json.dumps(people)


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("mia", PASSWORD, "That is no email address."),
        ("mia@example.org", "short", "The password needs at least 15 characters."),
        ("mia@example.org", "aaaaaaaaaaaaaaaaaa", "The password is too easy to guess."),
    ],
)
def test_a_wrong_account_is_refused_in_one_sentence(
    email: str, password: str, sentence: str, instance: Settings
) -> None:
    """No stack trace, exit code 1."""
    result = run(instance, "staff", "add", email, "--name", "M", "--password-stdin", text=f"{password}\n")

    assert (result.exit_code, result.stderr) == (1, f"portal: {sentence}\n")


def test_the_same_address_twice_is_refused(instance: Settings) -> None:
    """Somebody has it already."""
    options = ("staff", "add", "mia@example.org", "--name", "M", "--password-stdin")
    run(instance, *options, text=f"{PASSWORD}\n")

    result = run(instance, *options, text=f"{PASSWORD}\n")

    assert result.stderr == "portal: Somebody with this address has access already.\n"


def test_the_database_is_migrated_by_command(instance: Settings) -> None:
    """Up, down to nothing, and up again."""
    newest = f"revision {migration.newest()}"

    assert newest in run(instance, "db", "migrate").stdout
    assert "revision none" in run(instance, "db", "migrate", "base").stdout
    assert newest in run(instance, "db", "migrate").stdout


def test_without_an_instance_commands_say_what_to_do(instance: Settings, tmp_path: Path) -> None:
    """The next step, not a stack trace."""
    result = CliRunner().invoke(main, ["tickets", "list", "--data", str(tmp_path / "nowhere")])

    assert result.exit_code == 1
    assert "Run portal serve" in result.stderr
