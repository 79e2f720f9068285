"""Articles, translations and topics as values: slugs, fingerprints and freshness."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

#: A slug names a family of translations, is part of addresses, and is a file name on every system.
SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
#: Letters, digits and separators; longer names are refused by some file systems together with `.md`.
SLUG_LENGTH = 120


class Status(StrEnum):
    """Whether readers see an article."""

    DRAFT = "draft"
    PUBLISHED = "published"


class Audience(StrEnum):
    """Whom a topic is for."""

    EVERYBODY = "everybody"
    #: Signed-in staff alone: neither page, nor search, nor lists show its articles to others.
    WRITERS = "writers"


class Significance(StrEnum):
    """How much the source's last change matters to its translations."""

    TYPO = "typo"
    CONTENT = "content"
    CRITICAL = "critical"


class Freshness(StrEnum):
    """How a translation stands to its source."""

    #: It is the source itself.
    SOURCE = "source"
    #: It was made from the source as it is now, or differs from it by typing errors only.
    FRESH = "fresh"
    #: The source has changed since.
    STALE = "stale"
    #: The source has changed in a way that makes the translation wrong.
    OUTDATED = "outdated"
    #: The translation does not say which text it was made from, or the source is missing.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Article:
    """One article in one language, as its writer wrote it."""

    #: Language code; the name of the file's folder.
    language: str
    #: The translation family; the file's stem.
    slug: str
    title: str
    #: Slug of the topic it stands under.
    topic: str
    #: Day of the last change in content, as the writer states it.
    updated: date
    #: Markdown without the front matter.
    body: str = ""
    #: One sentence below the title; empty when there is none.
    summary: str = ""
    tags: tuple[str, ...] = ()
    #: Words that readers use and the text does not; searched, never shown.
    keywords: tuple[str, ...] = ()
    #: Day by which a writer should read it again; None when there is none.
    review_by: date | None = None
    #: Earlier slugs, which redirect here.
    aliases: tuple[str, ...] = ()
    status: Status = Status.PUBLISHED
    #: Queries or gap numbers that it closes.
    answers: tuple[str, ...] = ()
    #: Licence identifier of a text from elsewhere; None for the organisation's own.
    license: str | None = None
    #: Where a text from elsewhere comes from.
    origin: str | None = None
    #: Fingerprint of the source text that was translated; None in the source and where it is not known.
    source: str | None = None
    #: Of the last change; given in the source only.
    significance: Significance | None = None


@dataclass(frozen=True)
class Topic:
    """A shelf of the help centre."""

    slug: str
    #: Name by language code; a language that is missing shows the slug.
    names: Mapping[str, str] = field(default_factory=dict)
    #: One sentence by language code.
    descriptions: Mapping[str, str] = field(default_factory=dict)
    #: Slugs that are shown first as long as nobody has voted.
    featured: tuple[str, ...] = ()
    audience: Audience = Audience.EVERYBODY

    def name(self, language: str) -> str:
        """The name for readers of a language; the slug where nobody has named it."""
        return self.names.get(language) or self.slug.replace("-", " ").capitalize()


def internal(topics: Iterable[Topic]) -> frozenset[str]:
    """The slugs of those topics that are for writers alone."""
    return frozenset(topic.slug for topic in topics if topic.audience is Audience.WRITERS)


def is_slug(text: str) -> bool:
    """Whether text can be the slug of an article or a topic."""
    return len(text) <= SLUG_LENGTH and SLUG.fullmatch(text) is not None


def fingerprint(article: Article) -> str:
    """What identifies the text that a translation was made from: 16 hexadecimal digits.

    Title, summary and body count, with white space folded and Unicode composed, so that a changed line ending
    or a re-wrapped paragraph is not a change.
    """
    parts = (
        " ".join(unicodedata.normalize("NFC", part).split()) for part in (article.title, article.summary, article.body)
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def source_language(languages: Mapping[str, str | None], preferred: tuple[str, ...]) -> str | None:
    """The language that a family's other texts are translated from.

    Args:
        languages: each existing language with its article's `source` fingerprint, or None where it names none.
        preferred: language codes, likeliest source first.

    Returns:
        The first preferred language whose text names no source; None when all name one.
    """
    return next((code for code in preferred if code in languages and languages[code] is None), None)


def freshness(source: str | None, current: str | None, significance: Significance | None) -> Freshness:
    """How fresh a translation is; decided by fingerprints, never by dates.

    Args:
        source: the fingerprint that the translation names.
        current: the source's fingerprint now; None when there is no source.
        significance: of the source's last change.
    """
    if source is None or current is None:
        return Freshness.UNKNOWN
    if source == current or significance is Significance.TYPO:
        return Freshness.FRESH
    return Freshness.OUTDATED if significance is Significance.CRITICAL else Freshness.STALE
