"""Addresses that leave the page: absolute ones, and those of the same page in other languages."""

from flask import request

from portal.web.services import services


def absolute(path: str) -> str:
    """An absolute address, from the public address of the settings or else the host that was checked."""
    base = services().settings.base_url or request.host_url.rstrip("/")
    return base + path
