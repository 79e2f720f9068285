"""`portal search check`: judged queries beside their baseline, better and worse, by how much and why."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.cli import main
from portal.evaluation import Asked, Outcome
from portal.judgments import Judged
from portal.queries import Verdict
from portal.writing.trials.judged_check import FIGURES, Reasons, check, find_queries
from tests.builders import write_article

TABLE = (
    "query\trelevant\tkind\n"
    "printer offline\tprinter-offline\tplain\n"
    "forgotten password\treset-password\tplain\n"
    "open the tunnel with a token\tvpn-only-english\tplain\n"
    "zyxomat hums\t-\tnothing\n"
)


@pytest.fixture
def judged(library_folder: Path) -> Path:
    """The small library with judged queries and their baseline."""
    folder = library_folder / "judgments"
    folder.mkdir()
    (folder / "en.tsv").write_text(TABLE)
    (folder / "de.tsv").write_text("query\trelevant\nDrucker offline\tprinter-offline\n")
    assert run(library_folder, "--accept").exit_code == 0
    return library_folder


def run(articles: Path, *arguments: str) -> Result:
    """Run the command; there is no instance."""
    options = ("--articles", str(articles), "--data", str(articles.parent / "none"))
    return CliRunner().invoke(main, ["search", "check", *arguments, *options])


def as_json(articles: Path, *arguments: str) -> Any:
    """What it prints for scripts."""
    return json.loads(run(articles, *arguments, "--json").stdout)


def test_nothing_has_changed(judged: Path) -> None:
    """It says so, and makes no instance; `evaluate` reads the same baseline."""
    result = run(judged, "--strict")
    value = as_json(judged)
    options = ("--articles", str(judged), "--queries", str(judged / "judgments"))
    baseline = judged / "judgments" / "baseline.json"
    evaluated = CliRunner().invoke(main, ["search", "evaluate", "--baseline", str(baseline), "--json", *options])

    assert (result.exit_code, result.stdout.partition("\n")[0]) == (0, "No regression. 0 queries got worse, 0 better.")
    assert [(row["language"], row["queries"], row["ranked"]) for row in value["figures"]] == [
        ("en", 4, 3),
        ("de", 1, 1),
        ("all", 5, 4),
    ]
    assert value["figures"][-1]["before"] == value["figures"][-1]["now"] == dict.fromkeys(FIGURES, 1.0)
    assert (value["worse"], value["better"], value["regressions"], value["lost"]) == ([], [], [], [])
    assert (evaluated.exit_code, json.loads(evaluated.stdout)["baseline"]["worse"]) == (0, [])
    assert not (judged.parent / "none").exists()


def test_what_got_worse_is_explained(judged: Path) -> None:
    """What the expected article lacks, what stands above it and by what; and it exits with 1."""
    write_article(judged, slug="printer-offline", title="A machine", body="Check the cable.", topic="devices")
    write_article(
        judged, slug="fax", title="Printer offline", body="The printer is offline: send a fax.", topic="devices"
    )

    result = run(judged)
    value = as_json(judged)

    assert result.exit_code == 1
    assert result.stdout.startswith("Worse: ")
    assert "1 query lost the answer. 1 query got worse, 0 better." in result.stdout.partition("\n")[0]
    assert "hit@3 of en 1.000 → 0.667" in result.stdout.partition("\n")[0]
    assert "en  1 → –    answered                  printer offline\n        wanted: printer-offline\n" in result.stdout
    assert "        it lacks “printer”, “offline”\n        at rank 1 is fax, score " in result.stdout
    assert "; has “printer”, “offline”\n" in result.stdout
    assert "portal search check --accept makes it the new baseline" in result.stdout
    assert value["lost"] == ["judged en printer offline"]
    (worse,) = value["worse"]
    assert (worse["rank_before"], worse["rank"], worse["reason"]["rivals"][0]["slug"]) == (1, 0, "fax")
    assert {row["figure"] for row in value["regressions"]} >= {"hit@3", "mrr@10"}


def test_a_rank_that_falls_a_little_is_told_and_tolerated(judged: Path) -> None:
    """Beyond the tolerance it is a regression, and `--strict` tolerates nothing."""
    text = "The printer is offline. Printer, offline, printer, offline."
    write_article(judged, slug="a-printer", title="Printer offline", body=text, topic="devices")

    lenient, usual = run(judged, "--tolerance", "0.5"), run(judged)
    strict = run(judged, "--tolerance", "0.5", "--strict")
    (worse,) = as_json(judged)["worse"]

    assert (lenient.exit_code, usual.exit_code, strict.exit_code) == (0, 1, 1)
    assert (worse["rank_before"], worse["rank"]) == (1, 2)
    assert "the same words weigh more in it" in usual.stdout
    assert "1.000 → 0.833" in usual.stdout


def test_an_article_that_is_gone_is_a_loss(judged: Path) -> None:
    """Though its query can no longer be asked; one whose judgment is gone is not compared."""
    (judged / "en" / "vpn-only-english.md").unlink()
    (judged / "judgments" / "de.tsv").write_text("query\trelevant\nPasswort zurücksetzen\treset-password\n")

    result = run(judged)

    assert result.exit_code == 1
    assert re.search(r"en 1 → – \w+ → not asked open the tunnel", " ".join(result.stdout.split())) is not None
    assert "no language has vpn-only-english any more, and no old slug leads to an article" in result.stdout
    assert "Not compared: 1 that the baseline lacks, 1 that are no longer judged." in result.stdout


def test_a_renamed_article_answers_what_it_answered(judged: Path) -> None:
    """By redirects and by aliases; the judgments stay as they are."""
    (judged / "en" / "vpn-only-english.md").rename(judged / "en" / "tunnel.md")
    (judged / "redirects.yml").write_text("vpn-only-english: vpn\nvpn: tunnel\n")
    for code in ("en", "de"):
        path = judged / code / "printer-offline.md"
        path.with_name("printer.md").write_text(
            path.read_text().replace("---\n", "---\naliases: [printer-offline]\n", 1)
        )
        path.unlink()

    result, value = run(judged, "--strict"), as_json(judged)

    assert (result.exit_code, result.stdout.partition("\n")[0]) == (0, "No regression. 0 queries got worse, 0 better.")
    assert [row["queries"] for row in value["figures"]] == [4, 1, 5]
    assert result.stderr == ""


def test_articles_that_are_gone_are_told_without_a_baseline_too(judged: Path) -> None:
    """Named, also where they were not found before; until somebody changes the judgment."""
    (judged / "en" / "vpn-only-english.md").unlink()
    (judged / "judgments" / "baseline.json").unlink()

    first, accepted = run(judged), run(judged, "--accept")
    again, value = run(judged), as_json(judged)

    assert (first.exit_code, accepted.exit_code, again.exit_code) == (1, 0, 1)
    assert first.stdout.startswith("Worse: 1 query lost the answer.\n")
    assert "There is no baseline" in first.stdout
    assert "There is no baseline" not in accepted.output
    assert "--accept makes it" not in accepted.output
    for result in (first, again):
        assert "new → not asked           open the tunnel with a token\n" in result.stdout
        assert "Where an article is gone for good, its judged queries need another one" in result.stdout
    assert value["lost"] == ["judged en open the tunnel with a token"]
    assert (value["regressions"], [row["queries"] for row in value["figures"]]) == ([], [3, 1, 4])


def test_what_got_better_and_what_is_wrongly_answered(judged: Path) -> None:
    """Better with the words by which it is found; a query that nothing answers must not find an answer."""
    write_article(judged, slug="printer-offline", title="Machine", body="Offline?", topic="devices")
    write_article(judged, slug="hums", title="The zyxomat hums", body="The zyxomat hums.", topic="devices")
    assert run(judged, "--accept").exit_code == 0
    write_article(judged, slug="printer-offline", title="The printer is offline", body="Check it.", topic="devices")
    (judged / "en" / "hums.md").unlink()
    better = run(judged)
    assert run(judged, "--accept").exit_code == 0
    write_article(judged, slug="hums", title="The zyxomat hums", body="The zyxomat hums.", topic="devices")
    wrong = run(judged)

    assert better.exit_code == 0
    assert "0 queries got worse, 2 better." in better.stdout
    assert "        its title has “printer”, “offline”\n" in better.stdout
    assert "        nothing answers it, and readers are told so\n" in better.stdout
    assert wrong.exit_code == 1
    assert "verdict of en 1.000 → 0.750" in wrong.stdout
    assert "nothing answers it, but hums is first, confidence " in wrong.stdout
    assert ": its title has “zyxomat”, “hums”" in wrong.stdout


def test_queries_and_baseline_are_found_or_asked_for(library_folder: Path, tmp_path: Path) -> None:
    """In the folder, beside it, or among the tests; what cannot be used is a usage error."""
    missing = run(library_folder)
    elsewhere = tmp_path / "tests" / "judgments"
    elsewhere.mkdir(parents=True)
    (elsewhere / "en.tsv").write_text(TABLE)
    plain = run(library_folder)

    assert (missing.exit_code, "name them with --queries" in missing.stderr) == (1, True)
    assert find_queries(library_folder) == elsewhere
    assert (plain.exit_code, "There is no baseline" in plain.stdout) == (0, True)
    assert "1.000" in plain.stdout
    assert as_json(library_folder)["has_baseline"] is False
    assert run(library_folder, "--queries", str(elsewhere / "en.tsv"), "--accept").exit_code == 0
    (elsewhere / "baseline.json").write_text("[]")
    assert run(library_folder).exit_code == 2
    assert run(library_folder, "--baseline", str(tmp_path / "none.json")).exit_code == 2
    (elsewhere / "en.tsv").write_text("broken")
    assert run(library_folder).exit_code == 2
    (library_folder / "judgments").mkdir()
    (library_folder / "judgments" / "fr.tsv").touch()
    assert find_queries(library_folder) == library_folder / "judgments"


PLACES = st.tuples(st.integers(0, 10), st.sampled_from(["answered", "uncertain", "unanswered"]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["en", "de"]), st.booleans(), PLACES, PLACES), max_size=12))
def test_the_figures_are_those_of_their_definitions(
    rows: list[tuple[str, bool, tuple[int, str], tuple[int, str]]],
) -> None:
    """Better and worse are opposite, nothing is both, and equal runs have neither."""
    places: dict[str, tuple[int, str]] = {}
    back: dict[str, tuple[int, str]] = {}
    outcomes: list[Outcome] = []
    reverse: list[Outcome] = []
    for number, (language, answerable, before, now) in enumerate(rows):
        query = Judged(str(number), "judged", language, "x", ("a",) if answerable else (), answerable=answerable)
        for kept, made, place, other in ((places, outcomes, before, now), (back, reverse, now, before)):
            kept[f"judged {number}"] = (place[0] if answerable else 0, place[1])
            rank = other[0] if answerable else 0
            slugs = tuple(f"s{i}" for i in range(rank - 1)) + (("a",) if rank else ())
            made.append(Outcome(query, frozenset(query.relevant), False, Asked(slugs, (), Verdict(other[1]), 0.5)))
    queries = [outcome.query for outcome in outcomes]

    found = check(places, queries, outcomes, Reasons(places))
    mirrored = check(back, queries, reverse, Reasons(back))

    assert {change.id for change in found.worse}.isdisjoint(change.id for change in found.better)
    assert {change.id for change in found.better} <= {change.id for change in mirrored.worse}
    for row, turned in zip(found.figures, mirrored.figures, strict=True):
        assert (row.before, row.now) == (turned.now, turned.before)
        assert 0 <= row.now["hit@1"] <= row.now["mrr@10"] <= row.now["hit@10"] <= 1
    if not found.worse:
        assert found.regressions(0.0) == []
    assert found.added == found.removed == 0
