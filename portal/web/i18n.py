"""The language of a page: taken from its address, and the catalogues that its texts come from."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from babel.support import NullTranslations
from flask import Flask, current_app, g, has_request_context, request, url_for
from flask_babel import Babel, Domain, get_locale
from markupsafe import Markup
from werkzeug.routing import BaseConverter

from portal.catalogues import LOCALES, catalogue
from portal.locales import LANGUAGES, negotiate

#: Where the reader's explicit choice is kept, set by the page's own script when a language is chosen.
COOKIE = "language"
#: What of a page's query is kept when the language is changed.
_KEPT = frozenset(
    {
        "q",
        "topic",
        "page",
        "query",
        "kind",
        "show",
        "in",
        "exact",
        "tier",
        "priority",
        "status",
        "owner",
        "sort",
        "top",
        "state",
        "period",
        "first",
        "last",
        "step",
    }
)
#: The pages that forms belong to, by the beginning of their endpoints: that of a number, and that of all.
_OF_FORMS = {"desk.": ("desk.ticket", "desk.queue"), "writers.": ("writers.gap", "writers.page")}


class LanguageConverter(BaseConverter):
    """The first part of every page's address."""

    regex = "|".join(LANGUAGES)
    part_isolating = True


class CatalogueDomain(Domain):  # type: ignore[misc]  # Flask-Babel has no types.
    """Messages from the `.po` files themselves."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the page's language."""
        locale = get_locale()
        return catalogue(locale.language if locale else "en")


def colon() -> str:
    """A colon as the page's language sets it: French keeps it together with the word before, and apart from it."""
    return "\u00a0:" if language() == "fr" else ":"


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
    chosen = request.cookies.get(f"__Host-{COOKIE}", "") or request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return negotiate(list(request.accept_languages), current_app.config["DEFAULT_LANGUAGE"])


def alternates(address: Callable[..., str] = url_for) -> dict[str, str]:
    """The address of the same page in every language, with its query; of the home pages for an error.

    Args:
        address: builds one.
    """
    endpoint, arguments = "help.home", {}
    is_page = request.endpoint and current_app.url_map.is_endpoint_expecting(request.endpoint, "language")
    if request.endpoint and is_page and request.method in {"GET", "HEAD"} and not g.get("is_error"):
        kept = {name: value for name, value in request.args.items() if name in _KEPT}
        endpoint, arguments = request.endpoint, {**kept, **(request.view_args or {})}
    elif request.endpoint and request.endpoint.startswith(tuple(_OF_FORMS)) and not g.get("is_error"):
        # What a form of the desk has come to has no address of its own.
        number = (request.view_args or {}).get("number")
        one, all_ = _OF_FORMS[request.endpoint.partition(".")[0] + "."]
        endpoint, arguments = (one, {"number": number}) if number else (all_, {})
    return {code: address(endpoint, **{**arguments, "language": code}) for code in LANGUAGES}


@lru_cache(maxsize=8000)
def _plain(code: str, text: str) -> Markup:
    """A message without variables in a language, as templates show it: messages are the product's own texts."""
    return Markup(catalogue(code).ugettext(text)) % {}  # noqa: S704  # nosec B704


def _message(text: str, /, **variables: object) -> Markup:
    """A message in the page's language; variables are escaped. What Jinja's own does, without asking for each again."""
    code = language()
    if not variables:
        return _plain(code, text)
    return Markup(catalogue(code).ugettext(text)) % variables  # noqa: S704  # nosec B704


def init(app: Flask) -> None:
    """Give an application its languages."""
    app.url_map.converters["language"] = LanguageConverter
    babel = Babel(app, locale_selector=lambda: LOCALES[language()])
    babel.domain_instance = CatalogueDomain()
    # Templates are always in the page's language; Flask-Babel would ask for its locale again at each text.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined] # The extension brings it.
        gettext=lambda one: catalogue(language()).ugettext(one),
        ngettext=lambda one, many, number: catalogue(language()).ungettext(one, many, number),
        pgettext=lambda context, one: catalogue(language()).upgettext(context, one),
        npgettext=lambda context, one, many, number: catalogue(language()).unpgettext(context, one, many, number),
        newstyle=True,
    )
    app.jinja_env.globals.update(gettext=_message, _=_message)
    for code in LANGUAGES:
        catalogue(code)  # A missing or broken catalogue stops the start, not somebody's page.

    @app.url_value_preprocessor
    def take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "language" in values:
            g.language = values.pop("language")

    @app.url_defaults
    def add_language(endpoint: str, values: dict[str, Any]) -> None:
        if "language" not in values and app.url_map.is_endpoint_expecting(endpoint, "language"):
            values["language"] = language()
