"""What all letters share: how texts of others are quoted, the frame, and how both become text and HTML."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from portal.catalogues import LOCALES, catalogue
from portal.mail import Mail, lines, one_line
from portal.tickets import Ticket

#: Longest subject line of a mail, and longest text of others that a sentence quotes, in characters.
SUBJECT_LENGTH, QUOTED_LENGTH = 150, 120
#: Width of the text part, in characters.
_WIDTH = 72
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

    #: `paragraph`, `heading`, `quotation` (its lines are kept), `link`, `article` (its title is the link) or `small`.
    kind: str
    text: str
    address: str = ""
    #: Language of the text where it is not the recipient's.
    language: str = ""


@dataclass(frozen=True)
class Letter:
    """What one mail says to whom, before it is set."""

    language: str
    recipient: str
    subject: str
    parts: Sequence[Part]
    #: Why the recipient gets it.
    reason: str
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def short_line(text: str, longest: int = QUOTED_LENGTH) -> str:
    """Somebody's text as one line, cut at a word."""
    text = one_line(text, longest + 1).strip()
    if len(text) <= longest:
        return text
    head, _blank, _tail = text[:longest].rpartition(" ")
    head = head if len(head) > longest // 2 else text[: longest - 1]
    return head.rstrip(" \u00a0\u202f.,;:–—-") + "…"


def quoted(text: str, longest: int = QUOTED_LENGTH) -> str:
    """What anybody may have typed, as one line without addresses."""
    return short_line(_ADDRESS.sub("…", text), longest)


def kept_lines(text: str) -> str:
    """Somebody's text with its line breaks, at most one empty line at a time."""
    text = "\n".join(line.expandtabs(4).rstrip() for line in lines(text).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def _wrapped(text: str, indent: str = "") -> str:
    """Text in lines of the text part's width; addresses and long words stay whole."""
    setter = textwrap.TextWrapper(
        _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(setter.fill(line).rstrip() for line in text.split("\n"))


def name_of(text: str) -> str:
    """A name to greet somebody by; empty where it is none."""
    name = short_line(text, 100)
    return "" if _NOT_IN_NAMES.search(name) else name


class Stationery:
    """Sets letters; knows the portal's address, name and time zone, and nothing of databases."""

    def __init__(self, base_url: str, site_name: str, time_zone: str) -> None:
        """Letters of one portal.

        Args:
            base_url: public address that links begin with.
            site_name: signs the letters; empty is “Help centre” in the recipient's language.
            time_zone: IANA name of the zone that times are told in.
        """
        self._base_url = base_url.rstrip("/")
        self.host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._site_name = site_name
        self.zone = ZoneInfo(time_zone)
        self._templates = Environment(
            loader=PackageLoader("portal", "templates/mail"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["wrapped"] = _wrapped

    def address(self, *path: str) -> str:
        """The public address of a page."""
        return "/".join((self._base_url, *(quote(part, safe="") for part in path)))

    def about(self, ticket: Ticket, at: datetime) -> dict[str, object]:
        """What sentences say of a request and a moment."""
        _ = catalogue(ticket.language).gettext
        local, locale = at.astimezone(self.zone), LOCALES[ticket.language]
        return {
            # Translators: stands for the subject of a request that has none.
            "subject": quoted(ticket.subject) or _("Your request"),
            "number": ticket.id,
            "day": format_date(local.date(), "long", locale=locale),
            "time": format_time(local.time(), "short", locale=locale) + ("\u00a0UTC" if self.zone.key == "UTC" else ""),
        }

    def article(self, language: str, title: str, article_language: str, path: str) -> list[Part]:
        """An article's title with its address; says so where it is in another language than the recipient's."""
        _ = catalogue(language).gettext
        address = f"{self._base_url}/{quote(path.lstrip('/'), safe='/#?=&%')}"
        parts = [
            Part("article", short_line(title, 200), address, article_language if article_language != language else "")
        ]
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

    def page(self, ticket: Ticket, token: str) -> list[Part]:
        """The private link, and that it is one."""
        _ = catalogue(ticket.language).gettext
        private = _("This link is private: whoever has it can read your request and answer in your name. "
                    "Please do not forward it.")  # fmt: skip
        by_page = _("To answer, use that page rather than email, so that your answer becomes part of your request.")
        # Translators: leads to the page of a request.
        link = Part("link", _("Open your request"), self.address(ticket.language, "requests", token))
        return [link, Part("small", f"{private} {by_page}")]

    def to_requester(self, ticket: Ticket, parts: Sequence[Part], reason: str = "") -> Mail:
        """A letter about a request; all of them have one subject, by which mail programs keep them together."""
        _ = catalogue(ticket.language).gettext
        reason = reason or _("You are receiving this email because this address was given in a request on %(host)s. "
                             "If the request is not yours, please ignore this email.")  # fmt: skip
        number = f"[#{ticket.id}] "
        subject = number + (quoted(ticket.subject, SUBJECT_LENGTH - len(number)) or _("Your request"))
        reason %= {"host": self.host}
        return self.set(
            Letter(ticket.language, ticket.requester_email, subject, parts, reason, name_of(ticket.requester_name))
        )

    def set(self, letter: Letter) -> Mail:
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
