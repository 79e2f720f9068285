"""Addresses that leave the page: absolute ones, and those of the same page in other languages."""

import re
from urllib.parse import urlsplit

from flask import request

from portal.web.services import services

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


def absolute(path: str) -> str:
    """An absolute address, from the public address of the settings or else the host that was checked."""
    base = services().settings.base_url or request.host_url.rstrip("/")
    return base + path
