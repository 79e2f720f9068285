"""Evaluation: the metrics by hand and by their definitions, what is asked of what, and the command."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from portal import evaluation
from portal.commands.quality import evaluate
from portal.evaluation import Asked, Outcome, auc, detection, ranking, tabulate
from portal.judgments import Judged
from portal.queries import Verdict
from portal.settings import Settings
from tests.builders import NOW, write_article

SLUGS = st.sampled_from("abcdefghijklmnop")
RANKED = st.lists(
    st.tuples(st.sets(SLUGS, min_size=1, max_size=12), st.lists(SLUGS, max_size=14, unique=True)),
    min_size=1,
    max_size=20,
)
VERDICTS = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])), max_size=30)


def asked(*slugs: str, elsewhere: Sequence[str] = (), verdict: str = "answered", confidence: float = 0.9) -> Asked:
    """What was shown for a query."""
    return Asked(slugs, tuple(elsewhere), Verdict(verdict), confidence)


def outcome(
    shown: Asked, *relevant: str, clean: Asked | None = None, is_elsewhere: bool = False, **fields: Any
) -> Outcome:
    """A query and what came of it."""
    values = {"id": "q", "set": "title", "language": "en", "text": "x", "relevant": relevant} | fields
    values["clean"] = "before" if clean else ""
    return Outcome(Judged(**values), frozenset(relevant), is_elsewhere, shown, clean)


def row(rows: list[dict[str, Any]], name: str, language: str = "all", translation: str = "all") -> dict[str, Any]:
    """One row of a table."""
    found = [r for r in rows if (r["set"], r["language"], r["translation"]) == (name, language, translation)]
    assert len(found) == 1
    return found[0]


def test_rankings_are_measured_as_by_hand() -> None:
    """First place, second and third place, and nothing."""
    found = ranking([({"a"}, ["a", "b"]), ({"c", "d"}, ["x", "c", "d"]), ({"e"}, [])])

    ndcg = (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3))
    assert found == pytest.approx(
        {
            "hit@1": 1 / 3,
            "hit@3": 2 / 3,
            "hit@10": 2 / 3,
            "mrr@10": 0.5,
            "ndcg@10": (1 + ndcg) / 3,
            "recall@5": 2 / 3,
            "no_result": 1 / 3,
        }
    )


def test_only_ten_results_count() -> None:
    """The eleventh is as good as none; the sixth is no hit among five."""
    others = list("bcdefghijk")

    assert ranking([({"a"}, [*others, "a"])])["mrr@10"] == 0
    assert ranking([({"a"}, [*others[:9], "a"])])["hit@10"] == 1
    sixth = ranking([({"a"}, [*others[:5], "a"])])
    assert (sixth["recall@5"], sixth["hit@10"]) == (0, 1)
    assert sixth["mrr@10"] == pytest.approx(1 / 6)


@given(RANKED)
def test_rankings_are_measured_by_definition(rows: list[tuple[set[str], list[str]]]) -> None:
    """Each metric against the plainest way to compute it."""

    def gain(relevant: set[str], got: list[str]) -> float:
        ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(relevant), 10) + 1))
        return sum(1 / math.log2(place + 1) for place, slug in enumerate(got[:10], 1) if slug in relevant) / ideal

    def reciprocal(relevant: set[str], got: list[str]) -> float:
        return max((1 / place for place, slug in enumerate(got[:10], 1) if slug in relevant), default=0.0)

    found = ranking(rows)

    assert found["ndcg@10"] == pytest.approx(sum(gain(*item) for item in rows) / len(rows))
    assert found["mrr@10"] == pytest.approx(sum(reciprocal(*item) for item in rows) / len(rows))
    for name, depth in (("hit@1", 1), ("hit@3", 3), ("recall@5", 5), ("hit@10", 10)):
        assert found[name] == pytest.approx(sum(bool(rel & set(got[:depth])) for rel, got in rows) / len(rows))
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in found.values())
    assert found["hit@1"] <= found["mrr@10"] + 1e-9 <= found["hit@10"] + 2e-9


def test_detection_is_measured_as_by_hand() -> None:
    """Three are told to be unanswered, two of them rightly, of four that are."""
    found = detection([(False, True), (False, True), (True, True), (False, False), (False, False), (True, False)])

    assert found == pytest.approx({"precision": 2 / 3, "recall": 0.5, "f1": 4 / 7})
    assert detection([]) == detection([(True, False)]) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_the_area_is_measured_as_by_hand() -> None:
    """Of six pairs four are in order and one is equal; without both sorts there are no pairs."""
    assert auc([(True, 0.9), (True, 0.5), (True, 0.2), (False, 0.5), (False, 0.1)]) == pytest.approx(4.5 / 6)
    assert auc([(True, 0.9)]) is None
    assert auc([]) is None


@given(VERDICTS)
def test_the_area_is_measured_by_definition(rows: list[tuple[bool, float]]) -> None:
    """Every pair, one by one."""
    pairs = [(good, bad) for is_good, good in rows if is_good for is_bad, bad in rows if not is_bad]

    found = auc(rows)

    if pairs:
        assert found == pytest.approx(sum(1.0 if g > b else 0.5 if g == b else 0.0 for g, b in pairs) / len(pairs))
    else:
        assert found is None


def test_a_query_is_scored_where_its_articles_are() -> None:
    """In the reader's language; else by the groups of other languages; else it cannot be judged."""
    queries = [
        Judged("own", "title", "de", "own", ("both", "english")),
        Judged("there", "title", "de", "there", ("english",)),
        Judged("gone", "title", "de", "gone", ("left-out",)),
        Judged("none", "title", "de", "none", answerable=False),
        Judged("noisy", "title", "de", "nosiy", ("both",), "typo", "own"),
    ]
    calls: list[tuple[str, str]] = []
    steps: list[tuple[int, int]] = []

    def ask(language: str, text: str) -> Asked:
        calls.append((language, text))
        return asked("both", elsewhere=["english"])

    families = {"both": {"de", "en"}, "english": {"en"}}
    done, unfit = evaluation.ask_all(queries, families, ask, lambda *step: steps.append(step))

    own, there, none, noisy = done
    assert [query.id for query in unfit] == ["gone"]
    assert (own.relevant, own.is_elsewhere, own.rank) == (frozenset({"both"}), False, 1)
    assert (there.relevant, there.is_elsewhere, there.rank) == (frozenset({"english"}), True, 1)
    assert (none.relevant, none.is_elsewhere, none.rank) == (frozenset(), False, 0)
    assert noisy.clean == own.asked
    assert len(calls) == len(set(calls)) == 4
    assert steps[-1] == (5, 5)


def test_the_table_tells_languages_translators_kinds_and_noise_apart() -> None:
    """And noisy queries and those of other languages are no part of the total."""
    rows = tabulate(
        [
            outcome(asked("a"), "a", id="1", language="fr", translation="HT"),
            outcome(asked("b", "a"), "a", id="2", language="fr", translation="MT"),
            outcome(asked("a"), "a", id="3", translation="original"),
            outcome(asked("b", "a"), "a", id="4", set="noisy", kind="typo", clean=asked("a")),
            outcome(asked("b"), "a", id="5", set="noisy", kind="layout", clean=asked("b", "c", "d", "a")),
            outcome(asked(elsewhere=["a"]), "a", id="6", language="fr", is_elsewhere=True),
        ]
    )

    assert row(rows, "title")["mrr@10"] == pytest.approx(2.5 / 3, abs=1e-4)
    assert [row(rows, "title", "fr", by)["mrr@10"] for by in ("all", "HT", "MT")] == [0.75, 1.0, 0.5]
    assert row(rows, "total")["n"] == 3
    assert row(rows, "title:elsewhere", "fr")["mrr@10"] == 1.0
    assert row(rows, "total:elsewhere")["n"] == 1
    typo = row(rows, "noisy:typo", "en")
    assert (typo["mrr@10"], typo["clean_mrr@10"], typo["ratio"]) == (0.5, 1.0, 0.5)
    assert row(rows, "noisy")["ratio"] == pytest.approx(0.5 / 1.25, abs=1e-4)
    assert row(rows, "noisy:layout")["ratio"] == 0
    assert not any("verdict" in item for item in rows)


def test_verdicts_are_measured_with_recall_by_kind() -> None:
    """Unanswered alone, unsure as well, the shares, and each kind of unanswerable query."""
    fields: dict[str, Any] = {"set": "unanswered", "answerable": False}
    rows = tabulate(
        [
            outcome(asked(verdict="unanswered", confidence=0.1), id="1", kind="mash", **fields),
            outcome(asked("z", verdict="uncertain", confidence=0.4), id="2", kind="title", **fields),
            outcome(asked("z", verdict="unanswered", confidence=0.2), id="3", kind="title", **fields),
            outcome(asked("a", confidence=0.9), "a", id="4", kind="title", set="unanswered", answerable=True),
            outcome(asked("a", verdict="unanswered", confidence=0.2), "a", id="5", set="unanswered", answerable=True),
        ]
    )

    found = row(rows, "unanswered")["verdict"]

    assert (found["n"], found["unanswerable"], row(rows, "unanswered")["ranked"]) == (5, 3, 2)
    assert found["unanswered"] == {"precision": 0.6667, "recall": 0.6667, "f1": 0.6667}
    assert found["not_answered"] == {"precision": 0.75, "recall": 1.0, "f1": 0.8571}
    assert found["auc"] == pytest.approx((3 + 1 + 0.5) / 6)
    assert found["verdicts"] == {"answered": 0.2, "uncertain": 0.2, "unanswered": 0.6, "empty": 0.0}
    assert found["recall_by_kind"] == {"mash": 1.0, "title": 0.5}
    assert "auc" not in row(rows, "unanswered:mash")["verdict"]


def test_changes_count_in_rows_with_enough_queries() -> None:
    """Ten are enough, nine are not; what is new or gone is no change."""
    before = {"a": {"ranked": 10, "mrr@10": 0.9, "judged": 9, "auc": 0.9}, "gone": {"ranked": 50, "mrr@10": 1.0}}
    after = {"a": {"ranked": 10, "mrr@10": 0.8, "judged": 9, "auc": 0.1}, "new": {"ranked": 50, "mrr@10": 1.0}}

    assert evaluation.changes(before, after) == [("a", "mrr@10", 0.9, 0.8)]
    assert evaluation.changes(after, after) == []


@pytest.mark.parametrize(
    ("before", "now", "answerable", "is_worse"),
    [
        ((1, "answered"), asked("b", "a"), None, True),
        ((2, "answered"), asked("a"), None, False),
        ((2, "answered"), asked("b"), None, True),
        ((0, "answered"), asked("b"), None, False),
        ((1, "answered"), asked("a", verdict="uncertain"), True, False),
        ((1, "uncertain"), asked("a", verdict="unanswered"), True, True),
        ((1, "unanswered"), asked("a", verdict="unanswered"), True, False),
        ((0, "unanswered"), asked("b"), False, True),
        ((0, "uncertain"), asked("b"), False, False),
    ],
)
def test_a_query_is_worse_by_rank_or_by_a_verdict_that_is_wrong_now(
    before: tuple[int, str], now: Asked, answerable: bool | None, is_worse: bool
) -> None:
    """What was wrong before is no news."""
    relevant = () if answerable is False else ("a",)

    found = evaluation.worsened({"title q": before}, [outcome(now, *relevant, answerable=answerable)])

    assert bool(found) is is_worse
    assert not evaluation.worsened({}, [outcome(now, *relevant, answerable=answerable)])


def test_articles_are_changed_in_a_copy_that_goes(library_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences and titles are taken out, articles left out; the folder itself stays, also when Ctrl-C is pressed."""
    sentence = "Check the cable of the printer,"
    queries = [
        Judged("1", "cloze", "en", "x", ("printer-offline",), slug="printer-offline", remove=sentence),
        Judged("2", "cloze", "en", "x", ("printer-offline",), slug="printer-offline", remove="It is not there."),
        Judged("3", "cloze", "en", "x", ("printer-offline",), slug="printer-offline", remove="then see"),
    ]
    before = {path: path.read_bytes() for path in library_folder.rglob("*.*")}
    seen: list[str] = []

    def build(given: list[Judged]) -> None:
        def is_left_out(language: str, slug: str) -> bool:
            return (language, slug) == ("de", "printer-offline")

        arguments = (is_left_out, "en", Settings().cuts, NOW, Mock(), Mock())
        with evaluation.built(library_folder, given, *arguments) as (edition, missed):
            content = edition.content("en", "printer-offline")
            assert content is not None
            seen.extend(text for _, _, text, _ in content.sections)
            assert {query.id for query in missed} == {"2"}
            assert edition.knowledge.families["printer-offline"] == {"en"}
            assert edition.knowledge.articles["en", "printer-offline"].article.title == "–"
            raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(library_folder.parent))
    with pytest.raises(KeyboardInterrupt):
        build([*queries, Judged("4", "cloze", "en", "x", ("reset-password",), removes_titles=True)])

    assert seen
    assert not any("cable" in text or "then see" in text for text in seen)
    assert list(library_folder.parent.glob("portal-evaluation-*")) == []
    assert {path: path.read_bytes() for path in library_folder.rglob("*.*")} == before


TABLE = "query\trelevant\tkind\nforgotten password\treset-password\tshort\nprinter offline\tprinter-offline\tshort\n"


def run(library: Path, *arguments: str | Path) -> Result:
    """Run the command on a folder of articles."""
    return CliRunner().invoke(evaluate, ["--articles", str(library), "--queries", *map(str, arguments)])


def test_the_command_measures_the_real_thing(library_folder: Path, tmp_path: Path) -> None:
    """A table for people and JSON for scripts; progress on standard error."""
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "en.tsv").write_text(TABLE + "zyxwvut qponml\t-\tunanswerable\n")
    line = {"lang": "de", "query": "VPN tunnel token", "relevant": ["vpn-only-english"], "translation": "HT"}
    (queries / "title.jsonl").write_text(json.dumps(line) + "\n")

    people, scripts = run(library_folder, queries), run(library_folder, queries, "--json")

    assert people.exit_code == scripts.exit_code == 0, people.output + scripts.output
    assert "Queries 100 %" in people.stderr
    assert "judged:short" in people.stdout
    found = json.loads(scripts.stdout)
    assert found["articles"] == {"en": 3, "fr": 1, "de": 2, "ru": 1}
    short = row(found["metrics"], "judged:short", "en")
    assert (short["n"], short["hit@1"], short["mrr@10"]) == (2, 1.0, 1.0)
    assert row(found["metrics"], "judged", "en")["verdict"]["unanswerable"] == 1
    assert row(found["metrics"], "judged", "en")["verdict"]["recall_by_kind"] == {"unanswerable": 1.0}
    assert row(found["metrics"], "title:elsewhere", "de")["n"] == 1


def test_a_sentence_is_asked_for_without_being_there(library_folder: Path, tmp_path: Path) -> None:
    """It is taken out for its own file of queries only."""
    text = "Prüfen Sie das Kabel des Druckers."
    line = {"lang": "de", "query": text, "relevant": ["printer-offline"]}
    (tmp_path / "cloze.jsonl").write_text(json.dumps(line | {"remove": text + " "}) + "\n")
    (tmp_path / "sentence.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "taken.jsonl").write_text(json.dumps(line | {"remove": "das Kabel des"}) + "\n")

    found = run(library_folder, tmp_path, "--json")

    rows = json.loads(found.stdout)["metrics"]
    assert {item["set"] for item in rows} == {"sentence", "taken", "total"}
    assert "Left out, since the sentence to take out is not in the article: 1" in found.stderr
    assert row(rows, "sentence")["mrr@10"] == 1.0


def test_a_baseline_is_stable_and_a_fall_is_told(library_folder: Path, tmp_path: Path) -> None:
    """The same run writes the same file; a worse one exits with 1, names the queries and does not replace it."""
    table, baseline, again = tmp_path / "en.tsv", tmp_path / "baseline.json", tmp_path / "again.json"
    lines = [f"forgotten password {word}\treset-password" for word in ("page", "link", "phone", "steps", "sign")]
    lines += [f"printer {word}\tprinter-offline" for word in ("offline", "cable", "check", "see", "the printer")]
    table.write_text("query\trelevant\n" + "\n".join(lines) + "\n")

    first = run(library_folder, table, "--save-baseline", baseline)
    second = run(library_folder, table, "--save-baseline", again, "--baseline", baseline)
    write_article(library_folder, "en", "printer-offline", "Nothing of the kind", "Tea and biscuits.")
    third = run(library_folder, table, "--save-baseline", again, "--baseline", baseline)
    tolerant = run(library_folder, table, "--baseline", baseline, "--tolerance", "1", "--json")

    assert (first.exit_code, second.exit_code, third.exit_code, tolerant.exit_code) == (0, 0, 1, 0)
    assert baseline.read_bytes() == again.read_bytes()
    kept = json.loads(baseline.read_text())
    assert [list(kept[name]) for name in kept] == [sorted(kept["rows"]), sorted(kept["queries"])]
    assert len(baseline.read_text().splitlines()) == len(kept["rows"]) + len(kept["queries"]) + 4
    assert '"judged en printer cable": "1 ' in baseline.read_text()
    assert "0 falls of more than 0.02; 0 queries are worse than before." in second.stdout
    assert "WORSE  total en all" in third.stdout
    assert "judged en  1 → –" in third.stdout
    found = json.loads(tolerant.stdout)["baseline"]
    assert found["falls"] == []
    assert {item["id"] for item in found["worse"]} >= {"en printer cable"}
