"""What the heads of pages say to search engines and to whoever shows a preview of a link."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from flask import url_for

from portal.knowledge import Published
from portal.locales import LANGUAGES, choices
from portal.storage.published import Content

#: Longest description, in characters; what is longer is cut off where it is shown.
LENGTH = 160
#: How previews name the languages.
TERRITORIES = {"en": "en_GB", "fr": "fr_FR", "de": "de_DE", "ru": "ru_RU"}


def neutral(codes: Collection[str]) -> str:
    """The language in which a page is shown to readers of none of the four: English, or the next best that it has."""
    return choices("en", codes)[0]


def paths(endpoint: str, codes: Iterable[str] = tuple(LANGUAGES), **values: Any) -> dict[str, str]:
    """The path of a page by each language that it exists in."""
    return {code: url_for(endpoint, language=code, **values) for code in codes}


def line(text: str) -> str:
    """A text on one line; blanks that do not break, which belong to French, stay."""
    return re.sub(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+", " ", text).strip(" ")


def short(text: str, longest: int = LENGTH) -> str:
    """A text on one line, cut at a word where it is too long."""
    whole = line(text)
    if len(whole) <= longest:
        return whole
    cut = whole[:longest]
    kept = cut[: cut.rindex(" ")] if " " in cut else cut[:-1]
    return kept.rstrip(" \u00a0\u202f,;:–—-") + "…"


def of_article(item: Published, content: Content | None) -> str:
    """What an article is about: its summary, else how its text begins."""
    if item.article.summary:
        return short(item.article.summary)
    texts = (text for _anchor, _heading, text, _level in content.sections if text) if content else iter(())
    return short(next(texts, item.article.title))


def of_titles(items: Iterable[Published]) -> str:
    """What a list of articles is about, where nobody has said it: the first titles."""
    titles: list[str] = []
    for item in items:
        if len(" · ".join([*titles, item.article.title])) > LENGTH:
            break
        titles.append(item.article.title)
    return " · ".join(titles)
