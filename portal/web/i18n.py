"""The language of a page: taken from its address, and the catalogues that its texts come from."""

import io
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, current_app, g, has_request_context, request, url_for
from flask_babel import Babel, Domain, get_locale
from werkzeug.routing import BaseConverter

import portal
from portal.locales import LANGUAGES, negotiate

#: Where the reader's explicit choice is kept, set by the page's own script when a language is chosen.
COOKIE = "language"
#: Locale by language: where a language writes dates and numbers in several ways, the one its pages use.
LOCALES = {"en": "en_GB", "fr": "fr", "de": "de", "ru": "ru"}
#: What of a page's query is kept when the language is changed.
_KEPT = frozenset({"q", "topic", "page", "query", "kind", "show", "in", "exact"})


def catalogues() -> Path:
    """The folder of the catalogues: inside an installed package, beside it in a checkout."""
    package = Path(portal.__file__).parent
    inside = package / "translations"
    return inside if inside.is_dir() else package.parent / "translations"


class LanguageConverter(BaseConverter):
    """The first part of every page's address."""

    regex = "|".join(LANGUAGES)
    part_isolating = True


@cache
def _read(language: str) -> NullTranslations:
    """A catalogue, compiled in memory: a missing compiled file would silently be English."""
    if language == "en":
        return NullTranslations()
    with (catalogues() / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class CatalogueDomain(Domain):  # type: ignore[misc]  # Flask-Babel has no types.
    """Messages from the `.po` files themselves."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the page's language."""
        locale = get_locale()
        return _read(locale.language if locale else "en")


def language() -> str:
    """The language of the page that is being made."""
    if not has_request_context():
        return "en"
    chosen: str | None = g.get("language")
    if chosen is None:
        chosen = g.language = _from_request()
    return chosen


def _from_request() -> str:
    """From the address, also of a page that does not exist; else the reader's choice, else the browser's."""
    first = request.path.split("/")[1] if request.path.startswith("/") else ""
    return first if first in LANGUAGES else preferred()


def preferred() -> str:
    """The language for somebody whose address names none: their choice, their browser's, the default."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return negotiate(list(request.accept_languages), current_app.config["DEFAULT_LANGUAGE"])


def alternates() -> dict[str, str]:
    """The address of the same page in every language, with its query; of the home pages for an error."""
    endpoint, arguments = "help.home", {}
    is_page = request.endpoint and current_app.url_map.is_endpoint_expecting(request.endpoint, "language")
    if request.endpoint and is_page and request.method in {"GET", "HEAD"} and not g.get("is_error"):
        kept = {name: value for name, value in request.args.items() if name in _KEPT}
        endpoint, arguments = request.endpoint, {**kept, **(request.view_args or {})}
    return {code: url_for(endpoint, **{**arguments, "language": code}) for code in LANGUAGES}


def init(app: Flask) -> None:
    """Give an application its languages."""
    app.url_map.converters["language"] = LanguageConverter
    babel = Babel(app, locale_selector=lambda: LOCALES[language()])
    babel.domain_instance = CatalogueDomain()
    for code in LANGUAGES:
        _read(code)  # A missing or broken catalogue stops the start, not somebody's page.

    @app.url_value_preprocessor
    def take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "language" in values:
            g.language = values.pop("language")

    @app.url_defaults
    def add_language(endpoint: str, values: dict[str, Any]) -> None:
        if "language" not in values and app.url_map.is_endpoint_expecting(endpoint, "language"):
            values["language"] = language()
