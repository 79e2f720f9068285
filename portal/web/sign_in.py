"""Staff sign in and out."""

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
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal.people import Person
from portal.staff import SignInRefused, TooManyAttempts
from portal.web import forms
from portal.web.links import is_local
from portal.web.security import limiter
from portal.web.services import services

blueprint = Blueprint("sign_in", __name__, url_prefix="/<language:language>")


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

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(key: str) -> SignedIn | None:
        found = services().staff.of_session(key, services().clock())
        return SignedIn(found, key) if found else None

    @manager.unauthorized_handler  # type: ignore[untyped-decorator]
    def ask() -> AnyResponse:
        if request.method == "GET":
            return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")), 303)
        # What an agent has typed while the session ended must not be lost.
        page = request.path.rpartition("/")[0]
        text = forms.read("text")["text"]
        return make_response(render_template("session_ended.html", target=page, text=text), 401)


def _target() -> str:
    """Where to go after signing in."""
    asked = request.values.get("next", "")
    return asked if is_local(asked) else url_for("desk.queue")


def _page(message: str = "", status: int = 200) -> Response:
    """The form; the address is kept, the password never."""
    email = request.form.get("email", "")[:254]
    return make_response(render_template("sign_in.html", message=message, email=email, target=_target()), status)


@blueprint.get("/sign-in")
def form() -> AnyResponse:
    """The form, or the desk for somebody who is signed in."""
    if current_user.is_authenticated:
        return redirect(_target(), 303)
    return _page()


@blueprint.post("/sign-in")
@limiter.limit("100 per hour")
def sign_in() -> AnyResponse:
    """Check address and password."""
    sent = forms.read("email", "password", longest=1000)
    try:
        person, key = services().staff.sign_in(sent["email"], sent["password"], services().clock())
    except TooManyAttempts:
        response = _page(_("Too many wrong passwords. Wait 15 minutes and try again."), 429)
        response.headers["Retry-After"] = "900"
        return response
    except SignInRefused:
        return _page(_("The email address and the password do not belong together."), 403)
    session.clear()  # Nothing that was there before may go on into a signed-in session.
    login_user(SignedIn(person, key))
    return redirect(_target(), 303)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session here and everywhere that has its key."""
    if current_user.is_authenticated:
        services().staff.sign_out(current_user.get_id())
    logout_user()
    session.clear()
    response = redirect(url_for("sign_in.form"), 303)
    response.delete_cookie(current_app.config["SESSION_COOKIE_NAME"])
    return response
