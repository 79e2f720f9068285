"""The mails to requesters where answers by mail are taken: with the address to answer to, and what could not be taken."""

import re
from collections.abc import Sequence
from dataclasses import replace

from portal.catalogues import catalogue
from portal.letters import Letters
from portal.mail import Mail
from portal.reply_address import ReplyAddress
from portal.settings import Settings
from portal.stationery import Letter, Part, quoted, short_line
from portal.tickets import Ticket

#: Names of attachments that are told, and longest name, in characters.
_NAMES, _NAME_LENGTH = 10, 60
#: What is a file's name and cannot be taken for an address: anybody may have sent it in anybody's name.
_FILE = re.compile(
    r"(?!.*www\.)[\w ()+,.-]{1,90}\.(?:docx?|xlsx?|pptx?|od[tsp]|pdf|txt|csv|rtf|zip|rar|7z|gz|jpe?g|png|gif|bmp|tiff?|heic|webp"
    r"|mp[34]|mov|wav|eml|msg|p7[ms]|asc|dat|ics|vcf|xml|json|log)",
    re.IGNORECASE,
)
#: Asks programs that answer for people who are away to be silent.
_SILENCE = {"X-Auto-Response-Suppress": "OOF, AutoReply"}


class InboxLetters(Letters):
    """Writes letters that can be answered by mail."""

    def __init__(self, base_url: str, site_name: str, time_zone: str, addresses: ReplyAddress) -> None:
        """Letters of one portal.

        Args:
            base_url: see `Stationery`.
            site_name: see `Stationery`.
            time_zone: see `Stationery`.
            addresses: that answers go to.
        """
        super().__init__(base_url, site_name, time_zone)
        self._addresses = addresses

    def to_requester(self, ticket: Ticket, parts: Sequence[Part], reason: str = "") -> Mail:
        """A letter about a request, answered to the request's own address."""
        mail = super().to_requester(ticket, parts, reason)
        return replace(mail, headers=mail.headers | {"Reply-To": self._addresses.of(ticket.id)} | _SILENCE)

    def page(self, ticket: Ticket, token: str) -> list[Part]:
        """The private link, and that a plain answer reaches us as well."""
        _ = catalogue(ticket.language).gettext
        link, _private = super().page(ticket, token)
        private = _("This link is private: whoever has it can read your request and answer in your name. "
                    "Please do not forward it.")  # fmt: skip
        by_mail = _("You can also simply reply to this email: what you write becomes part of your request.")
        return [link, Part("small", f"{private} {by_mail}")]

    def received_without(self, ticket: Ticket, token: str, names: Sequence[str]) -> Mail:
        """We have your request, but not what was attached to it."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("We received your request “%(subject)s” on %(day)s at %(time)s. Its number is %(number)s.")
        parts = [
            Part("paragraph", opening % self.about(ticket, ticket.created_at)),
            *self._not_taken(ticket.language, names),
            Part("paragraph", _("A support agent will read it and answer you in your language. "
                                "You will get an email as soon as there is an answer.")),
            Part("paragraph", _("On this page you can follow your request, add to it or close it:")),
            *self.page(ticket, token),
        ]  # fmt: skip
        return self.to_requester(ticket, parts)

    def answered_without(self, ticket: Ticket, token: str, names: Sequence[str]) -> Mail:
        """We have your answer, but not what was attached to it."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("Your answer has become part of your request “%(subject)s” (number %(number)s).")
        parts = [
            Part("paragraph", opening % self.about(ticket, ticket.updated_at)),
            *self._not_taken(ticket.language, names),
            *self.page(ticket, token),
        ]
        return self.to_requester(ticket, parts)

    def too_large(self, email: str, language: str, subject: str) -> Mail:
        """Your mail was so large that nobody has read it."""
        _ = catalogue(language).gettext
        # Translators: first sentences after the greeting of a mail: German goes on in small letters.
        opening = _("Your email “%(subject)s” is too large for us, so nobody has read it. "
                    "Please send it again without attachments and pictures, or write to us on this page:")  # fmt: skip
        reason = _("You are receiving this email because an email from this address reached us at %(host)s.")
        # Translators: subject of a mail.
        title = _("We could not read your email")
        parts = [
            Part("paragraph", opening % {"subject": quoted(subject) or "…"}),
            Part("address", "", self.address(language, "requests", "new")),
        ]
        return self.set(Letter(language, email, title, parts, reason % {"host": self.host}, headers=dict(_SILENCE)))

    def not_taken(self, language: str, names: Sequence[str]) -> str:
        """One line for the text of a request that says what was attached to it."""
        _ = catalogue(language).gettext
        # Translators: a line below what a requester wrote; names of files follow.
        return _("[Attachments that were not taken: %(names)s]") % {"names": _listed(names)}

    def _not_taken(self, language: str, names: Sequence[str]) -> list[Part]:
        """That attachments are not taken, and what to do instead."""
        _ = catalogue(language).gettext
        text = _("We cannot take attachments by email, so we do not have these: %(names)s. Please describe in words "
                 "what they show; if we need a file, we will tell you how to send it.")  # fmt: skip
        return [Part("paragraph", text % {"names": _listed(names)})]


def _listed(names: Sequence[str]) -> str:
    """Names of files as one line."""
    shown = [
        short_line(name, _NAME_LENGTH) if _FILE.fullmatch(name) else quoted(name, _NAME_LENGTH)
        for name in names[:_NAMES]
    ]
    return ", ".join(shown + ["…"] * (len(names) > _NAMES))


def open_letters(settings: Settings, secret: bytes) -> InboxLetters:
    """The letters of an instance that takes mails, as its settings say."""
    addresses = ReplyAddress(secret, settings.sender)
    return InboxLetters(settings.public_url, settings.site_name, settings.time_zone, addresses)
