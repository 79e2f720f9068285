"""Who sends a request, as far as it says so itself: a person or a robot, to be followed or not, of which visit."""

import re
import secrets
from collections.abc import Callable
from functools import cache, cached_property, lru_cache
from typing import Any

import crawleruseragents
from werkzeug.sansio.http import parse_cookie

from portal.budgets import network_of
from portal.chains import Visitor

#: Tells the searches of one person in one browser session from another's; set only when somebody searches.
COOKIE = "visit"
#: What robots call themselves that the list of known ones lacks; Cubot makes telephones.
_ROBOT = re.compile(r"(?<!cu)bot\b|crawl|spider|slurp|preview|monitor", re.IGNORECASE)
#: Programs that people search with, too, from a script or a test; they open unconfirmed gaps within the budgets.
_TOOLS = frozenset({"http-library", "browser-automation"})
#: Longest name of a browser that is looked at.
_NAME = 500


@cache
def _known_robots() -> re.Pattern[str]:
    """The names of known crawlers as one expression."""
    entries = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in entries if not _TOOLS & set(entry["tags"])))


@lru_cache(maxsize=10_000)
def is_robot(name: str) -> bool:
    """Whether a program that calls itself this crawls; who says nothing may be a person's browser."""
    return bool(_ROBOT.search(name) or _known_robots().search(name))


class Reader:
    """Whoever sends a request.

    Args:
        environ: the request, as the server hands it over.
        cookie: the name under which browsers remember a visit.
        is_staff: says whether somebody who works here has signed in.
    """

    def __init__(self, environ: dict[str, Any], cookie: str, is_staff: Callable[[], bool] = lambda: False) -> None:
        self._environ = environ
        self._name = cookie
        self._is_staff = is_staff

    def _said(self, name: str) -> str:
        """The value of a header."""
        return str(self._environ.get(f"HTTP_{name}", ""))

    @cached_property
    def is_person(self) -> bool:
        """Whether a reader may have submitted this: no robot that says so, no page fetched in advance, no agent."""
        if self._environ["REQUEST_METHOD"] == "HEAD" or "prefetch" in self._said("SEC_PURPOSE") + self._said("PURPOSE"):
            return False
        return not is_robot(self._said("USER_AGENT")[:_NAME]) and not self._is_staff()

    @property
    def is_followed(self) -> bool:
        """Whether they have not asked to be left alone (Do Not Track, Global Privacy Control)."""
        return self._said("DNT") != "1" and self._said("SEC_GPC") != "1"

    @property
    def is_secure(self) -> bool:
        """Whether the request came over HTTPS."""
        return self._environ.get("wsgi.url_scheme") == "https"

    @cached_property
    def _cookie(self) -> str:
        """The visit that the browser remembers; empty where it has none."""
        said = self._said("COOKIE")
        return str(parse_cookie(said).get(self._name, "")) if said else ""

    @cached_property
    def visitor(self) -> Visitor:
        """Their visit; a new one is only theirs once the answer has set its cookie."""
        given = self._cookie
        is_returning = 20 <= len(given) <= 64
        session = (given if is_returning else secrets.token_urlsafe(24)) if self.is_followed else ""
        return Visitor(session, is_returning and bool(session), network_of(str(self._environ.get("REMOTE_ADDR", ""))))

    @property
    def has_searched(self) -> bool:
        """Whether they are a person whose browser has sent a visit that may be followed."""
        return bool(self._cookie) and self.is_person and self.visitor.is_returning
