"""Rules of aliases: an earlier slug leads to one article, and is not the slug of another."""

from collections.abc import Iterator
from datetime import date

from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Collection, Facts

RULES = (
    Rule(
        "alias-in-use",
        Severity.ERROR,
        "an alias is the slug of another article",
        "Old addresses show the other article: a slug that is in use never leads elsewhere.",
        "Remove the alias, or rename the other article.",
    ),
    Rule(
        "duplicate-alias",
        Severity.ERROR,
        "two articles have the same alias",
        "Old addresses lead to one of them, and nobody decides which.",
        "Keep it in the article that has taken its place.",
    ),
    Rule(
        "alias-of-itself",
        Severity.WARNING,
        "an article's alias is its own slug, or stands there twice",
        "It has no effect.",
        "Remove it.",
    ),
)


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """Aliases that lead elsewhere than their writer thinks."""
    first: dict[str, Facts] = {}
    slugs = {slug for _, slug in collection.texts}
    for _, facts in sorted(collection.texts.items()):
        article = facts.article
        line = facts.line("aliases")
        for place, alias in enumerate(article.aliases):
            if alias == article.slug or alias in article.aliases[:place]:
                message = f"{alias!r} is the slug of this article." if alias == article.slug else f"{alias!r} is twice."
                yield Problem(facts.path, line, "alias-of-itself", message, Severity.WARNING)
            elif alias in slugs:
                message = f"{alias!r} is the slug of an article, which old addresses show instead."
                yield Problem(facts.path, line, "alias-in-use", message)
            elif (other := first.setdefault(alias, facts)).article.slug != article.slug:
                yield Problem(facts.path, line, "duplicate-alias", f"{alias!r} is an alias in {other.path} too.")
