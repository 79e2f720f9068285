"""Whoever changes how people sign in has shown within the last minutes that it is still they."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext
from flask_login import current_user

from portal.own_account import OwnAccount
from portal.web.links import host_and_path
from portal.web.security import person
from portal.web.services import services
from portal.web.sign_in import proven_at

#: How long a sign-in or a confirmation counts.
COUNTS = timedelta(minutes=15)
#: How much longer for what is sent, so that nobody loses a form that they have begun in time.
GRACE = timedelta(minutes=30)


def is_proven(longest: timedelta) -> bool:
    """Whether who is signed in has shown who they are within a time: by signing in, or by confirming."""
    key, now = current_user.get_id(), services().clock()
    at = proven_at(key)
    if at is None:
        here = (one for one in OwnAccount(services().staff).sign_ins(person(), key, now) if one.is_this)
        at = next((one.began_at for one in here), None)
    return at is not None and now - at <= longest


def proven(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a page be used after a sign-in or confirmation of late; others confirm first and come back to it."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        is_sent = request.method not in {"GET", "HEAD"}
        if is_proven(COUNTS + GRACE if is_sent else COUNTS):
            return view(*args, **kwargs)
        if is_sent:
            flash(gettext("Nothing has been changed yet. Confirm that it is you, then do it again."))
            # The page that the form was on; whoever leads elsewhere by it is refused there.
            _host, path = host_and_path(request.headers.get("Referer", ""))
            return redirect(url_for("account.confirm", next=path), 303)
        return redirect(url_for("account.confirm", next=request.full_path.rstrip("?")), 303)

    return guarded
