"""The help centre's search in a browser's own search box: its description, and suggestions in the box's form."""

import json

from flask import Response, request, url_for
from flask_babel import gettext as _
from markupsafe import escape

from portal.locales import LANGUAGES
from portal.queries import read_query
from portal.web.copies import kept
from portal.web.discovery.blueprint import blueprint
from portal.web.help_centre import leads_to
from portal.web.i18n import language
from portal.web.links import absolute
from portal.web.services import services

DESCRIPTION, SUGGESTIONS = "application/opensearchdescription+xml", "application/x-suggestions+json"
#: Longest names that browsers take, in characters.
_SHORT, _LONG = 16, 48


def search_name(longest: int = _LONG) -> str:
    """What a browser calls the search; the language's own name tells four of them apart where there is room."""
    name = services().settings.site_name or _("Help centre")
    whole = f"{name} – {LANGUAGES[language()].name}"
    if len(whole) <= longest:
        return whole
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


@blueprint.get("/<language:language>/opensearch.xml")
def opensearch() -> Response:
    """How to search here, for browsers (OpenSearch 1.1)."""
    search = absolute(url_for("help.search", q="SEARCH")).replace("SEARCH", "{searchTerms}")
    suggest = absolute(url_for("discovery.suggestions", q="SEARCH")).replace("SEARCH", "{searchTerms}")
    about, icon = _("Search the help centre"), absolute(url_for("static", filename="favicon.svg"))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">',
        f"<ShortName>{escape(search_name(_SHORT))}</ShortName>",
        f"<LongName>{escape(search_name())}</LongName>",
        f"<Description>{escape(about)}</Description>",
        f"<Language>{language()}</Language>",
        "<InputEncoding>UTF-8</InputEncoding>",
        "<OutputEncoding>UTF-8</OutputEncoding>",
        f'<Image width="16" height="16" type="image/svg+xml">{escape(icon)}</Image>',
        f'<Url type="text/html" method="get" template="{escape(search)}"/>',
        f'<Url type="{SUGGESTIONS}" method="get" template="{escape(suggest)}"/>',
        f'<Url type="{DESCRIPTION}" rel="self" template="{escape(absolute(url_for("discovery.opensearch")))}"/>',
        "</OpenSearchDescription>",
        "",
    ]
    return kept("\n".join(lines), DESCRIPTION, seconds=86400)


@blueprint.get("/<language:language>/suggestions")
def suggestions() -> Response:
    """Suggestions for what has been typed so far, as browsers want them; counted nowhere.

    A list of the text, the suggestions, what each is part of, and where each leads.
    """
    asked = request.args.get("q", "")
    text = read_query(language(), asked).text
    known = services().edition.suggestions(language(), services().frequent(language()))
    found = known.complete(text) if text else []
    body = [
        asked[:200],
        [one.text for one in found],
        [one.context for one in found],
        [absolute(leads_to(one)) for one in found],
    ]
    response = kept(json.dumps(body, ensure_ascii=False), SUGGESTIONS, seconds=60)
    # What somebody types is nothing for a cache that others share.
    response.headers["Cache-Control"] = "private, max-age=60"
    return response
