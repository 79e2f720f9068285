"""From what a day is counted, and what each source says of it."""

from datetime import timedelta
from enum import StrEnum

from portal.metrics import ESCALATIONS, RATED
from portal.storage.facts import REQUESTED_WITHIN, Measures, closing

__all__ = ["LASTING", "MEASURES", "PATIENCE", "REQUESTED_WITHIN", "Source", "closing"]

#: What has not been judged so long after it should have been does not keep a day open any longer.
PATIENCE = timedelta(days=1)


class Source(StrEnum):
    """What a day is counted from; each is put in place as a whole, and each is final at a time of its own."""

    #: Searches and what was done to them: as long as single searches are kept.
    SEARCHES = "searches"
    #: Attempts and who made them: as long as it is known what one session did.
    VISITS = "visits"
    #: What readers said of articles, followed or not, before they change their minds.
    VOTES = "votes"
    #: Request forms: as long as they are kept.
    FORMS = "forms"
    #: What happened to tickets: for ever.
    TICKETS = "tickets"
    #: Unanswered searches, before those go that no person asked.
    GAPS = "gaps"
    #: Who sent requests, and what they had read, before it is made anonymous.
    REQUESTERS = "requesters"


#: Sources that can be counted again as long as their rows are kept; the others never once nothing changes any more.
LASTING = frozenset({Source.SEARCHES, Source.FORMS, Source.TICKETS})

MEASURES: dict[Source, Measures] = {
    Source.SEARCHES: Measures(
        facts=(
            "searches",
            *(f"searches.{what}" for what in ("answered", "uncertain", "unanswered", "no_hit", "U0", "U1")),
            *("opens", "reads_30s", "clicks", "clicks.reciprocal"),
        ),
    ),
    Source.VOTES: Measures(facts=("votes.yes", "votes.no"), articles=("votes.yes", "votes.no")),
    Source.VISITS: Measures(
        facts=(
            "chains",
            *(f"chains.{what}" for what in ("success", "failure", "unknown", "opened", "helped", "no", "request")),
            "readers",
        ),
    ),
    Source.FORMS: Measures(facts=("forms.shown", "forms.solved", "forms.sent")),
    Source.TICKETS: Measures(
        facts=(
            *("requests", "requests.solved", "requests.reopened", "requests.closed", *ESCALATIONS, "gaps.answered"),
            *("surveys", "ratings", "ratings.asked", "ratings.stars", *RATED),
        ),
        times=("first_reply", "resolution", "wait", "gap_life"),
        articles=("gaps",),
    ),
    Source.GAPS: Measures(facts=("gaps", "gaps.confirmed")),
    Source.REQUESTERS: Measures(facts=("requesters", "requests.after_reading"), articles=("requests",)),
}
