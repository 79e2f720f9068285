"""How good search is: judged queries are asked of the real thing, and what comes of it is measured and compared."""

import re
import shutil
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import log2
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portal import library, redirects
from portal.edition import Edition, Editions
from portal.errors import CannotStart
from portal.judgments import Judged
from portal.learning import learn
from portal.locales import CODES
from portal.parallel import Progress
from portal.publishing import Publisher
from portal.queries import Cuts, Verdict
from portal.search.confidence import Signals

#: Results that are judged.
DEPTH = 10
#: The metrics of `ranking`.
RANKING = ("hit@1", "hit@3", "hit@10", "mrr@10", "ndcg@10", "recall@5", "no_result")
#: Rows of fewer queries are no ground for calling a change one.
ENOUGH = 10
#: Stands for every language, or for every translator.
ALL = "all"
#: Words of writers that lie beside the articles and are searched by.
_BESIDE = ("topics.yml", "glossary.yml", redirects.NAME, *(f"{code}/synonyms.txt" for code in CODES))
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n.*?^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title[ \t]*:[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What a reader was shown for one query."""

    #: The first results in the reader's language.
    slugs: tuple[str, ...]
    #: The first articles that were shown in groups of other languages.
    elsewhere: tuple[str, ...]
    verdict: Verdict
    #: The probability that it is answered, 0–1.
    confidence: float
    #: What the probability was made of, and in which language; None where there was no word to search for.
    signals: Signals | None = None
    judged_in: str = ""


#: Asks a query as a reader of a language.
Ask = Callable[[str, str], Asked]


@dataclass(frozen=True)
class Outcome:
    """One judged query and what came of it."""

    query: Judged
    #: The relevant articles that there are: in the reader's language or, where there are none, in others.
    relevant: frozenset[str]
    #: Whether they exist in other languages only.
    is_elsewhere: bool
    asked: Asked
    #: What came of the query before the noise; None where there is none.
    clean: Asked | None = None

    def got(self, asked: Asked) -> tuple[str, ...]:
        """The results that count: those of the reader's language, or of the others."""
        return (asked.elsewhere if self.is_elsewhere else asked.slugs)[:DEPTH]

    @property
    def key(self) -> str:
        """Names the query from one run to the next."""
        return f"{self.query.set} {self.query.id}"

    @property
    def rank(self) -> int:
        """Place of the first relevant result, from 1; 0 where there is none."""
        return next((place for place, slug in enumerate(self.got(self.asked), 1) if slug in self.relevant), 0)


@contextmanager
def built(
    root: Path,
    queries: Iterable[Judged],
    is_left_out: Callable[[str, str], bool],
    default_language: str,
    cuts: Mapping[str, Cuts],
    now: datetime,
    progress: Progress,
    learned: Progress,
    search: str = "",
) -> Iterator[tuple[Edition, frozenset[Judged]]]:
    """Publish a copy of the articles and learn from it, in a folder that goes when it has been used, whatever happens.

    Args:
        root: folder of the articles.
        queries: what they name is taken out of the articles.
        is_left_out: whether the article of a language and slug is left out.
        default_language: see `KnowledgeBase`.
        cuts: of every language.
        now: names the generation.
        progress: see `Publisher.publish`.
        learned: see `learning.learn`.
        search: see `Publisher`.

    Yields:
        The edition, and the queries whose sentence was not there to be taken out.

    Raises:
        CannotStart: the folder of the articles cannot be used.
    """
    with TemporaryDirectory(prefix="portal-evaluation-") as folder:
        articles, data = Path(folder, "articles"), Path(folder, "data")
        data.mkdir()
        missed = _copy(root, articles, queries, is_left_out)
        Publisher(articles, data, search).publish(now, progress)
        learn(data, learned)
        edition = Editions(data, default_language, cuts, search=search).current()
        try:
            if not edition.knowledge.articles:
                raise CannotStart(f"The folder of the articles, {root}, has no article that readers can see.")
            yield edition, missed
        finally:
            edition.index.close()


def _copy(
    root: Path, target: Path, queries: Iterable[Judged], is_left_out: Callable[[str, str], bool]
) -> frozenset[Judged]:
    """Copy the articles without what is taken out; the queries whose sentence is not there."""
    removals: dict[tuple[str, str], set[Judged]] = {}
    for query in queries:
        removals.setdefault((query.language, query.slug), set()).add(query)
    without_titles = any(query.removes_titles for given in removals.values() for query in given)
    missed = {query for given in removals.values() for query in given if query.remove}
    for code in CODES:
        (target / code).mkdir(parents=True)
    for file in library.scan(root).files:
        if not is_left_out(file.language, file.slug):
            text = file.path.read_bytes().decode("utf-8", "surrogateescape")
            body = match.end() if (match := _FRONT.match(text)) else 0
            front, rest = text[:body], text[body:]
            taken = {query for query in removals.get((file.language, file.slug), ()) if query.remove in rest}
            missed -= taken
            for sentence in sorted({query.remove for query in taken} - {""}, key=lambda text: (-len(text), text)):
                rest = rest.replace(sentence, " ")
            front = _TITLE.sub('title: "–"', front, count=1) if without_titles else front
            (target / file.language / file.path.name).write_bytes((front + rest).encode("utf-8", "surrogateescape"))
    for name in _BESIDE:
        if (root / name).is_file():
            shutil.copyfile(root / name, target / name)
    return frozenset(missed)


def ask_all(
    queries: Sequence[Judged], families: Mapping[str, Collection[str]], ask: Ask, progress: Progress
) -> tuple[list[Outcome], list[Judged]]:
    """Ask the queries; what came of them, and those that no article of the folder can answer though one should.

    Args:
        queries: judged.
        families: the languages of every slug that readers can see.
        ask: as a reader of a language.
        progress: told of every query.
    """
    once = cache(ask)
    outcomes, unfit = [], []
    for count, query in enumerate(queries, 1):
        own = frozenset(slug for slug in query.relevant if query.language in families.get(slug, ()))
        there = own or frozenset(slug for slug in query.relevant if families.get(slug))
        if query.relevant and not there:
            unfit.append(query)
        else:
            asked = once(query.language, query.text)
            clean = once(query.language, query.clean) if query.clean else None
            outcomes.append(Outcome(query, there, bool(there and not own), asked, clean))
        progress(count, len(queries))
    return outcomes, unfit


def ranking(rows: Collection[tuple[Collection[str], Sequence[str]]]) -> dict[str, float]:
    """Means over queries of how far up relevant results stand, each from 0 to 1.

    Args:
        rows: for each query what is relevant, and the results, best first; at least one query.

    Returns:
        `hit@k`, the share with a relevant result among the first k; `mrr@10`, the mean of 1 ÷ place of the first one;
        `ndcg@10`, by every relevant one; `recall@5`, as `hit@5`; `no_result`, the share without any result.
    """
    sums = dict.fromkeys(RANKING, 0.0)
    for relevant, got in rows:
        hits = [place for place, slug in enumerate(got[:DEPTH]) if slug in relevant]
        first = hits[0] if hits else DEPTH
        for name, depth in (("hit@1", 1), ("hit@3", 3), ("hit@10", 10), ("recall@5", 5)):
            sums[name] += first < depth
        sums["mrr@10"] += 1 / (first + 1) if hits else 0
        ideal = sum(1 / log2(place + 2) for place in range(min(len(relevant), DEPTH)))
        sums["ndcg@10"] += sum(1 / log2(place + 2) for place in hits) / ideal if ideal else 0
        sums["no_result"] += not got
    return {name: total / len(rows) for name, total in sums.items()}


def detection(rows: Iterable[tuple[bool, bool]]) -> dict[str, float]:
    """Precision, recall and F1 of telling what nothing answers; 0 where there is nothing to divide by.

    Args:
        rows: for each query whether it is answerable, and whether it was told to be unanswered.
    """
    pairs = list(rows)
    right = sum(told and not answerable for answerable, told in pairs)
    told_so = sum(told for _, told in pairs)
    wanted = sum(not answerable for answerable, _ in pairs)
    precision, recall = right / told_so if told_so else 0.0, right / wanted if wanted else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def auc(rows: Iterable[tuple[bool, float]]) -> float | None:
    """The chance that an answerable query has more confidence than one that is not, equal ones counting half.

    Args:
        rows: for each query whether it is answerable, and the confidence.

    Returns:
        None where there are none of one kind.
    """
    pairs = list(rows)
    high = sorted(value for answerable, value in pairs if answerable)
    low = [value for answerable, value in pairs if not answerable]
    if not high or not low:
        return None
    beaten = sum(len(high) - (bisect_left(high, value) + bisect_right(high, value)) / 2 for value in low)
    return beaten / len(high) / len(low)


def tabulate(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """The metrics of every set, set and kind, language and translator, and the total.

    Queries with noise have rows of their own and are no part of the total; so have those whose articles exist in other
    languages only, whose sets end in `:elsewhere`.
    """
    groups: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        query = outcome.query
        names = [query.set, *([f"{query.set}:{query.kind}"] if query.kind else []), *([] if query.clean else ["total"])]
        for name in names:
            for language in (query.language, ALL):
                for translation in filter(None, (query.translation, ALL)):
                    key = (name + (":elsewhere" if outcome.is_elsewhere else ""), language, translation)
                    groups.setdefault(key, []).append(outcome)
    order = {code: place for place, code in enumerate((*CODES, ALL))}
    keys = sorted(groups, key=lambda key: (key[0].startswith("total"), key[0], order[key[1]], key[2] != ALL, key[2]))
    return [
        {"set": name, "language": language, "translation": translation} | _row(groups[name, language, translation])
        for name, language, translation in keys
    ]


def _row(group: list[Outcome]) -> dict[str, Any]:
    """The metrics of a group of queries."""
    ranked = [outcome for outcome in group if outcome.relevant]
    row: dict[str, Any] = {"n": len(group), "ranked": len(ranked)}
    if ranked:
        row |= _rounded(ranking([(outcome.relevant, outcome.got(outcome.asked)) for outcome in ranked]))
    noisy = [outcome for outcome in ranked if outcome.clean]
    if noisy and len(noisy) == len(ranked):
        clean = ranking([(outcome.relevant, outcome.got(outcome.clean)) for outcome in noisy if outcome.clean])
        row["clean_mrr@10"] = round(clean["mrr@10"], 4)
        row["ratio"] = round(row["mrr@10"] / clean["mrr@10"], 4) if clean["mrr@10"] else None
    judged = [outcome for outcome in group if outcome.query.answerable is not None]
    if judged:
        row["verdict"] = _verdict(judged)
    return row


def _verdict(judged: list[Outcome]) -> dict[str, Any]:
    """How well a group's verdicts tell what nothing answers."""

    def told(outcome: Outcome, *verdicts: Verdict) -> tuple[bool, bool]:
        return bool(outcome.query.answerable), outcome.asked.verdict in verdicts

    unanswerable = [outcome for outcome in judged if not outcome.query.answerable]
    shares = {item.value: sum(outcome.asked.verdict is item for outcome in judged) / len(judged) for item in Verdict}
    row: dict[str, Any] = {"n": len(judged), "unanswerable": len(unanswerable), "verdicts": _rounded(shares)}
    if unanswerable:
        kinds: dict[str, list[tuple[bool, bool]]] = {}
        for outcome in unanswerable:
            kinds.setdefault(outcome.query.kind or "-", []).append(told(outcome, Verdict.UNANSWERED))
        row["recall_by_kind"] = _rounded({kind: detection(rows)["recall"] for kind, rows in sorted(kinds.items())})
    area = auc((bool(outcome.query.answerable), outcome.asked.confidence) for outcome in judged)
    if area is not None:
        unsure = (told(outcome, Verdict.UNANSWERED, Verdict.UNCERTAIN) for outcome in judged)
        row["auc"] = round(area, 4)
        row["unanswered"] = _rounded(detection(told(outcome, Verdict.UNANSWERED) for outcome in judged))
        row["not_answered"] = _rounded(detection(unsure))
    return row


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Values to four digits, so that the same run prints the same on every machine."""
    return {name: round(value, 4) for name, value in values.items()}


def essentials(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """What a baseline keeps of rows, by set, language and translator: counts, MRR@10, AUC, precision."""
    kept: dict[str, dict[str, float]] = {}
    for row in rows:
        verdict = row.get("verdict", {})
        values = {"ranked": row["ranked"], "mrr@10": row.get("mrr@10"), "judged": verdict.get("n", 0)}
        values |= {"auc": verdict.get("auc"), "precision": verdict.get("unanswered", {}).get("precision")}
        name = f"{row['set']} {row['language']} {row['translation']}"
        kept[name] = {key: value for key, value in values.items() if value is not None}
    return kept


def changes(
    before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]
) -> list[tuple[str, str, float, float]]:
    """What has changed between two baselines' rows of at least `ENOUGH` queries: row, metric, before and after."""
    return [
        (name, metric, before[name][metric], row[metric])
        for name, row in after.items()
        for metric, count in (("mrr@10", "ranked"), ("auc", "judged"), ("precision", "judged"))
        if metric in row and metric in before.get(name, {}) and row[count] >= ENOUGH
        if round(row[metric] - before[name][metric], 4)
    ]


def worsened(before: Mapping[str, tuple[int, str]], outcomes: Iterable[Outcome]) -> list[tuple[Outcome, int, str]]:
    """The queries with a lower rank than before, or with a verdict that has become wrong; with what they had."""
    found = []
    for outcome in outcomes:
        rank, verdict = before.get(outcome.key, (0, ""))
        answerable, told = outcome.query.answerable, outcome.asked.verdict
        is_wrong = answerable is (told == Verdict.UNANSWERED) and bool(verdict) and verdict != told.value
        was_wrong = answerable is (verdict == Verdict.UNANSWERED)
        if (rank and not 0 < outcome.rank <= rank) or (is_wrong and not was_wrong):
            found.append((outcome, rank, verdict))
    return found
