"""The product's texts in a language: its catalogue, and the locale for its dates and numbers."""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

import portal

#: Locale by language: where a language writes dates and numbers in several ways, the one that we use.
LOCALES = {"en": "en_GB", "fr": "fr", "de": "de", "ru": "ru"}


def folder() -> Path:
    """The folder of the catalogues: inside an installed package, beside it in a checkout."""
    package = Path(portal.__file__).parent
    inside = package / "translations"
    return inside if inside.is_dir() else package.parent / "translations"


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts of a language, compiled in memory: a missing compiled file would silently be English.

    Args:
        language: a code of `locales.LANGUAGES`; English is the source itself.

    Raises:
        OSError: there is no catalogue of this language.
    """
    if language == "en":
        return NullTranslations()
    with (folder() / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        found = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Translations(compiled)
