"""Texts as their files stand at this moment, with their families, for the pages of writers."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from flask import Response, current_app, make_response, request
from markupsafe import escape

from portal.articles import Article, Audience, Freshness, Status, fingerprint, freshness, source_language
from portal.library import SourceFile
from portal.locales import source_order
from portal.web.i18n import language
from portal.web.services import services
from portal.web.writers.words import Visibility
from portal.writing.live.preview import Previews, Read

_EXTENSION = "previews"


def previews() -> Previews:
    """The texts that this process keeps."""
    known = current_app.extensions.get(_EXTENSION)
    if known is None:
        # Of two that are made at once one is kept; the other has not begun anything.
        made = Previews(services().settings.articles.absolute())
        known = current_app.extensions.setdefault(_EXTENSION, made)
    return cast(Previews, known)


@dataclass(frozen=True)
class Sibling:
    """A text of a family."""

    language: str
    #: Empty where the file has errors.
    title: str
    visibility: Visibility
    freshness: Freshness


class Family:
    """The texts of a slug, as their files are now.

    Args:
        slug: of the family.
    """

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.files: dict[str, SourceFile] = previews().family(slug)
        self.read: dict[str, Read] = {code: previews().read(file) for code, file in self.files.items()}

    @property
    def articles(self) -> dict[str, Article]:
        """Those without errors, by language."""
        return {code: read.reading.article for code, read in self.read.items() if read.reading.article is not None}

    @property
    def source(self) -> str | None:
        """The language that the others are translated from; None where that cannot be told."""
        default = services().settings.default_language
        preferred = source_order(default)
        return source_language({code: article.source for code, article in self.articles.items()}, preferred)

    def freshness(self, code: str) -> Freshness:
        """How a text stands to the source."""
        article, source = self.articles.get(code), self.source
        if source == code:
            return Freshness.SOURCE
        if article is None or source is None:
            return Freshness.UNKNOWN
        return freshness(article.source, self.read[source].fingerprint, self.articles[source].significance)

    def siblings(self) -> Iterator[Sibling]:
        """All texts, in the order in which writers see the languages."""
        for code, read in self.read.items():
            article = read.reading.article
            title = article.title if article else ""
            yield Sibling(code, title, visibility(article, read.fingerprint), self.freshness(code))


def visibility(article: Article | None, of_text: str = "") -> Visibility:
    """Who sees a text.

    Args:
        article: None where it has errors.
        of_text: its fingerprint; found out where it is not given.
    """
    if article is None:
        return Visibility.ERROR
    knowledge = services().edition.knowledge
    if article.status is Status.DRAFT:
        return Visibility.DRAFT
    if knowledge.topic(article.topic).audience is Audience.WRITERS:
        return Visibility.INTERNAL
    shown = knowledge.articles.get((article.language, article.slug))
    return Visibility.PUBLIC if shown and shown.fingerprint == (of_text or fingerprint(article)) else Visibility.SOON


def state_of(*facts: object) -> str:
    """What changes with anything that a page shows."""
    everything = (*facts, language(), services().build)
    return hashlib.blake2b("\0".join(map(repr, everything)).encode(), digest_size=12).hexdigest()


def unchanged(state: str) -> Response | None:
    """The answer to an open page that shows this state already; None where it does not."""
    if not request.if_none_match.contains_weak(state):
        return None
    response = Response(status=304)
    response.set_etag(state)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def page_of(body: str, state: str) -> Response:
    """A page, or a part of one, that is nobody's to keep."""
    response = make_response(body)
    response.set_etag(state)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def image_address(versions: dict[str, str], address: str, name: str) -> str:
    """An image's address for HTML; it changes with the image.

    Args:
        versions: of `Previews.image_versions`.
        address: without version.
        name: of the image.
    """
    return str(escape(f"{address}?v={versions[name]}" if name in versions else address))
