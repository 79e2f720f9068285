"""The language that the API answers in: what the request names, else what its Accept-Language asks for."""

from flask import current_app, g, request
from flask_babel import refresh

from portal.locales import LANGUAGES, negotiate


def known(named: object) -> str:
    """A language that was named, where it is one of ours; else nothing."""
    return named if isinstance(named, str) and named in LANGUAGES else ""


def wished(named: str | None) -> str:
    """The language to answer in; cookies are not asked.

    Args:
        named: by the request for its reader; None where it names none.
    """
    return known(named) or negotiate(list(request.accept_languages), current_app.config["DEFAULT_LANGUAGE"])


def ensure() -> None:
    """Make sure that there is a language, wherever an error came up."""
    if "language" not in g or g.language not in LANGUAGES:
        speak(wished(request.args.get("language")))


def speak(language: str) -> None:
    """Go on in a language."""
    if g.get("language") != language:
        g.language = language
        refresh()
