"""Drafts, texts with errors and articles for writers: a list of them, and each as its file stands now."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, redirect, render_template, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal.articles import Audience, Status, Topic
from portal.errors import NotFound
from portal.knowledge import Published
from portal.library import SourceFile
from portal.locales import choices
from portal.people import Right
from portal.problems import Problem
from portal.web.i18n import language
from portal.web.security import needs
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.families import Family, image_address, page_of, previews, state_of, unchanged, visibility
from portal.web.writers.words import FRESHNESS, VISIBILITY, Visibility
from portal.writing.checking.rulebook import RULES
from portal.writing.live.preview import Preview, Quotation, with_images

#: Rows of each list.
SHOWN = 200
#: Files that were written last.
LAST = 10


@blueprint.get("/articles/")
@needs(Right.WRITE_ARTICLES)
def articles() -> AnyResponse:
    """What is not for everybody yet or at all, and what was saved last."""
    state = state_of(services().edition.knowledge.generation)
    return page_of(render_template("desk/preview_articles.html", state=state, **_lists()), state)


@blueprint.get("/articles/fresh")
@needs(Right.WRITE_ARTICLES)
def fresh_articles() -> AnyResponse:
    """The list, where it has changed since the page was made."""
    state = state_of(services().edition.knowledge.generation)
    return unchanged(state) or page_of(
        render_template("desk/preview_articles_live.html", state=state, **_lists()), state
    )


@dataclass(frozen=True)
class Entry:
    """An article of a topic for writers."""

    item: Published
    #: Every language that it exists in.
    languages: tuple[str, ...]


def _lists() -> dict[str, Any]:
    """All that the list shows."""
    edition = services().edition
    knowledge = edition.knowledge
    drafts = [item for item in knowledge.internal.values() if item.article.status is Status.DRAFT]
    drafts.sort(key=lambda item: (item.article.slug, item.article.language))
    problems = edition.problems()
    return {
        "problems": problems[:SHOWN],
        "problem_count": len(problems),
        "text_of": _text_of,
        "drafts": drafts[:SHOWN],
        "draft_count": len(drafts),
        "sections": _sections(),
        "saved": edition.saved_last(LAST),
        "topic_name": lambda slug: knowledge.topic(slug).name(language()),
        "known": lambda code, slug: knowledge.articles.get((code, slug)) or knowledge.internal.get((code, slug)),
        "visibility": visibility,
        "words": VISIBILITY,
    }


def _text_of(problem: Problem) -> tuple[str, str] | None:
    """Language and slug of the text that a problem is in, where it has a page; None for other files."""
    code, _, name = problem.path.partition("/")
    slug = name.removesuffix(".md")
    return (code, slug) if name.endswith(".md") and any(previews().look(code, slug)) else None


def _sections() -> list[tuple[Topic, list[Entry]]]:
    """The topics for writers with their articles, each once, for readers of the page's language."""
    knowledge = services().edition.knowledge
    families: dict[str, dict[str, Published]] = {}
    for (code, slug), item in knowledge.internal.items():
        if item.article.status is not Status.DRAFT:
            families.setdefault(slug, {})[code] = item
    grouped: dict[str, list[Entry]] = {}
    for texts in families.values():
        item = texts[choices(language(), texts)[0]]
        grouped.setdefault(item.article.topic, []).append(Entry(item, tuple(texts)))
    topics = [topic for topic in knowledge.topics if topic.audience is Audience.WRITERS]
    return [
        (topic, sorted(grouped.get(topic.slug, ()), key=lambda entry: entry.item.article.title.casefold()))
        for topic in topics
    ]


@dataclass(frozen=True)
class _Shown:
    """A text as it can be shown at this moment."""

    state: str
    values: dict[str, Any]


@blueprint.get("/articles/<language:code>/<slug>")
@needs(Right.WRITE_ARTICLES)
def article(code: str, slug: str) -> AnyResponse:
    """A text as its file stands now: published, draft, or its errors with their lines."""
    file, problem = previews().look(code, slug)
    if file is None and problem is None:
        return _elsewhere(code, slug)
    shown = _show(code, slug, file, problem)
    return page_of(render_template("desk/preview_article.html", state=shown.state, **shown.values), shown.state)


@blueprint.get("/articles/<language:code>/<slug>/fresh")
@needs(Right.WRITE_ARTICLES)
def fresh_article(code: str, slug: str) -> Response:
    """The text, where its file or what is shown of others has changed since the page was made."""
    file, problem = previews().look(code, slug)
    if file is None and problem is None:
        raise NotFound(slug)
    shown = _show(code, slug, file, problem)
    live = partial(render_template, "desk/preview_article_live.html", state=shown.state)
    return unchanged(shown.state) or page_of(live(**shown.values), shown.state)


def _elsewhere(code: str, slug: str) -> AnyResponse:
    """Lead from a language that a text does not exist in to where it can be read.

    Raises:
        NotFound: nobody has such a text.
    """
    knowledge = services().edition.knowledge
    if slug in knowledge.families:
        return redirect(url_for("help.article", slug=slug, language=code))
    if found := choices(code, previews().family(slug)):
        return redirect(url_for("writers.article", code=found[0], slug=slug))
    if target := knowledge.aliases.get(slug):
        return redirect(url_for("writers.article", code=code, slug=target))
    raise NotFound(slug)


def _show(code: str, slug: str, file: SourceFile | None, problem: Problem | None) -> _Shown:
    """A text, or what keeps its file from being one."""
    preview = previews().preview(file) if file else None
    errors = preview.errors if preview else (Quotation(problem),) if problem else ()
    made = preview.article if preview else None
    family = Family(slug)
    knowledge = services().edition.knowledge
    sight = (
        visibility(made if not errors else None, preview.fingerprint if preview else "") if preview or errors else None
    )
    versions = previews().image_versions(preview) if preview else {}
    siblings = [sibling for sibling in family.siblings() if sibling.language != code]
    topic = knowledge.topic(made.topic).name(language()) if made else ""
    own_freshness = family.freshness(code)
    state = state_of(code, slug, file, problem, preview is None, sight, versions, siblings, topic, own_freshness)
    return _Shown(
        state,
        {
            "code": code,
            "slug": slug,
            "article": made if not errors else None,
            "preview": preview,
            "errors": errors,
            "findings": preview.findings if preview else (),
            "body": _body(preview, versions) if preview else "",
            "contents": preview.contents if preview and len(preview.contents) >= 3 else (),
            "visibility": sight,
            "topic": topic,
            "siblings": siblings,
            "freshness": own_freshness,
            "source": family.source,
            "words": VISIBILITY,
            "freshness_words": FRESHNESS,
            "rules": RULES,
            "is_public": sight in {Visibility.PUBLIC, Visibility.SOON} and slug in knowledge.families,
        },
    )


def _body(preview: Preview, versions: dict[str, str]) -> Markup:
    """The text with images that are as new as their files."""
    html = with_images(preview.html, lambda name: image_address(versions, url_for("discovery.image", name=name), name))
    return Markup(html)  # noqa: S704  # nosec B704 - writers' Markdown, made safe by `markup.render`.
