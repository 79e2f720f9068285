"""A request whose transaction had to give way is done once more, where nothing of it can have been kept."""

from flask import Flask, g
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from portal.storage import commits, races

#: How often a request is begun anew.
REPEATS = 2


def init(app: Flask) -> None:
    """Let an application repeat requests that lost a race with another, or their connection.

    Only where no transaction of the request had come to its end: then the database is as it was before, and whoever
    sent it notices nothing. Where one had, it may have been kept, and the person is asked to look and send again. What
    a request counts against a limit may count twice.
    """
    dispatch = app.dispatch_request

    def repeat() -> ResponseReturnValue:
        before = commits()
        for _ in range(REPEATS):
            lost = races()
            try:
                answer = app.make_response(dispatch())
            except DBAPIError:
                if races() == lost or commits() != before:
                    raise
            else:
                # Forms answer for themselves where they cannot be stored.
                if answer.status_code < 500 or races() == lost or commits() != before:
                    return answer
            g.pop("is_error", None)
        return dispatch()

    app.dispatch_request = repeat  # type: ignore[method-assign]
