"""Where the verdicts are divided: cuts for every language, and the weights of the signals, from judged searches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from portal.evaluation import Ask, Outcome, auc
from portal.knowledge import Published, of_present
from portal.locales import CODES
from portal.queries import Cuts
from portal.search.confidence import NAMES, Signals

#: What is told to be unanswered, or answered, should be so this often.
PRECISION = 0.95
#: An answered band that holds less of what is answered than this is of no use.
LEAST_RECALL = 0.5
#: How far weights are drawn to nothing, for each source of searches.
RIDGE = 1e-4
#: Newton's steps; a dozen are enough.
MAX_STEPS = 50

_Array = NDArray[np.float64]


class Labelled(NamedTuple):
    """One search of which is known whether it was answered; from judged queries, or from what readers say."""

    #: Whose cuts divide it.
    language: str
    signals: Signals
    is_answered: bool
    #: How much it counts; a judged query counts 1.
    weight: float = 1.0
    #: Where it comes from; each source has its own share of answered searches.
    source: str = ""


@dataclass(frozen=True)
class Cut:
    """One place to divide, and how well it does."""

    value: float
    #: Of what it is to tell: “unanswered” below the low cut, “answered” from the high cut on.
    precision: float
    recall: float
    f1: float
    #: Why it is there: `precision` is reached, the largest `f1`, or `never`, because no cut reaches the precision.
    by: str


@dataclass(frozen=True)
class Calibration:
    """The cuts of one language."""

    language: str
    searches: int
    unanswered: int
    auc: float | None
    low: Cut
    high: Cut


@dataclass(frozen=True)
class Weights:
    """Fitted weights of the signals, in the order of `confidence.NAMES`, and the constant."""

    weights: tuple[float, ...]
    constant: float

    def confidence(self, given: Signals) -> float:
        """The probability that these weights give, 0–1."""
        total = float(np.dot(self.weights, astuple(given))) + self.constant
        return float(1 / (1 + np.exp(-total)))


def judged(outcomes: Iterable[Outcome]) -> list[Labelled]:
    """The searches of judged queries of which is known whether anything in the reader's language answers them."""
    return [
        Labelled(outcome.asked.judged_in, outcome.asked.signals, outcome.query.answerable, source=outcome.query.source)
        for outcome in outcomes
        if outcome.query.answerable is not None and outcome.asked.signals is not None and not outcome.is_elsewhere
    ]


def voted(
    articles: Mapping[tuple[str, str], Published], ask: Ask, tallies: Mapping[tuple[str, str, str], tuple[int, int]]
) -> list[Labelled]:
    """The searches that readers' votes tell something of: the queries that an article is said to answer.

    Args:
        articles: by language and slug.
        ask: as a reader of a language.
        tallies: yes-votes and all votes by language, slug and revision; those for the texts as they are now share the
            weight of one judged query.
    """
    found = []
    for (language, slug), (good, given) in sorted(of_present(articles, tallies).items()):
        answers = articles[language, slug].article.answers if given else ()
        for text in (answer for answer in answers if not answer.strip("# ").isdigit()):
            asked = ask(language, text)
            if asked.signals is not None:
                for is_answered, count in ((True, good), (False, given - good)):
                    found.append(Labelled(asked.judged_in, asked.signals, is_answered, count / given, "feedback"))
    return [item for item in found if item.weight > 0]


def calibrate(labelled: Iterable[Labelled], confidence: Callable[[Signals], float]) -> list[Calibration]:
    """The cuts of every language that has both answered and unanswered searches.

    Args:
        labelled: searches.
        confidence: the probability that signals stand for.
    """
    groups: dict[str, list[tuple[bool, float, float]]] = {}
    for item in labelled:
        groups.setdefault(item.language, []).append((item.is_answered, confidence(item.signals), item.weight))
    return [
        _calibration(language, rows)
        for language, rows in sorted(groups.items())
        if len({answered for answered, _, weight in rows if weight > 0}) == 2
    ]


def _calibration(language: str, rows: list[tuple[bool, float, float]]) -> Calibration:
    """The cuts of one language; the high one is never below the low one."""
    low = low_cut(rows)
    unanswered = sum(not answered for answered, _, _ in rows)
    area = auc((answered, value) for answered, value, _ in rows)
    return Calibration(language, len(rows), unanswered, area, low, high_cut(rows, low.value))


def low_cut(rows: Sequence[tuple[bool, float, float]]) -> Cut:
    """The largest cut, in thousandths, below which the share of unanswered searches is at least `PRECISION`.

    Args:
        rows: whether it is answered, its confidence, its weight.
    """
    cuts = [cut for cut in _cuts(rows, above=False) if cut.precision >= PRECISION]
    return max(cuts, key=lambda cut: cut.value, default=Cut(0.0, 0.0, 0.0, 0.0, "never"))


def high_cut(rows: Sequence[tuple[bool, float, float]], low: float = 0.0) -> Cut:
    """The smallest cut, in thousandths, from which on the share of answered searches is at least `PRECISION`.

    Where it would hold too few of them, the cut with the largest F1 of “answered”; the smallest of equal ones.

    Args:
        rows: see `low_cut`.
        low: no cut is below it.
    """
    cuts = [cut for cut in _cuts(rows, above=True) if cut.value >= low]
    sure = [cut for cut in cuts if cut.precision >= PRECISION and cut.recall >= LEAST_RECALL]
    if sure:
        return sure[0]
    best = max(cuts, key=lambda cut: (cut.f1, -cut.value))
    return Cut(best.value, best.precision, best.recall, best.f1, "f1")


def _cuts(rows: Sequence[tuple[bool, float, float]], *, above: bool) -> list[Cut]:
    """Every cut in thousandths from 0 to 1, as a detector of “answered” above it or of “unanswered” below it."""
    places = np.arange(1001) / 1000
    answered, values, weights = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    wanted = weights * (answered if above else 1 - answered)

    def mass(amounts: _Array) -> _Array:
        order = np.argsort(values, kind="stable")
        below = np.concatenate(([0.0], np.cumsum(amounts[order])))[np.searchsorted(values[order], places, side="left")]
        return amounts.sum() - below if above else below

    told, right = mass(weights), mass(wanted)
    precision = np.divide(right, told, out=np.zeros_like(told), where=told > 0)
    recall = right / wanted.sum()
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    columns = (places.tolist(), precision.tolist(), recall.tolist(), f1.tolist())
    return [Cut(*row, "precision") for row in zip(*columns, strict=True)]


def fit(labelled: Iterable[Labelled]) -> Weights | None:
    """Weights of the signals by logistic regression.

    Every source counts the same and has its own constant, since it has its own sort of queries; in each, answered and
    unanswered searches count the same. A source with searches of one sort only tells nothing and is left out.

    Args:
        labelled: searches.

    Returns:
        The weights, with the mean of the constants, rounded to three digits; None where no source is of use. The same
        searches give the same weights, in whatever order they come.
    """
    groups: dict[str, list[Labelled]] = {}
    for item in sorted(labelled, key=lambda item: (item.source, astuple(item.signals), item.is_answered, item.weight)):
        if item.weight > 0:
            groups.setdefault(item.source, []).append(item)
    kept = [group for group in groups.values() if len({item.is_answered for item in group}) == 2]
    if not kept:
        return None
    rows = [(item, place) for place, group in enumerate(kept) for item in group]
    signals = np.array([astuple(item.signals) for item, _ in rows], dtype=np.float64)
    constants = np.eye(len(kept))[[place for _, place in rows]]
    answered = np.array([item.is_answered for item, _ in rows], dtype=np.float64)
    weights = np.concatenate([_balanced(group) for group in kept])
    found = _newton(np.hstack((signals, constants)), answered, weights, RIDGE * len(kept), len(NAMES))
    return Weights(
        tuple(round(float(value), 3) + 0.0 for value in found[: len(NAMES)]),
        round(float(found[len(NAMES) :].mean()), 3) + 0.0,
    )


def _balanced(group: list[Labelled]) -> _Array:
    """Weights of a source's searches: 1 in all, half for either sort."""
    answered = np.array([item.is_answered for item in group])
    given = np.array([item.weight for item in group], dtype=np.float64)
    sums = np.where(answered, given[answered].sum(), given[~answered].sum())
    return np.asarray(given / sums / 2)


def _newton(columns: _Array, answered: _Array, weights: _Array, ridge: float, penalised: int) -> _Array:
    """The coefficients with the least weighted logarithmic loss; the first `penalised` ones are drawn to 0."""
    penalty = np.zeros(columns.shape[1])
    penalty[:penalised] = ridge
    # Constants too, a little: a source that its signals divide completely has no best one.
    penalty[penalised:] = ridge / 1000

    def loss(at: _Array) -> float:
        signed = np.where(answered > 0, -1.0, 1.0) * (columns @ at)
        return float(weights @ np.logaddexp(0, signed) + penalty @ at**2 / 2)

    found: _Array = np.zeros(columns.shape[1])
    for _ in range(MAX_STEPS):
        told = 1 / (1 + np.exp(-(columns @ found)))
        gradient = columns.T @ (weights * (told - answered)) + penalty * found
        curvature = (columns * (weights * told * (1 - told))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-6 and loss(found - size * step) > loss(found):
            size /= 2
        if size * np.abs(step).max() < 1e-9 or size <= 1e-6:
            break
        found = found - size * step
    return found


def settings(found: Iterable[Calibration], present: Mapping[str, Cuts]) -> dict[str, str]:
    """The settings to put in place, by name; languages that could not be calibrated keep their present cuts."""
    cuts = {code: (present[code].low, present[code].high) for code in CODES}
    cuts |= {item.language: (item.low.value, item.high.value) for item in found}
    names = ("PORTAL_SEARCH_LOW_CUTS", "PORTAL_SEARCH_HIGH_CUTS")
    return {name: ",".join(f"{code}:{cuts[code][place]:g}" for code in CODES) for place, name in enumerate(names)}


def as_plain(found: Calibration) -> dict[str, Any]:
    """A calibration for scripts."""

    def cut(given: Cut) -> dict[str, Any]:
        rounded = {name: round(getattr(given, name), 4) for name in ("precision", "recall", "f1")}
        return {"cut": given.value, **rounded, "by": given.by}

    return {
        "language": found.language,
        "searches": found.searches,
        "unanswered": found.unanswered,
        "auc": None if found.auc is None else round(found.auc, 4),
        "low": cut(found.low),
        "high": cut(found.high),
    }


def describe(found: Calibration) -> list[str]:
    """A calibration for people."""
    why = {
        "precision": f"a precision of {PRECISION:g} is reached",
        "f1": "the largest F1",
        "never": f"no cut reaches a precision of {PRECISION:g}",
    }
    area = "" if found.auc is None else f", AUC {found.auc:.3f}"
    lines = [f"{found.language}  {found.searches} searches, {found.unanswered} of them unanswered{area}"]
    for name, told, cut in (("low", "unanswered", found.low), ("high", "answered", found.high)):
        figures = f"“{told}” with precision {cut.precision:.3f}, recall {cut.recall:.3f}, F1 {cut.f1:.3f}"
        lines.append(f"    {name:<5}{cut.value:.3f}  {figures}; {why[cut.by]}")
    return lines
