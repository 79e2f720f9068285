"""What a requester sends: its bounds, what is wrong with it, and the request that it becomes."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.articles import is_slug
from portal.errors import InvalidInput
from portal.locales import LANGUAGES
from portal.people import clean_email
from portal.privacy import mask
from portal.queries import MAX_CHARACTERS, read_query
from portal.tickets import Callback, Kind, Status, Ticket, priority

#: Longest values of the request form, in characters.
NAME_LENGTH, SUBJECT_LENGTH, DESCRIPTION_LENGTH, PHONE_LENGTH = 100, 120, 5_000, 40
_PAGE_LENGTH = 500
#: How urgent a request can be.
URGENCIES = range(1, 6)
#: Most items of a trail, and the longest text in one, in characters.
TRAIL_ITEMS, TRAIL_TEXT = 50, 200
#: A first line that only greets is no subject.
_GREETING = re.compile(
    r"(?:hi|hello|dear|good (?:morning|afternoon|evening)|bonjour|bonsoir|salut|madame|hallo|guten (?:tag|morgen|abend)|moin"
    r"|sehr geehrte|здравствуйте|добрый (?:день|вечер)|доброе утро|привет)(?:\s+[^\s.,!?:]+){0,3}[\s.,!:–-]*",
    re.IGNORECASE,
)
_PHONE = re.compile(rf"[0-9 +()./-]{{3,{PHONE_LENGTH}}}")
#: Who opened an article so long before a request could not help themselves with it.
_READ_WITHIN = timedelta(hours=24)
_TRAIL_NEEDS = frozenset({"kind", "text", "language", "at"})
_TRAIL_MAY = _TRAIL_NEEDS | {"slug", "results"}


@dataclass(frozen=True)
class Sending:
    """What a requester sends."""

    name: str
    email: str
    #: What it is about in one line; may be empty.
    subject: str
    description: str
    #: Language that they are answered in.
    language: str
    #: The search that they came from; empty without one.
    query: str = ""
    #: Address of the page that they came from, without host.
    page: str = ""
    #: Looked at only where a call is wanted.
    phone: str = ""
    #: When they want to be called; None for no call.
    callback: Callback | None = None
    #: What they had tried and send along: `kind` (search or article), `text`, `language`, `at` (ISO 8601), and
    #: perhaps `slug` and `results`.
    trail: tuple[dict[str, str], ...] = ()
    #: How urgent it is for the requester, 1 (least) to 5.
    urgency: int = 3
    #: Topic of the articles that it most likely belongs to; empty where none is likely.
    topic: str = ""
    #: How it came: `web`, `mail` or `api`.
    channel: str = "web"


def faults(sent: Sending) -> dict[str, str]:
    """Everything that is wrong with a request, as the code of the broken rule by field."""
    broken: dict[str, str] = {}
    for field, value, longest in (
        ("subject", one_line(sent.subject), SUBJECT_LENGTH),
        ("description", multiline(sent.description), DESCRIPTION_LENGTH),
        ("name", one_line(sent.name), NAME_LENGTH),
    ):
        if field != "subject" and not one_line(value):
            broken[field] = "missing"
        elif len(value) > longest:
            broken[field] = "too_long"
    try:
        clean_email(sent.email)
    except InvalidInput as error:
        broken[error.field] = error.code
    phone = one_line(sent.phone)
    if sent.callback is not None and not phone:
        broken["phone"] = "missing"
    elif sent.callback is not None and not _is_phone(phone):
        broken["phone"] = "invalid_phone"
    if sent.language not in LANGUAGES:
        broken["language"] = "unknown"
    if len(sent.trail) > TRAIL_ITEMS:
        broken["trail"] = "too_long"
    elif not all(map(_is_trail, sent.trail)):
        broken["trail"] = "invalid"
    return broken


def request_of(sent: Sending, status: Status, now: datetime, tier: int = 1, impact: int = 3) -> Ticket:
    """A request from what was sent and is without faults.

    Args:
        sent: by the requester.
        status: that it begins in.
        now: aware, UTC.
        tier: at which it begins.
        impact: that it begins with, 1–5.
    """
    description = multiline(sent.description)
    urgency = sent.urgency if sent.urgency in URGENCIES else 3
    lines = [line for line in map(one_line, description.splitlines()) if line]
    subject = one_line(sent.subject) or next((line for line in lines if not _GREETING.fullmatch(line)), lines[0])
    is_call = sent.callback is not None
    return Ticket(
        0, Kind.REQUEST, status, tier, sent.language,
        subject if len(subject) <= SUBJECT_LENGTH else subject[: SUBJECT_LENGTH - 1].rstrip() + "…",
        now, now, mask(read_query(sent.language, sent.query).text)[:MAX_CHARACTERS], description, one_line(sent.page)[:_PAGE_LENGTH],
        requester_name=one_line(sent.name), requester_email=clean_email(sent.email),
        phone=one_line(sent.phone) if is_call else "", callback=sent.callback, trail=tuple(map(_trail, sent.trail)),
        urgency=urgency, impact=impact, priority=priority(urgency, impact), topic=sent.topic, channel=sent.channel,
    )  # fmt: skip


def read_before(trail: Iterable[dict[str, str]], at: datetime) -> set[tuple[str, str]]:
    """Language and slug of the articles of a trail that were opened shortly before a time."""
    return {
        (item["language"], item["slug"])
        for item in trail
        if item.get("kind") == "article"
        and item.get("slug")
        and at - datetime.fromisoformat(item["at"]) <= _READ_WITHIN
    }


def _is_phone(text: str) -> bool:
    """Whether a telephone number can be dialled."""
    return _PHONE.fullmatch(text) is not None and sum(sign.isdigit() for sign in text) >= 5


def _is_trail(item: dict[str, str]) -> bool:
    """Whether an item of a trail has what it needs and nothing else."""
    if not (item.keys() >= _TRAIL_NEEDS and item.keys() <= _TRAIL_MAY and all(map(_is_text, item.values()))):
        return False
    try:
        at = datetime.fromisoformat(item["at"])
    except ValueError:
        return False
    is_known = item["kind"] in {"search", "article"} and item["language"] in LANGUAGES
    return is_known and at.tzinfo is not None and (not item.get("slug") or is_slug(item["slug"]))


def _is_text(value: object) -> bool:
    """Whether a value from outside is text."""
    return isinstance(value, str)


def _trail(item: dict[str, str]) -> dict[str, str]:
    """An item of a trail within bounds, its texts masked."""
    texts = {
        name: mask(one_line(item[name][: 5 * TRAIL_TEXT]))[:TRAIL_TEXT] for name in ("text", "results") if name in item
    }
    return item | texts


def multiline(text: str) -> str:
    """Text of several lines without the characters that no database or page can take."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in {"Cc", "Cs"}).strip()


def one_line(text: str) -> str:
    """Text with white space and invisible characters folded."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
