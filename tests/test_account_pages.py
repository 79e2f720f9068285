"""One's own account over HTTP: sessions, the password and the second step."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from portal.locales import CODES
from portal.people import Person
from portal.services import Services
from portal.staff import Staff
from portal.web.sign_in import browser
from tests.builders import NOW, PASSWORD, person
from tests.conftest import hidden, sign_in
from tests.signing_in import Clock, post, start_codes

OTHER = "lantern-copper-meadow-81"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def clock(portal_services: Services) -> Clock:
    """The portal's clock."""
    portal_services.clock = made = Clock()
    return made


@pytest.fixture
def mia(portal_services: Services, clock: Clock) -> Person:
    """An agent."""
    return portal_services.staff.add(person(), PASSWORD, clock())


def key_of(client: FlaskClient) -> str:
    """The session key in a browser's cookie."""
    with client.session_transaction() as kept:
        return str(kept.get("_user_id", ""))


class TestSessions:
    """What the cookie is worth, and for how long."""

    def test_each_sign_in_has_a_new_key_and_nothing_of_before(self, app: Flask, mia: Person) -> None:
        """A key that somebody planted in the browser is not the one that is signed in with."""
        client = app.test_client()
        with client.session_transaction() as kept:
            kept["_user_id"] = "planted"
            kept["other"] = "thing"

        first = key_of(sign_in(client, mia.email))
        client.post("/en/sign-out", data={"csrf_token": hidden(client.get("/en/desk/").text, "csrf_token")})
        second = key_of(sign_in(client, mia.email))

        assert len({"planted", first, second}) == 3
        with client.session_transaction() as kept:
            assert "other" not in kept

    def test_a_copied_cookie_is_worth_nothing_after_signing_out(self, app: Flask, mia: Person) -> None:
        """The key is gone from the table, not only from the browser."""
        client, thief = sign_in(app.test_client(), mia.email), app.test_client()
        with thief.session_transaction() as kept:
            kept["_user_id"] = key_of(client)
        assert thief.get("/en/desk/").status_code == 200

        client.post("/en/sign-out", data={"csrf_token": hidden(client.get("/en/desk/").text, "csrf_token")})

        assert thief.get("/en/desk/").status_code == 303

    def test_an_hour_without_use_signs_out_and_news_are_no_use(self, app: Flask, mia: Person, clock: Clock) -> None:
        """A ticket that stands open asks for news by itself."""
        client = sign_in(app.test_client(), mia.email)
        for _ in range(3):
            clock.on(minutes=19)
            assert client.get("/en/desk/", headers={"Sec-Fetch-Mode": "cors"}).status_code == 200
            client.post("/en/desk/tickets/1/here", headers={"Sec-Fetch-Mode": "cors"})
        clock.on(minutes=2)
        assert client.get("/en/desk/", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 200
        clock.on(minutes=59)
        assert client.get("/en/desk/").status_code == 200
        clock.on(minutes=61)
        assert client.get("/en/desk/").status_code == 303

    def test_one_sees_and_ends_ones_sign_ins(self, app: Flask, mia: Person) -> None:
        """By browser; the one that is ended is asked to sign in."""
        here, there = (app.test_client() for _ in range(2))
        here.environ_base["HTTP_USER_AGENT"] = FIREFOX
        there.environ_base["HTTP_USER_AGENT"] = "curl/8"
        sign_in(here, mia.email)
        sign_in(there, mia.email)
        page = here.get("/en/account/").text

        assert "Firefox, Linux" in page
        assert "Unknown browser" in page
        assert post(here, "/en/account/sign-ins/end", reference=hidden(page, "reference"))[0] == 303
        assert there.get("/en/desk/").status_code == 303
        assert "has been ended" in here.get("/en/account/").text
        sign_in(there, mia.email)
        assert post(here, "/en/account/sign-ins/end-others")[0] == 303
        assert there.get("/en/desk/").status_code == 303
        assert here.get("/en/desk/").status_code == 200

    def test_nobody_elses_sign_in_can_be_ended(self, app: Flask, mia: Person, portal_services: Services) -> None:
        """Even with its reference."""
        other = portal_services.staff.add(person(email="o@example.org"), PASSWORD, NOW)
        theirs, mine = sign_in(app.test_client(), other.email), sign_in(app.test_client(), mia.email)
        sign_in(app.test_client(), other.email)
        reference = hidden(theirs.get("/en/account/").text, "reference")

        post(mine, "/en/account/sign-ins/end", reference=reference)
        post(mine, "/en/account/sign-ins/end", reference="\0" * 70)

        assert theirs.get("/en/account/").text.count('name="reference"') == 1


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 (KHTML, like Gecko) Version/18 Safari/605", "Safari, macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Mobile Safari/604", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("<script>alert(1)</script>", ""),
        ("", ""),
        ("x" * 100_000 + "Firefox", ""),
    ],
)  # fmt: skip
def test_browsers_have_simple_names(sent: str, name: str, app: Flask) -> None:
    """Only our own words, whatever is sent."""
    with app.test_request_context(headers={"User-Agent": sent}):
        assert browser() == name


class TestPassword:
    """Another password."""

    def test_it_is_changed_and_all_others_are_signed_out(self, app: Flask, mia: Person) -> None:
        """This browser goes on, with another key."""
        here, there = sign_in(app.test_client(), mia.email), sign_in(app.test_client(), mia.email)
        before = key_of(here)

        assert post(here, "/en/account/password", old=PASSWORD, password=OTHER)[0] == 303

        assert "Your password has been changed" in here.get("/en/account/").text
        assert key_of(here) not in {before, ""}
        assert there.get("/en/desk/").status_code == 303

    @pytest.mark.parametrize(
        ("old", "new", "status", "told"),
        [
            ("wrong", OTHER, 403, "This is not your present password."),
            (PASSWORD, "brief-42", 400, "Use at least 15 characters"),
            (PASSWORD, "x" * 201, 400, "Use at most 200 characters"),
            (PASSWORD, "aaaaaaaaaaaaaaaa", 400, "too easy to guess"),
            (PASSWORD, PASSWORD, 400, "is the present one"),
            ("", "", 403, "This is not your present password."),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, old: str, new: str, status: int, told: str, app: Flask, mia: Person
    ) -> None:
        """With a summary that leads there; no password comes back in the page."""
        client = sign_in(app.test_client(), mia.email)

        answered, page, _ = post(client, "/en/account/password", old=old, password=new)

        field = "old" if status == 403 else "password"
        assert answered == status
        assert told in page
        assert f'href="#ui-{field}"' in page
        assert f'id="ui-{field}-fault"' in page
        assert PASSWORD not in page
        assert not new or new not in page

    def test_too_many_tries_must_wait(self, app: Flask, mia: Person, clock: Clock) -> None:
        """The account is closed for a quarter of an hour, from inside as from outside."""
        client = sign_in(app.test_client(), mia.email)
        for _ in range(10):
            assert post(client, "/en/account/password", old="wrong", password=OTHER)[0] == 403

        status, page, _ = post(client, "/en/account/password", old=PASSWORD, password=OTHER)
        assert (status, "Wait 15 minutes" in page) == (429, True)
        clock.on(minutes=16)
        assert post(client, "/en/account/password", old=PASSWORD, password=OTHER)[0] == 303


class TestCodes:
    """The second step."""

    def test_from_setting_up_to_signing_in(self, app: Flask, mia: Person, clock: Clock) -> None:
        """The key stays the same until it is confirmed; then password and code are needed."""
        client, other = sign_in(app.test_client(), mia.email), app.test_client()
        pages = [client.get("/en/account/codes").text for _ in range(2)]
        keys = [re.findall(r"<code>([A-Z2-7 ]+)</code>", page) for page in pages]
        assert keys[0] == keys[1]
        assert 'src="data:image/svg+xml' in pages[0]

        device, recovery = start_codes(client, clock)
        assert len(recovery) == 10
        assert client.get("/en/desk/").status_code == 200
        clock.on(minutes=2)

        status, _, where = post(
            other, "/de/sign-in", "/de/sign-in", email=mia.email, password=PASSWORD, next="/de/account/"
        )
        assert (status, where) == (303, "/de/sign-in/code?next=/de/account/")
        assert key_of(other) == ""
        assert other.get("/de/desk/").status_code == 303
        assert post(other, "/de/sign-in/code", where, code="000000")[0] == 403
        status, _, where = post(other, "/de/sign-in/code", where, code=device.at(clock()), next="/de/account/")
        assert (status, where) == (303, "/de/account/")
        assert other.get("/de/account/").status_code == 200

    def test_nobody_gets_to_the_code_without_the_password(self, app: Flask, mia: Person) -> None:
        """Neither to the form nor past it."""
        client = app.test_client()

        assert client.get("/en/sign-in/code").location == "/en/sign-in?next=/en/desk/"
        assert post(client, "/en/sign-in/code", "/en/sign-in", code="000000")[0] == 403

    def test_the_password_counts_for_five_minutes(self, app: Flask, mia: Person, clock: Clock) -> None:
        """Then it is asked for again."""
        device, _ = start_codes(sign_in(app.test_client(), mia.email), clock)
        client = app.test_client()
        post(client, "/en/sign-in", "/en/sign-in", email=mia.email, password=PASSWORD)
        token = hidden(client.get("/en/sign-in/code").text, "csrf_token")
        clock.on(minutes=5, seconds=1)

        answer = client.post("/en/sign-in/code", data={"csrf_token": token, "code": device.at(clock())})

        assert (answer.status_code, "took too long" in answer.text) == (403, True)
        assert client.get("/en/sign-in/code").status_code == 303

    def test_guessing_codes_closes_the_account(self, app: Flask, mia: Person, clock: Clock) -> None:
        """Nine wrong codes after the password; the right one must wait as well."""
        device, _ = start_codes(sign_in(app.test_client(), mia.email), clock)
        clock.on(minutes=2)
        client = app.test_client()
        post(client, "/en/sign-in", "/en/sign-in", email=mia.email, password=PASSWORD)
        statuses = [post(client, "/en/sign-in/code", "/en/sign-in/code", code="000000")[0] for _ in range(9)]

        answer = post(client, "/en/sign-in/code", "/en/sign-in/code", code=device.at(clock()))

        assert statuses == [403] * 9
        assert answer[0] == 429
        assert post(client, "/en/sign-in", "/en/sign-in", email=mia.email, password=PASSWORD)[0] == 429

    def test_a_recovery_code_replaces_the_device_once(self, app: Flask, mia: Person, clock: Clock) -> None:
        """The page says how many are left."""
        _, recovery = start_codes(sign_in(app.test_client(), mia.email), clock)
        client = app.test_client()
        post(client, "/en/sign-in", "/en/sign-in", email=mia.email, password=PASSWORD)

        assert post(client, "/en/sign-in/code", "/en/sign-in/code", code=recovery[0].lower())[0] == 303
        assert "9 recovery codes are left" in client.get("/en/account/").text

    def test_new_recovery_codes_and_turning_off_need_the_password(self, app: Flask, mia: Person, clock: Clock) -> None:
        """A browser left open does neither."""
        client = sign_in(app.test_client(), mia.email)
        _, recovery = start_codes(client, clock)
        at = "/en/account/codes"
        for path in (f"{at}/recovery", f"{at}/off"):
            status, page, _ = post(client, path, at, password="wrong")
            assert (status, "This is not your present password." in page) == (403, True)

        status, page, _ = post(client, f"{at}/recovery", at, password=PASSWORD)
        assert status == 200
        assert not set(recovery) & set(re.findall(r"<li><code>([A-Z2-7 ]+)</code>", page))
        assert post(client, f"{at}/off", at, password=PASSWORD)[0] == 303
        assert "no longer asked for codes" in client.get("/en/account/").text
        assert sign_in(app.test_client(), mia.email)

    def test_no_page_of_a_fault_repeats_a_password(
        self, app: Flask, mia: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was typed comes back where the database is away, but never this."""
        client = sign_in(app.test_client(), mia.email)
        client.get("/en/account/codes")

        def fail(*_: object) -> None:
            raise OperationalError("", {}, Exception("away"))

        monkeypatch.setattr(Staff, "confirm", fail)
        for path in ("account/password", "account/codes", "account/codes/recovery", "account/codes/off"):
            status, page, _ = post(client, f"/en/{path}", old=PASSWORD, password=PASSWORD, code="123456")
            assert (status, PASSWORD in page) == (503, False)

    def test_a_wrong_first_code_turns_nothing_on(self, app: Flask, mia: Person) -> None:
        """The same key is shown again, with what was wrong."""
        client = sign_in(app.test_client(), mia.email)
        before = re.findall(r"<code>([A-Z2-7 ]+)</code>", client.get("/en/account/codes").text)

        status, page, _ = post(client, "/en/account/codes", "/en/account/codes", code="000000", password=PASSWORD)

        assert status == 400
        assert "This code is wrong." in page
        assert re.findall(r"<code>([A-Z2-7 ]+)</code>", page) == before
        assert "Set it up" in client.get("/en/account/").text

    def test_without_an_offer_there_is_nothing_to_turn_on(self, app: Flask, mia: Person) -> None:
        """A form from nowhere leads to the offer."""
        client = sign_in(app.test_client(), mia.email)

        assert post(client, "/en/account/codes", code="000000", password=PASSWORD)[0] == 303

    @pytest.mark.parametrize("language", CODES)
    def test_the_pages_are_there_in_every_language(self, language: str, app: Flask, mia: Person, clock: Clock) -> None:
        """Each of them, before and after."""
        client = sign_in(app.test_client(), mia.email)
        for path in ("account/", "account/codes"):
            assert client.get(f"/{language}/{path}").status_code == 200
        start_codes(client, clock)
        for path in ("account/", "account/codes"):
            answer = client.get(f"/{language}/{path}")
            assert answer.status_code == 200
            assert f'lang="{language}"' in answer.text
            assert answer.headers["Cache-Control"] == "no-store"
