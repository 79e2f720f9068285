"""Imported articles that would become translations of articles that were there before: whether anything says so."""

from collections.abc import Container
from pathlib import Path

from portal.locales import CODES
from portal.writing.importing.families import Placed
from portal.writing.importing.mapping import Rules
from portal.writing.importing.sources import Refused


def strangers(root: Path, language: str, slug: str, kept: Container[tuple[str, str]]) -> tuple[str, ...]:
    """The articles that one would be a translation of, where none of them belongs to this import.

    Args:
        root: folder of the articles.
        language: of the article.
        slug: of the article.
        kept: language and slug of each article of this import that is there, or will be.
    """
    codes = [code for code in CODES if (root / code / f"{slug}.md").exists()]
    if language in codes or any((code, slug) in kept for code in codes):
        return ()
    return tuple(f"{code}/{slug}.md" for code in codes)


def joined(there: tuple[str, ...], one: Placed, slug: str, rules: Rules) -> str:
    """What a person should know of an article that becomes a translation of what is there.

    Raises:
        Refused: only its name says that it is one, and the names are others'.
    """
    if not rules.is_identity and one.family != f"key {slug}":
        reason = f"{there[0]} is there already, and nothing says that this is its translation"
        raise Refused(f"{reason}: import both, name {slug!r} under a key of “family”, or give this one another slug")
    return f"it becomes a translation of {', '.join(there)}, which {'was' if len(there) == 1 else 'were'} there before"
