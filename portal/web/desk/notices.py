"""What the signed-in person is told: mentions, invitations, warnings, replies."""

from flask import redirect, render_template, url_for
from flask_babel import lazy_pgettext as _lp
from werkzeug.wrappers import Response as AnyResponse

from portal.people import Right
from portal.storage import notices as store
from portal.storage.notices import About
from portal.web.desk import blueprint
from portal.web.security import needs, person
from portal.web.services import services

# Translators: why somebody of the staff is told of a ticket.
ABOUT = {
    About.MENTION: _lp("notice", "You were mentioned in a note"),
    About.INVITED: _lp("notice", "You were invited to help"),
    About.ASSIGNED: _lp("notice", "A ticket was given to you"),
    About.WARNING: _lp("notice", "A target needs attention"),
    About.ESCALATED: _lp("notice", "A ticket was escalated"),
    About.REPLY: _lp("notice", "The requester has replied"),
    About.SUPPLIER: _lp("notice", "News from or about a supplier"),
    About.LOW_SCORE: _lp("notice", "A requester was not satisfied"),
    About.CALL: _lp("notice", "A call is due"),
    About.INCIDENT: _lp("notice", "Major incident"),
    About.WEBHOOK: _lp("notice", "A webhook was turned off"),
}


def unseen() -> int:
    """How many notices the signed-in person has not seen."""
    with services().database.read() as connection:
        return store.unseen(connection, person().id)


@blueprint.get("/notices")
@needs(Right.READ_TICKETS)
def notices() -> str:
    """The newest hundred."""
    with services().database.read() as connection:
        found = store.newest(connection, person().id)
    return render_template("desk/notices.html", notices=found, about=ABOUT)


@blueprint.post("/notices/seen")
@needs(Right.READ_TICKETS)
def all_seen() -> AnyResponse:
    """They have all been seen."""
    with services().database.write() as connection:
        store.see(connection, person().id, services().clock())
    return redirect(url_for("desk.notices"), 303)
