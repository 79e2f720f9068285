"""What readers think of the articles: the ranking, and of one article the votes by text and the comments together."""

from flask import render_template
from flask_babel import format_percent

from portal.articles import is_slug
from portal.errors import NotFound
from portal.locales import CODES
from portal.opinions import different, grouped
from portal.people import Right
from portal.storage import feedback as store
from portal.web.security import needs
from portal.web.services import services
from portal.web.writers import blueprint
from portal.web.writers.choosing import page_number, spoken, wanted
from portal.writing.planning.helpfulness import ENOUGH, WORSE_BY, alarms, standings
from portal.writing.planning.todo import slugs_of

#: Texts on one page of the ranking; comments of one article; and of those that say much the same.
PAGE_SIZE, COMMENTS, EXAMPLES = 50, 100, 3


@blueprint.get("/helpfulness")
@needs(Right.WRITE_ARTICLES)
def helpfulness() -> str:
    """The present texts that readers have voted on, the least helpful first; translations that do worse on top."""
    knowledge, tallies, language = services().edition.knowledge, services().tallies(), wanted()
    languages = spoken(language)
    found = [each for each in standings(knowledge, tallies).values() if each.language in languages]
    number = page_number()
    start = PAGE_SIZE * (number - 1)
    return render_template(
        "desk/writers_helpfulness.html",
        alarms=[each for each in alarms(knowledge, tallies) if each.translation.language in languages],
        standings=found[start : start + PAGE_SIZE],
        total=len(found),
        page=number,
        pages=-(-len(found) // PAGE_SIZE),
        chosen=language,
        articles=knowledge,
        percent=format_percent,
        worse_by=WORSE_BY,
        enough=ENOUGH,
    )


@blueprint.get("/feedback/<code>/<slug>")
@needs(Right.WRITE_ARTICLES)
def feedback(code: str, slug: str) -> str:
    """Votes for each text of an article, and what readers say, grouped, then all others; the present text's comments first."""
    edition = services().edition
    slug = edition.knowledge.aliases.get(slug, slug)
    item = edition.knowledge.articles.get((code, slug))
    slugs = slugs_of(edition.knowledge, slug)
    with services().database.read() as connection:
        revisions = store.revisions(connection, code, slugs) if code in CODES and is_slug(slug) else []
        if item is None and not revisions:
            raise NotFound(f"{code}/{slug}")
        now = item.fingerprint if item else ""
        present = store.comments(connection, code, slugs, now, COMMENTS) if now else []
        every = store.comments(connection, code, slugs, limit=2 * COMMENTS)
    groups = grouped(present)
    together = {id(each) for group in groups for each in group.answers}
    known = standings(edition.knowledge, services().tallies())
    source = edition.knowledge.source(slug) if item else None
    return render_template(
        "desk/writers_feedback.html",
        item=item,
        code=code,
        slug=slug,
        revisions=revisions,
        now=now,
        groups=[(len(group.answers), different(group.answers, EXAMPLES)) for group in groups],
        others=[each for each in present if id(each) not in together],
        earlier=[each for each in every if each.revision != now][:COMMENTS],
        alarm=next(
            (
                each
                for each in alarms(edition.knowledge, services().tallies())
                if (each.translation.language, each.translation.slug) == (code, slug)
            ),
            None,
        ),
        source=known.get((source.article.language, slug)) if source and source.article.language != code else None,
        articles=edition.knowledge,
        percent=format_percent,
    )
