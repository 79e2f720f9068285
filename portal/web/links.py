"""Addresses in pages: of other pages, built once, and absolute ones that leave the page."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import has_request_context, request, url_for

from portal.web.i18n import language
from portal.web.services import services

#: Addresses that a process remembers; those of private pages are among them, and in no log.
REMEMBERED = 4000
#: What people typed: hardly anybody types the same, and there is no end of it.
_TYPED = frozenset({"q", "query", "next"})

#: A path inside the portal; anything that a browser could take for another site's address is not.
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def is_local(path: str) -> bool:
    """Whether an address from outside leads to a page of the portal."""
    return len(path) <= 500 and _LOCAL.fullmatch(path) is not None


def host_and_path(address: str) -> tuple[str, str]:
    """The host and the path of an address from a header; both empty for one that is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.netloc, parts.path


def addresses() -> Callable[..., str]:
    """What gives what Flask's `url_for` gives, built once: a page of results has thirty, a tenth of its time."""

    @lru_cache(maxsize=REMEMBERED, typed=True)
    def built(_root: str, _language: str, endpoint: str, /, **values: Any) -> str:
        # It depends on where the portal is mounted and on the page's language.
        return url_for(endpoint, **values)

    def address(endpoint: str, **values: Any) -> str:
        if not has_request_context() or endpoint.startswith(".") or not _TYPED.isdisjoint(values):
            return url_for(endpoint, **values)
        try:
            return built(request.root_path, language(), endpoint, **values)
        except TypeError:  # A list, which cannot be remembered.
            return url_for(endpoint, **values)

    return address


def absolute(path: str) -> str:
    """An absolute address, from the public address of the settings or else the host that was checked."""
    base = services().settings.base_url or request.host_url.rstrip("/")
    return base + path
