"""A change in a source that needs no translation: translations that were fresh with the text before stay so."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from portal.articles import Significance
from portal.writing.files.families import Family, File, Refused
from portal.writing.files.history import History, Version
from portal.writing.files.rewriting import Value
from portal.writing.translation.translating import change


class Outcome(StrEnum):
    """What became of a translation."""

    #: It was made from the text before, and now names the present one.
    TOUCHED = "touched"
    #: It names the present text already.
    FRESH = "fresh"
    #: It was made from another text, and still has to be brought up to date.
    STALE = "stale"
    #: It does not say what it was made from.
    UNKNOWN = "unknown"
    #: Its file has an error.
    BROKEN = "broken"


@dataclass(frozen=True)
class Touched:
    """What was done, or would be."""

    source: str
    #: Fingerprints of the source's text before the change and now.
    before: str
    now: str
    #: By path, relative to the folder of the articles.
    outcomes: dict[str, Outcome]
    #: Of the source, where it had to be changed too: what its significance is now; empty where it has none.
    significance: str | None = None


def touch(
    family: Family,
    root: Path,
    *,
    since: str = "HEAD",
    before: str = "",
    languages: tuple[str, ...] = (),
    is_trial: bool = False,
) -> Touched:
    """Let the translations that were made from a source's text before a change name its present text.

    Those that were stale stay stale. `significance: typo` would make all of them look fresh: it gives way to the one
    that the source had before.

    Args:
        family: the article.
        root: folder of the articles.
        since: the revision that has the source's text before the change.
        before: that text's fingerprint, where git does not know it.
        languages: only these translations; none for all.
        is_trial: nothing is changed.

    Raises:
        Refused: the text before is not known, or is the present one, a file cannot be changed, or a translation that is
            not named would become stale by the loss of `significance: typo`.
    """
    source = family.source
    then = None if before else _before(source, root, since)
    old = before or (then.fingerprint if then else "")
    outcomes: dict[str, Outcome] = {}
    changes: list[tuple[File, dict[str, Value]]] = []
    for code, file in family.files.items():
        if file is source or (languages and code not in languages):
            continue
        outcomes[file.shown] = outcome = _outcome(file, old, source.fingerprint)
        if outcome is Outcome.TOUCHED:
            changes.append((file, {"source": source.fingerprint}))
    for code, problem in family.faults.items():
        if not languages or code in languages:
            outcomes[problem.path] = Outcome.BROKEN
    significance = None
    if source.article.significance is Significance.TYPO:
        _must_be_all(family, old, languages)
        earlier = then.article.significance if then else None
        significance = earlier.value if earlier and earlier is not Significance.TYPO else ""
        changes.append((source, {"significance": significance or None}))
    if changes and not is_trial:
        change(changes)
    return Touched(source.shown, old, source.fingerprint, outcomes, significance)


def _must_be_all(family: Family, before: str, languages: tuple[str, ...]) -> None:
    """Refuse to touch some languages where others that were fresh with the text before would become stale.

    Raises:
        Refused: as it says.
    """
    source = family.source
    others = [file for code, file in family.files.items() if languages and code not in languages and file is not source]
    left = [file.shown for file in others if _outcome(file, before, source.fingerprint) is Outcome.TOUCHED]
    if left:
        raise Refused(
            f"{source.shown} says significance: typo, which keeps {', '.join(left)} fresh too and would be removed:"
            " touch all languages at once, without --language."
        )


def _outcome(file: File, before: str, now: str) -> Outcome:
    """What becomes of a translation."""
    named = file.article.source
    if named is None:
        return Outcome.UNKNOWN
    if named == now:
        return Outcome.FRESH
    return Outcome.TOUCHED if named == before else Outcome.STALE


def _before(source: File, root: Path, since: str) -> Version:
    """The source as it was at a revision.

    Raises:
        Refused: git does not know it, or it is the present text.
    """
    history, article = History(root), source.article
    version = history.committed(article.language, article.slug, since)
    if version is None:
        why = history.reason or f"{source.shown} is not in the revision {since[:100]!r}."
        raise Refused(f"{why} Name the fingerprint of the text before the change: --from FINGERPRINT.")
    if version.fingerprint == source.fingerprint:
        raise Refused(
            f"{source.shown} has the same text in the revision {since[:100]!r}: there is nothing to touch. If the change"
            " is committed, name the revision before it, such as --since HEAD~1."
        )
    return version
