"""How a search came to what it came to."""

from flask import render_template, request

from portal.explanation import explain
from portal.locales import LANGUAGES
from portal.people import Right
from portal.queries import read_query
from portal.web.desk import blueprint
from portal.web.i18n import language
from portal.web.security import needs
from portal.web.services import services


@blueprint.get("/explain")
@needs(Right.READ_TICKETS)
def explain_search() -> str:
    """How a search went: words, corrections, the parts of each score, and the verdict."""
    asked = request.args.get("in", "")
    query = read_query(asked if asked in LANGUAGES else language(), request.args.get("q", ""))
    found = explain(services().edition, query) if query.text else None
    return render_template("desk/explain.html", query=query, found=found)
