"""The pages of an exported site, in the words and the look of the portal."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import portal
from portal.articles import Freshness, Topic
from portal.catalogues import LOCALES, catalogue
from portal.knowledge import KnowledgeBase, Published, Shelf, most_helpful
from portal.locales import CODES, LANGUAGES
from portal.writing.exporting import addresses

#: Articles on one page of a topic.
SHELF_PAGE = 100
#: From so many headings on an article has a table of contents.
CONTENTS_FROM = 3
#: A number of each grammatical kind that the languages have, by the name that browsers call it.
PLURALS = {"one": 1, "few": 2, "many": 5, "other": 10}


class Pages:
    """Makes the pages of one language.

    Args:
        language: code.
        languages: codes of all languages that are exported.
        knowledge: the articles that are exported.
        site_name: empty is “Help centre” in the reader's language.
        base_url: where the site will be, without a slash at its end; empty where that is not known.
    """

    def __init__(
        self, language: str, languages: Sequence[str], knowledge: KnowledgeBase, site_name: str = "", base_url: str = ""
    ) -> None:
        self._language, self._languages, self._knowledge = language, languages, knowledge
        self._base_url = base_url
        self._templates = _environment(language)
        _ = catalogue(language).gettext
        self._site = site_name or _("Help centre")
        self._asked_in = {
            "en": _("We found your words in English articles. Here are the same articles in your language."),
            "fr": _("We found your words in French articles. Here are the same articles in your language."),
            "de": _("We found your words in German articles. Here are the same articles in your language."),
            "ru": _("We found your words in Russian articles. Here are the same articles in your language."),
        }

    def _page(self, template: str, path: str, alternates: dict[str, str], **values: Any) -> str:
        """A page.

        Args:
            template: its name, without ending.
            path: of its file.
            alternates: the file of the same page in other languages; one that it lacks leads to the home page.
            values: what the template shows.
        """

        def to(target: str) -> str:
            return addresses.relative(path, target)

        return self._templates.get_template(f"{template}.html").render(
            language=self._language,
            languages=LANGUAGES,
            site=self._site,
            to=to,
            at=addresses,
            absolute=lambda target: f"{self._base_url}/{target}" if self._base_url else to(target),
            has_base=bool(self._base_url),
            path=path,
            alternates=alternates,
            switch={code: alternates.get(code, addresses.home_path(code)) for code in self._languages},
            **values,
        )

    def home(self) -> str:
        """Search first, then topics, then what is recommended."""
        knowledge, language = self._knowledge, self._language
        shelves = [
            (shelf, most_helpful(knowledge, language, {}, 2, shelf.topic.slug)) for shelf in knowledge.shelves(language)
        ]
        return self._page(
            "home",
            addresses.home_path(language),
            {code: addresses.home_path(code) for code in self._languages},
            shelves=shelves,
            helpful=most_helpful(knowledge, language, {}, 6),
        )

    def topic(self, shelf: Shelf, number: int) -> str:
        """One page of a topic."""
        topic = shelf.topic.slug
        start = SHELF_PAGE * (number - 1)
        return self._page(
            "topic",
            addresses.topic_path(self._language, topic, number),
            {code: addresses.topic_path(code, topic, number) for code in self._languages},
            shelf=shelf,
            articles=shelf.articles[start : start + SHELF_PAGE],
            page=number,
            pages=pages_of(shelf),
        )

    def article(self, item: Published, body: str, sections: Sequence[tuple[str, str, int]]) -> str:
        """An article.

        Args:
            item: the article.
            body: safe HTML with the addresses of the site.
            sections: anchor, heading and level of each.
        """
        article, knowledge = item.article, self._knowledge
        families, source = knowledge.families[article.slug], knowledge.source(article.slug)
        contents = [(anchor, heading) for anchor, heading, level in sections if level == 2 and anchor]
        return self._page(
            "article",
            addresses.article_path(article.language, article.slug),
            {code: addresses.article_path(code, article.slug) for code in CODES if code in families},
            item=item,
            article=article,
            body=Markup(body),  # noqa: S704  # nosec B704 - made safe by `markup.render`
            contents=contents if len(contents) >= CONTENTS_FROM else [],
            is_outdated=knowledge.freshness(item) is Freshness.OUTDATED,
            others=[code for code in LANGUAGES if code in families and code != article.language],
            source_language=source.article.language if source else article.language,
            related=knowledge.related(article.language, article.slug),
            topic=knowledge.topic(article.topic),
        )

    def search(self, topics: Sequence[Topic]) -> str:
        """The search, which works without a server."""
        return self._page(
            "search",
            addresses.search_path(self._language),
            {code: addresses.search_path(code) for code in self._languages},
            topics=topics,
            plurals=PLURALS,
            asked_in=self._asked_in,
        )

    def moved(self, path: str, target: str, title: str) -> str:
        """Leads from an earlier slug to the article.

        Args:
            path: of the file that is made.
            target: of the article's file.
            title: of the article.
        """
        return self._page("moved", path, {}, target=target, title=title)


def pages_of(shelf: Shelf) -> int:
    """How many pages a topic has."""
    return max(1, -(-len(shelf.articles) // SHELF_PAGE))


def start(languages: Sequence[str], default_language: str, site_name: str) -> str:
    """The site's own first page, which asks for the language, or takes the browser's."""
    first = default_language if default_language in languages else languages[0]
    return (
        _environment(first)
        .get_template("start.html")
        .render(
            language=first,
            languages=LANGUAGES,
            codes=languages,
            site=site_name or catalogue(first).gettext("Help centre"),
            at=addresses,
        )
    )


def style() -> str:
    """The look: the portal's own, and what only an exported site has."""
    own = Path(portal.__file__).parent / "static" / "portal.css"
    return own.read_text(encoding="utf-8") + "\n" + (Path(__file__).parent / "site.css").read_text(encoding="utf-8")


@lru_cache(maxsize=len(CODES))
def _environment(language: str) -> Environment:
    """Templates in the words of a language."""
    made = Environment(
        loader=PackageLoader("portal.writing", "exporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    texts = catalogue(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]  # an extension's
        texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext, npgettext=texts.npgettext
    )
    made.policies["ext.i18n.trimmed"] = True

    def day(value: date) -> str:
        return format_date(value, "long", locale=LOCALES[language])

    def number(value: int) -> str:
        return format_decimal(value, locale=LOCALES[language])

    made.filters.update(day=day, number=number)
    return made
