"""The product's texts in a language: its catalogue, and the locale for its dates and numbers."""

import hashlib
import io
import os
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
    source = (folder() / language / "LC_MESSAGES" / "messages.po").read_bytes()
    return Translations(io.BytesIO(_kept(language, source) or _compiled(language, source)))


def keep(place: Path) -> None:
    """From now on keep compiled catalogues in a folder: to compile one takes longer than to read all articles.

    Raises:
        OSError: the folder cannot be made.
    """
    global _place  # noqa: PLW0603 - one for each process
    place.mkdir(mode=0o700, exist_ok=True)
    _place = place


#: Where compiled catalogues are kept.
_place: Path | None = None


def _kept(language: str, source: bytes) -> bytes:
    """A catalogue as it was compiled from just this source; empty where none is kept."""
    if _place is None:
        return b""
    path = _place / f"{language}-{hashlib.blake2b(source, digest_size=12).hexdigest()}.mo"
    if not path.exists():
        for old in _place.glob(f"{language}-*"):
            old.unlink(missing_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(_compiled(language, source))
        fresh.replace(path)
    return path.read_bytes()


def _compiled(language: str, source: bytes) -> bytes:
    """A catalogue as gettext reads it."""
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=language))
    return compiled.getvalue()
