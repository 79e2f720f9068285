"""The four languages: their own names, the order of fallback, and how a reader's language is chosen."""

from collections.abc import Container, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """One language of the portal."""

    #: ISO 639-1 code; also the first part of every address and the folder of the articles.
    code: str
    #: The language's own name, as shown to its speakers.
    name: str
    #: Languages tried in this order where a text does not exist in this one.
    fallbacks: tuple[str, ...]


LANGUAGES = {
    language.code: language
    for language in (
        Language("de", "Deutsch", ("en", "fr", "ru")),
        Language("en", "English", ("fr", "de", "ru")),
        Language("fr", "Français", ("en", "de", "ru")),
        Language("ru", "Русский", ("en", "de", "fr")),
    )
}
"""Every language by its code, ordered by its own name."""

#: The order in which writers and operators see the languages.
CODES = ("en", "fr", "de", "ru")


def source_order(default: str) -> tuple[str, ...]:
    """The languages, likeliest source of a family of translations first: the portal's default one."""
    return default, *(code for code in CODES if code != default)


def negotiate(preferred: Iterable[tuple[str, float]], default: str) -> str:
    """Choose the language for a browser's wishes.

    Args:
        preferred: pairs of language tag and quality (0–1) as in `Accept-Language`.
        default: code used when none of the wishes is a language of the portal.

    Returns:
        A code of `LANGUAGES`. A region counts as its language (`fr-CA` as `fr`), by quality first.
    """
    for tag, quality in sorted(preferred, key=lambda wish: -wish[1]):
        code = tag.replace("_", "-").partition("-")[0].lower()
        if quality > 0 and code in LANGUAGES:
            return code
    return default


def choices(language: str, available: Container[str]) -> list[str]:
    """The languages that a reader of `language` is shown a text in, best first.

    Args:
        language: the reader's language code.
        available: the codes in which the text exists.

    Returns:
        Codes from `available`; empty where there is none.
    """
    return [code for code in (language, *LANGUAGES[language].fallbacks) if code in available]
