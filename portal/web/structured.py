"""Pages as data for search engines: schema.org's terms, in JSON-LD.

Only what a page really says: no value is made up, and none holds markup.
"""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from flask import url_for
from flask_babel import gettext as _

from portal.articles import Topic
from portal.knowledge import Published, Shelf
from portal.locales import LANGUAGES
from portal.storage.published import Content
from portal.web import heads
from portal.web.i18n import language
from portal.web.links import absolute
from portal.web.services import services

#: What search engines show of a headline, in characters.
HEADLINE = 110
#: Fewest steps that are instructions, and fewest questions that are a list of them.
STEPS, QUESTIONS = 2, 2

Data = dict[str, Any]


def _graph(*parts: Data | None) -> Data:
    """The data of one page."""
    return {"@context": "https://schema.org", "@graph": [part for part in parts if part is not None]}


def _home(code: str) -> str:
    """The address of the home page in a language."""
    return absolute(url_for("help.home", language=code))


def _at(code: str, slug: str) -> str:
    """The address of an article in a language."""
    return absolute(url_for("help.article", slug=slug, language=code))


def _site(code: str) -> Data:
    """The help centre, as other things are part of it."""
    name = services().settings.site_name or _("Help centre")
    return {"@type": "WebSite", "@id": f"{_home(code)}#website", "name": name, "url": _home(code)}


def _publisher(code: str) -> Data:
    """Who says all this."""
    site = _site(code)
    return {"@type": "Organization", "@id": f"{absolute('/')}#publisher", "name": site["name"], "url": absolute("/")}


def _crumbs(*places: tuple[str, str]) -> Data:
    """Where a page stands, from the home page to itself."""
    items = [
        {"@type": "ListItem", "position": number, "name": name, "item": address}
        for number, (name, address) in enumerate(places, start=1)
    ]
    return {"@type": "BreadcrumbList", "itemListElement": items}


def of_home() -> Data:
    """The help centre in one language, and how to search it."""
    code = language()
    search = absolute(url_for("help.search", q="SEARCH")).replace("SEARCH", "{search_term_string}")
    action = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": search},
        "query-input": "required name=search_term_string",
    }
    return _graph({**_site(code), "inLanguage": code, "publisher": _publisher(code), "potentialAction": action})


def of_topic(shelf: Shelf, shown: Sequence[Published], address: str) -> Data:
    """A topic with the articles that a page of it shows."""
    code = language()
    entries = [
        {
            "@type": "ListItem",
            "position": number,
            "name": item.article.title,
            "url": _at(item.article.language, item.article.slug),
        }
        for number, item in enumerate(shown, start=1)
    ]
    page: Data = {
        "@type": "CollectionPage",
        "@id": f"{address}#page",
        "url": address,
        "name": shelf.topic.name(code),
        "inLanguage": code,
        "isPartOf": _site(code),
        "mainEntity": {"@type": "ItemList", "numberOfItems": len(entries), "itemListElement": entries},
    }
    if about := shelf.topic.descriptions.get(code):
        page["description"] = heads.short(about)
    return _graph(page, _crumbs((_("Home"), _home(code)), (shelf.topic.name(code), address)))


def of_article(item: Published, content: Content, topic: Topic) -> Data:
    """An article; where that is all it is, also as steps to follow or as questions with their answers."""
    article, knowledge = item.article, services().edition.knowledge
    code, slug = article.language, article.slug
    address = _at(code, slug)
    page: Data = {
        "@type": "TechArticle",
        "@id": f"{address}#article",
        "headline": heads.short(article.title, HEADLINE),
        "description": heads.of_article(item, content),
        "inLanguage": code,
        "dateModified": article.updated.isoformat(),
        "url": address,
        "mainEntityOfPage": address,
        "articleSection": topic.name(code),
        "isPartOf": _site(code),
        "author": _publisher(code),
        "publisher": _publisher(code),
    }
    if article.tags:
        page["keywords"] = ", ".join(article.tags)
    if article.origin and re.match(r"https?://", article.origin):
        page["isBasedOn"] = article.origin
    source = knowledge.source(slug)
    if source is not None and source.article.language != code:
        page["translationOfWork"] = _work(source.article.language, slug)
    elif source is not None and (others := [name for name in LANGUAGES if name in knowledge.families[slug] - {code}]):
        page["workTranslation"] = [_work(name, slug) for name in others]
    crumbs = _crumbs(
        (_("Home"), _home(code)),
        (topic.name(code), absolute(url_for("help.topic", topic=topic.slug, language=code))),
        (article.title, address),
    )
    # On a page that shows a text for want of a translation, the words around it are of another language.
    return _graph(page, crumbs if code == language() else None, _how_to(item, content), _questions(item, content))


def _work(code: str, slug: str) -> Data:
    """The same article in another language."""
    return {"@type": "TechArticle", "@id": f"{_at(code, slug)}#article", "inLanguage": code, "url": _at(code, slug)}


def _questions(item: Published, content: Content) -> Data | None:
    """An article that is a list of questions: most of its headings ask something, and an answer follows."""
    headed = _under_headings(content)
    asked = [(anchor, heading, text) for anchor, heading, text in headed if heading.endswith("?") and text]
    if len(asked) < QUESTIONS or 2 * len(asked) <= len(headed):
        return None
    address = _at(item.article.language, item.article.slug)
    entities = [
        {
            "@type": "Question",
            "name": heading,
            **({"url": f"{address}#{anchor}"} if anchor else {}),
            "acceptedAnswer": {"@type": "Answer", "text": text},
        }
        for anchor, heading, text in asked
    ]
    return {
        "@type": "FAQPage",
        "@id": f"{address}#questions",
        "inLanguage": item.article.language,
        "mainEntity": entities,
    }


def _under_headings(content: Content) -> list[tuple[str, str, str]]:
    """Anchor and words of each heading of the second level, with all text down to the next one."""
    found: list[tuple[str, str, list[str]]] = []
    for anchor, heading, text, level in content.sections:
        if level == 2:
            found.append((anchor, heading, [text]))
        elif level > 2 and found:
            found[-1][2].extend((heading, text))
    return [(anchor, heading, "\n".join(part for part in parts if part)) for anchor, heading, parts in found]


def _how_to(item: Published, content: Content) -> Data | None:
    """An article that is one list of steps to follow: they are most of its text."""
    steps = _steps(content.html)
    whole = sum(len(text) for _anchor, _heading, text, _level in content.sections)
    if steps is None or 2 * sum(map(len, steps.texts)) <= whole:
        return None
    address = _at(item.article.language, item.article.slug)
    place = f"{address}#{steps.anchor}" if steps.anchor else address
    return {
        "@type": "HowTo",
        "@id": f"{address}#steps",
        "name": steps.heading or item.article.title,
        "inLanguage": item.article.language,
        "step": [
            {"@type": "HowToStep", "position": number, "text": text, "url": place}
            for number, text in enumerate(steps.texts, start=1)
        ],
    }


class _Steps(NamedTuple):
    """An ordered list, and the heading that it stands under."""

    anchor: str
    heading: str
    texts: list[str]


def _steps(page: str) -> _Steps | None:
    """The steps of a text that has one ordered list and no other, begun at 1; None for any other text."""
    if page.count("<ol") != 1 or "<ol>" not in page or 'class="footnote"' in page:
        return None
    reader = _Reader()
    reader.feed(page)
    reader.close()
    texts = [heads.line("".join(pieces)) for pieces in reader.texts]
    if len(texts) < STEPS or not all(texts):
        return None
    return _Steps(reader.anchor, heads.line("".join(reader.heading)), texts)


class _Reader(HTMLParser):
    """Takes the steps out of made-safe HTML that has one ordered list."""

    #: Elements within a line; all others end a word.
    _INLINE = frozenset({"a", "abbr", "b", "cite", "code", "em", "i", "kbd", "mark", "q", "s", "samp", "small", "span",
                         "strong", "sub", "sup", "u", "var"})  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.anchor = ""
        self.heading: list[str] = []
        self.texts: list[list[str]] = []
        self._is_heading = False
        #: Open lists from the ordered one inwards; only its own items are steps.
        self._depth = 0
        self._is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a heading, the list, or a step."""
        if tag in {"h2", "h3", "h4", "h5", "h6"} and not self._depth and not self._is_over:
            self._is_heading, self.heading, self.anchor = True, [], dict(attrs).get("id") or ""
        elif tag == "ol" or (tag == "ul" and self._depth):
            self._depth += 1
        elif tag == "li" and self._depth == 1:
            self.texts.append([])
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened."""
        if tag in {"h2", "h3", "h4", "h5", "h6"}:
            self._is_heading = False
        elif tag in {"ol", "ul"} and self._depth:
            self._depth -= 1
            self._is_over = self._is_over or not self._depth
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        """Keep the words of the heading and of the steps."""
        if self._is_heading:
            self.heading.append(data)
        elif self._depth and self.texts:
            self.texts[-1].append(data)

    def _separate(self, tag: str) -> None:
        """Keep the words of two blocks apart."""
        if self._depth and self.texts and tag not in self._INLINE:
            self.texts[-1].append(" ")
