"""The mails that requesters and subscribers get: what each says, in the recipient's language, as text and as HTML."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from portal.catalogues import LOCALES, catalogue
from portal.mail import Mail, lines, one_line
from portal.tickets import Action, Callback, Event, Resolution, Ticket

#: Longest subject line of a mail, and longest text of others that a sentence quotes, in characters.
SUBJECT_LENGTH, QUOTED_LENGTH = 150, 120
#: Longest query in a subject line, in characters.
_QUERY_LENGTH = 60
#: Width of the text part, in characters.
_WIDTH = 72
#: How long a subscription waits for its confirmation.
CONFIRM_DAYS = 7
#: Hours of the day between which somebody wants to be called.
_HOURS = {Callback.MORNING: (8, 12), Callback.AFTERNOON: (12, 17)}
#: What makes a name an advertisement: a form that mails strangers must not greet them with an address.
_NOT_IN_NAMES = re.compile(r"[/\\:@<>]|\bwww\.|\w\.\w{2,}", re.IGNORECASE)

#: An address in what anybody typed: a form that mails strangers must not advertise. Names of files are none.
_ADDRESS = re.compile(
    r"\S*(?://|\bwww\.|@|\w\.(?!(?:docx?|xlsx?|pptx?|od[tsp]|pdf|txt|csv|exe|msi|dll|log|jpe?g|png|ini|bat|xml)\b)"
    r"[^\W\d_]{2,})\S*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """One block of a letter."""

    #: `paragraph`, `quotation` (its lines are kept), `link`, `article` (its title is the link) or `small`.
    kind: str
    text: str
    address: str = ""
    #: Language of the text where it is not the recipient's.
    language: str = ""


@dataclass(frozen=True)
class _Letter:
    """What one mail says to whom, before it is set."""

    language: str
    recipient: str
    subject: str
    parts: Sequence[Part]
    #: Why the recipient gets it.
    reason: str
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def _line(text: str, longest: int = QUOTED_LENGTH) -> str:
    """Somebody's text as one line, cut at a word."""
    text = one_line(text, longest + 1).strip()
    if len(text) <= longest:
        return text
    head, _blank, _tail = text[:longest].rpartition(" ")
    head = head if len(head) > longest // 2 else text[: longest - 1]
    return head.rstrip(" \u00a0\u202f.,;:–—-") + "…"


def _quoted(text: str, longest: int = QUOTED_LENGTH) -> str:
    """What anybody may have typed, as one line without addresses."""
    return _line(_ADDRESS.sub("…", text), longest)


def _lines(text: str) -> str:
    """Somebody's text with its line breaks, at most one empty line at a time."""
    text = "\n".join(line.expandtabs(4).rstrip() for line in lines(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _wrapped(text: str, indent: str = "") -> str:
    """Text in lines of the text part's width; addresses and long words stay whole."""
    setter = textwrap.TextWrapper(
        _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(setter.fill(line).rstrip() for line in text.split("\n"))


def _name(text: str) -> str:
    """A name to greet somebody by; empty where it is none."""
    name = _line(text, 100)
    return "" if _NOT_IN_NAMES.search(name) else name


class Letters:
    """Writes letters; knows the portal's address, name and time zone, and nothing of databases."""

    def __init__(self, base_url: str, site_name: str, time_zone: str) -> None:
        """Letters of one portal.

        Args:
            base_url: public address that links begin with.
            site_name: signs the letters; empty is “Help centre” in the recipient's language.
            time_zone: IANA name of the zone that times are told in.
        """
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._site_name = site_name
        self._zone = ZoneInfo(time_zone)
        self._templates = Environment(
            loader=PackageLoader("portal", "templates/mail"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["wrapped"] = _wrapped

    def received(self, ticket: Ticket, token: str) -> Mail:
        """We have your request."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("We received your request “%(subject)s” on %(day)s at %(time)s. Its number is %(number)s.")
        parts = [
            Part("paragraph", opening % self._about(ticket, ticket.created_at)),
            Part("paragraph", _("A support agent will read it and answer you in your language. "
                                "You will get an email as soon as there is an answer.")),
            *self._callback(ticket),
            Part("paragraph", _("On this page you can follow your request, add to it or close it:")),
            *self._page(ticket, token),
        ]  # fmt: skip
        return self._to_requester(ticket, parts)

    def replied(self, ticket: Ticket, event: Event, token: str) -> Mail:
        """Somebody has answered, or asks the requester for something."""
        _ = catalogue(ticket.language).gettext
        if event.action is Action.ASK_REQUESTER:
            # Translators: first sentence after the greeting of a mail; a message follows. Names are not declined.
            opening = _("%(agent)s needs an answer from you to go on with your request “%(subject)s” "
                        "(number %(number)s):")  # fmt: skip
            closing = _("We will go on as soon as you have answered. Please answer on this page:")
        else:
            # Translators: first sentence after the greeting of a mail; a message follows. Names are not declined.
            opening = _("%(agent)s replied to your request “%(subject)s” (number %(number)s) "
                        "on %(day)s at %(time)s:")  # fmt: skip
            closing = _("You can answer or add something on this page:")
        return self._with_message(ticket, event, token, opening, closing)

    def solved(self, ticket: Ticket, event: Event, token: str) -> Mail:
        """The request is solved, or is none that is solved here."""
        _ = catalogue(ticket.language).gettext
        if ticket.resolution is Resolution.OUT_OF_SCOPE:
            # Translators: first sentences after the greeting of a mail: German goes on in small letters.
            opening = _("We are sorry that we cannot help with your request “%(subject)s” (number %(number)s): "
                        "it is about something that we do not look after. "
                        "%(agent)s wrote on %(day)s at %(time)s:")  # fmt: skip
            closing = _("Have we misunderstood you? Tell us on this page, and your request is opened again:")
        else:
            # Translators: first sentences after the greeting of a mail: German goes on in small letters.
            opening = _("We have solved your request “%(subject)s” (number %(number)s). "
                        "%(agent)s wrote on %(day)s at %(time)s:")  # fmt: skip
            closing = _("Is something still not working? Tell us on this page, and your request is opened again. "
                        "There you can also close it and rate our help:")  # fmt: skip
        return self._with_message(ticket, event, token, opening, closing)

    def link(self, ticket: Ticket, token: str) -> Mail:
        """The private link that somebody who knows number and address has asked for."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentences after the greeting of a mail.
        opening = _("You asked for the link to your request “%(subject)s” (number %(number)s). Here it is:")
        reason = _("You are receiving this email because this address and the number of the request were entered on "
                   "%(host)s. If that was not you, you need not do anything: the link went to you alone.")  # fmt: skip
        parts = [Part("paragraph", opening % self._about(ticket, ticket.updated_at)), *self._page(ticket, token)]
        return self._to_requester(ticket, parts, reason)

    def told(
        self,
        ticket: Ticket,
        article_title: str,
        article_language: str,
        article_url_path: str,
        token: str,
    ) -> Mail:
        """An article may answer the request; nobody has said that it does."""
        _ = catalogue(ticket.language).gettext
        # Translators: first sentence after the greeting of a mail; an article's title follows.
        opening = _("There is now an article that may help with your request “%(subject)s” (number %(number)s):")
        closing = _("If it solves your problem, please close your request on its page. If not, you need not do "
                    "anything: your request stays open, and we go on working on it.")  # fmt: skip
        parts = [
            Part("paragraph", opening % self._about(ticket, ticket.updated_at)),
            *self._article(ticket.language, article_title, article_language, article_url_path),
            Part("paragraph", closing),
            *self._page(ticket, token),
        ]
        return self._to_requester(ticket, parts)

    def confirm_subscription(self, email: str, language: str, query: str, token: str) -> Mail:
        """Whether the owner of the address wants to be told of an answer."""
        words = catalogue(language)
        _ = words.gettext
        days = format_decimal(CONFIRM_DAYS, locale=LOCALES[language])
        address = self._address(language, "subscriptions", token)
        # Translators: first sentence after the greeting of a mail: German goes on in small letters.
        opening = _("On %(host)s, somebody asked us to tell this address when there is an answer to the search "
                    "“%(query)s”. If that was you, please confirm it on this page:")  # fmt: skip
        parts = [
            Part("paragraph", opening % {"host": self._host, "query": _quoted(query)}),
            # Translators: leads to a page where a subscription is confirmed.
            Part("link", _("Confirm"), address),
            Part("small", _("This link is private and meant for you alone. Please do not forward it.")),
            Part("paragraph", _("We will then send you one single email, as soon as there is an answer, and take your "
                                "address off the list.")),
            # Translators: a link follows.
            Part("small", _("To take your address off the list at once, use this link:")),
            Part("address", "", f"{address}/stop"),
        ]  # fmt: skip
        reason = words.ngettext(
            "If it was not you, you need not do anything: without a confirmation we delete your address after "
            "%(num)s day and do not write to you about this again.",
            "If it was not you, you need not do anything: without a confirmation we delete your address after "
            "%(num)s days and do not write to you about this again.",
            CONFIRM_DAYS,
        ) % {"num": days}
        # Translators: subject of a mail, with the words of a search.
        subject = _("Please confirm: email me when “%(query)s” is answered") % {"query": _quoted(query, _QUERY_LENGTH)}
        return self._set(_Letter(language, email, subject, parts, reason, headers=_stop(f"{address}/stop")))

    def answered(
        self,
        email: str,
        language: str,
        query: str,
        article_title: str,
        article_language: str,
        article_url_path: str,
        token: str,
    ) -> Mail:
        """What a subscriber has waited for."""
        _ = catalogue(language).gettext
        # Translators: first sentences after the greeting of a mail; an article's title follows.
        opening = _("You asked us to tell you when there is an answer to your search “%(query)s”. "
                    "This article now answers it:")  # fmt: skip
        parts = [
            Part("paragraph", opening % {"query": _quoted(query)}),
            *self._article(language, article_title, article_language, article_url_path),
            # Translators: a link to the request form follows.
            Part("paragraph", _("If the article does not help, ask us directly:")),
            Part("address", "", self._address(language, "requests", "new")),
            Part("paragraph", _("This was the only email that you asked for: your address is off the list again.")),
        ]
        reason = _("You are receiving this email because you asked for it on %(host)s and confirmed your address.")
        # Translators: subject of a mail, with the words of a search.
        subject = _("There is now an answer to “%(query)s”") % {"query": _quoted(query, _QUERY_LENGTH)}
        headers = _stop(self._address(language, "subscriptions", token, "stop"))
        return self._set(_Letter(language, email, subject, parts, reason % {"host": self._host}, headers=headers))

    def _address(self, *path: str) -> str:
        """The public address of a page."""
        return "/".join((self._base_url, *(quote(part, safe="") for part in path)))

    def _about(self, ticket: Ticket, at: datetime) -> dict[str, object]:
        """What sentences say of a request and a moment."""
        _ = catalogue(ticket.language).gettext
        local, locale = at.astimezone(self._zone), LOCALES[ticket.language]
        return {
            # Translators: stands for the subject of a request that has none.
            "subject": _quoted(ticket.subject) or _("Your request"),
            "number": ticket.id,
            "day": format_date(local.date(), "long", locale=locale),
            "time": format_time(local.time(), "short", locale=locale)
            + ("\u00a0UTC" if self._zone.key == "UTC" else ""),
        }

    def _callback(self, ticket: Ticket) -> list[Part]:
        """What becomes of the wish to be called."""
        if not ticket.phone:
            return []
        _ = catalogue(ticket.language).gettext
        if ticket.callback not in _HOURS:
            return [Part("paragraph", _("You asked for a callback. We will call the number that you gave."))]
        start, end = (
            format_time(datetime.min.time().replace(hour=hour), "short", locale=LOCALES[ticket.language])
            for hour in _HOURS[ticket.callback]
        )
        text = _("You asked for a callback. We will call the number that you gave between %(start)s and %(end)s.")
        return [Part("paragraph", text % {"start": start, "end": end})]

    def _page(self, ticket: Ticket, token: str) -> list[Part]:
        """The private link, and that it is one."""
        _ = catalogue(ticket.language).gettext
        private = _("This link is private: whoever has it can read your request and answer in your name. "
                    "Please do not forward it.")  # fmt: skip
        by_page = _("To answer, use that page rather than email, so that your answer becomes part of your request.")
        # Translators: leads to the page of a request.
        link = Part("link", _("Open your request"), self._address(ticket.language, "requests", token))
        return [link, Part("small", f"{private} {by_page}")]

    def _article(self, language: str, title: str, article_language: str, path: str) -> list[Part]:
        """An article's title with its address; says so where it is in another language than the recipient's."""
        _ = catalogue(language).gettext
        address = f"{self._base_url}/{quote(path.lstrip('/'), safe='/#?=&%')}"
        parts = [Part("article", _line(title, 200), address, article_language if article_language != language else "")]
        if article_language != language:
            # Translators: about an article that a mail leads to.
            fallback = {
                "en": _("This article does not exist in your language yet. It is in English."),
                "fr": _("This article does not exist in your language yet. It is in French."),
                "de": _("This article does not exist in your language yet. It is in German."),
                "ru": _("This article does not exist in your language yet. It is in Russian."),
            }
            parts.append(Part("paragraph", fallback[article_language]))
        return parts

    def _with_message(self, ticket: Ticket, event: Event, token: str, opening: str, closing: str) -> Mail:
        """A letter that carries what an agent has written."""
        _ = catalogue(ticket.language).gettext
        # Translators: who wrote, where no name is known; German small, for it never begins a sentence.
        agent = _line(event.actor.name) or _("Our support team")
        parts = [
            Part("paragraph", opening % {**self._about(ticket, event.at), "agent": agent}),
            Part("quotation", _lines(event.text)),
            Part("paragraph", closing),
            *self._page(ticket, token),
        ]
        return self._to_requester(ticket, parts)

    def _to_requester(self, ticket: Ticket, parts: Sequence[Part], reason: str = "") -> Mail:
        """A letter about a request; all of them have one subject, by which mail programs keep them together."""
        _ = catalogue(ticket.language).gettext
        reason = reason or _("You are receiving this email because this address was given in a request on %(host)s. "
                             "If the request is not yours, please ignore this email.")  # fmt: skip
        number = f"[#{ticket.id}] "
        subject = number + (_quoted(ticket.subject, SUBJECT_LENGTH - len(number)) or _("Your request"))
        reason %= {"host": self._host}
        return self._set(
            _Letter(ticket.language, ticket.requester_email, subject, parts, reason, _name(ticket.requester_name))
        )

    def _set(self, letter: _Letter) -> Mail:
        """A letter in its frame, as text and as HTML."""
        _ = catalogue(letter.language).gettext
        # Translators: greeting of a mail.
        greeting = _("Hello %(name)s,") % {"name": letter.name} if letter.name else _("Hello,")
        signature = self._site_name or _("Help centre")
        text, html = (
            self._templates.get_template(f"letter.{ending}").render(
                letter=letter, greeting=greeting, signature=signature
            )
            for ending in ("txt", "html")
        )
        return Mail(letter.recipient, letter.name, letter.language, letter.subject, text, html, letter.headers)


def _stop(address: str) -> dict[str, str]:
    """Headers by which a mail program ends a subscription with one click (RFC 8058)."""
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
