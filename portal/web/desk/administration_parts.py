"""Whatever of the desk's set-up is a list of items: shown, added, changed and removed in one way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from portal.errors import InvalidInput
from portal.organisation_checks import faults
from portal.web.desk.administration_forms import Form, page, sent, submit
from portal.web.security import person
from portal.web.services import services


@dataclass(frozen=True)
class Part:
    """One kind of item and its pages."""

    kind: Any
    #: Template of its form.
    name: str
    #: View of all of them.
    listed: str
    #: What a new one begins as.
    new: Any
    #: An item's values as they are typed.
    show: Callable[[Any], dict[str, str]]
    #: What was typed, as an item.
    read: Callable[[Form, Any], Any]
    #: What else the page of the form shows.
    more: Callable[[Form, Any], Mapping[str, Any]] = lambda _form, _item: {}
    #: Does something with the form other than saving; whether it did.
    prepare: Callable[[Form], bool] = lambda _form: False

    def edit(self, key: int | str | None) -> Response:
        """The page of an item, or of a new one where there is no key; saves what was sent."""
        administration = services().administration
        old = self.new if key is None else administration.get(self.kind, key)

        def show(form: Form, status: int = 200) -> Response:
            return page(self.name, status, form=form, item=old, is_new=key is None, part=self, **self.more(form, old))

        if request.method == "GET":
            return show(Form(values=self.show(old) | {"version": str(old.version)}))
        form = sent()
        if self.prepare(form):
            return show(form)
        wanted = self.read(form, replace(old, version=form.version() if key is not None else 1))
        form.add(faults(wanted))
        who, now = person(), services().clock()
        change = administration.add if key is None else administration.change
        return submit(
            form,
            lambda: change(who, wanted, now),
            url_for(self.listed),
            lambda status: show(form, status),
            None if key is None else wanted,
        )

    def remove(self, key: int | str) -> Response:
        """The page that asks whether to remove an item; removes it when that is sent."""
        administration = services().administration
        item = administration.get(self.kind, key)
        if request.method == "POST":
            try:
                administration.remove(person(), self.kind, key, services().clock())
            except InvalidInput:
                return self._asked(item, key, 409)
            flash(gettext("Removed."))
            return redirect(url_for(self.listed), 303)
        return self._asked(item, key, 200)

    def _asked(self, item: Any, key: int | str, status: int) -> Response:
        """The question, or what stands against it."""
        users = users_of(services().administration.uses(self.kind, key))
        return page("remove", status, item=item, users=users, part=self, key=key)


def users_of(uses: Mapping[str, int]) -> list[str]:
    """What needs something, in words."""
    return [_user(name, count) for name, count in uses.items()]


def _user(name: str, count: int) -> str:
    """So many of something."""
    match name:
        case "tickets":
            text = ngettext("%(num)s unsolved ticket", "%(num)s unsolved tickets", count)
        case "tiers":
            text = ngettext("%(num)s tier", "%(num)s tiers", count)
        case "people":
            text = ngettext("%(num)s person", "%(num)s people", count)
        case "routes":
            text = ngettext("%(num)s topic", "%(num)s topics", count)
        case "cases":
            text = ngettext("%(num)s ticket that was passed to them", "%(num)s tickets that were passed to them", count)
        case _:
            text = gettext("the settings of the desk")
    return str(text)
