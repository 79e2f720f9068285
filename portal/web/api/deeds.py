"""Everything that can be done to a ticket through the API, as values."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from portal.lifecycle import TEXT_LENGTH
from portal.tickets import Resolution
from portal.web.api.models import Language, Slug
from portal.web.api.models_desk import Number

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH)]
MaybeText = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Level = Annotated[int, Meta(ge=1, le=5)]
TierNumber = Annotated[int, Meta(ge=1, le=4)]
Texts = Annotated[dict[Language, MaybeText], Meta(description="By language; the others are shown another one.")]


class Deed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="action"):
    """Something that is done to a ticket."""

    version: Annotated[
        Number | None,
        Meta(
            description="The ticket’s when it was read; where somebody has changed it since, nothing is done. It is only "
            "looked at beforehand for swarm, leave, undo, claim, release, calls and major incidents."
        ),
    ] = None


class Written(Deed, frozen=True, kw_only=True):
    """What a requester is mailed: `version` is needed, so that it is never sent twice."""

    version: Annotated[
        Number, Meta(description="The ticket’s when it was read; where somebody has changed it since, nothing is done.")
    ]


class Take(Deed, frozen=True, tag="take"):
    """Own the ticket."""


class GiveBack(Deed, frozen=True, tag="give_back"):
    """Own it no longer; it goes back to the queue."""


class AgentReply(Written, frozen=True, kw_only=True, tag="reply"):
    """Write to the requester, who is mailed it in their language."""

    text: Text


class AskRequester(Written, frozen=True, kw_only=True, tag="ask_requester"):
    """Write to the requester and wait for an answer."""

    text: Text


class Note(Deed, frozen=True, kw_only=True, tag="note"):
    """Write to colleagues alone; `@name` tells them."""

    text: Text


class WaitSupplier(Deed, frozen=True, kw_only=True, tag="wait_supplier"):
    """Wait for a supplier."""

    text: MaybeText = ""


class Plan(Deed, frozen=True, kw_only=True, tag="plan"):
    """The solution is planned for later."""

    text: MaybeText = ""


class Resume(Deed, frozen=True, kw_only=True, tag="resume"):
    """Go on after waiting."""

    text: MaybeText = ""


class Solve(Written, frozen=True, kw_only=True, tag="solve"):
    """Solve it; by an article only where its own search finds the article at rank 3 or better."""

    resolution: Resolution
    text: Annotated[
        str,
        Meta(
            max_length=TEXT_LENGTH, description="What solved it; a request’s requester is mailed it. A gap needs none."
        ),
    ] = ""
    article: Annotated[str, Meta(max_length=500, description="Slug or address; needed by what must be proven.")] = ""


class Reopen(Deed, frozen=True, kw_only=True, tag="reopen"):
    """Open it again."""

    text: MaybeText = ""


class Close(Deed, frozen=True, kw_only=True, tag="close"):
    """Close what is solved."""


class MarkSpam(Deed, frozen=True, kw_only=True, tag="mark_spam"):
    """It is spam."""


class Classify(Deed, frozen=True, kw_only=True, tag="classify"):
    """Put right how urgent it is, how many it affects, what it is about, or its language; None: as it is."""

    urgency: Level | None = None
    impact: Level | None = None
    topic: Slug | None = None
    language: Language | None = None


class Escalate(Deed, frozen=True, kw_only=True, tag="escalate"):
    """Pass it on to another tier; nobody owns it then."""

    tier: TierNumber
    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH, description="Why.")]


class Assign(Deed, frozen=True, kw_only=True, tag="assign"):
    """Give it to somebody, who is told."""

    person: Number


class Swarm(Deed, frozen=True, kw_only=True, tag="swarm"):
    """Invite colleagues; the owner stays."""

    invite: Annotated[list[Number], Meta(min_length=1, max_length=20)]
    text: MaybeText = ""


class Leave(Deed, frozen=True, kw_only=True, tag="leave"):
    """Help with it no longer."""


class Undo(Deed, frozen=True, kw_only=True, tag="undo"):
    """Take back what was sent in the last seconds."""


class Merge(Deed, frozen=True, kw_only=True, tag="merge"):
    """Make it a duplicate of another ticket."""

    into: Number


class PlanArticle(Deed, frozen=True, kw_only=True, tag="plan_article"):
    """Note which article is to answer it."""

    article: Annotated[str, Meta(max_length=500, description="Slug or address; empty for none.")]


class Claim(Deed, frozen=True, kw_only=True, tag="claim"):
    """Take an unanswered search on as a writer."""


class Release(Deed, frozen=True, kw_only=True, tag="release"):
    """Write about it no longer."""


class PlanCall(Deed, frozen=True, kw_only=True, tag="plan_call"):
    """Agree a time for a call."""

    phone: Annotated[str, Meta(min_length=1, max_length=40)]
    start: Annotated[str, Meta(max_length=16, description="`YYYY-MM-DDTHH:MM` in the time zone.")]
    time_zone: Annotated[str, Meta(max_length=60, examples=["Europe/Berlin"])]
    minutes: Annotated[int, Meta(ge=5, le=600, description="For how long the requester can be called.")] = 30


class Called(Deed, frozen=True, kw_only=True, tag="called"):
    """Write down what came of the planned call."""

    outcome: Literal["reached", "no_answer", "busy", "wrong_number", "given_up"]
    text: MaybeText = ""


class SendSupplier(Deed, frozen=True, kw_only=True, tag="send_supplier"):
    """Write to a supplier, who gets the redacted bundle of the preview and nothing else."""

    supplier: Number
    text: Text
    seen: Annotated[str, Meta(max_length=64, description="`fingerprint` of the preview that a person has seen.")]


class SupplierAnswer(Deed, frozen=True, kw_only=True, tag="supplier_answer"):
    """Enter what a supplier answered by another way."""

    case: Number
    text: Text


class SupplierReference(Deed, frozen=True, kw_only=True, tag="supplier_reference"):
    """Keep the supplier's own number of a case."""

    case: Number
    reference: Annotated[str, Meta(max_length=100)]


class CloseCase(Deed, frozen=True, kw_only=True, tag="close_case"):
    """Nothing more is expected of the supplier."""

    case: Number


class DeclareMajor(Deed, frozen=True, kw_only=True, tag="declare_major"):
    """Declare a request a major incident; the portal says so."""

    texts: Texts


class ChangeMajor(Deed, frozen=True, kw_only=True, tag="change_major"):
    """Change what the portal says of it, or hide or show that."""

    texts: Texts | None = None
    is_shown: bool | None = None


class EndMajor(Deed, frozen=True, kw_only=True, tag="end_major"):
    """End a major incident."""


class TellAffected(Deed, frozen=True, kw_only=True, tag="tell_affected"):
    """Write to everybody whom a major incident affects, and perhaps solve their requests; once for each `key`."""

    texts: Texts
    solve: bool = False
    key: Annotated[str, Meta(max_length=64, description="Of this telling; the same once more is the same.")] = ""


class LinkIncident(Deed, frozen=True, kw_only=True, tag="link_incident"):
    """It is affected by a major incident."""

    incident: Number


class UnlinkIncident(Deed, frozen=True, kw_only=True, tag="unlink_incident"):
    """It is not affected by the major incident after all."""

    incident: Number


#: Everything that can be done to a ticket.
Act = (
    Take | GiveBack | AgentReply | AskRequester | Note | WaitSupplier | Plan | Resume | Solve | Reopen | Close | MarkSpam
    | Classify | Escalate | Assign | Swarm | Leave | Undo | Merge | PlanArticle | Claim | Release | PlanCall | Called
    | SendSupplier | SupplierAnswer | SupplierReference | CloseCase | DeclareMajor | ChangeMajor | EndMajor
    | TellAffected | LinkIncident | UnlinkIncident
)  # fmt: skip
#: What writers can do to an unanswered search.
GapAct = Claim | Release | Solve
