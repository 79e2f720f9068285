"""In which of the portal's languages a text is written, as its letters and its smallest words tell."""

import re
from functools import cache

from portal.locales import LANGUAGES
from portal.search.analyzers import stop_words

#: Characters that are looked at, and small words that a text must have of its language.
_LENGTH, _LEAST = 5_000, 2
_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")


def language_of(text: str) -> str | None:
    """The language code of a text; None where it is too short to tell, or in none of the four.

    Args:
        text: of any length; its beginning is looked at.
    """
    words = _WORD.findall(text[:_LENGTH].lower())
    letters = sum(map(len, words))
    if not letters:
        return None
    if 2 * len(_CYRILLIC.findall("".join(words))) > letters:
        return "ru"
    counts = {language: sum(word in small for word in words) for language, small in _small_words().items()}
    (first, most), (_, second), *_ = sorted(counts.items(), key=lambda count: -count[1])
    return first if most >= _LEAST and most > second else None


@cache
def _small_words() -> dict[str, frozenset[str]]:
    """The words of each language of Latin letters that carry no subject, as they are written."""
    return {code: frozenset(stop_words(code)) for code in LANGUAGES if code != "ru"}
