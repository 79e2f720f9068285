"""Pages of the keys to the API: who has which, made, shown once, revoked."""

from datetime import timedelta

from flask import flash, redirect, request, url_for
from flask_babel import gettext, ngettext, pgettext
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from werkzeug.wrappers import Response

from portal.api_tokens import LIFETIMES, PER_MINUTE, Scope, Token
from portal.errors import InvalidInput
from portal.organisation_checks import one_line
from portal.people import Right
from portal.web.desk import blueprint
from portal.web.desk.administration_forms import Form, page, sent
from portal.web.proof import proven
from portal.web.security import needs
from portal.web.security import person as me
from portal.web.services import services

#: What each scope opens, as its tick box says.
SCOPE = {
    Scope.GAPS_READ: _l("Read unanswered searches"),
    Scope.GAPS_WRITE: _l("Take on unanswered searches as a writer, and close them"),
    Scope.TICKETS_READ: _l("Read tickets with their history, as the person sees them"),
    Scope.TICKETS_WRITE: _l("Work on tickets: take them, reply, solve them"),
    Scope.REPORTS_READ: _l("Read the reports"),
    Scope.METRICS_READ: _l("Read the figures for monitoring"),
}
STATE = {
    "working": _lp("token", "Works"),
    "expired": _lp("token", "Expired"),
    "revoked": _lp("token", "Revoked"),
    "inactive": _lp("token", "The person has no access any more"),
}
LABEL = {
    "name": _lp("administration", "Name"),
    "person": _lp("token", "Works in the name of"),
    "scopes": _lp("token", "What it opens"),
    "days": _lp("token", "Expires"),
    "per_minute": _lp("token", "API requests per minute"),
}
FAULT = {
    ("name", "missing"): _l("Enter what the token is for."),
    ("name", "too_many"): _l("There are too many tokens already. Revoke some first."),
    ("person", "missing"): _l("Choose in whose name it works."),
    ("person", "invalid"): _l("Choose in whose name it works."),
    ("scopes", "not_allowed"): _l("This person does not have the right to everything that is ticked."),
    ("days", "out_of_range"): _l("Choose when it expires."),
    ("per_minute", "out_of_range"): _l("Enter a whole number from 1 to %(limit)s, or nothing."),
}
#: A token that expires within this time is marked.
SOON = timedelta(days=14)


class TokenForm(Form):
    """The form of a new token, which has words of its own."""

    def label(self, name: str) -> str:
        """What a field is called."""
        return str(LABEL.get(name, name))

    def message(self, name: str) -> str:
        """What is wrong with a field; empty where nothing is."""
        text = FAULT.get((name, self.errors.get(name, "")))
        return str(text) % {"limit": PER_MINUTE} if text else super().message(name)


def lifetimes() -> list[tuple[str, str]]:
    """For how long a token can be made, as the form offers it."""
    return [
        (str(days), str(ngettext("in %(num)s day", "in %(num)s days", days)))
        if days
        else ("0", str(pgettext("token", "never")))
        for days in LIFETIMES
    ]


def _form(form: TokenForm, status: int = 200) -> Response:
    """The page of a new token."""
    people = [(each.id, f"{each.name} ({each.email})") for each in services().staff.everybody() if each.is_active]
    standard = services().settings.api_token_per_minute
    return page(
        "token", status, form=form, people=people, scopes=SCOPE.items(), lifetimes=lifetimes(), standard=standard
    )


def _make(form: TokenForm) -> tuple[Token, str] | None:
    """The token that a form asks for with its secret; None, with what is wrong noted, where that cannot be."""
    typed = form.values.get("per_minute", "").strip()
    person = form.values.get("person", "")
    lifetime = form.values.get("days", "")
    if not (person.isascii() and person.isdigit() and len(person) < 10):
        form.fail("person", "missing")
    form.take("name", lambda text: one_line(text, "name"), "")
    if lifetime not in {str(days or 0) for days in LIFETIMES}:
        form.fail("days", "out_of_range")
    per_minute = form.whole("per_minute") if typed else None
    if form.errors:
        return None
    try:
        return services().api_tokens.make(
            me(),
            form.values.get("name", ""),
            [scope for scope in Scope if scope.value in form.list("scopes")],
            int(person),
            services().clock(),
            days=int(lifetime) or None,
            per_minute=per_minute,
        )
    except InvalidInput as error:
        form.fail(error.field, error.code)
        return None


@blueprint.get("/administration/tokens")
@needs(Right.ADMINISTER)
def admin_tokens() -> Response:
    """The tokens that work, and those that have ended."""
    now = services().clock()
    tokens = services().api_tokens.everything()
    working = [token for token in tokens if token.state(now) == "working"]
    ended = [(token, STATE[token.state(now)]) for token in tokens if token.state(now) != "working"]
    return page("tokens", working=working, ended=ended, soon=now + SOON, missing=missing)


def missing(token: Token) -> list[str]:
    """The scopes of a token that open nothing, for its person lacks the right."""
    return [scope.value for scope in Scope if scope in token.scopes - token.granted]


@blueprint.route("/administration/tokens/new", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
@proven
def admin_new_token() -> Response:
    """A new token; its secret is on the page that answers the form, and never again."""
    if request.method == "GET":
        return _form(TokenForm(values={"person": str(me().id), "days": "90"}))
    form = TokenForm(values=sent().values)
    made = _make(form)
    if made is None:
        return _form(form, 400)
    token, secret = made
    return page("token_made", token=token, secret=secret)


@blueprint.route("/administration/tokens/<int(max=2147483647):number>/revoke", methods=["GET", "POST"])
@needs(Right.ADMINISTER)
def admin_revoke_token(number: int) -> Response:
    """Ask whether a token shall open nothing any more; do it when that is sent."""
    token = services().api_tokens.get(number)
    if request.method == "GET":
        return page("token_revoke", token=token)
    services().api_tokens.revoke(me(), number, services().clock())
    flash(gettext("The token “%(name)s” no longer works.", name=token.name))
    return redirect(url_for("desk.admin_tokens"), 303)
