"""Judged queries beside their baseline: what got better and worse, by how much for each language, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.edition import Edition
from portal.evaluation import ALL, Outcome, worsened
from portal.judgments import Judged
from portal.locales import CODES
from portal.queries import Verdict, read_query
from portal.tickets import PROOF_RANK
from portal.writing.trials.reasons import Reason, reason

#: The figures of a language; `verdict` is the share of queries that are rightly told to have an answer or none.
FIGURES = ("hit@1", "hit@3", "hit@10", "mrr@10", "verdict")
#: A fall of these beyond the tolerance is a regression: the others follow from them, or are too coarse.
WATCHED = ("hit@3", "mrr@10", "verdict")
#: The name of a baseline beside the queries.
BASELINE = "baseline.json"


@dataclass(frozen=True)
class Change:
    """A judged query that finds something else than in the baseline."""

    set: str
    id: str
    language: str
    query: str
    #: The articles that answer it; empty where nothing does.
    relevant: tuple[str, ...]
    #: Of the first of them, from 1; 0 where none is among the first ten.
    rank_before: int
    rank: int
    #: Empty where the baseline lacks it.
    verdict_before: str
    #: Empty where it could not be asked.
    verdict: str
    #: Why it is so now, most important first.
    why: tuple[str, ...]
    reason: Reason | None

    @property
    def is_lost(self) -> bool:
        """Whether readers saw an answer and no longer do, or its articles are gone."""
        return self.is_gone or (0 < self.rank_before <= PROOF_RANK and not self.rank)

    @property
    def is_gone(self) -> bool:
        """Whether it could not be asked: no article has a slug that answers it, or had it before."""
        return not self.verdict


@dataclass(frozen=True)
class Figures:
    """How good search is for one language, before and now, by the queries that both runs have."""

    language: str
    #: Queries, and those of them that an article answers.
    queries: int
    ranked: int
    before: Mapping[str, float]
    now: Mapping[str, float]

    def falls(self, tolerance: float) -> list[str]:
        """The watched figures that are lower by more than a tolerance."""
        return [name for name in WATCHED if round(self.before[name] - self.now[name], 4) > tolerance]


@dataclass(frozen=True)
class Checked:
    """Judged queries beside their baseline."""

    figures: tuple[Figures, ...]
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    #: Queries that the baseline does not have, and queries of the baseline that are no longer judged.
    added: int
    removed: int

    @property
    def lost(self) -> list[Change]:
        """The queries whose answer was among the first and is not found, or whose articles are gone."""
        return [change for change in self.worse if change.is_lost]

    def regressions(self, tolerance: float) -> list[tuple[str, str, float, float]]:
        """Language, figure, before and now, of what has fallen by more than a tolerance."""
        return [
            (row.language, name, row.before[name], row.now[name])
            for row in self.figures
            for name in row.falls(tolerance)
        ]


def find_queries(articles: Path) -> Path | None:
    """Where judged queries are kept with a folder of articles; None where they are not.

    That is `judgments` in the folder or beside it, or beside it among the tests.
    """
    places = (articles / "judgments", articles.parent / "judgments", articles.parent / "tests" / "judgments")
    return next((place for place in places if any(place.glob("*.tsv")) or any(place.glob("*.jsonl"))), None)


class Reasons:
    """Collects, while a publication is open, why its queries come to what they do where that has changed.

    Args:
        places: rank and verdict of each query in the baseline; None where there is no baseline.
    """

    def __init__(self, places: Mapping[str, tuple[int, str]]) -> None:
        self._places = places
        self._found: dict[str, Reason] = {}

    def look(self, edition: Edition, outcomes: Sequence[Outcome]) -> None:
        """Explain what has changed."""
        for outcome in (*_worse(self._places, outcomes), *_better(self._places, outcomes)):
            language = outcome.query.language
            shown = outcome.got(outcome.asked)
            hit = next((slug for slug in shown if slug in outcome.relevant), "")
            first = next(iter(shown), "") if not outcome.query.relevant else ""
            slug = hit or first or next(iter(sorted(outcome.relevant)), "")
            self._found[outcome.key] = reason(edition, read_query(language, outcome.query.text), slug)

    def of(self, key: str) -> Reason | None:
        """The reason for a query by its key; None where it has not changed."""
        return self._found.get(key)


def check(
    places: Mapping[str, tuple[int, str]], queries: Iterable[Judged], outcomes: Sequence[Outcome], reasons: Reasons
) -> Checked:
    """Compare what judged queries find with a baseline.

    Args:
        places: rank and verdict of each query in the baseline.
        queries: all that are judged; one that could not be asked, because its articles are gone, finds nothing and has
            got worse, whether the baseline has it or not.
        outcomes: of those that were asked.
        reasons: why they come to what they do.
    """
    asked = {outcome.key: outcome for outcome in outcomes}
    judged = {f"{query.set} {query.id}": query for query in queries}
    lost = [query for key, query in judged.items() if key not in asked and query.relevant and not query.remove]
    worse = [_change(outcome, places, reasons) for outcome in _worse(places, outcomes)]
    better = [_change(outcome, places, reasons) for outcome in _better(places, outcomes)]
    gone = [_lost(query, *places.get(f"{query.set} {query.id}", (0, ""))) for query in lost]
    pairs = [
        (query, places[key], (asked[key].rank, asked[key].asked.verdict.value) if key in asked else (0, ""))
        for key, query in judged.items()
        if key in places and (key in asked or query in lost)
    ]
    groups = [(code, [pair for pair in pairs if pair[0].language == code]) for code in CODES]
    figures = [_figures(code, group) for code, group in (*groups, (ALL, pairs)) if group]
    added, removed = len(asked.keys() - places.keys()), len(places.keys() - judged.keys())
    return Checked(
        tuple(figures), tuple(sorted([*worse, *gone], key=_order)), tuple(sorted(better, key=_order)), added, removed
    )


def _order(change: Change) -> tuple[bool, str, str, str]:
    """What is lost first, then by language, so that a writer finds their own together."""
    return not change.is_lost, change.language, change.set, change.query


def _worse(places: Mapping[str, tuple[int, str]], outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those that got worse, as `evaluate` says."""
    return [outcome for outcome, _, _ in worsened(places, outcomes)]


def _better(places: Mapping[str, tuple[int, str]], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that stand higher than before, or whose verdict has become right; what is also worse is not among them."""
    worse = {outcome.key for outcome in _worse(places, outcomes)}
    found = []
    for outcome in outcomes:
        if outcome.key not in places or outcome.key in worse:
            continue
        rank, verdict = places[outcome.key]
        is_higher = outcome.rank and (not rank or outcome.rank < rank)
        answerable = outcome.query.answerable
        is_righter = not _is_right(answerable, verdict) and _is_right(answerable, outcome.asked.verdict.value)
        if is_higher or is_righter:
            found.append(outcome)
    return found


def _is_right(answerable: bool | None, verdict: str) -> bool:
    """Whether a verdict says what is known: that something answers a query, or that nothing does."""
    return answerable is None or answerable is not (verdict == Verdict.UNANSWERED.value or not verdict)


def _change(outcome: Outcome, places: Mapping[str, tuple[int, str]], reasons: Reasons) -> Change:
    """A changed query with its reason."""
    query, why = outcome.query, reasons.of(outcome.key)
    rank, verdict = places[outcome.key]
    shown = outcome.asked.verdict.value
    text = read_query(query.language, query.text).text
    return Change(
        query.set,
        query.id,
        query.language,
        text,
        tuple(sorted(outcome.relevant)),
        rank,
        outcome.rank,
        verdict,
        shown,
        tuple(_sentences(outcome, why)) if why else (),
        why,
    )


def _sentences(outcome: Outcome, why: Reason) -> list[str]:
    """Why a query comes to what it does, for people."""
    if outcome.query.relevant:
        return [why.matches, *why.sentences()] if outcome.rank == 1 else why.sentences()
    if outcome.asked.verdict is Verdict.UNANSWERED:
        return ["nothing answers it, and readers are told so"]
    return [f"nothing answers it, but {why.slug} is first, confidence {why.confidence:.2f}: {why.matches}"]


def _lost(query: Judged, rank: int, verdict: str) -> Change:
    """A query whose articles are gone."""
    why = (f"no language has {' or '.join(query.relevant)} any more, and no old slug leads to an article",)
    text = read_query(query.language, query.text).text
    return Change(query.set, query.id, query.language, text, query.relevant, rank, 0, verdict, "", why, None)


#: A query, and its rank and verdict before and now.
_Pair = tuple[Judged, tuple[int, str], tuple[int, str]]


def _figures(language: str, pairs: Sequence[_Pair]) -> Figures:
    """The figures of a language before and now."""
    ranked = sum(1 for query, _, _ in pairs if query.relevant)
    before = _of_places([(query, place) for query, place, _ in pairs])
    return Figures(language, len(pairs), ranked, before, _of_places([(query, place) for query, _, place in pairs]))


def _of_places(rows: Sequence[tuple[Judged, tuple[int, str]]]) -> dict[str, float]:
    """The figures of ranks and verdicts; 0 where there is nothing to divide by."""
    ranks = [rank for query, (rank, _) in rows if query.relevant]
    told = [_is_right(query.answerable, verdict) for query, (_, verdict) in rows if query.answerable is not None]
    hits = {f"hit@{depth}": [0 < rank <= depth for rank in ranks] for depth in (1, 3, 10)}
    values: dict[str, Sequence[float]] = {
        **hits,
        "mrr@10": [1 / rank if rank else 0.0 for rank in ranks],
        "verdict": told,
    }
    return {name: round(sum(row) / len(row), 4) if row else 0.0 for name, row in values.items()}
