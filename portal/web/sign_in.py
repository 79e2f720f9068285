"""Staff sign in and out."""

import hmac
import logging
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import CodeNeeded, PasswordNeeded, Pending, SignInPending, SignInRefused, TooManyAttempts
from portal.identity import IdentityRefused, Journey, Provider
from portal.locales import LANGUAGES
from portal.passwords import key_hash
from portal.people import Person
from portal.web import forms, i18n, witness
from portal.web.links import absolute, is_local
from portal.web.security import limiter
from portal.web.services import services

log = logging.getLogger(__name__)

blueprint = Blueprint("sign_in", __name__, url_prefix="/<language:language>")
#: The address that the identity provider sends people back to: one for all languages, as it is registered there.
roots = Blueprint("sign_in_roots", __name__)

#: What pages that stand open send by themselves.
HEARTBEATS = frozenset(
    {"desk.here", "desk.seen", "writers.fresh_article", "writers.fresh_articles", "writers.fresh_compare"}
)
#: How long somebody has for the code after the password, and for the way to the identity provider and back.
PATIENCE = timedelta(minutes=5)
#: How long somebody has for what they owe before a session begins; thinking of a good password takes longer.
OWED = {"sign_in.code_form": PATIENCE, "account.first_password": timedelta(minutes=15)}
#: Browsers and systems by a word of what they call themselves; the first that fits.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
#: What somebody is told who could not be signed in through the identity provider.
PROBLEMS = {
    "unavailable": _l("%(name)s does not answer. Try again in a few minutes, or sign in with your password."),
    "invalid": _l("The answer of %(name)s could not be verified. Try again, or tell your administrator."),
    "cancelled": _l("Signing in with %(name)s was not completed. Try again, or sign in with your password."),
    "expired": _l("Signing in with %(name)s took too long. Try again."),
    "unverified": _l("%(name)s does not confirm your email address. Ask your administrator."),
    "unknown": _l("Your account at %(name)s gives no access to the help desk. Ask your administrator."),
}


class SignedIn(UserMixin):  # type: ignore[misc]  # Flask-Login has no types.
    """A person with the key of their session, which is what the cookie holds."""

    def __init__(self, person: Person, key: str) -> None:
        self.person = person
        self._key = key

    def get_id(self) -> str:
        """The session's key: random, and revoked by signing out."""
        return self._key


def init(app: Flask) -> None:
    """Give an application its sessions."""
    manager = LoginManager()
    manager.session_protection = None  # It compares network addresses, which change on the way to work.
    manager.init_app(app, add_context_processor=False)
    app.jinja_env.globals["current_user"] = current_user
    # Its “remember me”, which is not used here, reads the session after every request, as would its own way to give
    # templates the user: shared caches would then keep a copy of every public page for each reader's cookies.
    app.after_request_funcs[None].remove(manager._update_remember_cookie)  # noqa: SLF001
    app.register_blueprint(roots)

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(key: str) -> SignedIn | None:
        found = services().staff.of_session(key, services().clock(), is_use=_is_use())
        return SignedIn(found, key) if found else None

    @manager.unauthorized_handler  # type: ignore[untyped-decorator]
    def ask() -> AnyResponse:
        if request.method == "GET":
            return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")), 303)
        # What an agent has typed while the session ended must not be lost.
        page = request.path.rpartition("/")[0]
        text = forms.read("text")["text"]
        return make_response(render_template("session_ended.html", target=page, text=text), 401)


def _is_use() -> bool:
    """Whether the person does something; a page that stands open and asks for news by itself does nothing."""
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" or (request.method not in {"GET", "HEAD"} and request.endpoint not in HEARTBEATS)


def browser() -> str:
    """Browser and system of the request in simple words, such as “Firefox, Linux”; empty where both are unknown."""
    sent = request.headers.get("User-Agent", "")[:500]
    found = (next((name for word, name in words if word in sent), "") for words in (BROWSERS, SYSTEMS))
    return ", ".join(name for name in found if name)


def provider() -> Provider | None:
    """The identity provider, if there is one."""
    return services().identity


def enter(person: Person, key: str, by: str = "") -> None:
    """Let this browser act for a person, who has just shown that it is they; nothing of its session before goes on.

    Args:
        person: who it is.
        key: of their session.
        by: what signed them in; empty where they had been.
    """
    session.clear()
    login_user(SignedIn(person, key))
    session["proven"] = [key_hash(key), services().clock().isoformat()]
    if by:
        witness.note("signed_in", by=by, person=person.id)


def proven_at(key: str) -> datetime | None:
    """When whoever has a session's key last showed who they are; None where that was not remembered."""
    of, at = session.get("proven", ("", ""))
    return datetime.fromisoformat(at) if of == key_hash(key) else None


def _target() -> str:
    """Where to go after signing in."""
    asked = request.values.get("next", "")
    return asked if is_local(asked) else url_for("desk.queue")


def _page(message: str = "", status: int = 200) -> Response:
    """The form; the address is kept, the password never."""
    email = request.form.get("email", "")[:254]
    elsewhere = provider()
    name = elsewhere.name if elsewhere else ""
    page = render_template("sign_in.html", message=message, email=email, target=_target(), provider=name)
    return make_response(page, status)


def _wait(response: Response) -> Response:
    """An answer to too many attempts."""
    response.headers["Retry-After"] = "900"
    return response


@blueprint.get("/sign-in")
def form() -> AnyResponse:
    """The form, or the desk for somebody who is signed in."""
    if current_user.is_authenticated:
        return redirect(_target(), 303)
    elsewhere = provider()
    problem = PROBLEMS.get(request.args.get("problem", "")) if elsewhere else None
    return _page(str(problem) % {"name": elsewhere.name} if problem and elsewhere else "")


@blueprint.post("/sign-in")
@limiter.limit("100 per hour")
def sign_in() -> AnyResponse:
    """Check address and password."""
    sent = forms.read("email", "password", longest=1000)
    try:
        person, key = services().staff.sign_in(sent["email"], sent["password"], services().clock(), browser())
    except TooManyAttempts:
        witness.note("sign_in_closed", account=witness.account(sent["email"]))
        return _wait(_page(_("Too many wrong passwords. Wait 15 minutes and try again."), 429))
    except SignInRefused:
        witness.note("sign_in_refused", by="password", account=witness.account(sent["email"]))
        return _page(_("The email address and the password do not belong together."), 403)
    except SignInPending as needed:
        return _ask(needed, i18n.language(), _target())
    enter(person, key, "password")
    return redirect(_target(), 303)


def _ask(needed: SignInPending, language: str, target: str) -> AnyResponse:
    """Remember who owes something, which is no right to anything, and ask for it."""
    endpoint = "sign_in.code_form" if isinstance(needed, CodeNeeded) else "account.first_password"
    session.clear()
    session["owed"] = [endpoint, *astuple(needed.pending), services().clock().isoformat()]
    return redirect(url_for(endpoint, language=language, next=target), 303)


def pending(endpoint: str) -> Pending | None:
    """Who has shown a moment ago who they are, in this browser, and owes what this page asks for."""
    asked, number, proof, is_elsewhere, at = session.get("owed", ("", 0, "", False, ""))
    if asked != endpoint or services().clock() - datetime.fromisoformat(at) > OWED[endpoint]:
        return None
    return Pending(number, proof, is_elsewhere)


def _code_page(message: str = "", status: int = 200) -> Response:
    """The form for the code."""
    return make_response(render_template("second_factor.html", message=message, target=_target()), status)


@blueprint.get("/sign-in/code")
def code_form() -> AnyResponse:
    """The form for the code, after a right password."""
    return _code_page() if pending("sign_in.code_form") else redirect(url_for("sign_in.form", next=_target()), 303)


@blueprint.post("/sign-in/code")
@limiter.limit("100 per hour")
def check_code() -> AnyResponse:
    """Check the code."""
    owed = pending("sign_in.code_form")
    if owed is None:
        return _page(_("The code took too long. Sign in again."), 403)
    code = forms.read("code", longest=100)["code"]
    try:
        person, key = services().staff.sign_in_with_code(owed, code, services().clock(), browser())
    except TooManyAttempts:
        witness.note("sign_in_closed", person=owed.person_id)
        return _wait(_code_page(_("Too many wrong codes. Wait 15 minutes and try again."), 429))
    except SignInRefused:
        witness.note("sign_in_refused", by="code", person=owed.person_id)
        return _code_page(_("This code is wrong or was used already. Enter the code that the app shows now."), 403)
    except PasswordNeeded as needed:
        return _ask(needed, i18n.language(), _target())
    enter(person, key, "code")
    return redirect(_target(), 303)


@blueprint.get("/sign-in/elsewhere")
@limiter.limit("100 per hour")
def leave() -> AnyResponse:
    """Send the browser to the identity provider."""
    elsewhere = provider()
    if elsewhere is None:
        return redirect(url_for("sign_in.form", next=_target()), 303)
    try:
        journey = elsewhere.begin(_back())
    except IdentityRefused as refused:
        return _refuse(refused, i18n.language(), _target())
    session["journey"] = {
        "state": journey.state,
        "nonce": journey.nonce,
        "verifier": journey.verifier,
        "at": services().clock().isoformat(),
        "language": i18n.language(),
        "next": _target(),
    }
    return redirect(journey.address, 303)


def _back() -> str:
    """The address that the identity provider sends people back to."""
    return absolute(url_for("sign_in_roots.come_back"))


def _refuse(refused: IdentityRefused, language: str, target: str) -> AnyResponse:
    """Back to the form with what is wrong; the log has the reason."""
    log.warning("identity provider: %s", refused)
    witness.note("sign_in_refused", by="provider", why=refused.code)
    return redirect(url_for("sign_in.form", language=language, problem=refused.code, next=target), 303)


@roots.get("/sign-in/return")
@limiter.limit("100 per hour")
def come_back() -> AnyResponse:
    """The way back from the identity provider; what is asked here is answered once."""
    kept: dict[str, Any] = session.pop("journey", {})
    language = kept.get("language", "")
    language = language if language in LANGUAGES else i18n.preferred()
    target = kept.get("next", "")
    target = target if is_local(target) else url_for("desk.queue", language=language)
    try:
        person, key = _come_back(kept)
    except IdentityRefused as refused:
        return _refuse(refused, language, target)
    except SignInPending as needed:
        return _ask(needed, language, target)
    enter(person, key, "provider")
    return redirect(target, 303)


def _come_back(kept: dict[str, Any]) -> tuple[Person, str]:
    """Who has come back, and the key of their new session.

    Raises:
        IdentityRefused, CodeNeeded
    """
    elsewhere, now = provider(), services().clock()
    if elsewhere is None or not kept or now - datetime.fromisoformat(kept["at"]) > PATIENCE:
        raise IdentityRefused("expired")
    if not hmac.compare_digest(request.args.get("state", "").encode(), kept["state"].encode()):
        raise IdentityRefused("expired", "the state is another one")
    code = request.args.get("code", "")[:2000]
    if not code or "error" in request.args:
        is_choice = request.args.get("error", "") in {"", "access_denied"}
        raise IdentityRefused("cancelled" if is_choice else "invalid")
    journey = Journey("", kept["state"], kept["nonce"], kept["verifier"])
    return services().staff.sign_in_as(elsewhere.finish(journey, code, _back(), now), now, browser())


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session here and everywhere that has its key."""
    if current_user.is_authenticated:
        witness.note("signed_out", person=current_user.person.id)
        services().staff.sign_out(current_user.get_id())
    logout_user()
    session.clear()
    response = redirect(url_for("sign_in.form"), 303)
    # A name that begins with `__Host-` is only forgotten where the rest of the cookie is as it was.
    is_https = services().settings.is_https
    name = current_app.config["SESSION_COOKIE_NAME"]
    response.delete_cookie(name, secure=is_https, httponly=True, samesite="Lax")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response
