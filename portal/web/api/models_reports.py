"""What goes in and out of the API's reports, as values."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from portal.metrics import METRICS, Dimension, Step, Trend, Unit
from portal.tickets import Status
from portal.web.api.models import Code, Language, Moment

TierNumber = Annotated[int, Meta(ge=1, le=4)]


class ReportQuery(Struct, frozen=True, kw_only=True):
    """What a report is about; what is not given does not narrow."""

    first: Annotated[date | None, Meta(description="First day (UTC); without it 30 days before the last one.")] = None
    last: Annotated[date | None, Meta(description="Last day, counted too; without it, or later, today.")] = None
    language: Language | None = None
    topic: (
        Annotated[str, Meta(max_length=120, pattern=r"^[\w-]*$", description="Slug of a topic of the articles.")] | None
    ) = None
    tier: TierNumber | None = None


class MetricsQuery(ReportQuery, frozen=True, kw_only=True):
    """Which figures, of which days."""

    keys: Annotated[
        list[Annotated[str, Meta(max_length=40, extra_json_schema={"enum": list(METRICS)})]],
        Meta(max_length=40, description="Which figures; none is all."),
    ] = []
    step: Annotated[Step, Meta(description="What one point stands for.")] = Step.DAY
    apart: Annotated[Dimension | None, Meta(description="What they are told apart by, besides.")] = None


class ArticlesReportQuery(ReportQuery, frozen=True, kw_only=True):
    """Which articles come first."""

    order: Annotated[
        str,
        Meta(
            pattern="^(visits|helpfulness|requests|gaps)$",
            description="`visits`, `helpfulness`, `requests` or `gaps`; most first.",
        ),
    ] = "visits"
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class FigureShown(Struct, frozen=True, kw_only=True):
    """A value, and what it was made of."""

    value: Annotated[
        int | float | None,
        Meta(description="In the unit, whole where that is `count`; null where there is nothing to tell it from."),
    ]
    count: Annotated[int, Meta(description="What was counted.")]
    over: Annotated[int, Meta(description="What it was divided by; of a median both are how many it was taken of.")]
    unknown: Annotated[int, Meta(description="Outcomes that nobody knows; in neither of the two.")]


class PointShown(FigureShown, frozen=True, kw_only=True):
    """A value of one day, week or month."""

    first: date


class SeriesShown(FigureShown, frozen=True, kw_only=True):
    """A value over the days asked for."""

    key: str
    previous: Annotated[FigureShown, Meta(description="Of as many days just before.")]
    points: list[PointShown]


class MetricShown(SeriesShown, frozen=True, kw_only=True):
    """A figure with what it is."""

    name: str
    definition: Annotated[str, Meta(description="What exactly it is, in the caller's language.")]
    unit: Annotated[Unit, Meta(description="`share` is 0–1, `minutes` is a median, `stars` a mean of 1 to 5.")]
    trend: Annotated[Trend, Meta(description="Which way it should go.")]
    not_by: Annotated[
        list[Dimension], Meta(description="By what the report is narrowed that this figure cannot be told apart by.")
    ]


class PartShown(Struct, frozen=True, kw_only=True):
    """The figures of one language, topic or tier."""

    name: Annotated[str, Meta(description="Code, slug or number.")]
    metrics: list[SeriesShown]


class MetricsAnswer(Struct, frozen=True, kw_only=True):
    """Figures over some days."""

    first: date
    last: date
    step: Step
    metrics: list[MetricShown]
    #: What they are told apart by, and each part that has something.
    apart: Dimension | None
    parts: list[PartShown]


class FunnelAnswer(Struct, frozen=True, kw_only=True):
    """What came of the attempts to find something."""

    first: date
    last: date
    #: Attempts; of these an article was opened; it helped; somebody said no; a request was sent.
    chains: int
    opened: int
    helped: int
    said_no: int
    requests: int


class SurveyAnswer(Struct, frozen=True, kw_only=True):
    """How requesters were served."""

    first: date
    last: date
    asked: int
    answered: int
    stars: Annotated[list[int], Meta(description="How many gave 1, 2, 3, 4 and 5 stars.")]


class Passed(Struct, frozen=True, kw_only=True):
    """How many requests went from one tier to another."""

    before: int
    after: int
    requests: int


class EscalationsAnswer(Struct, frozen=True, kw_only=True):
    """Which way requests went between the tiers."""

    first: date
    last: date
    items: list[Passed]


class ArticleFigures(Struct, frozen=True, kw_only=True):
    """What became of one article."""

    slug: str
    language: Code
    visits: int
    yes: int
    no: int
    helpfulness: Annotated[float | None, Meta(description="(C·m + yes) ÷ (m + votes), C the mean share, m the mean.")]
    requests: Annotated[int, Meta(description="Whose sender had read it.")]
    gaps: Annotated[int, Meta(description="Unanswered searches that it answered.")]


class ArticlesReport(Struct, frozen=True, kw_only=True):
    """What became of the articles."""

    first: date
    last: date
    items: list[ArticleFigures]


class BoardQuery(Struct, frozen=True, kw_only=True):
    """Which tickets; what is not given does not narrow."""

    tier: TierNumber | None = None
    language: Language | None = None


class OpenShown(Struct, frozen=True, kw_only=True):
    """How many tickets are open of one tier, language and priority."""

    tier: int
    language: Code
    priority: int
    tickets: int


class CardShown(Struct, frozen=True, kw_only=True):
    """A ticket on the board."""

    number: int
    subject: str
    tier: int
    language: Code
    priority: int
    status: Status
    owner: str
    due: Moment | None
    #: Of a requester who waits for our answer: since when.
    waiting_since: Moment | None = None
    url: str


class TodayShown(Struct, frozen=True, kw_only=True):
    """What has happened since midnight in the portal's time zone."""

    requests: int
    solved: int
    gaps: int
    #: Unanswered searches that were answered, with proof.
    answered: int


class BoardAnswer(Struct, frozen=True, kw_only=True):
    """How the desk stands at this moment."""

    at: Moment
    total: int
    open: list[OpenShown]
    by_status: dict[str, int]
    major: int
    overdue: int
    #: Due within half an hour.
    soon: int
    overdue_tickets: list[CardShown]
    #: Whose time has run out in the last five minutes.
    breached_tickets: list[CardShown]
    next_tickets: list[CardShown]
    unowned: int
    oldest_unowned: CardShown | None
    #: Unanswered searches that perhaps no person asked.
    unconfirmed: int
    #: Requesters who wait for our answer, and how many of them are on their page.
    waiting: int
    here: int
    waiting_tickets: list[CardShown]
    today: TodayShown
    #: Suppliers who have not answered in time.
    awaited: int
    #: Mails that wait although they have been tried, and those given up.
    mails_delayed: int
    mails_failed: int
