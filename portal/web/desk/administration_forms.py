"""Forms of the administration: read as typed, sent back with what is wrong, and with what others changed meanwhile."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from flask import flash, make_response, redirect, render_template, request
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal.desk.changes import key_of
from portal.desk.hours import read_minutes
from portal.errors import InvalidInput, SearchUnavailable, StaleTicket
from portal.locales import CODES
from portal.organisation import FIELDS, MOST, NAME_LENGTH, TEXT_LENGTH, Calendar, Item
from portal.people import PASSWORD_LENGTH, Person
from portal.storage.audit import Entry
from portal.web import forms
from portal.web.desk import administration_words as words
from portal.web.i18n import language
from portal.web.services import services

Value = TypeVar("Value")

#: Longest entries, in characters; of texts, by their stem.
LONGEST = {"url": 2000, "contract": TEXT_LENGTH, "texts": TEXT_LENGTH, "checklist": 2000, "email": 254, "password": 200}
#: What the sentence on a broken rule names.
LIMIT: dict[tuple[str, str], object] = {
    ("holidays", "too_long"): MOST,
    ("password", "too_short"): PASSWORD_LENGTH,
    ("texts", "invalid"): ", ".join(f"{{{name}}}" for name in FIELDS),
    ("answer_days", "out_of_range"): "1–365",
    ("close_days", "out_of_range"): "0–365",
    ("survey_percent", "out_of_range"): "0–100",
    ("most_open", "out_of_range"): "1–10000",
    ("impact", "out_of_range"): "1–5",
    ("tier", "out_of_range"): "1–3",
}
#: A time that is out of its range: from a minute to a year.
TIMES = "0:01–8784:00"


@dataclass
class Form(forms.Form):
    """What was typed, what is wrong with it, and what others have changed since it was read."""

    #: Newest first.
    changed: list[Entry] = field(default_factory=list)
    #: What it is about, as in the audit log, where its fields have words of their own.
    subject: str = ""

    def message(self, name: str) -> str:
        """What to tell the person about a field; empty where nothing is wrong with it."""
        code = self.errors.get(name)
        stem = words.base(name)
        limit = LIMIT.get((stem, code or ""))
        if limit is None:
            limit = TIMES if code == "out_of_range" else LONGEST.get(stem, NAME_LENGTH)
        return words.fault(name, code, limit) if code else ""

    def label(self, name: str) -> str:
        """What a field is called."""
        return words.label(name, self.subject)

    def list(self, name: str) -> list[str]:
        """What was ticked."""
        return self.values.get(name, "").split()

    def fail(self, name: str, code: str) -> None:
        """Note what is wrong, at the entry that shows it."""
        at = {"week": "week_0", "texts": f"texts_{language()}"}.get(name, name)
        self.errors.setdefault(at, code)

    def add(self, faults: Mapping[str, str]) -> None:
        """Note what is wrong with what was read; an entry that could not even be read says so already."""
        unread = {words.base(name) for name in self.errors}
        for name, code in faults.items():
            if words.base(name) not in unread:
                self.fail(name, code)

    def wrong(self) -> tuple[str, ...]:
        """The entries with something wrong in the page's order, in which browsers send them; what was not sent is last."""
        places = {name: place for place, name in enumerate(self.values)}
        return tuple(sorted(self.errors, key=lambda name: places.get(name, len(places))))

    def take(self, name: str, read: Callable[[str], Value], default: Value) -> Value:
        """What an entry says; the default where it says nothing that can be."""
        try:
            return read(self.values.get(name, ""))
        except InvalidInput as error:
            self.fail(name, error.code)
            return default

    def whole(self, name: str) -> int:
        """A whole number."""

        def read(text: str) -> int:
            text = text.strip()
            if not text:
                raise InvalidInput(name, "missing")
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise InvalidInput(name, "out_of_range")
            return int(text)

        return self.take(name, read, 1)

    def minutes(self, name: str) -> int | None:
        """Minutes, or none."""
        return self.take(name, lambda text: read_minutes(text, name), None)

    def one(self, name: str, allowed: Collection[str]) -> str:
        """One of several; anything else is the page's fault, not the person's."""
        chosen = self.values.get(name, "")
        if chosen not in allowed:
            self.fail(name, "missing" if not chosen else "invalid")
            return next(iter(allowed))
        return chosen

    def calendar(self) -> int | None:
        """The chosen calendar; none where it is left open."""
        chosen = self.values.get("calendar_id", "")
        return int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else None

    def version(self, name: str = "version") -> int:
        """The version of what was read; 0 where it is missing, which never was one."""
        typed = self.values.get(name, "")
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0

    def by_language(self, name: str) -> dict[str, str]:
        """Texts by language, those that were typed."""
        typed = {code: self.values.get(f"{name}_{code}", "").strip() for code in CODES}
        return {code: text for code, text in typed.items() if text}


def sent() -> Form:
    """The form that was sent; of several ticks the values are separated by blanks."""
    given = cast(MultiDict[str, str], request.form)
    values = {name: " ".join(texts).replace("\0", "").replace("\r\n", "\n") for name, texts in given.lists()}
    return Form(values=values)


def topics() -> dict[str, str]:
    """The articles' topics by slug with their names in the page's language; none while nothing is published."""
    try:
        shelves = services().edition.knowledge.shelves(language())
    except SearchUnavailable:
        return {}
    return {shelf.topic.slug: shelf.topic.name(language()) for shelf in shelves}


def page(template: str, status: int = 200, **context: Any) -> Response:
    """A page of the administration."""
    values = words.Values(services().administration.everything(Calendar), topics())
    body = render_template(
        f"desk/administration/{template}.html", words=words, values=values, longest=LONGEST, **context
    )
    return make_response(body, status)


def submit(
    form: Form,
    work: Callable[[], object],
    target: str,
    again: Callable[[int], Response],
    old: Item | Person | None = None,
) -> Response:
    """Do what a form asks; where that cannot be, it comes back as it was typed.

    Args:
        form: as sent.
        work: does it.
        target: where to go then.
        again: shows the form with a status.
        old: what was changed, with the version that the form has read.
    """
    if form.errors:
        return again(400)
    try:
        work()
    except InvalidInput as error:
        form.fail(error.field, error.code)
        return again(400)
    except StaleTicket:
        if old is None:
            raise
        form.changed = services().administration.since(old)
        # Whoever sends the form once more has seen what the others did.
        form.values["version"] = str(_present(old).version)
        return again(409)
    flash(gettext("Saved."))
    return redirect(target, 303)


def _present(old: Item | Person) -> Item | Person:
    """Something as it is now.

    Raises:
        NotFound: it is not there any more.
    """
    administration = services().administration
    if isinstance(old, Person):
        return administration.person(old.id)
    kind: Any = type(old)
    found: Item = administration.get(kind, key_of(old))
    return found
