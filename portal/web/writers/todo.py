"""What writers find at the desk: what people looked for in vain, in which words, and what did not help them."""

from flask import Blueprint, render_template

from portal.people import Right
from portal.storage import gaps
from portal.web.security import needs
from portal.web.services import services

blueprint = Blueprint("writers", __name__, url_prefix="/<language:language>/desk/writers")

#: Rows of each list.
SHOWN = 50


@blueprint.get("/")
@needs(Right.READ_TICKETS)
def page() -> str:
    """Translations that are wanted, words that failed, articles that did not help."""
    with services().database.read() as connection:
        lists = {
            "wanted": gaps.wanted(connection, SHOWN),
            "wordings": gaps.wordings(connection, SHOWN),
            "flags": gaps.flags(connection, SHOWN),
        }
    return render_template("desk/writers.html", articles=services().edition.knowledge, **lists)
