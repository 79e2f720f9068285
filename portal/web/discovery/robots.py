"""Where robots may not go, and whom people tell that have found a fault in our security."""

from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote

from flask import Response, request, url_for

from portal.errors import NotFound
from portal.locales import CODES
from portal.web.copies import kept
from portal.web.discovery.blueprint import blueprint
from portal.web.links import absolute
from portal.web.services import services

#: Parts of every language that are nobody's to index: searches, private pages, the staff's.
_CLOSED = ("search", "suggest", "requests", "subscriptions", "visit", "desk", "account", "sign-in")
#: How long a security.txt is good for; the standard wants less than a year.
_GOOD_FOR = timedelta(days=180)
#: What search engines may list.
_LISTED = frozenset({"help.home", "help.topic", "help.article", "help.accessibility", "roots.root"})


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Where robots may not go.

    The widget's script stays open to them: they look at the pages of the sites that show it.
    """
    lines = ["User-agent: *", *(f"Disallow: /{code}/{part}" for code in CODES for part in _CLOSED)]
    lines += ["Disallow: /sign-in/return", "Disallow: /api/"]
    lines += [f"Sitemap: {absolute(url_for('discovery.sitemap'))}", ""]
    return kept("\n".join(lines), "text/plain", seconds=3600)


@blueprint.get("/.well-known/security.txt")
def security_contact() -> Response:
    """Whom to tell of a fault in security (RFC 9116).

    Raises:
        NotFound: the settings name nobody.
    """
    contact = services().settings.security_contact
    if not contact:
        raise NotFound("security.txt")
    # The same text all day long, so that copies of it stay good.
    today = datetime.combine(services().clock().astimezone(UTC), time(tzinfo=UTC))
    lines = [
        f"Contact: mailto:{quote(contact, safe='@+')}",
        f"Expires: {today + _GOOD_FOR:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(CODES)}",
        f"Canonical: {absolute(url_for('discovery.security_contact'))}",
        "",
    ]
    return kept("\n".join(lines), "text/plain", seconds=86400)


def no_index(response: Response) -> Response:
    """Keep private pages and search results out of search engines."""
    if request.endpoint not in _LISTED:
        response.headers.setdefault("X-Robots-Tag", "noindex")
    return response
