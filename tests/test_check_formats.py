"""The check at a prompt: its forms, what is chosen, what it ends with, and what it says of its rules."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from portal.cli import main
from portal.problems import Fix, Problem, Severity
from portal.writing.checking import formats
from portal.writing.checking.rulebook import RULES
from tests.builders import write_article

PROBLEMS = [
    Problem("en/a.md", 3, "dead-link", "100 % of\nthis, or: that", Severity.ERROR, 7),
    Problem("en/a.md", 9, "dead-link", "100 % of\nthis, or: that", Severity.ERROR, 1),
    Problem("fr/é b.md", 0, "straight-quotes", "«x»", Severity.WARNING, 0, Fix(4, 2, 3, "«\u202fx\u202f»")),
]


def test_a_line_is_a_place_and_a_sentence() -> None:
    """One line each, whatever the file's name holds; columns that are not known are left out."""
    hostile = Problem("en/\x1b[31m\u202egpj.md\udcff", 0, "invalid-slug", "\rNo.", Severity.ERROR)

    assert [formats.text(problem) for problem in (*PROBLEMS[1:], hostile)] == [
        "en/a.md:9:1: error dead-link: 100 % of\\u000athis, or: that",
        "fr/é b.md:0: warning straight-quotes: «x»",
        "en/\\u001b[31m\\u202egpj.md\\udcff:0: error invalid-slug: \\u000dNo.",
    ]
    assert formats.text(PROBLEMS[0], lambda part, words: f"<{part} {words}>").startswith(
        "<place en/a.md:3:7:> <error err"
    )
    assert formats.visible("l’e\u00adÉ\u202f!\u00a0я") == "l’e\u00adÉ\u202f!\u00a0я"


def test_summaries_count_in_words() -> None:
    """One is one; what `--fix` mends is said."""
    assert formats.summary([]) == "0 errors, 0 warnings"
    assert formats.summary(PROBLEMS) == "2 errors, 1 warning; --fix mends 1 of them"


def test_annotations_escape_what_would_end_them() -> None:
    """Line ends and signs of the command; a line of at least 1, and a column where there is one."""
    assert [formats.github(problem, "docs/a,b:c") for problem in PROBLEMS[1:]] == [
        "::error file=docs/a%2Cb%3Ac/en/a.md,line=9,col=1,title=dead-link::100 %25 of\\u000athis, or: that",
        "::warning file=docs/a%2Cb%3Ac/fr/é b.md,line=1,title=straight-quotes::«x»",
    ]
    assert formats.github(PROBLEMS[0], ".").startswith("::error file=en/a.md,line=3,col=7,")


def test_json_has_all_of_a_problem() -> None:
    """Also how it is mended."""
    rows = json.loads(formats.as_json(PROBLEMS))

    assert rows[2] == {
        "path": "fr/é b.md",
        "line": 0,
        "column": 0,
        "severity": "warning",
        "code": "straight-quotes",
        "message": "«x»",
        "fix": {"line": 4, "column": 2, "length": 3, "text": "«\u202fx\u202f»"},
    }
    assert rows[0]["fix"] is None


def test_sarif_is_what_its_specification_asks_for() -> None:
    """Version 2.1.0: rules with help, relative addresses with a base, regions from 1, fingerprints, mendings."""
    log = json.loads(formats.sarif(PROBLEMS, "docs/my articles"))
    run = log["runs"][0]
    driver, results = run["tool"]["driver"], run["results"]

    assert log["version"] == "2.1.0"
    assert len(log["runs"]) == 1
    assert run["columnKind"] == "unicodeCodePoints"
    assert "%SRCROOT%" in run["originalUriBaseIds"]
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["name"])
        assert all(rule[key]["text"].endswith(".") for key in ("shortDescription", "fullDescription", "help"))
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning"}
    for result, problem in zip(results, PROBLEMS, strict=True):
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == problem.code
        assert result["level"] == problem.severity.value
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert re.fullmatch(r"docs/my%20articles/[a-z]{2}/[\w.%]+", place["artifactLocation"]["uri"], re.ASCII)
        assert place.get("region", {}).get("startLine", 0) == problem.line
    prints = [result["partialFingerprints"]["problem/v1"] for result in results]
    assert len(set(prints)) == 3
    moved = json.loads(formats.sarif([Problem("en/a.md", 5, *vars_of(PROBLEMS[0]))], ""))["runs"][0]["results"][0]
    assert moved["partialFingerprints"]["problem/v1"] == prints[0]
    change = results[2]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["deletedRegion"] == {"startLine": 4, "startColumn": 2, "endColumn": 5}
    assert change["insertedContent"]["text"] == "«\u202fx\u202f»"


def vars_of(problem: Problem) -> tuple[str, str]:
    """What a problem is known by, wherever it stands."""
    return problem.code, problem.message


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that the command is called in: an error and a warning that can be mended."""
    folder = tmp_path / "docs" / "articles"
    write_article(folder, "en", "links", "A page with links", "[a](no.md)")
    write_article(folder, "en", "quotes", "A page with quotes", 'Say "yes".')
    (folder / "check.yml").write_text("ignore: [missing-translation, no-topics]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def run(root: Path, *arguments: str) -> Result:
    """The command's result."""
    options = ["--articles", str(root), "--data", str(root.parent / "var")]
    return CliRunner().invoke(main, ["articles", "check", *arguments, *options])


LINKS = "en/links.md:7:1: error dead-link: There is no article for the link 'no.md'; link to SLUG.md.\n"


def test_the_check_ends_with_one_for_errors_and_where_it_is_told_for_warnings(root: Path) -> None:
    """Problems on standard output, the sum on standard error."""
    result = run(root)
    assert (result.exit_code, result.stdout.startswith(LINKS)) == (1, True)
    assert result.stderr == "1 error, 1 warning; --fix mends 1 of them\n"

    (root / "en" / "links.md").unlink()
    assert run(root).exit_code == 0
    assert run(root, "--strict").exit_code == 1
    assert run(root, "--max-warnings", "0").exit_code == 1
    assert run(root, "--max-warnings", "1").exit_code == 0
    assert run(root, "--ignore", "straight-quotes", "--strict").exit_code == 0


def test_files_and_rules_are_chosen(root: Path) -> None:
    """Paths from where the command is called or from the articles; lists of codes with commas."""
    for path in ("docs/articles/en/links.md", "en/links.md", str(root / "en" / "links.md")):
        assert run(root, path).stdout == LINKS
    assert run(root, "docs/articles/en").stdout == run(root).stdout == run(root, "docs/articles").stdout
    assert run(root, "--only", "dead-link,dead-anchor").stdout == LINKS
    assert run(root, "--only", "dead-anchor", "--only", "missing-alt").stdout == ""
    for arguments, told in (
        (("gone.md",), "gone.md is not in the folder"),
        ((str(root.parent),), "lies outside of"),
        (("--only", "ded-link"), "Did you mean dead-link"),
        (("--ignore", "bad-yaml"), "cannot be ignored"),
    ):
        result = run(root, *arguments)
        assert (result.exit_code, told in " ".join(result.stderr.split())) == (2, True)


def test_what_needs_no_decision_is_mended_and_the_rest_is_told(root: Path) -> None:
    """Only in what was chosen."""
    assert run(root, "--fix", "en/links.md").stderr == "1 error, 0 warnings\n"
    result = run(root, "--fix")

    assert result.stdout == LINKS
    assert result.stderr == "Mended: en/quotes.md\n1 error, 0 warnings\n"
    assert "Say “yes”." in (root / "en" / "quotes.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab"])
def test_each_form_for_programs_is_whole_on_standard_output(root: Path, form: str) -> None:
    """Also where nothing is wrong; paths are those of the repository where that is meant."""
    whole: Any = json.loads(run(root, "--format", form).stdout)
    nothing: Any = json.loads(run(root, "--format", form, "--only", "too-large").stdout)

    assert "docs/articles/en/links.md" in json.dumps(whole) or form == "json"
    assert nothing == [] or nothing["runs"][0]["results"] == []


def test_annotations_name_files_from_the_top_of_the_repository(root: Path) -> None:
    """As the forge knows them."""
    assert run(root, "--format", "github").stdout.startswith("::error file=docs/articles/en/links.md,line=7,col=1,")


def test_what_is_kept_lies_in_the_instance_folder_where_there_is_one(root: Path) -> None:
    """None is made for it, and none is used where that is asked for."""
    folder = root.parent / "var"
    run(root)
    assert not folder.exists()
    folder.mkdir()
    run(root, "--no-cache")
    assert list(folder.iterdir()) == []
    run(root)
    assert [path.name for path in folder.iterdir()] == ["check.jsonl"]


def test_rules_are_explained_at_the_prompt() -> None:
    """One with its reason, all in a list, a misspelled one with a guess."""

    def explain(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["articles", "explain", *arguments])

    assert "Readers who follow it get nowhere." in explain("dead-link").output
    assert [line.split()[0] for line in explain().output.splitlines()] == list(RULES)
    assert json.loads(explain("straight-quotes", "--json").output)["is_fixable"] is True
    assert len(json.loads(explain("--json").output)) == len(RULES)
    wrong = explain("ded-link")
    assert (wrong.exit_code, "Did you mean dead-link" in wrong.output) == (2, True)
