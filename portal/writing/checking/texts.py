"""Articles as they are checked: the text of one file, and the facts about each that the others are checked against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from portal.articles import Article, Status
from portal.old_slugs import flatten
from portal.outline import Outline


@dataclass(frozen=True)
class Text:
    """One article with what is needed to name its places; given to the rules of a single text."""

    article: Article
    #: Relative to the folder of the articles.
    path: str
    #: Line of the file on which the body starts.
    body_line: int
    #: Line of each front matter key.
    lines: Mapping[str, int]
    outline: Outline

    def line(self, key: str) -> int:
        """Where a key of the front matter stands; the first line where it does not."""
        return self.lines.get(key, 1)


@dataclass(frozen=True)
class Facts:
    """What is kept of a text, also from one run to the next; given to the rules of the whole collection."""

    #: Without its body.
    article: Article
    path: str
    body_line: int
    lines: Mapping[str, int]
    outline: Outline
    #: See `articles.fingerprint`.
    fingerprint: str
    #: Digests (8 hexadecimal digits) of the long lines of prose, with their line: what two languages have in common
    #: has not been translated.
    long_lines: tuple[tuple[str, int], ...] = ()

    def line(self, key: str) -> int:
        """Where a key of the front matter stands; the first line where it does not."""
        return self.lines.get(key, 1)


@dataclass(frozen=True)
class Collection:
    """All texts of a folder."""

    #: By language and slug.
    texts: Mapping[tuple[str, str], Facts]
    #: Slugs of the topics that have a name; empty where there is no `topics.yml`.
    topics: frozenset[str] = frozenset()
    #: Names and sizes in bytes of the files in `images/`.
    images: Mapping[str, int] = field(default_factory=dict)
    #: Old slugs and what they lead to, of `redirects.yml` (aliases of articles are in the articles).
    redirects: Mapping[str, str] = field(default_factory=dict)
    #: Language codes, likeliest source of a family first.
    preferred: tuple[str, ...] = ("en", "fr", "de", "ru")
    #: Slugs of the topics that are for writers only.
    internal: frozenset[str] = frozenset()
    #: Slugs of the articles that their topics show first.
    featured: frozenset[str] = frozenset()
    #: Old slugs that lead nowhere on purpose, of `redirects.yml`.
    retired: frozenset[str] = frozenset()
    #: Languages of the files that are there and cannot be read, by slug.
    broken: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_public(self, facts: Facts) -> bool:
        """Whether readers can open a text."""
        return facts.article.status is Status.PUBLISHED and facts.article.topic not in self.internal

    @cached_property
    def families(self) -> Mapping[str, frozenset[str]]:
        """The languages of each slug, drafts included."""
        found: dict[str, set[str]] = {}
        for language, slug in self.texts:
            found.setdefault(slug, set()).add(language)
        return {slug: frozenset(languages) for slug, languages in found.items()}

    @cached_property
    def public(self) -> Mapping[str, frozenset[str]]:
        """The languages in which readers can open each slug; only slugs that they can open at all."""
        found: dict[str, set[str]] = {}
        for (language, slug), facts in self.texts.items():
            if self.is_public(facts):
                found.setdefault(slug, set()).add(language)
        return {slug: frozenset(languages) for slug, languages in found.items()}

    @cached_property
    def moved(self) -> Mapping[str, str]:
        """The earlier slugs that lead somewhere, by `redirects.yml` and by aliases, and the slug at their end."""
        aliases = {alias: slug for (_, slug), facts in self.texts.items() for alias in facts.article.aliases}
        return flatten(self.redirects, aliases, self.families)[0]
