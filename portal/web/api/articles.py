"""Topics and articles through the API, in all languages, and what readers think of them."""

import hashlib
import re
from typing import Any
from urllib.parse import urljoin

from flask import request, url_for

from portal.errors import NotFound
from portal.knowledge import Published
from portal.locales import LANGUAGES
from portal.privacy import mask
from portal.storage import feedback
from portal.storage.published import Content
from portal.web.api import models, shares, visiting
from portal.web.api.endpoints import Call, endpoint
from portal.web.api.paging import Page
from portal.web.api.search import TAG, article_url, known_topic
from portal.web.links import absolute
from portal.web.services import services

#: A link or an image in an article's own safe HTML, whatever stands in its attributes; and each of these.
_TAG = re.compile(r'<(?:a|img)\b(?:[^>"]|"[^"]*")*>')
_ATTRIBUTE = re.compile(r'([^\s"=]+)="([^"]*)"')
_ELSEWHERE = ("https:", "http:", "mailto:", "tel:", "#")


@endpoint("GET", "/topics", tag=TAG, summary="List the topics")
def list_topics(call: Call, query: models.TopicsQuery) -> models.TopicsAnswer:  # noqa: ARG001 - the frame reads it.
    """The topics that have articles for readers of a language, in the order of the help centre."""
    code = call.language
    return models.TopicsAnswer(
        items=[
            models.TopicShown(
                slug=shelf.topic.slug,
                title=shelf.topic.name(code),
                url=absolute(url_for("help.topic", language=code, topic=shelf.topic.slug)),
                articles=len(shelf.articles),
            )
            for shelf in services().edition.knowledge.shelves(code)
        ]
    )


@endpoint("GET", "/articles", tag=TAG, summary="List the articles", has_etag=True, narrows=True)
def list_articles(call: Call, query: models.ArticlesQuery) -> Page[models.ArticleListed]:
    """The articles that everybody can read, in all languages, without their texts; by slug, then by language.

    To keep a copy, read the whole list and compare each `fingerprint`; the ETag says whether anything has changed.
    """
    after = call.position(tuple[str, str])
    known_topic(query.topic)
    call.check(_digest())
    articles = services().edition.knowledge.articles.values()
    found = sorted((item for item in articles if _is_asked_for(item, query)), key=_place)
    rest = [item for item in found if after is None or _place(item) > after]
    shown = rest[: query.limit]
    return call.page([_listed(item) for item in shown], _place(shown[-1]) if len(rest) > len(shown) else None)


def _digest(*depends: object) -> str:
    """What changes with what an answer depends on: the publication, this version, our address, and more."""
    parts = (services().edition.knowledge.digest, services().build, absolute(""), request.full_path, *depends)
    return hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _place(item: Published) -> tuple[str, str]:
    """Where an article stands in the list."""
    return item.article.slug, item.article.language


def _is_asked_for(item: Published, query: models.ArticlesQuery) -> bool:
    """Whether an article belongs to a list."""
    article = item.article
    return (
        (query.language is None or article.language == query.language)
        and (not query.topic or article.topic == query.topic)
        and (query.updated_since is None or article.updated >= query.updated_since)
    )


def _listed(item: Published) -> models.ArticleListed:
    """An article without its text."""
    return models.ArticleListed(**_facts(item))


def _facts(item: Published) -> dict[str, Any]:
    """What lists tell of an article."""
    names = ("slug", "language", "title", "summary", "topic", "updated")
    return {
        **{name: getattr(item.article, name) for name in names},
        "tags": list(item.article.tags),
        "url": article_url(item.article.language, item.article.slug),
        "fingerprint": item.fingerprint,
    }


def _choose(path: models.ArticlePath) -> Published:
    """The text that readers of a language are shown, also by a slug that the article had before.

    Raises:
        NotFound: there is none.
    """
    item = services().edition.knowledge.choose(path.language, path.slug.lower())
    if item is None:
        raise NotFound(path.slug)
    return item


@endpoint("GET", "/articles/{language}/{slug}", tag=TAG, summary="Read an article", has_etag=True)
def get_article(call: Call, path: models.ArticlePath, query: models.ArticleQuery) -> models.ArticleShown:
    """An article as readers of a language see it: in their language, or in the best other one, see `shown_in`.

    A slug that the article had before finds it too; `slug` is the one that it has now.
    """
    item = _choose(path)
    code, slug = item.article.language, item.article.slug
    visiting.note_opened(call.caller, slug, path.language, code, query.visit)
    call.check(_digest(item.fingerprint))
    content = services().edition.content(code, slug)
    if content is None:  # A newer generation has taken it away since this request began.
        raise NotFound(slug)
    return _shown(item, content, path.language)


def _shown(item: Published, content: Content, language: str) -> models.ArticleShown:
    """An article with its text."""
    knowledge, code, slug = services().edition.knowledge, item.article.language, item.article.slug
    facts = _facts(item) | {"language": language, "url": article_url(language, slug)}
    return models.ArticleShown(
        **facts,
        html=absolutely(content.html, article_url(code, slug)),
        sections=[
            models.Section(anchor=anchor, heading=heading, level=level, text=text)
            for anchor, heading, text, level in content.sections
        ],
        freshness=knowledge.freshness(item).value,
        languages=[
            models.ArticleIn(language=each, url=article_url(each, slug))
            for each in LANGUAGES
            if each in knowledge.families[slug]
        ],
        license=item.article.license,
        origin=item.article.origin,
        shown_in=code if code != language else None,
    )


def absolutely(html: str, base: str) -> str:
    """An article's HTML with addresses that lead to the same place from anywhere.

    Args:
        html: as it was published: made safe, every attribute in double quotes.
        base: address of the article's page.
    """

    def full(found: re.Match[str]) -> str:
        is_ours = found[1] in {"href", "src"} and not found[2].lower().startswith(_ELSEWHERE)
        return f'{found[1]}="{urljoin(base, found[2])}"' if is_ours else found[0]

    return _TAG.sub(lambda tag: _ATTRIBUTE.sub(full, tag[0]), html)


@endpoint(
    "POST",
    "/articles/{language}/{slug}/reading",
    tag=TAG,
    summary="Say how long an article was read",
    example=models.Reading(seconds=45, visit="Zm9vYmFyYmF6cXV4MTIz"),
)
def read_article(call: Call, path: models.ArticlePath, body: models.Reading) -> None:
    """Tell that somebody leaves an article that they have opened, for a search that led to it to count as a success.

    As the pages do by a script of their own: half a minute and more counts as read.
    """
    visiting.note_read(call.caller, body.visit, _choose(path).article, body.seconds)


@endpoint(
    "POST",
    "/articles/{language}/{slug}/feedback",
    tag=TAG,
    summary="Say whether an article helped",
    example=models.Opinion(is_helpful=False, reason=feedback.Reason.UNCLEAR, comment="Step 2 lacks a picture."),
)
def rate_article(call: Call, path: models.ArticlePath, body: models.Opinion) -> None:
    """Count whether an article helped; the same voter's next opinion replaces this one."""
    item = _choose(path)
    given = feedback.Vote(
        item.article.slug,
        item.article.language,
        visiting.voter(call.caller, body.voter),
        body.is_helpful,
        item.fingerprint,
        body.reason,
        mask(body.comment.strip())[: feedback.COMMENT_LENGTH],
    )
    with shares.one(call, "vote"), services().database.write() as connection:
        feedback.vote(connection, given, call.now)
    visiting.note_vote(call.caller, body.visit, given)
