"""What goes in and out of the API for everybody: searches, articles, opinions and requests, as values."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from portal.locales import CODES
from portal.queries import Verdict
from portal.search.suggestions import Kind as SuggestionKind
from portal.search.understanding import RepairKind
from portal.storage.feedback import COMMENT_LENGTH as OPINION_LENGTH
from portal.storage.feedback import Reason
from portal.web.api.paging import Paged

#: A moment, in UTC.
Moment = Annotated[datetime, Meta(tz=True)]
#: Languages of the portal.
Language = Literal["en", "fr", "de", "ru"]
#: The same in answers.
Code = Annotated[str, Meta(extra_json_schema={"enum": list(CODES)})]
#: Slug of a topic or an article; whoever has no such thing is told so by what is looked up.
Slug = Annotated[str, Meta(max_length=120, description="As it stands in the address of the page.")]
Visit = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_-]{16,64}$",
        description="What ties the searches and readings of one person together: chosen at random by the caller, kept"
        " for one visit, and stored as a keyed hash alone. Without it nothing is followed.",
        examples=["Zm9vYmFyYmF6cXV4MTIz"],
    ),
]


class SearchQuery(Paged, frozen=True, kw_only=True):
    """What is searched for."""

    q: Annotated[
        str, Meta(description="The words; what is longer than 200 characters or 40 words is cut.", examples=["vpn"])
    ]
    language: Language | None = None
    topic: Slug | None = None
    exact: Annotated[bool, Meta(description="As it was typed: without repairs and other languages.")] = False
    submitted: Annotated[
        bool,
        Meta(
            description="Whether a person has submitted it. Only then it is counted, and where nothing answers it, the"
            " desk is told. Send `false` for what is searched while somebody types."
        ),
    ] = True
    visit: Visit | None = None


class Result(Struct, frozen=True, kw_only=True):
    """An article that was found."""

    slug: str
    #: Of its text.
    language: Code
    title: str
    summary: str
    #: The lines that the search is about, as plain text.
    snippet: str
    snippet_html: Annotated[str, Meta(description="The same as HTML, with the words in `<mark>`; no other element.")]
    topic: str
    url: str


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Articles that exist in another language only."""

    language: Code
    results: list[Result]


class Repair(Struct, frozen=True, kw_only=True):
    """Something that was put right before it was searched for."""

    kind: RepairKind
    #: What was searched for instead.
    text: str


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """What a search found."""

    #: As it was understood: within bounds.
    query: str
    language: Code
    verdict: Verdict
    confidence: Annotated[float, Meta(ge=0, le=1, description="The probability that the results answer it.")]
    #: How many results there are in the language.
    total: int
    results: list[Result]
    elsewhere: list[Elsewhere]
    repairs: list[Repair]
    asked_in: Annotated[
        Code | None,
        Meta(description="The language whose words were found, where it is another; the results are translations."),
    ]
    gap: Annotated[int | None, Meta(description="Number of the unanswered search that the desk was told of.")]
    next: str | None


class SuggestQuery(Struct, frozen=True, kw_only=True):
    """What has been typed so far."""

    q: Annotated[str, Meta(description="What has been typed so far.", examples=["pass"])]
    language: Language | None = None


class Suggested(Struct, frozen=True, kw_only=True):
    """Something that may be meant."""

    kind: SuggestionKind
    title: str
    #: Title of the article that a heading is in; otherwise empty.
    context: str
    url: str
    #: Of the article; empty for a query.
    slug: str


class SuggestAnswer(Struct, frozen=True, kw_only=True):
    """What may be meant, likeliest first."""

    items: list[Suggested]


class TopicsQuery(Struct, frozen=True, kw_only=True):
    """For whom."""

    language: Language | None = None


class TopicShown(Struct, frozen=True, kw_only=True):
    """A shelf of the help centre."""

    slug: str
    title: str
    url: str
    #: How many articles stand in it for readers of the language, those in other languages among them.
    articles: int


class TopicsAnswer(Struct, frozen=True, kw_only=True):
    """All topics, in the order of the help centre."""

    items: list[TopicShown]


class ArticlesQuery(Paged, frozen=True, kw_only=True):
    """Which articles; what is not given does not narrow."""

    language: Annotated[Language | None, Meta(description="Only texts in this language; without it all texts.")] = None
    topic: Slug | None = None
    updated_since: Annotated[
        date | None,
        Meta(description="Changed on this day or later, as their writers say. `fingerprint` tells every change."),
    ] = None


class ArticleListed(Struct, frozen=True, kw_only=True):
    """An article in one language, without its text."""

    slug: str
    language: Code
    title: str
    summary: str
    topic: str
    tags: list[str]
    updated: date
    url: str
    fingerprint: Annotated[str, Meta(description="Changes with every change of title, summary or text.")]


class ArticlePath(Struct, frozen=True, kw_only=True):
    """Which article, for readers of which language."""

    language: Language
    slug: Slug


class ArticleQuery(Struct, frozen=True, kw_only=True):
    """How an article is read."""

    visit: Annotated[
        Visit | None, Meta(description="Of the person who opens it; only then it is counted as opened.")
    ] = None


class Section(Struct, frozen=True, kw_only=True):
    """A part of an article."""

    #: Empty for what stands before the first heading.
    anchor: str
    heading: str
    level: int
    #: Plain text.
    text: str


class ArticleIn(Struct, frozen=True, kw_only=True):
    """A language in which an article can be read."""

    language: Code
    url: str


class ArticleShown(ArticleListed, frozen=True, kw_only=True):
    """An article as readers of a language see it."""

    html: Annotated[str, Meta(description="Safe HTML; headings begin with the second level, addresses are absolute.")]
    sections: list[Section]
    freshness: Annotated[
        Literal["source", "fresh", "stale", "outdated", "unknown"],
        Meta(description="How a translation stands to its source; `outdated`: the source changed critically since."),
    ]
    languages: list[ArticleIn]
    #: Of a text from elsewhere: under which licence, and where it comes from.
    license: str | None
    origin: str | None
    shown_in: Annotated[
        Code | None,
        Meta(description="The language of the text where there is none in the language asked for; say so to readers."),
    ]


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long somebody has read an article."""

    seconds: Annotated[int, Meta(ge=0, le=99_999, description="More than an hour counts as an hour.")]
    visit: Annotated[Visit, Meta(description="In which they searched and opened the article.")]


class Opinion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an article helped."""

    is_helpful: bool
    #: Why not.
    reason: Reason | None = None
    comment: Annotated[str, Meta(max_length=OPINION_LENGTH)] = ""
    voter: (
        Annotated[
            str,
            Meta(
                min_length=16,
                max_length=64,
                description="Chosen at random by the caller for one person: their next vote on the article replaces"
                " this one. Stored as a hash alone.",
            ),
        ]
        | None
    ) = None
    visit: Visit | None = None
