"""Rules between a text and its translations: which are missing, old, or lack something of their source."""

from collections.abc import Iterator, Mapping
from datetime import date

from portal.articles import Freshness, Status, freshness
from portal.locales import CODES
from portal.old_slugs import flatten
from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Collection, Facts
from portal.writing.files.families import origin_of
from portal.writing.rules.completeness import compare_shapes

RULES = (
    Rule(
        "missing-translation",
        Severity.WARNING,
        "an article does not exist in all languages",
        "Its readers see it in another language, with a banner that says so.",
        "Run `portal articles translate SLUG LANG`, which writes a file to fill in.",
    ),
    Rule(
        "missing-source",
        Severity.WARNING,
        "every text of a family says that it is a translation",
        "Without a source nobody can tell which of them are out of date.",
        "Remove `source` from the text that the others are made from.",
    ),
    Rule(
        "unknown-freshness",
        Severity.WARNING,
        "a translation does not say which text it was made from",
        "Nobody notices when its source changes, and its readers go on with what is no longer true.",
        "Compare it with its source, then run `portal articles translate SLUG LANG --done`.",
    ),
    Rule(
        "stale-translation",
        Severity.WARNING,
        "the source has changed since the translation was made",
        "Readers of the translation do not learn of the change.",
        "Run `portal articles translate SLUG LANG`, which shows what has changed, and once it is translated again with"
        " `--done`. If nothing needs translating, run `portal articles touch SLUG` instead.",
    ),
    Rule(
        "outdated-translation",
        Severity.WARNING,
        "the source has had a critical change since the translation was made",
        "What the translation says may do harm; a banner warns its readers and leads them to the source.",
        "As for `stale-translation`, at once.",
    ),
    Rule(
        "changed-anchor",
        Severity.WARNING,
        "a heading of a translation has another anchor than that of its source",
        "A link to the section leads to the top of the page in one of the languages.",
        "Write the source's anchor behind the heading, as in `## Überschrift {#anchor}`.",
    ),
    Rule(
        "missing-section",
        Severity.WARNING,
        "a translation lacks a section of its source",
        "Its readers do not get that part of the answer.",
        "Translate the section; if it is for readers of the source only, give the translation a heading that says so.",
    ),
    Rule(
        "extra-section",
        Severity.WARNING,
        "a translation has a section that its source has not",
        "Either the other languages lack something, or the translation still has what the source has given up.",
        "Add it to the source, or remove it from the translation.",
    ),
    Rule(
        "missing-code-block",
        Severity.WARNING,
        "a translation lacks a block of code of its source",
        "Its readers have nothing to copy.",
        "Copy the block; only remarks and texts in it are translated.",
    ),
    Rule(
        "left-out-image",
        Severity.WARNING,
        "a translation lacks an image of its source",
        "Its readers have to find their way without it.",
        "Add the image, or one in the text's language: `map.fr.png` stands for `map.png`.",
    ),
    Rule(
        "missing-link",
        Severity.WARNING,
        "a translation lacks a link of its source",
        "Its readers cannot go where the text sends them.",
        "Add the link; a page elsewhere may be linked in the text's language.",
    ),
)


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """What is wrong between the texts of each family."""
    slugs = {slug for _, slug in collection.texts}
    aliases = {alias: facts.article.slug for facts in collection.texts.values() for alias in facts.article.aliases}
    moved, _faults = flatten(collection.redirects, aliases, slugs)
    for slug in sorted(slugs):
        texts = {code: collection.texts[code, slug] for code in CODES if (code, slug) in collection.texts}
        origin = origin_of({code: text.article for code, text in texts.items()}, collection.preferred)
        yield from _of_family(texts, texts.get(origin), moved, collection.broken.get(slug, frozenset()))


def _of_family(
    texts: Mapping[str, Facts], source: Facts | None, moved: Mapping[str, str], broken: frozenset[str]
) -> Iterator[Problem]:
    """What is wrong between the texts of a family; what cannot be read for an error is there, and may be the source."""
    first = source or next(iter(texts.values()))
    if missing := [code for code in CODES if code not in texts and code not in broken]:
        message = f"There is no translation into {', '.join(missing)}."
        yield Problem(first.path, 0, "missing-translation", message, Severity.WARNING)
    for text in texts.values():
        if source is None and broken:
            return
        if source is None:
            message = "It is a translation, but no text of this family is its source."
            yield Problem(text.path, text.line("source"), "missing-source", message, Severity.WARNING)
        elif text is not source:
            yield from _of_translation(text, source, moved)


def _of_translation(text: Facts, source: Facts, moved: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with a translation."""
    state = freshness(text.article.source, source.fingerprint, source.article.significance)
    done = f"portal articles translate {text.article.slug} {text.article.language}"
    messages = {
        Freshness.UNKNOWN: (
            "unknown-freshness",
            f"It does not say which text of {source.path} it was made from; once it is up to date, run {done} --done.",
        ),
        Freshness.STALE: (
            "stale-translation",
            f"{source.path} has changed since it was translated; {done} shows how.",
        ),
        Freshness.OUTDATED: (
            "outdated-translation",
            f"{source.path} has had a critical change since it was translated; {done} shows it.",
        ),
    }
    if state in messages:
        yield Problem(text.path, text.line("source"), *messages[state], Severity.WARNING)
    # What has changed since explains every difference; what is being written is not finished.
    if state in {Freshness.FRESH, Freshness.UNKNOWN} and Status.DRAFT not in {
        text.article.status,
        source.article.status,
    }:
        yield from compare_shapes(source, text, moved)
