"""Sitemaps: one for each language, and the index that names them."""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import NamedTuple

from flask import Response, stream_with_context, url_for
from markupsafe import escape

from portal.errors import NotFound
from portal.knowledge import KnowledgeBase
from portal.locales import CODES
from portal.web.copies import of_edition
from portal.web.discovery.blueprint import blueprint
from portal.web.heads import neutral
from portal.web.links import absolute
from portal.web.services import services

#: Addresses in one sitemap. Allowed are 50,000 and 50 MB; with every language of the longest slugs this stays below both.
PART_SIZE = 20_000
_SPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_SECONDS = 3600


class _Page(NamedTuple):
    """A page that exists in some languages."""

    path: str
    codes: tuple[str, ...]
    #: Where readers of any other language are sent.
    default: str
    #: Day of the last change by language.
    changed: dict[str, date]


def _pages(knowledge: KnowledgeBase) -> Iterator[_Page]:
    """All pages that search engines may list."""
    articles = knowledge.articles
    newest = {
        code: max((item.article.updated for (language, _), item in articles.items() if language == code), default=None)
        for code in CODES
    }
    yield _Page("", CODES, "/", {code: day for code, day in newest.items() if day})
    for shelf in knowledge.shelves(CODES[0]):
        path, days = f"topics/{shelf.topic.slug}", {}
        for code in CODES:
            own = knowledge.shelf(code, shelf.topic.slug)
            days[code] = max(item.article.updated for item in own.articles) if own else date.min
        yield _Page(path, CODES, f"/{neutral(CODES)}/{path}", days)
    for slug, found in sorted(knowledge.families.items()):
        codes, path = tuple(code for code in CODES if code in found), f"articles/{slug}"
        days = {code: articles[code, slug].article.updated for code in codes}
        yield _Page(path, codes, f"/{neutral(codes)}/{path}", days)


def _of_language(knowledge: KnowledgeBase, code: str) -> Iterator[_Page]:
    """The pages that exist in a language."""
    return (page for page in _pages(knowledge) if code in page.codes)


def _address(page: _Page, code: str, base: str) -> str:
    """One page in one language, with all its languages."""
    links = [(other, f"/{other}/{page.path}") for other in page.codes] + [("x-default", page.default)]
    alternates = "".join(f'<xhtml:link rel="alternate" hreflang="{name}" href="{base}{path}"/>' for name, path in links)
    changed = page.changed.get(code)
    when = f"<lastmod>{changed.isoformat()}</lastmod>" if changed else ""
    return f"<url><loc>{base}/{code}/{page.path}</loc>{when}{alternates}</url>\n"


def _head(element: str) -> str:
    """How a sitemap, or an index of them, begins."""
    more = ' xmlns:xhtml="http://www.w3.org/1999/xhtml"' if element == "urlset" else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{element} xmlns="{_SPACE}"{more}>\n'


def _answer(lines: Iterator[str]) -> Response:
    """A sitemap, line by line; nothing of it is made for who has it already."""
    response = of_edition("application/xml", _SECONDS)
    if response.status_code != 304:
        response.response = stream_with_context(lines)
    return response


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """The sitemaps of all languages, each with the day of its last change."""
    knowledge = services().edition.knowledge

    def lines() -> Iterator[str]:
        yield _head("sitemapindex")
        for code in CODES:
            pages = list(_of_language(knowledge, code))
            for number, start in enumerate(range(0, len(pages), PART_SIZE), start=1):
                days = (page.changed.get(code, date.min) for page in pages[start : start + PART_SIZE])
                newest = max(days)
                when = f"<lastmod>{newest.isoformat()}</lastmod>" if newest > date.min else ""
                address = absolute(url_for("discovery.sitemap_part", code=code, number=number))
                yield f"<sitemap><loc>{escape(address)}</loc>{when}</sitemap>\n"
        yield "</sitemapindex>\n"

    return _answer(lines())


# Not below the language's address: a sitemap may only name what is at or below its own place.
@blueprint.get("/sitemap-<any(en, fr, de, ru):code>-<int(max=9999):number>.xml")
def sitemap_part(code: str, number: int) -> Response:
    """Home page, topics and articles that exist in one language, each naming itself in the others.

    Raises:
        NotFound: there are not that many.
    """
    knowledge, base = services().edition.knowledge, str(escape(absolute("")))
    pages = islice(_of_language(knowledge, code), PART_SIZE * (number - 1), PART_SIZE * number) if number else iter(())
    first = next(pages, None)
    if first is None:
        raise NotFound(f"sitemap {code} {number}")

    def lines() -> Iterator[str]:
        yield _head("urlset")
        yield _address(first, code, base)
        for page in pages:
            yield _address(page, code, base)
        yield "</urlset>\n"

    return _answer(lines())
