"""Why a search came to what it came to: every step from the words that were typed to the verdict, as plain values."""

from dataclasses import astuple, dataclass

from portal.edition import Edition
from portal.queries import Query, Verdict
from portal.search.confidence import CONSTANT, NAMES, WEIGHTS
from portal.search.inquiry import Reading
from portal.search.understanding import Repair
from portal.selfservice import Answer, answer


@dataclass(frozen=True)
class Asked:
    """One thing that was looked for."""

    word: str
    #: The terms that it is looked for by, with what each way is worth.
    ways: tuple[tuple[str, float], ...]
    #: How rare it is; of an unknown word the highest there is.
    rarity: float
    #: Whether any article has it.
    is_known: bool


@dataclass(frozen=True)
class Signal:
    """One of the values that the confidence is made of."""

    name: str
    value: float
    weight: float


@dataclass(frozen=True)
class Hit:
    """One result with the parts of its score: words × (1 + the better of the two fits)."""

    slug: str
    title: str
    score: float
    words: float
    title_fit: float
    heading_fit: float
    #: What each thing that was looked for added to `words`.
    added: tuple[float, ...]


@dataclass(frozen=True)
class Step:
    """One way in which the query was taken."""

    #: `typed`, `repaired`, or `asked_in` where it was taken for another language.
    kind: str
    language: str
    text: str
    asked: tuple[Asked, ...]
    signals: tuple[Signal, ...]
    confidence: float
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Explanation:
    """How a search went."""

    query: Query
    #: The language that the query seems to be in.
    guess: str
    repairs: tuple[Repair, ...]
    steps: tuple[Step, ...]
    #: The best score by what the words could come to at most, of the reading that counts.
    normalised: float
    constant: float
    confidence: float
    low: float
    high: float
    verdict: Verdict
    code: str | None
    #: Language and slugs of what only other languages have.
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...]


def explain(edition: Edition, query: Query) -> Explanation:
    """Search as a reader would, and say how it went.

    Args:
        edition: what is searched.
        query: within bounds.

    Raises:
        SearchUnavailable: the index is missing or broken.
    """
    return of_answer(edition, answer(edition, query))


def of_answer(edition: Edition, given: Answer) -> Explanation:
    """What is behind an answer."""
    inquiry = given.inquiry
    cuts = edition.cuts[given.asked_in or given.query.language]
    readings: list[tuple[str, Reading]] = []
    if inquiry is not None:
        readings.append(("typed", inquiry.typed))
        if inquiry.own is not inquiry.typed:
            readings.append(("repaired", inquiry.own))
        if inquiry.asked_in is not None:
            readings.append(("asked_in", inquiry.asked_in))
    counting = readings[-1][1] if given.asked_in else inquiry.own if inquiry else None
    return Explanation(
        given.query,
        inquiry.guess if inquiry else given.query.language,
        given.repairs,
        tuple(_step(edition, kind, reading) for kind, reading in readings),
        counting.signals.normalised if counting else 0.0,
        CONSTANT,
        given.confidence,
        cuts.low,
        cuts.high,
        given.verdict,
        given.code,
        tuple((code, tuple(result.item.article.slug for result in group)) for code, group in given.elsewhere),
    )


def _step(edition: Edition, kind: str, reading: Reading) -> Step:
    """One reading in plain values."""
    found = reading.found
    asked = tuple(
        Asked(clue.text, tuple((" + ".join(way.terms), way.worth) for way in clue.ways), rarity, is_known)
        for clue, rarity, is_known in zip(reading.clues, found.rarity, found.known, strict=True)
    )
    hits = []
    for place, match in enumerate(found.matches):
        item = edition.knowledge.articles.get((reading.language, match.slug))
        title = item.article.title if item else ""
        added = tuple(row[place] for row in found.added)
        hits.append(Hit(match.slug, title, match.score, match.words, match.title_fit, match.heading_fit, added))
    values = zip(NAMES, astuple(reading.signals), WEIGHTS, strict=True)
    signals = tuple(Signal(*triple) for triple in values)
    return Step(kind, reading.language, reading.text, asked, signals, reading.confidence, tuple(hits))
