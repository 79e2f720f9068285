"""Which article has been begun for a gap: the one that says it answers the question, or that somebody plans to."""

from functools import lru_cache

from portal.articles import Status
from portal.drafts import UNNAMED, file_name
from portal.knowledge import KnowledgeBase, Published
from portal.privacy import mask, without_masks
from portal.queries import read_query
from portal.storage.unanswered import Gap
from portal.writing.planning.naming import suggest


def as_asked(language: str, text: str) -> str:
    """A search as it can be shown in a file: masked, and without the masks; empty where nothing is left."""
    line = read_query(language, without_masks(mask(text))).text
    return line if any(map(str.isalnum, line)) else ""


def begun(knowledge: KnowledgeBase, gap: Gap) -> Published | None:
    """The article in a gap's language that is to answer it, a draft or published; None where nobody has begun it.

    Args:
        knowledge: the articles with their drafts.
        gap: of a missing article or a missing translation.
    """
    asked = as_asked(gap.language, gap.query)
    slug = _answering(knowledge).get((gap.language, asked.casefold())) if asked else None
    for candidate in (slug, knowledge.aliases.get(gap.slug, gap.slug)):
        key = gap.language, candidate or ""
        if (found := knowledge.articles.get(key) or knowledge.internal.get(key)) is not None:
            return found
    # A draft may have lost its `answers`, and keeps its name.
    for name in {file_name(asked), suggest(asked)} - {UNNAMED} if asked else ():
        found = knowledge.internal.get((gap.language, name))
        if found is not None and found.article.status is Status.DRAFT:
            return found
    return None


@lru_cache(maxsize=2)
def _answering(knowledge: KnowledgeBase) -> dict[tuple[str, str], str]:
    """The article that says it answers a question, by language and question; a published one before a draft."""
    return {
        (language, answer.casefold()): slug
        for texts in (knowledge.internal, knowledge.articles)
        for (language, slug), item in texts.items()
        for answer in item.article.answers
    }
