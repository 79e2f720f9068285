"""What has changed, as Atom feeds (RFC 4287): one for each language, and one for each of its topics."""

import re
from collections.abc import Iterable
from datetime import date
from heapq import nsmallest
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flask import Blueprint, Response, url_for
from flask_babel import gettext as _

from portal.errors import NotFound
from portal.knowledge import Published
from portal.locales import LANGUAGES
from portal.web import heads
from portal.web.copies import of_edition
from portal.web.i18n import language
from portal.web.links import absolute
from portal.web.services import services

blueprint = Blueprint("feeds", __name__, url_prefix="/<language:language>")

KIND = "application/atom+xml"
#: How long a reader need not ask again, in seconds.
_SECONDS = 600
#: Articles in one feed, those that changed last.
MOST = 50
#: The day on which the names of entries are taken to have been given (RFC 4151). Changing it would make every article
#: a new one for all who read the feeds.
_NAMED_IN = "2026"
#: Date of a feed in which nothing stands yet.
_NEVER = date(2026, 1, 1)
#: What XML cannot hold, not even escaped; said so, it is compiled in a tenth of the time of “all but what it can”.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Feed(NamedTuple):
    """One feed, before it is written."""

    title: str
    about: str
    #: Path of the page that shows the same.
    page: str
    #: Path of the feed itself, by language.
    paths: dict[str, str]
    articles: list[Published]


@blueprint.get("/feed.xml")
def of_language() -> Response:
    """The articles of a language that changed last."""
    response = of_edition(KIND, _SECONDS)
    if response.status_code != 304:
        items = (item for (code, _slug), item in services().edition.knowledge.articles.items() if code == language())
        name = services().settings.site_name or _("Help centre")
        paths = {code: url_for("feeds.of_language", language=code) for code in LANGUAGES}
        feed = _Feed(name, _("New and changed articles"), url_for("help.home"), paths, _newest(items))
        response.set_data(_written(feed))
    return response


@blueprint.get("/topics/<topic>/feed.xml")
def of_topic(topic: str) -> Response:
    """The articles of a topic that changed last, as far as they exist in the feed's language.

    Raises:
        NotFound: there is no such topic.
    """
    shelf = services().edition.knowledge.shelf(language(), topic)
    if shelf is None:
        raise NotFound(topic)
    response = of_edition(KIND, _SECONDS)
    if response.status_code != 304:
        items = (item for item in shelf.articles if item.article.language == language())
        name = services().settings.site_name or _("Help centre")
        paths = {code: url_for("feeds.of_topic", topic=topic, language=code) for code in LANGUAGES}
        title = f"{shelf.topic.name(language())} – {name}"
        about = shelf.topic.descriptions.get(language()) or _("New and changed articles")
        response.set_data(_written(_Feed(title, about, url_for("help.topic", topic=topic), paths, _newest(items))))
    return response


def _newest(items: Iterable[Published]) -> list[Published]:
    """The articles that changed last, by slug where it was on the same day."""
    return nsmallest(MOST, items, key=lambda item: (-item.article.updated.toordinal(), item.article.slug))


def _moment(day: date) -> str:
    """A day as feeds write moments: writers say on which day an article changed, not when."""
    return f"{day.isoformat()}T00:00:00Z"


def _named(*path: str) -> str:
    """A name that stays the same wherever the portal's pages are (RFC 4151)."""
    host = urlsplit(absolute("")).hostname or "localhost"
    return f"tag:{host.replace(':', '-')},{_NAMED_IN}:{'/'.join(path)}"


def _element(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    """Add an element."""
    made = ET.SubElement(parent, name, {key: _NOT_XML.sub("\ufffd", value) for key, value in attributes.items()})
    made.text = _NOT_XML.sub("\ufffd", text) or None
    return made


def _written(feed: _Feed) -> bytes:
    """A feed as XML."""
    code, name = language(), services().settings.site_name or _("Help centre")
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": code})
    _element(root, "id", _named(*feed.paths[code].strip("/").split("/")))
    _element(root, "title", feed.title)
    _element(root, "subtitle", feed.about)
    _element(root, "updated", _moment(max((item.article.updated for item in feed.articles), default=_NEVER)))
    _element(root, "link", rel="self", type=KIND, hreflang=code, href=absolute(feed.paths[code]))
    _element(root, "link", rel="alternate", type="text/html", hreflang=code, href=absolute(feed.page))
    for other, path in feed.paths.items():
        if other != code:
            _element(root, "link", rel="alternate", type=KIND, hreflang=other, href=absolute(path))
    _element(root, "icon", absolute(url_for("static", filename="favicon.svg", v=None)))
    author = _element(root, "author")
    _element(author, "name", name)
    _element(author, "uri", absolute(url_for("help.home")))
    _element(root, "generator", "Tier 0 portal")
    for item in feed.articles:
        _entry(root, item)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _entry(root: ET.Element, item: Published) -> None:
    """An article: what it is about, where it is in each language, and when it changed."""
    article, knowledge = item.article, services().edition.knowledge
    entry = _element(root, "entry")
    _element(entry, "id", _named(article.language, "articles", article.slug))
    _element(entry, "title", article.title)
    _element(entry, "updated", _moment(article.updated))
    codes = [article.language, *(code for code in LANGUAGES if code in knowledge.families[article.slug])]
    for code in dict.fromkeys(codes):
        address = absolute(url_for("help.article", slug=article.slug, language=code))
        # Some readers open the first alternate, others the last page of HTML: both are to be in the feed's language.
        kind = "text/html" if code == article.language else "text/html; charset=utf-8"
        _element(entry, "link", rel="alternate", type=kind, hreflang=code, href=address)
    _element(entry, "category", term=article.topic, label=knowledge.topic(article.topic).name(article.language))
    content = None if article.summary else services().edition.content(article.language, article.slug)
    _element(entry, "summary", heads.of_article(item, content))
    if article.license:
        _element(entry, "rights", article.license)
