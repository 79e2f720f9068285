"""What a draft would change: the queries that it would answer, its own that it would not, and what it would displace."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portal.articles import Article, Status, fingerprint
from portal.closing import query_of
from portal.edition import Edition
from portal.errors import CannotStart, NotFound
from portal.knowledge import Published
from portal.library import PLACEHOLDER
from portal.parallel import Progress
from portal.queries import Verdict, read_query
from portal.storage import Database
from portal.storage import tickets as store
from portal.tickets import GAPS
from portal.writing.files.history import History
from portal.writing.trials.asked import AskedQuery
from portal.writing.trials.concern import Concern
from portal.writing.trials.reasons import Reason, reason
from portal.writing.trials.results import Ranking, Results, results
from portal.writing.trials.trial import Trial

#: Queries that are asked at most, and for how many seconds.
MOST_ASKED, SECONDS = 5_000, 20.0
#: What makes no difference to readers' searches is left out of the file that is tried.
_SEARCHED = ("title", "topic", "summary", "tags", "keywords")


@dataclass(frozen=True)
class Own:
    """One of the queries that the draft says it answers."""

    #: As it stands in `answers`.
    answer: str
    language: str
    #: What is asked; empty where the answer is the number of no gap that there is.
    text: str
    #: Of its gap; 0 where the answer is a query.
    number: int
    rank_before: int
    #: Of the draft, from 1; 0 where it is not among the first ten.
    rank: int
    verdict_before: Verdict
    verdict: Verdict
    is_reached: bool
    #: Why not; None where it is.
    reason: Reason | None = None


@dataclass(frozen=True)
class Gained:
    """A query that was not answered and that the draft would answer, or perhaps would."""

    query: AskedQuery
    rank_before: int
    rank: int
    verdict_before: Verdict
    verdict: Verdict


@dataclass(frozen=True)
class Displaced:
    """An article that would stand lower for a query that was answered."""

    query: AskedQuery
    slug: str
    #: Whether it is known to answer the query; otherwise it was merely the first.
    is_known: bool
    rank_before: int
    #: 0 where it would no longer be among the first ten.
    rank: int
    verdict_before: Verdict
    verdict: Verdict
    #: What would be first.
    first: str


@dataclass(frozen=True)
class Preview:
    """What a draft would change, each list with what most people asked first."""

    language: str
    slug: str
    title: str
    #: What it is compared with, as part of a sentence.
    compared_with: str
    own: tuple[Own, ...]
    gained: tuple[Gained, ...]
    displaced: tuple[Displaced, ...]
    #: Queries of other languages' readers who would be shown it for want of an article in theirs.
    abroad: tuple[AskedQuery, ...]
    #: Queries that are known, that share a word with the draft or may, and that were asked.
    known: int
    concerned: int
    asked: int

    @property
    def is_reached(self) -> bool:
        """Whether it answers all that it says it does."""
        return all(own.is_reached for own in self.own)

    @property
    def verdict(self) -> str:
        """All of it in one sentence."""
        sure = [each.query for each in self.gained if each.verdict is Verdict.ANSWERED]
        perhaps = [each.query for each in self.gained if each.verdict is not Verdict.ANSWERED]
        parts = [f"would answer {_counted(sure)}"]
        parts += [f"perhaps answer {_counted(perhaps)}"] if perhaps else []
        parts += [f"reach {sum(own.is_reached for own in self.own)} of its own {len(self.own)}"] if self.own else []
        fallen = [each.query for each in self.displaced]
        parts += [f"change what answers {_counted(fallen)}"] if fallen else []
        return f"{self.language}/{self.slug} " + ", ".join(parts) + "."


def _counted(queries: Sequence[AskedQuery]) -> str:
    """How many queries, and how often they were asked."""
    times = sum(query.times for query in queries)
    count = f"{len(queries) or 'no'} {'query' if len(queries) < 2 else 'queries'}"
    return f"{count} (asked {times} times)" if times > 1 else count


def preview(
    made: Trial,
    draft: Article,
    history: History,
    queries: Sequence[AskedQuery],
    database: Database | None,
    progress: Progress,
    *,
    revision: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Preview:
    """Compare what readers would find with and without a draft.

    Args:
        made: a trial of the instance; its files are changed.
        draft: the text; its status does not matter.
        history: of the folder of articles.
        queries: that people asked, most asked first.
        database: where the gaps are that the draft names by number; None where there is none.
        progress: told of every query.
        revision: as git names it: compare with the text as it was then.
        clock: seconds that only grow.

    Raises:
        CannotStart: readers would not see the draft, or there is no such revision.
        SearchUnavailable: the index is broken.
    """
    compared_with, before = _without(made, draft, history, revision)
    made.put(draft.language, draft.slug, as_published(draft))
    after = made.edition()
    if (draft.language, draft.slug) not in after.knowledge.articles:
        raise CannotStart(f"Readers would not see {draft.slug}: its topic, {draft.topic}, is not for them.")
    both = _Both(Ranking(before), Ranking(after), draft)
    answers = [answer for answer in draft.answers if database or not _number(answer)]
    own = tuple(_own(both, after, answer, database) for answer in answers)
    is_concerned = Concern(before, after, draft)
    # Those of its own readers first, for it can answer no others; each part has the most asked first.
    concerned = sorted(filter(is_concerned, queries), key=lambda query: query.language != draft.language)
    gained, displaced, abroad, asked = _change(both, concerned[:MOST_ASKED], progress, clock)
    counts = len(queries), len(concerned), asked
    return Preview(draft.language, draft.slug, draft.title, compared_with, own, gained, displaced, abroad, *counts)


def _change(
    both: "_Both", queries: Sequence[AskedQuery], progress: Progress, clock: Callable[[], float]
) -> tuple[tuple[Gained, ...], tuple[Displaced, ...], tuple[AskedQuery, ...], int]:
    """What a draft gains, displaces and brings to other languages, and of how many queries that has been found out."""
    gained: list[Gained] = []
    displaced: list[Displaced] = []
    abroad: list[AskedQuery] = []
    end, count = clock() + SECONDS, 0
    for query in queries:
        if clock() > end:
            break
        if found := both.ask(query.language, query.text):
            gained += filter(None, [_gained(query, both.draft, *found)])
            displaced += filter(None, [_displaced(query, *found)])
            abroad += [query] if _is_new_abroad(both.draft, *found) else []
        count += 1
        progress(count, len(queries))
    displaced.sort(key=lambda each: -each.query.times)  # Those of its own readers came first.
    return tuple(gained), tuple(displaced), tuple(abroad), count


class _Both:
    """The results with and without a draft.

    Args:
        before: the edition without it.
        after: the edition with it.
        draft: the text.
    """

    def __init__(self, before: Edition, after: Edition, draft: Article) -> None:
        self._before, self._after = before, after
        self.draft = draft
        self._is_new = (draft.language, draft.slug) not in before.knowledge.articles

    def ask(self, language: str, text: str, *, always: bool = False) -> tuple[Results, Results] | None:
        """What a query finds before and after; None where the draft is no part of it.

        Args:
            language: of the reader.
            text: within bounds.
            always: whatever part it has.
        """
        after = results(self._after, language, text)
        is_shown = self.draft.slug in after.slugs or (self.draft.language, self.draft.slug) in after.elsewhere
        return (results(self._before, language, text), after) if always or is_shown or not self._is_new else None


def as_published(article: Article) -> bytes:
    """The file of an article as readers would search it; what a draft has instead of a text is left out."""
    values = {name: value for name in _SEARCHED if (value := getattr(article, name))}
    values["updated"] = article.updated.isoformat()
    # What JSON escapes, YAML reads.
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    body = article.body.replace(PLACEHOLDER, "").strip("\n") or "–"
    return f"---\n{front}\n---\n\n{body}\n".encode()


def _without(made: Trial, draft: Article, history: History, revision: str) -> tuple[str, Edition]:
    """What a draft is compared with, and that edition: what readers see, the text before, or nothing."""
    language, slug = draft.language, draft.slug
    item = made.published(language, slug)
    if revision and not history.has(revision):
        raise CannotStart(history.reason or f"There is no revision {revision} in the history of the articles.")
    if revision or (item and _is_same(item, draft)):
        version = history.committed(language, slug, revision or "HEAD")
        is_seen = version is not None and version.article.status is Status.PUBLISHED
        if version and is_seen and (revision or fingerprint(version.article) != fingerprint(draft)):
            made.put(language, slug, as_published(version.article))
            return f"its text of commit {version.revision}", made.edition()
        made.put(language, slug, None)
        return f"no {slug} at all" if revision else "no such article; readers see this text already", made.edition()
    if item is not None:
        made.keep(language, slug)
        return "its text that readers see now", made.edition()
    made.put(language, slug, None)
    return "what readers see now", made.edition()


def _is_same(item: Published, draft: Article) -> bool:
    """Whether what is published is the draft, as far as search knows."""
    same = (getattr(item.article, name) == getattr(draft, name) for name in _SEARCHED)
    return item.fingerprint == fingerprint(draft) and all(same)


def _own(both: _Both, after: Edition, answer: str, database: Database | None) -> Own:
    """What becomes of a query that the draft says it answers, or of the gap that it names."""
    language, slug, text, number = both.draft.language, both.draft.slug, answer, _number(answer)
    if number:
        language, text = _of_gap(database, number) or (language, "")
    query = read_query(language, text)
    found = both.ask(language, query.text, always=True)
    assert found is not None
    then, now = found
    is_reached = language == both.draft.language and now.proves(language, slug)
    places = then.rank(slug), now.rank(slug), then.verdict, now.verdict
    why = reason(after, query, slug) if query.text and not is_reached else None
    return Own(answer, language, query.text, number, *places, is_reached, why)


def _number(answer: str) -> int:
    """The number of the gap that an answer is; 0 where it is a query."""
    digits = answer.strip("# ")
    return int(digits) if digits.isdecimal() else 0


def _of_gap(database: Database | None, number: int) -> tuple[str, str] | None:
    """Language and query of a gap; None where there is no such gap."""
    if database is None:
        return None
    try:
        with database.read() as connection:
            gap = store.get(connection, number)
    except NotFound:
        return None
    return (gap.language, query_of(gap).text) if gap.kind in GAPS else None


def _is_new_abroad(draft: Article, then: Results, now: Results) -> bool:
    """Whether readers of another language would be shown the draft, and have no answer in theirs."""
    key = draft.language, draft.slug
    return key in now.elsewhere and key not in then.elsewhere and now.verdict is Verdict.UNANSWERED


def _gained(query: AskedQuery, draft: Article, then: Results, now: Results) -> Gained | None:
    """The query where the draft would answer it and nothing did."""
    if query.language != draft.language or then.verdict is Verdict.ANSWERED:
        return None
    was, rank = then.rank(draft.slug), now.rank(draft.slug)
    if not now.proves(query.language, draft.slug):
        return None
    if then.proves(query.language, draft.slug) and not now.is_better_than(then):
        return None
    return Gained(query, was, rank, then.verdict, now.verdict)


def _displaced(query: AskedQuery, then: Results, now: Results) -> Displaced | None:
    """The article that would fall for a query: the best one that is known to answer it, or else the first that did."""
    known = sorted((slug for slug in query.slugs if then.rank(slug)), key=then.rank)
    if not known and not (then.slugs and then.verdict is Verdict.ANSWERED):
        return None
    slug = (*known, *then.slugs)[0]
    # Another one that is known to answer it may do so in its place, such as the draft.
    best = min((rank for other in (query.slugs if known else (slug,)) if (rank := now.rank(other))), default=0)
    is_right = bool(now.slugs) and now.slugs[0] in query.slugs
    is_fallen = not is_right and not 0 < best <= then.rank(slug)
    if not is_fallen and not (then.verdict is Verdict.ANSWERED and then.is_better_than(now)):
        return None
    places = then.rank(slug), now.rank(slug), then.verdict, now.verdict
    return Displaced(query, slug, bool(known), *places, next(iter(now.slugs), ""))
