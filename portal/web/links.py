"""Addresses in pages: of other pages, built once, and absolute ones that leave the page."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, urlsplit

from flask import has_request_context, request, url_for

from portal.web.i18n import language
from portal.web.services import services

#: Addresses that a process remembers; those of private pages are among them, and in no log.
REMEMBERED = 4000
#: Longest part of an address that is remembered; what people send may be of any length.
_LONGEST = 100
#: What people typed is put in afterwards: hardly anybody types the same, and there is no end of it.
_TYPED = {name: f"typed-{name}" for name in ("q", "query", "next")}

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
        typed = {name: text for name in _TYPED if isinstance(text := values.get(name), str)}
        known = {**values, **{name: _TYPED[name] for name in typed}} if typed else values
        if not has_request_context() or endpoint.startswith(".") or any(map(_is_endless, known.values())):
            return url_for(endpoint, **values)
        found = built(request.root_path, language(), endpoint, **known)
        for name, text in typed.items():
            found = found.replace(f"{name}={_TYPED[name]}", f"{name}={_in_query(text)}", 1)
        return found

    return address


def _is_endless(value: object) -> bool:
    """Whether a part of an address cannot be remembered."""
    return len(value) > _LONGEST if isinstance(value, str) else not isinstance(value, int | None)


@lru_cache(maxsize=64)
def _in_query(text: str) -> str:
    """A text as Werkzeug writes it in the query of an address; see https://url.spec.whatwg.org/#percent-encoded-bytes."""
    return quote_plus(text, safe="!$'()*,/:;?@")


def absolute(path: str) -> str:
    """An absolute address, from the public address of the settings or else the host that was checked."""
    base = services().settings.base_url or request.host_url.rstrip("/")
    return base + path
