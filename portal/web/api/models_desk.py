"""What goes in and out of the API for staff's systems: unanswered searches and tickets, as values."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from portal.lifecycle import TEXT_LENGTH
from portal.tickets import Callback, Kind, Resolution, Status
from portal.web.api.models import Code, Language, Moment
from portal.web.api.models_requests import RatingShown
from portal.web.api.paging import Paged

Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class GapsQuery(Paged, frozen=True, kw_only=True):
    """Which unanswered searches."""

    language: Annotated[Language | None, Meta(description="Of the page; without it those of all languages.")] = None


class NumberPath(Struct, frozen=True, kw_only=True):
    """Which one."""

    number: Number


class GapListed(Struct, frozen=True, kw_only=True):
    """A question that nothing answers; nothing of who asked it."""

    number: int
    kind: Kind
    code: Annotated[str, Meta(description="U0, U1, U2 or U3: the rule by which it was unanswered.")]
    status: Status
    language: Code
    #: Masked.
    query: str
    occurrences: Annotated[int, Meta(description="How often it was asked.")]
    last_asked: Moment | None
    #: The article whose translation is wanted, or that is to answer it; empty while there is none.
    article: str
    #: The agent who has the ticket; empty where nobody has.
    owner: str
    version: int
    url: str


class Wording(Struct, frozen=True, kw_only=True):
    """How a question was worded, and how often."""

    language: Code
    #: Masked.
    query: str
    times: int


class AskedOn(Struct, frozen=True, kw_only=True):
    """How often a question was asked on one day (UTC) in one language."""

    day: str
    language: Code
    times: int


class GapShown(GapListed, frozen=True, kw_only=True):
    """An unanswered search with how it was asked."""

    wordings: list[Wording]
    #: Newest day first.
    days: list[AskedOn]


class TicketsQuery(Paged, frozen=True, kw_only=True):
    """Which tickets; what is not given does not narrow."""

    status: Status | None = None
    tier: Annotated[int, Meta(ge=1, le=4)] | None = None
    language: Language | None = None
    kind: Kind | None = None
    owner: (
        Annotated[str, Meta(pattern="^(me|none|[1-9][0-9]{0,8})$", description="`me`, `none`, or a person’s number.")]
        | None
    ) = None
    q: Annotated[
        str | None,
        Meta(
            description="Words in any of the four languages, a number, an address or a name. Best first, at most 100."
        ),
    ] = None
    updated_since: (
        Annotated[
            datetime,
            Meta(tz=True, description="Changed then or later; oldest change first: a copy can be kept up to date."),
        ]
        | None
    ) = None


class PersonShown(Struct, frozen=True, kw_only=True):
    """Somebody of the staff."""

    id: int
    name: str


class RequesterShown(Struct, frozen=True, kw_only=True):
    """Who sent a request."""

    name: str
    email: str
    phone: str
    #: When they want to be called.
    callback: Callback | None


class TicketListed(Struct, frozen=True, kw_only=True):
    """A ticket as it stands."""

    number: int
    kind: Kind
    status: Status
    tier: int
    language: Code
    subject: str
    #: 1 (lowest) to 5.
    priority: int
    urgency: int
    impact: int
    is_major: bool
    #: False: perhaps no person asked it.
    is_confirmed: bool
    topic: str
    occurrences: int
    owner: PersonShown | None
    #: None where nobody waits.
    requester: RequesterShown | None
    #: When the first of its clocks is due, and which: `first_reply`, `resolution` or `tier`.
    due: Moment | None
    due_clock: str
    created: Moment
    updated: Moment
    #: To be sent along with what depends on what has happened since.
    version: int
    url: str


class EventShown(Struct, frozen=True, kw_only=True):
    """One line of a ticket's history."""

    at: Moment
    action: str
    #: None for the system and the requester.
    person: PersonShown | None
    #: As recorded; empty for the system.
    actor: str
    before: Status | None
    after: Status
    text: str
    #: Whether the requester sees it.
    is_public: bool
    #: Whether it was taken back within seconds.
    is_retracted: bool
    details: dict[str, str]


class Telling(Struct, frozen=True, kw_only=True):
    """Whom a message reached that was meant for everybody, by the numbers of their requests."""

    told: list[int]
    #: Not again: they had been told, or need no message any more.
    known: list[int]
    #: Could not be told.
    refused: list[int]


Told = Annotated[Telling | UnsetType, Meta(description="What came of `tell_affected`; not there otherwise.")]


class Done(Struct, frozen=True, kw_only=True):
    """How a ticket stands after what was done, without anything of what is in it."""

    number: int
    status: Status
    version: int
    telling: Told = UNSET


class TicketShown(TicketListed, frozen=True, kw_only=True):
    """A ticket with its history."""

    query: str
    description: str
    page: str
    channel: str
    code: str
    article: str
    #: What the requester had tried and sent along.
    trail: list[dict[str, str]]
    resolution: Resolution | None
    resolution_text: str
    solved: Moment | None
    closed: Moment | None
    gap: int | None
    follows: int | None
    incident: int | None
    duplicate_of: int | None
    participants: list[PersonShown]
    #: The planned call that is still to be made.
    call: int | None
    #: Cases at suppliers.
    cases: list[int]
    rating: RatingShown | None
    history: list[EventShown]
    #: What can be done now, by whom the token works for.
    actions: list[str]
    telling: Told = UNSET


class BundleAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be written to which supplier."""

    supplier: Number
    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]


class BundleShown(Struct, frozen=True, kw_only=True):
    """Exactly what would leave for a supplier."""

    subject: str
    text: str
    #: What there is and does not leave.
    withheld: list[str]
    fingerprint: str
