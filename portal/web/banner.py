"""What every public page says of major incidents, and requests whose sender says that they are about one."""

import re

from flask import Flask, request
from sqlalchemy.exc import DBAPIError

from portal.desk.banners import MOST_SHOWN, Banner
from portal.desk.telling import label
from portal.faults import reason
from portal.web.i18n import language
from portal.web.services import services

#: Field of the request form by which its sender says that it is about an incident.
FIELD = "incident"
#: What the log calls it when a request could not be linked to the incident that its sender named.
UNLINKED = "a request could not be linked to an incident"


def shown() -> tuple[Banner, ...]:
    """What the page says, in its language or the next best."""
    return services().incidents.banner(language())


def edition() -> str:
    """What changes when pages say something else; for copies that readers keep."""
    return services().incidents.edition()


def join(number: int) -> None:
    """Link a request that has just been received to the incident that its sender has ticked, if any.

    Nobody's request suffers where that fails: it has been received.
    """
    ticked = [int(each) for each in request.form.getlist(FIELD)[:MOST_SHOWN] if re.fullmatch("[0-9]{1,9}", each)]
    try:
        # Of several the first: a request belongs to one incident.
        next((each for each in ticked if services().incidents.join(each, number, services().clock())), None)
    except DBAPIError as error:
        services().faults.report(UNLINKED, reason(error))


def init(app: Flask) -> None:
    """Let templates say it."""

    @app.context_processor
    def of_page() -> dict[str, object]:
        return {"banners": shown, "language_label": label}
