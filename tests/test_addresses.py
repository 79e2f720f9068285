"""Addresses in pages: built once, and the same as Flask builds them each time."""

from typing import Any

import pytest
from flask import Flask, url_for

from portal.web.links import addresses

CASES = [
    ("help.home", {}),
    ("help.article", {"slug": "vpn"}),
    ("help.article", {"slug": "vpn", "_anchor": "steps"}),
    ("help.search", {"q": "vpn", "exact": None}),
    ("help.search", {"q": "", "topic": "mail"}),
    ("help.search", {"q": "a&b=c +ü/?#%20 q=typed-q", "topic": "typed-q", "exact": 1}),
    ("help.search", {"q": None, "topic": "t" * 200}),
    ("my_requests.new", {"query": "Почему «так»?", "page": "/en/search"}),
    ("sign_in.form", {"next": "/en/desk/?q=typed-q&query=typed-query"}),
    ("help.topic", {"topic": "mail", "page": 1}),
    ("help.topic", {"topic": "mail", "page": True}),
    ("help.topic", {"topic": "mail", "page": "1"}),
    ("help.topic", {"topic": "mail", "tag": ["a", "b"]}),
    ("desk.queue", {}),
    ("static", {"filename": "portal.css"}),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "values"), CASES)
def test_an_address_is_the_same_whoever_builds_it(app: Flask, endpoint: str, values: dict[str, Any]) -> None:
    """In each language, below each root, the first time and again."""
    address = addresses()
    found = {}
    for root in ("", "/help"):
        for code in ("en", "de"):
            with app.test_request_context(f"/{code}/", environ_overrides={"SCRIPT_NAME": root}):
                found[root, code] = address(endpoint, **values)

                assert found[root, code] == address(endpoint, **values) == url_for(endpoint, **values)

    assert len(set(found.values())) == (2 if endpoint == "static" else 4)
