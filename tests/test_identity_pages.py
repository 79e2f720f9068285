"""Signing in over HTTP through an identity provider."""

from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.identity import Identity, IdentityRefused, Journey
from portal.people import Person
from portal.services import Services
from tests.builders import PASSWORD, person
from tests.conftest import sign_in
from tests.signing_in import Clock, post, start_codes


class Elsewhere:
    """An identity provider that says what it is told to."""

    name = "Konto"

    def __init__(self) -> None:
        self.answer: Identity | IdentityRefused = Identity("sub-1", "mia@example.org", True)
        self.begun: list[Journey] = []

    def begin(self, back: str) -> Journey:
        """Send everybody to an address with a new state."""
        number = len(self.begun)
        self.begun.append(Journey(f"https://login.example.org/?back={back}", f"state{number}", "nonce", "verifier"))
        return self.begun[-1]

    def finish(self, journey: Journey, code: str, back: str, now: datetime) -> Identity:
        """Say what was told, if the journey is the one that was begun."""
        assert (journey.nonce, journey.verifier, code) == ("nonce", "verifier", "the-code")
        assert back.endswith("/sign-in/return")
        assert now.tzinfo
        if isinstance(self.answer, IdentityRefused):
            raise self.answer
        return self.answer


@pytest.fixture
def clock(portal_services: Services) -> Clock:
    """The portal's clock."""
    portal_services.clock = made = Clock()
    return made


@pytest.fixture
def mia(portal_services: Services, clock: Clock) -> Person:
    """An agent."""
    return portal_services.staff.add(person(), PASSWORD, clock())


@pytest.fixture
def elsewhere(portal_services: Services) -> Elsewhere:
    """The portal has an identity provider."""
    portal_services.identity = made = Elsewhere()
    return made


class TestElsewhere:
    """Through the identity provider."""

    def go(self, client: FlaskClient, at: str = "/de/sign-in/elsewhere?next=/de/account/") -> None:
        """Leave for the provider."""
        assert client.get(at).location.startswith("https://login.example.org/?back=http://localhost/sign-in/return")

    def test_there_and_back(self, app: Flask, mia: Person, elsewhere: Elsewhere) -> None:
        """The button leads there, and the way back to where somebody wanted to go, in their language."""
        client = app.test_client()
        page = client.get("/de/sign-in?next=/de/account/").text
        assert 'href="/de/sign-in/elsewhere?next=/de/account/"' in page
        self.go(client)

        answer = client.get("/sign-in/return?state=state0&code=the-code")

        assert (answer.status_code, answer.location) == (303, "/de/account/")
        assert client.get("/de/account/").status_code == 200
        with client.session_transaction() as kept:
            assert "journey" not in kept

    def test_the_answer_must_belong_to_this_browser(self, app: Flask, mia: Person, elsewhere: Elsewhere) -> None:
        """Another state, none, a second time, or another browser: nobody is signed in."""
        victim, client = app.test_client(), app.test_client()
        back = "/sign-in/return?state=state0&code=the-code"
        assert "problem=expired" in victim.get(back).location
        self.go(client)
        assert "problem=expired" in client.get("/sign-in/return?state=state1&code=the-code").location
        assert "problem=expired" in client.get(back).location
        self.go(client)
        assert "problem=expired" in client.get("/sign-in/return?code=the-code").location

        assert client.get("/de/account/").status_code == 303

    def test_it_may_take_five_minutes(self, app: Flask, mia: Person, elsewhere: Elsewhere, clock: Clock) -> None:
        """Then one begins again."""
        client = app.test_client()
        self.go(client)
        clock.on(minutes=5, seconds=1)

        assert "problem=expired" in client.get("/sign-in/return?state=state0&code=the-code").location

    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            (Identity("s", "nobody@example.org", True), "unknown"),
            (Identity("s", "mia@example.org", False), "unverified"),
            (IdentityRefused("invalid", "BadSignatureError"), "invalid"),
            (IdentityRefused("unavailable"), "unavailable"),
        ],
    )
    def test_a_refusal_is_explained_and_signs_nobody_in(
        self, answer: Identity | IdentityRefused, problem: str, app: Flask, mia: Person, elsewhere: Elsewhere
    ) -> None:
        """On the form, with the provider's name; the way to go is kept."""
        client = app.test_client()
        elsewhere.answer = answer
        self.go(client, "/en/sign-in/elsewhere?next=/en/account/")

        there = client.get("/sign-in/return?state=state0&code=the-code").location

        assert there == f"/en/sign-in?problem={problem}&next=/en/account/"
        page = client.get(there).text
        assert "Konto" in page.split('role="alert"', 1)[1].split("</div>", 1)[0]
        assert client.get("/en/account/").status_code == 303

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ("error=access_denied", "cancelled"),
            ("", "cancelled"),
            ("error=server_error", "invalid"),
            ("error=x&code=the-code", "invalid"),
        ],
    )
    def test_what_the_provider_refuses(
        self, query: str, problem: str, app: Flask, mia: Person, elsewhere: Elsewhere
    ) -> None:
        """A changed mind is no fault."""
        client = app.test_client()
        self.go(client)

        assert f"problem={problem}" in client.get(f"/sign-in/return?state=state0&{query}").location

    def test_codes_are_asked_for_all_the_same(
        self, app: Flask, mia: Person, elsewhere: Elsewhere, clock: Clock
    ) -> None:
        """The provider replaces the password, not the second step."""
        device, _ = start_codes(sign_in(app.test_client(), mia.email), clock)
        clock.on(minutes=2)
        client = app.test_client()
        self.go(client)

        there = client.get("/sign-in/return?state=state0&code=the-code").location

        assert there == "/de/sign-in/code?next=/de/account/"
        assert client.get("/de/account/").status_code == 303
        assert post(client, "/de/sign-in/code", there, code=device.at(clock()))[0] == 303
        assert client.get("/de/account/").status_code == 200

    @pytest.mark.parametrize("has_codes", [False, True])
    def test_nobody_is_asked_for_a_password_that_they_do_not_use(
        self, has_codes: bool, app: Flask, mia: Person, elsewhere: Elsewhere, clock: Clock, portal_services: Services
    ) -> None:
        """An administrator's first password has to be changed only by those who sign in with it."""
        device = start_codes(sign_in(app.test_client(), mia.email), clock)[0] if has_codes else None
        portal_services.staff.set_password(None, mia.id, "lantern-copper-meadow-81", clock())
        clock.on(minutes=2)
        client = app.test_client()
        self.go(client)

        there = client.get("/sign-in/return?state=state0&code=the-code").location
        if device:
            there = post(client, "/de/sign-in/code", there, code=device.at(clock()), next="/de/account/")[2]

        assert there == "/de/account/"
        assert client.get("/de/account/").status_code == 200

    def test_without_a_provider_there_is_no_way(self, app: Flask, mia: Person) -> None:
        """No button, no journey, and no message that somebody made up."""
        client = app.test_client()

        assert "elsewhere" not in client.get("/en/sign-in?problem=unknown").text
        assert 'role="alert"' not in client.get("/en/sign-in?problem=unknown").text
        assert client.get("/en/sign-in/elsewhere").location == "/en/sign-in?next=/en/desk/"
        assert "problem=expired" in client.get("/sign-in/return?state=a&code=b").location

    def test_nobody_is_led_to_another_site(self, app: Flask, mia: Person, elsewhere: Elsewhere) -> None:
        """Whatever stands in the address."""
        client = app.test_client()
        self.go(client, "/en/sign-in/elsewhere?next=//evil.example.org")

        assert client.get("/sign-in/return?state=state0&code=the-code").location == "/en/desk/"
