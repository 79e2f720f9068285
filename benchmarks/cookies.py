"""Sign-ins of an agent and an administrator of a furnished portal, as the cookies that a browser sends."""

import http.cookiejar
import re
import threading
import time
import urllib.request
from urllib.parse import urlencode

import click

from benchmarks.furnished import ADMINISTRATOR, AGENT, PASSWORD
from benchmarks.load import HOST

#: A sign-in is used for so many seconds: some pages are shown only to who has just proved who it is.
FRESH = 300


def sign_in(port: int, email: str) -> str:
    """The cookies of somebody who has signed in with the form, as a header."""
    kept = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(kept))
    address = f"http://{HOST}:{port}/en/sign-in"
    token = re.search('name="csrf_token" value="([^"]+)"', opener.open(address).read().decode())
    form = {"email": email, "password": PASSWORD, "csrf_token": token[1] if token else ""}
    with opener.open(address, urlencode(form).encode()) as answer:
        if "/sign-in" in answer.url:
            raise click.ClickException(f"{email} could not sign in.")
    return "; ".join(f"{each.name}={each.value}" for each in kept)


class Cookies:
    """The cookies of those who have signed in lately.

    Args:
        port: of the portal.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept: dict[str, tuple[float, str]] = {}
        self._signing_in = threading.Lock()

    def of(self, who: str) -> str:
        """What somebody's browser sends, as a header; empty for a reader."""
        if who not in (AGENT, ADMINISTRATOR):
            return ""
        with self._signing_in:
            since, header = self._kept.get(who, (float("-inf"), ""))
            if time.monotonic() - since > FRESH:
                since, header = self._kept[who] = time.monotonic(), sign_in(self._port, who)
            return header
