"""Calibration: the cuts by hand and by their definition, the weights, what votes tell, and the command."""

import json
import random
from dataclasses import astuple, fields, replace
from math import exp
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from portal import calibration
from portal.articles import fingerprint
from portal.calibration import LEAST_RECALL, PRECISION, Labelled, Weights, calibrate, fit, high_cut, low_cut
from portal.commands.quality import calibrate as command
from portal.evaluation import Asked, Outcome
from portal.judgments import Judged
from portal.knowledge import Published
from portal.library import parse
from portal.queries import Cuts, Verdict
from portal.search.confidence import NAMES, Signals
from portal.server import prepare
from portal.services import open_services
from portal.settings import Settings, load
from portal.storage import feedback
from tests.builders import NOW, settings, write_article

NOTHING = Signals(**{item.name: 0.0 for item in fields(Signals)})
SCORES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 40).map(lambda number: number / 40), st.sampled_from([0.5, 1.0, 2.0])),
    min_size=1,
    max_size=40,
)


def signals(first: float, second: float = 0.0) -> Signals:
    """Signals of which only the first two say anything."""
    return replace(NOTHING, **{NAMES[0]: first, NAMES[1]: second})


def first_signal(given: Signals) -> float:
    """The first signal as the confidence."""
    return float(astuple(given)[0])


def rows(answered: list[float], unanswered: list[float]) -> list[tuple[bool, float, float]]:
    """Searches of weight 1."""
    return [(True, value, 1.0) for value in answered] + [(False, value, 1.0) for value in unanswered]


def test_the_low_cut_is_the_largest_that_is_precise() -> None:
    """Nineteen of twenty are enough; a cut is exclusive."""
    given_rows = rows([0.35, 0.7, 0.8], [0.01 * number for number in range(19)] + [0.6])

    found = low_cut(given_rows)

    # From .351 on an answered one is below, which 19 others and no more outweigh; at .701 there are two.
    assert found.value == pytest.approx(0.7)
    assert (found.precision, found.recall) == pytest.approx((20 / 21, 1.0))
    assert found.by == "precision"


def test_without_a_precise_cut_nothing_is_told_to_be_unanswered() -> None:
    """The cut is 0, and says why."""
    found = low_cut(rows([0.1], [0.2, 0.9]))

    assert (found.value, found.recall, found.by) == (0.0, 0.0, "never")


def test_the_high_cut_is_the_smallest_that_is_precise() -> None:
    """It must hold half of what is answered; else the largest F1 decides, and it is never below the low cut."""
    precise = high_cut(rows([0.5 + number / 100 for number in range(19)], [0.2, 0.495]))
    mixed = high_cut(rows([0.9, 0.6, 0.5, 0.4], [0.7, 0.45, 0.1]))
    pushed = high_cut(rows([0.5, 0.8], [0.2]), 0.4)

    assert (precise.value, precise.precision, precise.recall, precise.by) == (0.201, 0.95, 1.0, "precision")
    assert (mixed.by, mixed.value, mixed.recall) == ("f1", 0.101, 1.0)
    assert mixed.f1 == pytest.approx(2 * 4 / (4 + 6))
    assert pushed.value == 0.4


@given(SCORES)
def test_cuts_are_what_they_say(given_rows: list[tuple[bool, float, float]]) -> None:
    """Precision and recall of every cut against counting, and no larger (or smaller) one would do."""
    if len({answered for answered, _, _ in given_rows}) < 2:
        given_rows = [*given_rows, (True, 0.5, 1.0), (False, 0.5, 1.0)]

    def counted(value: float, *, above: bool) -> tuple[float, float]:
        told = [(answered, weight) for answered, score, weight in given_rows if (score >= value) is above]
        right = sum(weight for answered, weight in told if answered is above)
        whole = sum(weight for _, weight in told)
        return right / whole if whole else 0.0, right / sum(w for answered, _, w in given_rows if answered is above)

    low = low_cut(given_rows)
    high = high_cut(given_rows, low.value)

    if low.by == "precision":
        assert (low.precision, low.recall) == pytest.approx(counted(low.value, above=False))
        assert low.precision >= PRECISION
    for number in range(round(low.value * 40) + 1, 41):
        assert counted((number + 0.5) / 40, above=False)[0] < PRECISION + 1e-9
    assert (high.precision, high.recall) == pytest.approx(counted(high.value, above=True))
    assert high.value >= low.value
    if high.by == "precision":
        assert high.precision >= PRECISION
        assert high.recall >= LEAST_RECALL


def test_each_language_has_its_own_cuts() -> None:
    """One with searches of one sort only has none."""
    searches = [Labelled("en", signals(value), value > 0.5) for value in (0.1, 0.2, 0.8, 0.9)]
    searches += [Labelled("de", signals(value), value > 0.3) for value in (0.1, 0.4)]
    searches += [Labelled("fr", signals(0.5), is_answered=True)]

    german, english = calibrate(searches, first_signal)

    assert (german.language, german.searches, german.unanswered, german.auc) == ("de", 2, 1, 1.0)
    assert (german.low.value, german.high.value) == (0.4, 0.4)
    assert (english.low.value, english.high.value) == (0.8, 0.8)
    assert json.loads(json.dumps(calibration.as_plain(english)))["low"]["by"] == "precision"
    assert "low  0.800  “unanswered” with precision 1.000" in calibration.describe(english)[1]
    lines = calibration.settings([german, english], {code: Cuts(0.2, 0.6) for code in ("en", "fr", "de", "ru")})
    assert lines["PORTAL_SEARCH_LOW_CUTS"] == "en:0.8,fr:0.2,de:0.4,ru:0.2"
    assert load(lines).cuts["fr"] == Cuts(0.2, 0.6)


def drawn(weights: tuple[float, float], constant: float, count: int, source: str, seed: int) -> list[Labelled]:
    """Searches that are answered as often as these weights say."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        given_signals = signals(chance.random(), chance.random())
        total = weights[0] * astuple(given_signals)[0] + weights[1] * astuple(given_signals)[1] + constant
        found.append(Labelled("en", given_signals, chance.random() < 1 / (1 + exp(-total)), 1.0, source))
    return found


def test_weights_are_found_again() -> None:
    """Whatever share of answered searches each source has."""
    searches = drawn((6.0, -3.0), -1.0, 6000, "a", 1) + drawn((6.0, -3.0), -3.5, 3000, "b", 2)

    found = fit(searches)

    assert found is not None
    assert found.weights[:2] == pytest.approx((6.0, -3.0), abs=0.5)
    assert found.weights[2:] == (0.0,) * (len(NAMES) - 2)
    assert found.confidence(signals(1.0)) > 0.9 > found.confidence(signals(0.5)) > found.confidence(signals(0.0))


def test_the_same_searches_give_the_same_weights() -> None:
    """In any order; sources count the same however many searches they have, and so do both sorts."""
    few, many = drawn((4.0, 1.0), -2.0, 60, "few", 3), drawn((2.0, 3.0), -3.0, 240, "many", 4)
    shuffled = random.Random(5).sample([*few, *many], 300)
    repeated = [*few, *few, *few, *many]
    one_sort = [Labelled("en", signals(0.9), is_answered=True, source="one sort")]

    found = fit([*few, *many])

    assert found is not None
    assert fit(shuffled) == found
    assert fit(repeated) == found
    assert fit([*few, *many, *one_sort]) == found
    assert fit(one_sort) is None
    assert fit([]) is None


def test_weights_are_finite_where_signals_decide_everything() -> None:
    """The draw to nothing keeps them so."""
    searches = [Labelled("en", signals(value / 10), value > 5, source="a") for value in range(10)]

    found = fit(searches)

    assert found is not None
    assert 5 < found.weights[0] < 1000
    assert found.confidence(signals(0.9)) > 0.5 > found.confidence(signals(0.1))
    assert Weights(found.weights, found.constant) == found


def test_judged_queries_are_labelled_by_the_reading_that_was_judged() -> None:
    """Those without words, in other languages only, or without a label are none."""
    shown = Asked((), (), Verdict.UNCERTAIN, 0.5, signals(0.5), "de")
    known = Judged("1", "judged", "en", "x", answerable=False, source="en.tsv")
    outcomes = [
        Outcome(known, frozenset(), is_elsewhere=False, asked=shown),
        Outcome(known, frozenset({"a"}), is_elsewhere=True, asked=shown),
        Outcome(replace(known, answerable=None), frozenset({"a"}), is_elsewhere=False, asked=shown),
        Outcome(known, frozenset(), is_elsewhere=False, asked=replace(shown, signals=None)),
    ]

    assert calibration.judged(outcomes) == [Labelled("de", signals(0.5), False, 1.0, "en.tsv")]


def test_votes_tell_of_the_queries_that_an_article_answers() -> None:
    """Yes and no share the weight of one query; numbers of gaps are none, nor are articles without votes."""
    text = '---\ntitle: "T"\ntopic: a\nupdated: 2026-01-05\nanswers: ["lost key", "#12"]\n---\nText.\n'
    article = parse(text.encode(), "en", "keys", "en/keys.md").article
    assert article is not None
    articles = {("en", "keys"): Published(article, fingerprint(article)), ("en", "other"): Published(article, "")}

    def ask(language: str, text: str) -> Asked:
        assert (language, text) == ("en", "lost key")
        return Asked(("keys",), (), Verdict.ANSWERED, 0.8, signals(0.8), "en")

    now = articles["en", "keys"].fingerprint
    tallies = {("en", "keys", now): (3, 4), ("en", "keys", "0" * 16): (0, 9), ("en", "gone", now): (1, 1)}
    found = calibration.voted(articles, ask, tallies | {("en", "other", ""): (0, 0)})

    assert found == [
        Labelled("en", signals(0.8), True, 0.75, "feedback"),
        Labelled("en", signals(0.8), False, 0.25, "feedback"),
    ]


TABLE = """query\trelevant\tkind
forgotten password\treset-password\tshort
reset a forgotten password\treset-password\tshort
printer offline\tprinter-offline\tshort
zyxwvut qponml\t-\tmash
pizza with mushrooms\t-\tofftopic
the weather on the moon\t-\tofftopic
"""


def run(given_settings: Settings, queries: Path, *arguments: str) -> Result:
    """Run the command."""
    where = ["--articles", str(given_settings.articles), "--data", str(given_settings.data)]
    return CliRunner().invoke(command, [*where, "--queries", str(queries), *arguments])


def test_the_command_prints_the_settings_to_put_in_place(library_folder: Path, tmp_path: Path) -> None:
    """For people and for scripts; they are settings, and the same each time."""
    (tmp_path / "en.tsv").write_text(TABLE)
    given_settings = settings(library_folder, tmp_path / "none")

    people = run(given_settings, tmp_path / "en.tsv", "--weights")
    first, second = (json.loads(run(given_settings, tmp_path / "en.tsv", "--weights", "--json").stdout) for _ in "12")

    assert people.exit_code == 0, people.output
    assert "en  6 searches, 3 of them unanswered, AUC 1.000" in people.stdout
    assert "WEIGHTS = (" in people.stdout
    assert f"PORTAL_SEARCH_LOW_CUTS={first['settings']['PORTAL_SEARCH_LOW_CUTS']}" in people.stdout
    assert load(first["settings"]).cuts["en"].low > 0
    assert len(first["weights"]["weights"]) == len(NAMES)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_readers_votes_are_counted_where_they_can_be(library_folder: Path, tmp_path: Path) -> None:
    """With --feedback, from the instance's database."""
    (tmp_path / "en.tsv").write_text(TABLE)
    write_article(library_folder, slug="keys", title="Lost keys", answers='["lost my keys"]')
    given_settings = settings(library_folder, tmp_path / "var")
    missing = run(given_settings, tmp_path / "en.tsv", "--feedback")
    prepare(given_settings)
    services = open_services(given_settings)
    now = services.edition.knowledge.articles["en", "keys"].fingerprint
    with services.database.write() as connection:
        for voter, is_helpful, revision in (("a", True, now), ("b", False, now), ("c", False, "0" * 16)):
            feedback.vote(connection, feedback.Vote("keys", "en", voter, is_helpful, revision), NOW)
    services.database.close()

    without = json.loads(run(given_settings, tmp_path / "en.tsv", "--json").stdout)["languages"][0]
    counted = json.loads(run(given_settings, tmp_path / "en.tsv", "--json", "--feedback").stdout)["languages"][0]

    assert (missing.exit_code, "There is no portal in" in missing.stderr) == (1, True)
    assert (without["searches"], counted["searches"], counted["unanswered"]) == (6, 8, 4)


def test_faults_are_one_sentence_each(library_folder: Path, tmp_path: Path) -> None:
    """Queries of one sort cannot be divided; a bad line is told with its number."""
    (tmp_path / "en.tsv").write_text("query\trelevant\nforgotten password\treset-password\n")
    (tmp_path / "bad.jsonl").write_text("[]\n")

    one_sort = run(settings(library_folder, tmp_path), tmp_path / "en.tsv")
    wrong = run(settings(library_folder, tmp_path), tmp_path / "bad.jsonl")

    assert one_sort.exit_code == 1
    assert one_sort.stderr.endswith("portal: There are not both answered and unanswered searches in any language.\n")
    assert (wrong.exit_code, wrong.stderr) == (2, f"portal: {tmp_path}/bad.jsonl:1: The line is not a JSON object.\n")
