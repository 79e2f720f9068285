"""What goes in and out of the API about requests, as their requesters see them, as values."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from portal.lifecycle import TEXT_LENGTH
from portal.people import EMAIL_LENGTH
from portal.requester_acts import COMMENT_LENGTH
from portal.sending import DESCRIPTION_LENGTH, NAME_LENGTH, PHONE_LENGTH, SUBJECT_LENGTH
from portal.tickets import Callback, Status
from portal.web.api.models import Code, Language, Moment, Slug, Visit


class NewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for help."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, examples=["Ada Berg"])]
    email: Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH, examples=["ada@example.com"])]
    description: Annotated[
        str, Meta(min_length=1, max_length=DESCRIPTION_LENGTH, examples=["The printer on floor 3 prints empty pages."])
    ]
    language: Annotated[Language, Meta(description="In which the requester is answered.")]
    subject: Annotated[str, Meta(max_length=SUBJECT_LENGTH, description="Empty: the first line says it.")] = ""
    query: Annotated[str, Meta(max_length=500, description="The search that it comes from; links it to its gap.")] = ""
    topic: Annotated[Slug | None, Meta(description="Without it the likeliest one is found.")] = None
    phone: Annotated[str, Meta(max_length=PHONE_LENGTH)] = ""
    callback: Annotated[Callback | None, Meta(description="When to be called; needs a telephone number.")] = None
    urgency: Annotated[int, Meta(ge=1, le=5, description="For the requester, 1 (least) to 5.")] = 3
    visit: Visit | None = None


class RequestPath(Struct, frozen=True, kw_only=True):
    """Which request."""

    token: Annotated[str, Meta(max_length=64, description="As it was answered when the request was sent.")]


class Received(Struct, frozen=True, kw_only=True):
    """A request that has been received."""

    number: int
    status: Status
    #: One sentence for the requester.
    status_text: str
    #: The requester's own page.
    url: str
    token: Annotated[str, Meta(description="Key to the request: whoever has it can read and answer.")]


#: Who said or did it.
By = Literal["requester", "support", "system"]


class Message(Struct, frozen=True, kw_only=True):
    """Something that was said or done, as the requester sees it."""

    at: Moment
    by: By
    #: Empty for the system.
    name: str
    action: str
    text: str


class RatingShown(Struct, frozen=True, kw_only=True):
    """How a requester was served."""

    stars: int
    comment: str


#: What a requester can do.
Way = Literal["reply", "close", "reopen", "rate"]


class RequestShown(Struct, frozen=True, kw_only=True):
    """A request as its requester sees it."""

    number: int
    language: Code
    subject: str
    status: Status
    status_text: str
    created: Moment
    updated: Moment
    url: str
    #: Of this request; another one than was asked for where a reply to a closed request has opened one that goes on.
    token: str
    messages: list[Message]
    can: list[Way]
    rating: RatingShown | None


class Reply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a requester says."""

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]


class Why(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is not solved."""

    text: Annotated[str, Meta(max_length=TEXT_LENGTH)] = ""


class Stars(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a requester was served."""

    stars: Annotated[int, Meta(ge=1, le=5, description="1 (badly) to 5 (very well).")]
    comment: Annotated[str, Meta(max_length=COMMENT_LENGTH)] = ""
