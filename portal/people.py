"""The people who sign in: their roles, and what each may do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from portal.errors import InvalidInput

#: Shape of an e-mail address that mail servers accept in practice; one address, no name, no comma (RFC 5321 lengths).
EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])"
)
EMAIL_LENGTH = 254
#: Shortest password (NIST SP 800-63B-4 asks for 15 where it is the only factor; the second one is optional here).
PASSWORD_LENGTH = 15
#: What must be left of a password without the words that everybody would try first, in letters and digits.
PASSWORD_REST = 8


class Role(StrEnum):
    """What a person does here."""

    AGENT = "agent"
    WRITER = "writer"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What can be allowed."""

    #: See the queue and every ticket.
    READ_TICKETS = "read_tickets"
    #: Take, answer and solve tickets.
    WORK_TICKETS = "work_tickets"
    #: See drafts and what writers have to do, take gaps on as a writer, close them with proof.
    WRITE_ARTICLES = "write_articles"
    #: Declare a major incident, tell everybody, end it.
    DECLARE_MAJOR = "declare_major"
    #: See the reports of what was achieved.
    READ_REPORTS = "read_reports"
    #: Look after the others: give tickets to anybody, saved replies, surveys.
    SUPERVISE = "supervise"
    #: People, tiers, topics, suppliers, calendars, rules, and what was changed by whom.
    ADMINISTER = "administer"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.AGENT: frozenset({Right.READ_TICKETS, Right.WORK_TICKETS, Right.WRITE_ARTICLES}),
    Role.WRITER: frozenset({Right.READ_TICKETS, Right.WRITE_ARTICLES}),
    Role.SUPERVISOR: frozenset(
        {
            Right.READ_TICKETS,
            Right.WORK_TICKETS,
            Right.WRITE_ARTICLES,
            Right.DECLARE_MAJOR,
            Right.READ_REPORTS,
            Right.SUPERVISE,
        }
    ),
    Role.ADMINISTRATOR: frozenset(Right),
}
"""Every right of every role."""


@dataclass(frozen=True)
class Person:
    """Somebody of the staff."""

    id: int
    #: Address that they sign in with; lower case.
    email: str
    #: Full name, as others are shown it.
    name: str
    roles: frozenset[Role]
    #: The tiers that they serve (1–4); empty for writers.
    tiers: tuple[int, ...] = ()
    #: Languages that they can answer in.
    languages: tuple[str, ...] = ()
    #: Topics of the articles that they know about; empty: all.
    topics: tuple[str, ...] = ()
    #: Their working hours; None: those of their tiers.
    calendar_id: int | None = None
    #: Whether they may sign in; who has left stays in the histories.
    is_active: bool = True
    version: int = 1


def may(person: Person, right: Right) -> bool:
    """Whether one of the person's roles has the right."""
    return any(right in RIGHTS[role] for role in person.roles)


def clean_email(text: str, field: str = "email") -> str:
    """One validated address with a lower-case domain.

    Raises:
        InvalidInput: `missing`, `too_long` or `invalid_email`.
    """
    address = text.strip()
    if not address:
        raise InvalidInput(field, "missing")
    if len(address) > EMAIL_LENGTH:
        raise InvalidInput(field, "too_long")
    if not EMAIL.fullmatch(address) or ".." in address or address.startswith(".") or ".@" in address:
        raise InvalidInput(field, "invalid_email")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def check_password(password: str, known: Iterable[str] = ()) -> None:
    """Refuse a password that is easy to guess.

    Args:
        password: as typed.
        known: words without which it must still be long enough, such as the person's name; of four letters or more.

    Raises:
        InvalidInput: `too_short`, `too_long` or `too_common`.
    """
    if len(password) < PASSWORD_LENGTH:
        raise InvalidInput("password", "too_short")
    if len(password) > 200:
        raise InvalidInput("password", "too_long")
    lower = password.lower()
    words = sorted({word.lower() for word in known if len(word) >= 4}, key=len, reverse=True)
    rest = re.sub("|".join(map(re.escape, words)), "", lower) if words else lower
    # A word said twice or a run along the keyboard's digits or the alphabet is no longer than its idea.
    unit = next(lower[:size] for size in range(1, len(lower) + 1) if lower == (lower[:size] * len(lower))[: len(lower)])
    is_run = all(ord(second) - ord(first) in {1, -1, 9, -9} for first, second in pairwise(lower))
    if (
        len(set(lower)) < 5
        or is_run
        or len(unit) < PASSWORD_LENGTH
        or (rest != lower and sum(map(str.isalnum, rest)) < PASSWORD_REST)
    ):
        raise InvalidInput("password", "too_common")
