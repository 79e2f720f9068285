"""The help widget that other sites show: its script, and its words in each language."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import pgettext

from portal.catalogues import LOCALES, catalogue
from portal.web import labels
from portal.web.copies import kept
from portal.web.forms import MESSAGES
from portal.web.i18n import language
from portal.web.links import absolute
from portal.web.services import services
from portal.web.squeezing import squeezed

blueprint = Blueprint("embed", __name__, url_prefix="/embed")

#: How long a site's visitors keep the widget without asking whether there is another one, in seconds.
_SECONDS = 300
#: Numbers of which every plural form of every language is one of.
_NUMBERS = range(1, 12)


@blueprint.get("/v1.js")
def script() -> Response:
    """The widget's script, at an address that stays the same; every site may include it."""
    return _open(_squeezed(Path(current_app.static_folder or "") / "embed.js"), "text/javascript")


@cache
def _squeezed(path: Path) -> bytes:
    """The script as it is served."""
    return squeezed(path.read_text(encoding="utf-8")).encode()


@blueprint.get("/v1/<language:language>.json")
def texts() -> Response:
    """The widget's words in one language, and whether the site that asks may show it."""
    origin = request.headers.get("Origin")
    is_allowed = origin is None or origin == absolute("") or origin in services().settings.embed_origins
    body: dict[str, Any] = {"allowed": is_allowed, **_words()}
    response = _open(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json")
    # What it says is no secret; a page that may not show the widget can say so to whoever has built it.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.vary.add("Origin")
    return response


def _open(body: bytes, kind: str) -> Response:
    """An answer that pages of other sites may use, compressed for who can read that."""
    is_compressed = request.accept_encodings["gzip"] > 0
    response = kept(_compressed(body) if is_compressed else body, kind, seconds=_SECONDS)
    if is_compressed and response.status_code != 304:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@cache
def _compressed(body: bytes) -> bytes:
    """A body in gzip; the same body always gives the same bytes."""
    return gzip.compress(body, 9, mtime=0)


def _counted(singular: str, plural: str) -> dict[str, str]:
    """A text with a number, by the names that browsers have for the language's plural forms."""
    form = Locale.parse(LOCALES[language()]).plural_form
    found: dict[str, str] = {}
    for number in _NUMBERS:
        found.setdefault(form(number), catalogue(language()).ungettext(singular, plural, number) % {"num": "{n}"})
    return found


def _words() -> dict[str, Any]:
    """Everything that the widget says."""
    many = _("{count} suggestions. Use the arrow keys to choose.").replace("{count}", "{n}")
    return {
        "title": services().settings.site_name or _("Help centre"),
        "launch": pgettext("widget", "Help"),
        "close": pgettext("widget", "Close"),
        "back": pgettext("widget", "Back"),
        "label": _("Search the help centre"),
        "search": pgettext("button", "Search"),
        "suggestions": _("Suggestions"),
        "suggested": {"one": _("1 suggestion. Use the arrow keys to choose."), "other": many},
        "wait": pgettext("widget", "Searching…"),
        "results": _counted("%(num)s result", "%(num)s results"),
        "nothing": _("We found no good answer to “%(query)s”", query="{query}"),
        "told": _("Our support team has been told that this answer is missing."),
        "perhaps": _("Perhaps none of these articles answers your question."),
        "empty": _("Your search has no word that we could look for. Describe in a few words what you need."),
        "instead": _("Showing results for “%(text)s”.", text="{query}"),
        "exact": _("Search instead for “%(text)s”", text="{query}"),
        "closest": _("Closest articles"),
        "more": pgettext("widget", "More results"),
        "also": {code: str(words) for code, words in labels.LANGUAGE_IN.items() if code != language()},
        "only": {code: str(words) for code, words in labels.ONLY_IN.items() if code != language()},
        "outdated": _("This translation is out of date."),
        "whole": pgettext("widget", "Open this article in the help centre"),
        "tab": pgettext("widget", "(opens in a new tab)"),
        "helpful": _("Was this article helpful?"),
        "yes": pgettext("answer", "Yes"),
        "no": pgettext("answer", "No"),
        "why": _("Thank you. What was wrong with it?"),
        "thanks": _("Thank you for your feedback."),
        "reasons": {reason.value: str(words) for reason, words in labels.REASON.items()},
        "person": _("Not what you were looking for?"),
        "ask": _("Ask for help"),
        "agent": _("A support agent will read your request and answer you in your language."),
        "fields": {
            "subject": _("Subject (optional)"),
            "description": _("What do you need help with?"),
            "name": _("Your full name"),
            "email": _("Your email address"),
        },
        "faults": {
            "name": str(MESSAGES["name", "missing"]),
            "email": str(MESSAGES["email", "invalid_email"]),
            "description": str(MESSAGES["description", "missing"]),
        },
        "send": _("Send request"),
        "sent": pgettext("widget", "We have received your request. Its number is {number}."),
        "mailed": pgettext("widget", "We are sending you the address of its page by email."),
        "follow": pgettext("widget", "Follow your request"),
        "down": pgettext("widget", "We cannot be reached at the moment."),
        "portal": pgettext("widget", "Ask us in the help centre"),
    }
