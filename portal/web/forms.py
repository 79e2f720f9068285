"""Forms for people who are not signed in: signed fields instead of a cookie, and errors by field."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import cast

from flask import request
from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict

from portal.errors import PortalError
from portal.keys import for_itsdangerous
from portal.web.services import services

#: Field that no person sees; only a robot fills it in.
HONEYPOT = "fax_extension"
STAMP = "stamp"
NUMBER = "form_number"
#: For what is signed and handed to browsers; the library would take SHA-1.
SIGNED_WITH = {"digest_method": hashlib.sha256}

#: What each broken rule is called on a page; `%(limit)s` is the field's limit.
MESSAGES = {
    ("name", "missing"): _l("Enter your name."),
    ("name", "too_long"): _l("Your name is too long. Use at most %(limit)s characters."),
    ("email", "missing"): _l("Enter your email address."),
    ("email", "too_long"): _l("Your email address is too long. Use at most %(limit)s characters."),
    ("email", "invalid_email"): _l("Enter an email address such as name@example.com."),
    ("subject", "too_long"): _l("Your subject is too long. Use at most %(limit)s characters."),
    ("description", "missing"): _l("Describe what you need help with."),
    ("description", "too_long"): _l("Your description is too long. Use at most %(limit)s characters."),
    ("phone", "missing"): _l("Enter the telephone number that we can call you at."),
    ("phone", "invalid_phone"): _l("Enter a telephone number with its digits, such as +44 20 7946 0018."),
    ("number", "missing"): _l("Enter the number of your request."),
    ("number", "invalid"): _l("Enter the number of your request in digits, such as 42."),
    ("stars", "missing"): _l("Choose how well we were able to help you."),
    ("text", "missing"): _l("Enter a text."),
    ("text", "too_long"): _l("The text is too long. Use at most %(limit)s characters."),
    ("resolution", "missing"): _l("Choose how it was solved."),
    ("slug", "missing"): _l("Enter the article that answers it."),
    ("slug", "invalid"): _l(
        "Enter the last part of an article’s address, such as reset-password, or paste the whole address."
    ),
    ("person", "missing"): _l("Choose somebody."),
    ("person", "invalid"): _l("Choose somebody who works on tickets."),
    ("invite", "missing"): _l("Choose whom to invite."),
    ("invite", "invalid"): _l("Choose people who work on tickets."),
    ("invite", "too_many"): _l("Invite at most 20 people at once."),
    ("urgency", "out_of_range"): _l("Choose a value from 1 to 5."),
    ("impact", "out_of_range"): _l("Choose a value from 1 to 5."),
    ("topic", "invalid"): _l("Choose one of the topics."),
    ("language", "unknown"): _l("Choose one of the four languages."),
    ("tier", "invalid"): _l("Choose another tier."),
    ("tier", "inactive"): _l("Choose a tier that is served."),
    ("into", "missing"): _l("Enter the number of the other ticket."),
    ("into", "not_found"): _l("There is no ticket with this number."),
    ("into", "itself"): _l("A ticket cannot be merged into itself."),
    ("into", "closed"): _l("The other ticket is closed. Choose one that is still worked on."),
    ("into", "invalid"): _l("These two cannot be merged. Choose a ticket of the same kind."),
    ("comment", "too_long"): _l("Your comment is too long. Use at most %(limit)s characters."),
    (STAMP, "expired"): _l("The form was open for too long. Check your entries and send it again."),
    (STAMP, "forged"): _l("The form could not be recognised. Check your entries and send it again."),
    (STAMP, "too_fast"): _l("That was very quick. Check your entries and send it again."),
    (STAMP, "unavailable"): _l("We could not store this just now. Your text is still here; send it again in a minute."),
    (STAMP, "too_many"): _l("Too many requests have come from your network. Wait a while and send it again."),
}


#: What is said of a field that has no words of its own for it.
GENERAL = {
    "missing": _l("Fill in this field."),
    "too_long": _l("The text is too long."),
    "too_many": _l("That is too many at once."),
    "out_of_range": _l("The number is too small or too large."),
    "taken": _l("That is taken already. Choose another."),
    "in_use": _l("That is still in use."),
}
_OTHERWISE = _l("This entry is not possible here.")


class StampRefused(PortalError):
    """A form was not opened here, too long ago, or too short a time ago.

    Args:
        code: `expired`, `forged` or `too_fast`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Form:
    """Values as typed and what is wrong with them."""

    values: dict[str, str] = field(default_factory=dict)
    #: Code of the broken rule by field.
    errors: dict[str, str] = field(default_factory=dict)
    #: Longest value by field, in characters.
    limits: dict[str, int] = field(default_factory=dict)

    def message(self, name: str) -> str:
        """What to tell the person about a field; empty where nothing is wrong with it."""
        code = self.errors.get(name)
        if not code:
            return ""
        return str(MESSAGES.get((name, code)) or GENERAL.get(code, _OTHERWISE)) % {"limit": self.limits.get(name, "")}


def read(*names: str, longest: int = 200_000) -> dict[str, str]:
    """Fields of the form that was sent, without NUL bytes and with Unix line ends; missing ones are empty."""
    sent = cast(MultiDict[str, str], request.form)
    return {name: sent.get(name, "")[:longest].replace("\0", "").replace("\r\n", "\n") for name in names}


def new_number() -> str:
    """A number for a form of somebody who is known, which makes sending it twice the same as once."""
    return secrets.token_urlsafe(16)


def sent_number() -> str:
    """The number of the form that was sent; empty where it has none of ours."""
    number = request.form.get(NUMBER, "")
    return number if re.fullmatch(r"[\w-]{22}", number, re.ASCII) else ""


def _serializer() -> URLSafeTimedSerializer:
    """Signs stamps with the instance's secret."""
    return URLSafeTimedSerializer(for_itsdangerous(services().secret), salt="portal-form", signer_kwargs=SIGNED_WITH)


def new_stamp() -> str:
    """Proof that a form was opened here and when; its number makes sending it twice the same as once."""
    return str(_serializer().dumps(secrets.token_urlsafe(16)))


def check_stamp(stamp: str, *, may_be_quick: bool = False) -> str:
    """The number of a form that was opened here neither too long nor too short a time ago.

    Args:
        stamp: as the form sent it.
        may_be_quick: whether a person may do this at once.

    Raises:
        StampRefused: it was not.
    """
    settings = services().settings
    try:
        nonce, signed_at = _serializer().loads(stamp, return_timestamp=True)
    except BadSignature:
        raise StampRefused("forged") from None
    # Less than nothing where the clock was put back meanwhile, or another machine's goes ahead: such forms are ours, too.
    age = (services().clock() - signed_at).total_seconds()
    if age > settings.form_max_hours * 3600:
        raise StampRefused("expired")
    if not may_be_quick and abs(age) < settings.form_min_seconds:
        raise StampRefused("too_fast")
    return str(nonce)


def _signer_of_texts() -> URLSafeSerializer:
    """Signs which text of an article a form stands below; without a time, so that the same page stays the same."""
    return URLSafeSerializer(for_itsdangerous(services().secret), salt="portal-text", signer_kwargs=SIGNED_WITH)


def sign_text(slug: str, language: str, fingerprint: str) -> str:
    """Proof that a form stood below a text that we have shown."""
    return str(_signer_of_texts().dumps([slug, language, fingerprint]))


def named_text(proof: str) -> tuple[str, str, str] | None:
    """Slug, language and fingerprint of the text that a form stood below; None where we have not signed that."""
    try:
        slug, language, fingerprint = _signer_of_texts().loads(proof[:1_000])
    except BadSignature:
        return None
    return str(slug), str(language), str(fingerprint)
