"""What the tests of signing in over HTTP share: the time, forms that are sent, and codes that are set up."""

import re
from datetime import datetime, timedelta

import pyotp
from flask.testing import FlaskClient

from tests.builders import NOW, PASSWORD
from tests.conftest import hidden


class Clock:
    """The time, as the test wants it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)


def post(client: FlaskClient, path: str, at: str = "/en/account/", **fields: str) -> tuple[int, str, str]:
    """Send a form with the token of a page; status, page and where it leads."""
    answer = client.post(path, data={"csrf_token": hidden(client.get(at).text, "csrf_token")} | fields)
    return answer.status_code, answer.text, answer.headers.get("Location", "")


def start_codes(client: FlaskClient, clock: Clock) -> tuple[pyotp.TOTP, list[str]]:
    """Set up codes through the pages; the app and the recovery codes."""
    page = client.get("/en/account/codes").text
    app = pyotp.TOTP(re.findall(r"<code>([A-Z2-7 ]+)</code>", page)[0].replace(" ", ""))
    status, shown, _ = post(client, "/en/account/codes", "/en/account/codes", code=app.at(clock()), password=PASSWORD)
    assert status == 200, shown
    return app, re.findall(r"<li><code>([A-Z2-7 ]+)</code>", shown)
