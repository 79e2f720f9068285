"""The mails that suppliers get: what each says, in the supplier's language, with the request's words in theirs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_date, format_time

from portal.catalogues import LOCALES, catalogue
from portal.mail import Mail
from portal.organisation import Supplier
from portal.stationery import SUBJECT_LENGTH, Letter, Part, Stationery, kept_lines, name_of, short_line


@dataclass(frozen=True)
class Said:
    """One message of the conversation with the requester."""

    at: datetime
    is_requester: bool
    text: str


@dataclass(frozen=True)
class Matter:
    """What a supplier is told of a request; nothing is here that may not leave."""

    number: int
    subject: str
    #: In which the requester and our support team write to each other.
    language: str
    #: Empty where the supplier has been told before.
    description: str = ""
    #: Of the requester: name, address and telephone number, where they may be known.
    contact: tuple[str, ...] = ()
    #: What the requester had tried: `search` or `article`, and its text.
    trail: tuple[tuple[str, str], ...] = ()
    conversation: tuple[Said, ...] = ()
    #: Whether something was taken out of the texts.
    is_masked: bool = False
    #: The supplier's own number of the case.
    reference: str = ""


class SupplierLetters(Stationery):
    """Writes to suppliers; knows the portal's address, name and time zone, and nothing of databases."""

    def ask(self, supplier: Supplier, matter: Matter, message: str, agent: str, *, is_first: bool) -> Mail:
        """What an agent asks a supplier.

        Args:
            supplier: who gets it, in the first of their languages.
            matter: what it is about.
            message: the agent's own words.
            agent: their name; empty where it is not known.
            is_first: whether it begins the case.
        """
        code = supplier.languages[0]
        _ = catalogue(code).gettext
        if is_first:
            # Translators: first sentence after the greeting of a mail to a supplier; a message follows.
            opening = _("%(agent)s asks you for help with our case %(number)s:")
        else:
            # Translators: first sentence after the greeting of a mail to a supplier; a message follows.
            opening = _("%(agent)s wrote to you about our case %(number)s:")
        # Translators: who wrote to a supplier, where no name is known.
        who = short_line(agent) or _("Our team")
        parts = [
            Part("paragraph", opening % {"agent": who, "number": matter.number}),
            Part("quotation", kept_lines(message)),
            *self._matter(code, matter),
            Part("paragraph", _("Please answer this email and keep its subject, so that your answer reaches "
                                "everybody who works on the case.")),
        ]  # fmt: skip
        reason = _("You are receiving this email because you work for %(host)s as a supplier. What is in it is "
                   "confidential and meant for this case alone.")  # fmt: skip
        return self.set(
            Letter(
                code,
                supplier.email,
                _subject(matter),
                parts,
                reason % {"host": self.host},
                name_of(supplier.contact),
                # A person wrote it: systems that answer by themselves may take it for a request.
                {"Auto-Submitted": "no"},
            )
        )

    def _matter(self, code: str, matter: Matter) -> Iterator[Part]:
        """What is told of the request."""
        _ = catalogue(code).gettext
        if matter.reference:
            yield Part("paragraph", _("Your reference: %(reference)s") % {"reference": short_line(matter.reference)})
        if matter.description:
            reported = {
                "en": _("What was reported to us, in English:"),
                "fr": _("What was reported to us, in French:"),
                "de": _("What was reported to us, in German:"),
                "ru": _("What was reported to us, in Russian:"),
            }
            yield Part("paragraph", reported[matter.language])
            text = kept_lines(f"{matter.subject}\n\n{matter.description}")
            yield Part("quotation", text, language=_other(matter, code))
        if matter.contact:
            contact = _("The person who reported it: %(contact)s") % {"contact": ", ".join(matter.contact)}
            yield Part("paragraph", contact)
        if matter.trail:
            yield Part("paragraph", _("What the person had tried before:"))
            # Translators: what somebody had searched for, or an article that they had read, in a mail to a supplier.
            ways = {"search": _("Searched for: %(text)s"), "article": _("Read: %(text)s")}
            tried = [ways.get(kind, "%(text)s") % {"text": short_line(text)} for kind, text in matter.trail]
            yield Part("quotation", "\n".join(tried))
        if matter.conversation:
            yield from self._conversation(code, matter)
        if matter.is_masked:
            yield Part("small", _("Square brackets stand for names, addresses and numbers that we have left out."))

    def _conversation(self, code: str, matter: Matter) -> Iterator[Part]:
        """What was said between the requester and our support team."""
        _ = catalogue(code).gettext
        said = {
            "en": _("What was written since, in English:"),
            "fr": _("What was written since, in French:"),
            "de": _("What was written since, in German:"),
            "ru": _("What was written since, in Russian:"),
        }
        yield Part("paragraph", said[matter.language])
        for each in matter.conversation:
            # Translators: who wrote what follows, in a mail to a supplier.
            label = (
                _("The person, on %(day)s at %(time)s:")
                if each.is_requester
                else _("Our support team, on %(day)s at %(time)s:")
            )
            local, locale = each.at.astimezone(self.zone), LOCALES[code]
            moment = {
                "day": format_date(local.date(), "long", locale=locale),
                "time": format_time(local.time(), "short", locale=locale),
            }
            yield Part("paragraph", label % moment)
            yield Part("quotation", kept_lines(each.text), language=_other(matter, code))


def _subject(matter: Matter) -> str:
    """The subject line: our number, theirs, and what it is about."""
    reference = f" ({short_line(matter.reference)})" if matter.reference else ""
    number = f"[#{matter.number}] "
    return number + short_line(matter.subject, SUBJECT_LENGTH - len(number) - len(reference)) + reference


def _other(matter: Matter, code: str) -> str:
    """The language of the request's words, where it is not the letter's."""
    return matter.language if matter.language != code else ""
