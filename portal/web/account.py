"""One's own account: where one is signed in, another password, codes of a second device."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.errors import InvalidInput, SignInRefused, TooManyAttempts
from portal.locales import LANGUAGES
from portal.own_account import OwnAccount
from portal.passwords import PASSWORD_MOST
from portal.people import PASSWORD_LENGTH
from portal.web import forms, sign_in, witness
from portal.web.i18n import language
from portal.web.links import is_local
from portal.web.proof import proven
from portal.web.security import csrf, limiter, person
from portal.web.services import services

blueprint = Blueprint("account", __name__, url_prefix="/<language:language>/account")

_WRONG = _l("This is not your present password.")
_TOO_MANY = _l("Too many wrong passwords. Wait 15 minutes and try again.")
#: What each broken rule is called on these pages.
MESSAGES = {
    ("old", "wrong"): _WRONG,
    ("old", "too_many"): _TOO_MANY,
    ("password", "wrong"): _WRONG,
    ("password", "too_many"): _TOO_MANY,
    ("password", "too_short"): _l("Use at least %(limit)s characters for the new password."),
    ("password", "too_long"): _l("Use at most %(limit)s characters for the new password."),
    ("password", "too_common"): _l(
        "The new password is too easy to guess. Use several words that do not belong together."
    ),
    ("password", "same"): _l("The new password is the present one. Choose another one."),
    ("code", "invalid"): _l("This code is wrong. Enter the code that the app shows now."),
    ("code", "on"): _l("Codes are asked for already. Turn that off first to use another device."),
}


class Form(forms.Form):
    """A form of these pages."""

    def message(self, name: str) -> str:
        """What to tell the person about a field; empty where nothing is wrong with it."""
        code = self.errors.get(name, "")
        limit = PASSWORD_LENGTH if code == "too_short" else PASSWORD_MOST
        return str(MESSAGES[name, code]) % {"limit": limit} if code else ""


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let everybody who is signed in see a page; others sign in first."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return cast(Any, current_app).login_manager.unauthorized()
        return view(*args, **kwargs)

    return guarded


def _own() -> OwnAccount:
    """The use cases."""
    return OwnAccount(services().staff)


def _page(form: Form | None = None, status: int = 200) -> Response:
    """The account as it stands."""
    own, now = _own(), services().clock()
    page = render_template(
        "account.html",
        form=form or Form(),
        me=person(),
        sign_ins=own.sign_ins(person(), current_user.get_id(), now),
        recovery_left=own.uses_codes(person()),
        least=PASSWORD_LENGTH,
        digest=services().digests.wish(person().id),
        spoken=LANGUAGES,
    )
    return make_response(page, status)


def _codes_page(form: Form | None = None, status: int = 200) -> Response:
    """The key to be scanned, or how codes are used now."""
    own = _own()
    left, offer = own.uses_codes(person()), None
    if left is None:
        # The same key on every look, until the first code has come: a reload must not make the app's entry worthless.
        offer = own.offer(person(), _issuer(), session.get("codes_salt", ""))
        session["codes_salt"] = offer.salt
    page = render_template(
        "account_codes.html",
        form=form or Form(),
        recovery_left=left,
        offer=offer,
        is_required=services().settings.second_factor == "required",
    )
    return make_response(page, status)


def _issuer() -> str:
    """What authenticator apps call the account."""
    settings = services().settings
    return settings.site_name or urlsplit(settings.public_url).hostname or "localhost"


def _failed(field: str, error: Exception) -> tuple[Form, int]:
    """A form with what is wrong with it, and the status."""
    if isinstance(error, InvalidInput):
        return Form(errors={error.field: error.code}), 400
    if isinstance(error, TooManyAttempts):
        return Form(errors={field: "too_many"}), 429
    return Form(errors={field: "wrong"}), 403


@blueprint.get("/")
@signed_in
def page() -> Response:
    """The account."""
    return _page()


@blueprint.post("/password")
@signed_in
@limiter.limit("100 per hour")
def change_password() -> Response:
    """Set another password."""
    sent = forms.read("old", "password", longest=1000)
    key, now = current_user.get_id(), services().clock()
    try:
        renewed = _own().change_password(person(), key, sent["old"], sent["password"], now)
    except (InvalidInput, SignInRefused, TooManyAttempts) as error:
        return _page(*_failed("old", error))
    sign_in.enter(person(), renewed)
    flash(_("Your password has been changed. You have been signed out everywhere else."))
    return redirect(url_for("account.page"), 303)


def _first_page(form: Form | None = None, status: int = 200) -> Response:
    """The form for a password that nobody else knows."""
    page = render_template("first_password.html", form=form or Form(), target=_target(), least=PASSWORD_LENGTH)
    return make_response(page, status)


def _sign_in_anew() -> Response:
    """To the form, which leads on to where somebody wanted to go."""
    if not current_user.is_authenticated:
        flash(_("Nothing has been changed yet. Sign in once more, then choose your password."))
    return redirect(url_for("sign_in.form", next=_target("desk.queue")), 303)


@blueprint.get("/first-password")
def first_password() -> Response:
    """Ask whoever signs in with a password that an administrator knows for another one; they have no session yet."""
    return _first_page() if sign_in.pending("account.first_password") else _sign_in_anew()


@blueprint.post("/first-password")
@limiter.limit("100 per hour")
def choose_password() -> Response:
    """Keep it, and let them in."""
    pending = sign_in.pending("account.first_password")
    chosen = forms.read("password", longest=1000)["password"]
    if pending is None:
        return _sign_in_anew()
    try:
        who, key = _own().choose_password(pending, chosen, services().clock(), sign_in.browser())
    except InvalidInput as error:
        return _first_page(*_failed("password", error))
    except SignInRefused:
        return _sign_in_anew()
    target = _target("desk.queue")
    sign_in.enter(who, key, "password")
    return redirect(target, 303)


def _target(otherwise: str = "account.page") -> str:
    """Where to go on after this page."""
    asked = request.values.get("next", "")
    return asked if is_local(asked) else url_for(otherwise)


def _confirm_page(form: Form | None = None, status: int = 200) -> Response:
    """The form that asks who is there."""
    asks_code = _own().uses_codes(person()) is not None
    page = render_template("account_confirm.html", form=form or Form(), target=_target(), asks_code=asks_code)
    return make_response(page, status)


@blueprint.get("/confirm")
@signed_in
def confirm() -> Response:
    """Ask for the password, and for a code where they are asked for when signing in."""
    return _confirm_page()


@blueprint.post("/confirm")
@signed_in
@limiter.limit("100 per hour")
def check_confirmation() -> Response:
    """Check them, and go on."""
    sent = forms.read("password", "code", longest=1000)
    try:
        given = sent["password"], sent["code"]
        key = _own().confirm(person(), current_user.get_id(), *given, services().clock(), sign_in.browser())
    except (SignInRefused, TooManyAttempts) as error:
        is_closed = isinstance(error, TooManyAttempts)
        witness.note("sign_in_closed" if is_closed else "sign_in_refused", by="confirmation", person=person().id)
        return _confirm_page(*_failed("password", error))
    target = _target()
    sign_in.enter(person(), key)
    witness.note("confirmed")
    return redirect(target, 303)


@blueprint.post("/digest")
@signed_in
def set_digest() -> Response:
    """Turn the weekly digest on, off, or to another language."""
    sent = forms.read("wanted", "mail_language", longest=10)
    if sent["wanted"] != "yes":
        if services().digests.turn_off(person().id):
            flash(_("You get no weekly digest any more."))
    else:
        chosen = sent["mail_language"] if sent["mail_language"] in LANGUAGES else language()
        services().digests.turn_on(person().id, chosen, services().clock())
        flash(_("You get the weekly digest by email, each Monday."))
    return redirect(url_for("account.page"), 303)


@blueprint.get("/digest/stop/<token>")
def ask_stop_digest(token: str) -> Response:
    """Ask whether to send no digest any more; mail servers open links to look at them, so that this alone ends nothing."""
    state = "asked" if services().digests.is_token(token) else "gone"
    return make_response(
        render_template("account_digest.html", state=state, token=token), 404 if state == "gone" else 200
    )


@blueprint.post("/digest/stop/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]  # Mail programs send it without a page (RFC 8058).
@limiter.limit("60 per hour")
def stop_digest(token: str) -> Response:
    """Send no digest any more; the same for one that has been turned off already."""
    state = "stopped" if services().digests.stop(token) else "gone"
    return make_response(
        render_template("account_digest.html", state=state, token=token), 404 if state == "gone" else 200
    )


@blueprint.post("/sign-ins/end")
@signed_in
@proven
def end_sign_in() -> Response:
    """End one of the sign-ins."""
    if _own().end(person(), forms.read("reference", longest=64)["reference"]):
        flash(_("This sign-in has been ended."))
    return redirect(url_for("account.page"), 303)


@blueprint.post("/sign-ins/end-others")
@signed_in
@proven
def end_others() -> Response:
    """End all sign-ins but this one."""
    _own().end_others(person(), current_user.get_id())
    flash(_("You have been signed out everywhere else."))
    return redirect(url_for("account.page"), 303)


@blueprint.get("/codes")
@signed_in
def codes() -> Response:
    """Codes of a second device: turn them on, or look after them."""
    return _codes_page()


@blueprint.post("/codes")
@signed_in
@limiter.limit("100 per hour")
def turn_on() -> Response:
    """Ask for codes from now on."""
    sent = forms.read("password", "code", longest=1000)
    salt, key, now = session.get("codes_salt", ""), current_user.get_id(), services().clock()
    if not salt:
        return redirect(url_for("account.codes"), 303)
    try:
        recovery, renewed = _own().turn_on(person(), key, sent["password"], salt, sent["code"], now)
    except (InvalidInput, SignInRefused, TooManyAttempts) as error:
        return _codes_page(*_failed("password", error))
    sign_in.enter(person(), renewed)
    return make_response(render_template("account_recovery.html", codes=recovery, is_new=True))


@blueprint.post("/codes/recovery")
@signed_in
@limiter.limit("100 per hour")
def new_recovery_codes() -> Response:
    """Replace the recovery codes."""
    try:
        recovery = _own().new_recovery_codes(person(), _confirmation(), services().clock())
    except (SignInRefused, TooManyAttempts) as error:
        return _codes_page(*_failed("password", error))
    return make_response(render_template("account_recovery.html", codes=recovery, is_new=False))


@blueprint.post("/codes/off")
@signed_in
@limiter.limit("100 per hour")
def turn_off() -> Response:
    """Ask for no codes any more."""
    try:
        renewed = _own().turn_off(person(), current_user.get_id(), _confirmation(), services().clock())
    except (SignInRefused, TooManyAttempts) as error:
        return _codes_page(*_failed("password", error))
    sign_in.enter(person(), renewed)
    flash(_("You are no longer asked for codes."))
    return redirect(url_for("account.page"), 303)


def _confirmation() -> str:
    """The password, typed once more."""
    return forms.read("password", longest=1000)["password"]
