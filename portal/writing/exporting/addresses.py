"""Addresses within an exported site: every one relative, so that the site works in any folder, also without a server."""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from posixpath import dirname, relpath
from urllib.parse import unquote

from portal.locales import choices

_ATTRIBUTES = r'(?:\s+[\w:-]+(?:="[^"]*")?)*'
_ANCHOR = re.compile(rf"<a({_ATTRIBUTES})\s*>")
_IMAGE = re.compile(rf"<img({_ATTRIBUTES})\s*>")
_HREF = re.compile(r'\shref="([^"]*)"')
_SOURCE = re.compile(r'\ssrc="([^"]*)"')
_ALT = re.compile(r'\salt="([^"]*)"')
_ARTICLE = re.compile(r"([a-z0-9][a-z0-9_.-]*)(#.*)?", re.DOTALL)
_SHOWN = re.compile(r"\.\./\.\./images/([A-Za-z0-9][\w.-]*)")
_TAG = re.compile(rf"<[a-z][a-z0-9]*({_ATTRIBUTES})")
_ID = re.compile(r'\sid="([^"]*)"')


def article_path(language: str, slug: str) -> str:
    """The file of an article; “index” is the home page's, and no slug ends with a hyphen."""
    return f"{language}/{slug}{'-' if slug == 'index' else ''}.html"


def topic_path(language: str, topic: str, page: int = 1) -> str:
    """The file of one page of a topic."""
    return f"{language}/topics/{topic}.html" if page == 1 else f"{language}/topics/{topic}/{page}.html"


def home_path(language: str) -> str:
    """The file of a language's first page."""
    return f"{language}/index.html"


def search_path(language: str) -> str:
    """The file of the search; in a folder of its own, so that “search” can be a slug."""
    return f"{language}/search/index.html"


def relative(current: str, target: str) -> str:
    """The address of one file of the site in another."""
    return relpath(target, dirname(current))


def anchors(html: str) -> frozenset[str]:
    """All places of an article that links can lead to."""
    return frozenset(unescape(found[1]) for tag in _TAG.findall(html) if (found := _ID.search(tag)))


class Links:
    """Leads the links and images of articles to the files of a site.

    Args:
        families: the languages of every slug.
        moved: slugs of earlier days and what they lead to.
        images: names of those that are there.
        anchors_of: the places of an article, by language and slug.
    """

    def __init__(
        self,
        families: Mapping[str, frozenset[str]],
        moved: Mapping[str, str],
        images: frozenset[str],
        anchors_of: Callable[[str, str], frozenset[str]],
    ) -> None:
        self._families, self._moved, self._images, self._anchors_of = families, moved, images, anchors_of

    def settled(self, html: str, language: str, slug: str) -> str:
        """An article's HTML, as `markup.render` made it, with all addresses as its file in the site needs them.

        A link that leads nowhere keeps its words and loses its target; so does an image.
        """
        page = article_path(language, slug)
        html = _ANCHOR.sub(lambda tag: self._link(tag, page, language, slug), html)
        return _IMAGE.sub(lambda tag: self._image(tag, page), html)

    def _link(self, tag: re.Match[str], page: str, language: str, slug: str) -> str:
        """A link's opening tag."""
        found = _HREF.search(tag[1])
        if found is None:
            return tag[0]
        address = unescape(found[1])
        if address.startswith("#"):
            is_there = unquote(address[1:]) in self._anchors_of(language, slug)
            return tag[0] if is_there else _without(tag, found)
        article = _ARTICLE.fullmatch(address)
        if article is None:
            return tag[0]
        target = article[1] if article[1] in self._families else self._moved.get(article[1], "")
        codes = choices(language, self._families.get(target, frozenset()))
        if not codes:
            return _without(tag, found)
        fragment = article[2] or ""
        if fragment and unquote(fragment[1:]) not in self._anchors_of(codes[0], target):
            fragment = ""
        leads_to = relative(page, article_path(codes[0], target)) + fragment
        foreign = f' hreflang="{codes[0]}"' if codes[0] != language else ""
        attributes = tag[1][: found.start()] + f' href="{escape(leads_to)}"{foreign}' + tag[1][found.end() :]
        return f"<a{attributes}>"

    def _image(self, tag: re.Match[str], page: str) -> str:
        """An image, or its words where it is not there."""
        found = _SOURCE.search(tag[1])
        name = _SHOWN.fullmatch(unescape(found[1])) if found else None
        if found is None or name is None or name[1] not in self._images:
            words = _ALT.search(tag[1])
            return f'<span class="no-image">{words[1]}</span>' if words and words[1] else ""
        leads_to = relative(page, f"images/{name[1]}")
        return f'<img{tag[1][: found.start()]} src="{leads_to}"{tag[1][found.end() :]}>'


def _without(tag: re.Match[str], target: re.Match[str]) -> str:
    """A link's tag without its target."""
    return f"<a{tag[1][: target.start()]}{tag[1][target.end() :]}>"
