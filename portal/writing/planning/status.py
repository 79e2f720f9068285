"""How the articles stand: what there is in each language and how fresh, among those that are read most."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache

from portal.articles import Freshness
from portal.knowledge import KnowledgeBase
from portal.locales import CODES
from portal.problems import Problem

#: So many articles that are read most are looked at, each number by itself; None: all articles.
TOPS: tuple[int | None, ...] = (20, 50, 100, None)


class State(StrEnum):
    """How an article stands in one language."""

    #: It is the source, or made from the source as it is now.
    FRESH = "fresh"
    STALE = "stale"
    OUTDATED = "outdated"
    #: Nobody can tell what it was made from.
    UNKNOWN = "unknown"
    #: There is none.
    MISSING = "missing"
    #: Its file is there, and has an error.
    ERROR = "error"
    #: Nobody can tell as long as its source has an error.
    WAITING = "waiting"


#: What writers have to do something about.
LACKING = (State.ERROR, State.OUTDATED, State.STALE, State.MISSING, State.UNKNOWN)


@dataclass(frozen=True, eq=False)
class Visits:
    """How often articles were opened since a day."""

    #: By language of the page and slug; also where the article was shown in another language.
    views: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: UTC; None where nothing has been read yet.
    since: date | None = None


@dataclass(frozen=True)
class Text:
    """An article in one language, whether it is there or not."""

    language: str
    slug: str
    #: In the language, or in the best other one.
    title: str
    #: Of the title.
    title_language: str
    state: State
    #: How often readers of the language opened it.
    views: int
    #: Place among all articles by how often they were opened in any language, from 1.
    place: int
    #: What keeps its file from being read; None where nothing does.
    fault: Problem | None = None


@dataclass(frozen=True)
class Coverage:
    """How the articles that are read most stand in one language."""

    language: str
    #: So many at most; None: all.
    top: int | None
    #: How many of them are in each state.
    states: Mapping[State, int]

    @property
    def articles(self) -> int:
        """How many there are, whatever the language."""
        return sum(self.states.values())

    @property
    def there(self) -> int:
        """How many of them readers of the language can read in it."""
        return self.articles - self.states.get(State.MISSING, 0) - self.states.get(State.ERROR, 0)

    @property
    def coverage(self) -> float | None:
        """Share that the language has, 0–1; None where there is nothing."""
        return self.there / self.articles if self.articles else None

    @property
    def freshness(self) -> float | None:
        """Share of what the language has that is fresh, 0–1; None where it has nothing."""
        return self.states.get(State.FRESH, 0) / self.there if self.there else None


@lru_cache(maxsize=2)
def states(knowledge: KnowledgeBase) -> Mapping[tuple[str, str], State]:
    """How every article stands in every language, by language and slug."""
    found = {}
    broken = {slug for _, slug in knowledge.faults}
    for slug, codes in knowledge.families.items():
        is_waiting = slug in broken and knowledge.source(slug) is None
        for code in CODES:
            if code not in codes:
                found[code, slug] = State.ERROR if (code, slug) in knowledge.faults else State.MISSING
                continue
            freshness = knowledge.freshness(knowledge.articles[code, slug])
            state = State.FRESH if freshness is Freshness.SOURCE else State(freshness.value)
            found[code, slug] = State.WAITING if is_waiting else state
    return found


@lru_cache(maxsize=2)
def opened(knowledge: KnowledgeBase, visits: Visits) -> Counter[tuple[str, str]]:
    """How often readers of each language opened each article that there is, also under slugs that it had before."""
    views: Counter[tuple[str, str]] = Counter()
    for (language, slug), times in visits.views.items():
        now = slug if slug in knowledge.families else knowledge.aliases.get(slug)
        if now is not None:
            views[language, now] += times
    return views


@lru_cache(maxsize=2)
def ranked(knowledge: KnowledgeBase, visits: Visits) -> tuple[tuple[str, ...], int]:
    """All articles, those that were opened most in all languages first; and how many were opened at all.

    One list for all languages, so that they can be compared; what nobody opened follows by name.
    """
    views: Counter[str] = Counter()
    for (_, slug), times in opened(knowledge, visits).items():
        views[slug] += times
    return tuple(sorted(knowledge.families, key=lambda slug: (-views[slug], slug))), len(views)


@lru_cache(maxsize=16)
def coverage(knowledge: KnowledgeBase, visits: Visits, tops: tuple[int | None, ...] = TOPS) -> tuple[Coverage, ...]:
    """How much of what is read most there is in each language, and how fresh it is.

    Args:
        knowledge: the published articles.
        visits: how often they were opened. What nobody opened is not among those that are read most.
        tops: how many are looked at.
    """
    order, visited = ranked(knowledge, visits)
    state = states(knowledge)
    return tuple(
        Coverage(
            code, top, Counter(state[code, slug] for slug in (order if top is None else order[: min(top, visited)]))
        )
        for top in tops
        for code in CODES
    )


@lru_cache(maxsize=2)
def most_read(knowledge: KnowledgeBase, visits: Visits) -> Mapping[tuple[str, State], tuple[str, ...]]:
    """The articles in each state in each language, those that readers of the language opened most first."""
    order, _visited = ranked(knowledge, visits)
    state, views = states(knowledge), opened(knowledge, visits)
    found: dict[tuple[str, State], list[str]] = {}
    for slug in order:
        for code in CODES:
            found.setdefault((code, state[code, slug]), []).append(slug)
    return {
        (code, each): tuple(sorted(slugs, key=lambda slug: -views[code, slug])) for (code, each), slugs in found.items()
    }


def texts(
    knowledge: KnowledgeBase,
    visits: Visits,
    language: str,
    wanted: Sequence[State] = LACKING,
    top: int | None = None,
) -> list[Text]:
    """The articles in some states in one language, most read first; see `coverage`."""
    order, visited = ranked(knowledge, visits)
    state = states(knowledge)
    found = []
    for place, slug in enumerate(order if top is None else order[: min(top, visited)], 1):
        item = knowledge.choose(language, slug)
        if item is not None and state[language, slug] in wanted:
            article, views = item.article, opened(knowledge, visits)[language, slug]
            fault = knowledge.faults.get((language, slug))
            found.append(
                Text(language, slug, article.title, article.language, state[language, slug], views, place, fault)
            )
    return found
