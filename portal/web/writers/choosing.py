"""What the pages of writers are narrowed by: a language that somebody writes."""

from flask import request

from portal.locales import CODES


def wanted() -> str:
    """The language that the address asks for; empty for all, and for anything unknown."""
    asked = request.args.get("in", "")
    return asked if asked in CODES else ""


def spoken(language: str) -> tuple[str, ...]:
    """The languages that are shown: the one asked for, or all."""
    return (language,) if language else CODES


def page_number() -> int:
    """The page that the address asks for, from 1."""
    text = request.args.get("page", "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 5 else 1
