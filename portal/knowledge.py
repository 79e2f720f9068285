"""The published articles of one generation, as pages ask for them: families, topics, neighbours, freshness."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import nsmallest

from portal.articles import Article, Freshness, Status, Topic, freshness, source_language
from portal.locales import CODES, choices, source_order
from portal.old_slugs import flatten
from portal.problems import Problem

#: Articles that are shown beside one.
RELATED = 4


@dataclass(frozen=True)
class Published:
    """An article that readers can see; its text is kept elsewhere."""

    #: Without its body.
    article: Article
    #: See `articles.fingerprint`.
    fingerprint: str


@dataclass(frozen=True)
class Shelf:
    """A topic with what stands in it for one reader."""

    topic: Topic
    #: One per family, in the reader's language or the best other one, by title.
    articles: tuple[Published, ...]


class KnowledgeBase:
    """The published articles of one generation.

    Args:
        generation: its name; changes with every publication.
        articles: by language and slug; drafts and what is for writers alone are left out.
        topics: in the order in which they are shown.
        default_language: the likeliest source of a family.
        internal: drafts and articles of topics for writers, by language and slug; nothing but the pages of signed-in
            writers may show them, so nothing else here knows of them.
        redirects: old slugs and the slugs they lead to, of `redirects.yml`.
        broken: the first error of every file that has one; of no other page than those of writers.
        digest: of all that readers see, the same on every machine that has the same articles; without one, the name of
            the generation stands for it.
    """

    def __init__(
        self,
        generation: str,
        articles: Mapping[tuple[str, str], Published],
        topics: tuple[Topic, ...],
        default_language: str,
        internal: Mapping[tuple[str, str], Published] | None = None,
        redirects: Mapping[str, str] | None = None,
        broken: Iterable[Problem] = (),
        digest: str = "",
    ) -> None:
        self.generation = generation
        self.digest = digest or generation
        self.articles = articles
        self.internal = internal or {}
        self._redirects = redirects or {}
        self.topics = topics
        self.broken = tuple(broken)
        self._preferred = source_order(default_language)
        self.related = lru_cache(maxsize=2000)(self._related)
        self._by_tags = lru_cache(maxsize=None)(self._grouped)

    @cached_property
    def families(self) -> dict[str, frozenset[str]]:
        """The languages of every slug."""
        families: dict[str, set[str]] = {}
        for language, slug in self.articles:
            families.setdefault(slug, set()).add(language)
        return {slug: frozenset(languages) for slug, languages in families.items()}

    @cached_property
    def faults(self) -> dict[tuple[str, str], Problem]:
        """What keeps articles' files from being read, by language and slug."""
        places = (problem.path.removesuffix(".md").partition("/") for problem in self.broken)
        return {
            (language, slug): problem
            for (language, _, slug), problem in zip(places, self.broken, strict=True)
            if language in CODES and slug and problem.path.endswith(".md")
        }

    def prepare(self) -> None:
        """Work out now what pages need of all articles."""
        for code in CODES:
            self.shelves(code)
            self.lacking(code)
        _ = self.aliases, self.counts

    def is_draft(self, language: str, slug: str) -> bool:
        """Whether there is a text that its writers have not published yet."""
        item = self.internal.get((language, slug))
        return item is not None and item.article.status is Status.DRAFT

    @lru_cache(maxsize=8)  # noqa: B019 - a generation lives as long as its cache
    def lacking(self, language: str) -> frozenset[str]:
        """The families that have no article in a language."""
        return frozenset(slug for slug, codes in self.families.items() if language not in codes)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """The article that each earlier slug leads to, in one step; a slug in use is never an alias."""
        led = sorted((key, item.article.aliases) for key, item in self.articles.items() if item.article.aliases)
        found = {alias: slug for (_, slug), aliases in led for alias in aliases}
        return flatten(self._redirects, found, self.families)[0]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many articles each language has."""
        return {code: sum(1 for language, _ in self.articles if language == code) for code in CODES}

    def choose(self, language: str, slug: str) -> Published | None:
        """A family's text for a reader: in their language, or in the best other one; None for an unknown slug.

        A slug that it had before finds it too: tickets and mails remember articles by the slug of their day.
        """
        slug = slug if slug in self.families else self.aliases.get(slug, slug)
        found = choices(language, self.families.get(slug, frozenset()))
        return self.articles[found[0], slug] if found else None

    def source(self, slug: str) -> Published | None:
        """The text that a family's translations are made from; None where every text names another one."""
        languages = {code: self.articles[code, slug].article.source for code in self.families.get(slug, ())}
        found = source_language(languages, self._preferred)
        return self.articles[found, slug] if found else None

    def freshness(self, item: Published) -> Freshness:
        """How an article stands to its source."""
        source = self.source(item.article.slug)
        if source is item:
            return Freshness.SOURCE
        current, significance = (source.fingerprint, source.article.significance) if source else (None, None)
        return freshness(item.article.source, current, significance)

    @lru_cache(maxsize=8)  # noqa: B019 - a generation lives as long as its cache
    def shelves(self, language: str) -> tuple[Shelf, ...]:
        """Every topic that has articles, for readers of a language, in order; unnamed topics come last."""
        grouped: dict[str, list[Published]] = {}
        for slug in self.families:
            if item := self.choose(language, slug):
                grouped.setdefault(item.article.topic, []).append(item)
        named = {topic.slug: topic for topic in self.topics}
        order = [slug for slug in named if slug in grouped] + sorted(grouped.keys() - named.keys())
        return tuple(
            Shelf(
                named.get(slug, Topic(slug)),
                tuple(sorted(grouped[slug], key=_by_title)),
            )
            for slug in order
        )

    def shelf(self, language: str, topic: str) -> Shelf | None:
        """One topic; None for an unknown one."""
        return next((shelf for shelf in self.shelves(language) if shelf.topic.slug == topic), None)

    def topic(self, slug: str) -> Topic:
        """A topic by its slug, also one that nobody has named."""
        return next((topic for topic in self.topics if topic.slug == slug), Topic(slug))

    def _related(self, language: str, slug: str, limit: int = RELATED) -> tuple[Published, ...]:
        """Articles of the same topic that share most tags, in the reader's language only; `RELATED` at most."""
        mine = self.choose(language, slug)
        if mine is None:
            return ()
        tags = frozenset(mine.article.tags)
        ranked = nsmallest(
            min(limit, RELATED),
            (
                (-len(tags & theirs), *place)
                for theirs, first in self._by_tags(language, mine.article.topic).items()
                for place in first
                if place[1] != slug
            ),
        )
        return tuple(self.articles[language, name] for _, _, name in ranked)

    def _grouped(self, language: str, topic: str) -> dict[frozenset[str], list[tuple[str, str]]]:
        """For all tags that some article of a topic has, title and slug of the first that have just these.

        No more than can be shown beside one of them: topics have thousands of articles, and few have tags of their own.
        """
        shelf = self.shelf(language, topic)
        groups: dict[frozenset[str], list[tuple[str, str]]] = {}
        for item in shelf.articles if shelf else ():
            if item.article.language == language:
                group = groups.setdefault(frozenset(item.article.tags), [])
                group.append((item.article.title.casefold(), item.article.slug))
        return {tags: nsmallest(RELATED + 1, group) for tags, group in groups.items()}


#: Accents, as signs of their own.
_ACCENTS = re.compile("[\u0300-\u036f]")


def _by_title(item: Published) -> tuple[str, str]:
    """Sorts titles as readers look for them, an accented letter with its plain one."""
    title = item.article.title.casefold()
    if not title.isascii():
        title = _ACCENTS.sub("", unicodedata.normalize("NFKD", title))
    return title, item.article.slug


def of_present(
    articles: Mapping[tuple[str, str], Published],
    tallies: Mapping[tuple[str, str, str], tuple[int, int]],
    aliases: Mapping[str, str] | None = None,
) -> dict[tuple[str, str], tuple[int, int]]:
    """The votes that were given for the texts as they are now: one for an earlier text says nothing of this one.

    Args:
        articles: by language and slug.
        tallies: yes-votes and all votes by language, slug and revision.
        aliases: earlier slugs, under which the same text may have been voted on; see `KnowledgeBase.aliases`.

    Returns:
        Yes-votes and all votes by language and slug.
    """
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (language, slug, revision), (yes, total) in tallies.items():
        key = language, (aliases or {}).get(slug, slug)
        if (item := articles.get(key)) is not None and item.fingerprint == revision:
            before = found.get(key, (0, 0))
            found[key] = before[0] + yes, before[1] + total
    return found


def helpfulness(tallies: Iterable[tuple[int, int]]) -> Callable[[int, int], float]:
    """How helpful an article is of which yes-votes and all votes are known: (C·m + yes) ÷ (m + votes).

    C is the mean share of yes-votes, m the mean number of votes, so that one vote does not outrank a hundred.

    Args:
        tallies: yes-votes and all votes of all articles.
    """
    votes = [tally for tally in tallies if tally[1]]
    mean_share = sum(yes / total for yes, total in votes) / len(votes) if votes else 0.5
    mean_votes = sum(total for _, total in votes) / len(votes) if votes else 1.0
    return lambda yes, total: (mean_share * mean_votes + yes) / (mean_votes + total)


def most_helpful(
    knowledge: KnowledgeBase,
    language: str,
    tallies: Mapping[tuple[str, str], tuple[int, int]],
    limit: int,
    topic: str | None = None,
) -> list[Published]:
    """The articles that readers found most helpful, best first.

    See `helpfulness`. Articles without votes follow, first those that writers feature, then those that changed last;
    articles that fewer than half found helpful come after them.

    Args:
        knowledge: where the articles are.
        language: of the reader; only articles in it are given.
        tallies: yes-votes and all votes by language and slug; see `of_present`.
        limit: how many at most.
        topic: only from this one; None for all.
    """
    score = helpfulness(tallies.values())
    shelves = [shelf for shelf in knowledge.shelves(language) if topic in (None, shelf.topic.slug)]
    # The first of every topic before the second of any.
    places = (
        (place, order, slug) for order, shelf in enumerate(shelves) for place, slug in enumerate(shelf.topic.featured)
    )
    featured = {slug: order for order, (_, _, slug) in enumerate(sorted(places))}

    def rank(item: Published) -> tuple[int, float, int, int, str]:
        yes, total = tallies.get((language, item.article.slug), (0, 0))
        place = featured.get(item.article.slug, len(featured))
        group = 1 if not total else 0 if 2 * yes >= total else 2
        return (group, -score(yes, total), place, -item.article.updated.toordinal(), item.article.slug)

    items = (item for shelf in shelves for item in shelf.articles if item.article.language == language)
    return nsmallest(limit, items, key=rank)
