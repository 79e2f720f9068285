"""Every letter by its name, as it is written in a language, and how its two parts are read."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from portal.letters import Letters
from portal.mail import Mail
from portal.tickets import SYSTEM, Action, Actor, Callback, Event, Resolution, Status, Ticket
from tests.builders import ticket

LANGUAGES = ("en", "fr", "de", "ru")
BASE = "https://help.example.org"
TOKEN = "0123456789abcdef" * 4
NIGHT = datetime(2026, 3, 2, 23, 5, tzinfo=UTC)
LETTERS = Letters(BASE, "", "Europe/Berlin")
OTHER = {"en": "fr", "fr": "de", "de": "en", "ru": "en"}
AGENT = Actor(1, "Mia Lindt")


def request(language: str, **changes: object) -> Ticket:
    """A request in a language."""
    values = {"id": 42, "subject": "Xerox 3345", "requester_name": "Zoë Ngô", "requester_email": "zoe@example.org"}
    return ticket(language=language, created_at=NIGHT, **{**values, **changes})


def event(action: Action = Action.REPLY, text: str = "Ok.\n\n1. A\n2. B", actor: Actor = AGENT) -> Event:
    """Something that an agent has written."""
    return Event(NIGHT, action, actor, Status.NEW, Status.OPEN, text, is_public=True)


def path(language: str) -> str:
    """The address of an article."""
    return f"/{language}/articles/xerox"


REQUEST_LETTERS: dict[str, Callable[[str], Mail]] = {
    "received": lambda code: LETTERS.received(request(code), TOKEN),
    "received, any time": lambda code: LETTERS.received(request(code, phone="1", callback=Callback.ANY), TOKEN),
    "received, morning": lambda code: LETTERS.received(request(code, phone="1", callback=Callback.MORNING), TOKEN),
    "replied": lambda code: LETTERS.replied(request(code), event(), TOKEN),
    "asked": lambda code: LETTERS.replied(request(code), event(Action.ASK_REQUESTER, actor=SYSTEM), TOKEN),
    "solved": lambda code: LETTERS.solved(request(code), event(Action.SOLVE), TOKEN),
    "out of scope": lambda code: LETTERS.solved(
        request(code, resolution=Resolution.OUT_OF_SCOPE), event(Action.SOLVE), TOKEN
    ),
    "link": lambda code: LETTERS.link(request(code), TOKEN),
    "told": lambda code: LETTERS.told(request(code), "Xerox", code, path(code), TOKEN),
    "told, other language": lambda code: LETTERS.told(request(code), "Xerox", OTHER[code], path(code), TOKEN),
}
SUBSCRIPTION_LETTERS: dict[str, Callable[[str], Mail]] = {
    "confirm": lambda code: LETTERS.confirm_subscription("zoe@example.org", code, "xerox 3345", TOKEN),
    "answered": lambda code: LETTERS.answered("zoe@example.org", code, "xerox 3345", "Xerox", code, path(code), TOKEN),
    "answered, other language": lambda code: LETTERS.answered(
        "zoe@example.org", code, "xerox 3345", "Xerox", OTHER[code], path(code), TOKEN
    ),
}
ALL = REQUEST_LETTERS | SUBSCRIPTION_LETTERS
every_letter = pytest.mark.parametrize("name", ALL)
every_language = pytest.mark.parametrize("language", LANGUAGES)
every_translation = pytest.mark.parametrize("language", LANGUAGES[1:])


class Page(HTMLParser):
    """What a mail program sees of an HTML part."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.language = ""
        self.body = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes |= found.keys()
        self.links += [found["href"] or ""] if "href" in found else []
        self.language = (found["lang"] or "") if tag == "html" else self.language
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.body += "\n" if tag == "br" else ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.body += "" if "title" in self.open else data


def blocks(text: str) -> list[str]:
    """The blocks of a text part, each on one line."""
    return [" ".join(re.split(r"[ \n]+", block.strip())) for block in re.split(r"\n{2,}", text) if block.strip()]


def addresses(text: str) -> list[str]:
    """The addresses in a text part, which stand on lines of their own."""
    return re.findall(r"^ +(https?://\S+)$", text, re.MULTILINE)


def flowing(text: str) -> str:
    """A text part without its line breaks."""
    return " ".join(blocks(text))
