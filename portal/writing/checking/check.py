"""The check of all articles: every problem of every file in one run, in one order."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from portal import library, redirects, vocabulary
from portal.articles import Topic, internal
from portal.front_matter import BadYaml, compose
from portal.locales import CODES, source_order
from portal.parallel import Progress
from portal.problems import Problem
from portal.topics import TOPICS, read_topics
from portal.writing.checking.accepting import read_accepted
from portal.writing.checking.cache import decode, load, save
from portal.writing.checking.gathering import gather
from portal.writing.checking.rulebook import READING, RULES
from portal.writing.checking.texts import Collection, Facts
from portal.writing.rules import aliases, images, left_over, links, redirecting, shelving, translations, wording

#: What a kept file that somebody has tampered with can lead to.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def check_articles(
    root: Path,
    default_language: str,
    today: date,
    progress: Progress = lambda _done, _total: None,
    cache: Path | None = None,
) -> list[Problem]:
    """Every problem of every article, by path, line and column.

    Args:
        root: folder of the articles.
        default_language: the likeliest source of a family.
        today: by which days of review are judged.
        progress: told of every file.
        cache: what was found in each file is kept here for the next run; None keeps nothing.

    Raises:
        CannotStart: the folder cannot be used.
    """
    kept = load(cache, root)
    with _without_collections():
        if kept:
            try:
                return _check(root, default_language, today, progress, cache, kept)
            except _BROKEN:
                pass  # Not ours, or ours and wrong: then the same error comes again.
        return _check(root, default_language, today, progress, cache, {})


@contextmanager
def _without_collections() -> Iterator[None]:
    """Let garbage lie: of half a million small values that all stay, looking for it takes longer than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check(
    root: Path,
    default_language: str,
    today: date,
    progress: Progress,
    cache: Path | None,
    kept: dict[str, str],
) -> list[Problem]:
    """Every problem, with what was kept of an earlier run."""
    found = library.scan(root)
    lines = gather(found.files, root, kept, progress)
    problems = list(found.problems)
    texts: dict[tuple[str, str], Facts] = {}
    for file in found.files:
        path = f"{file.language}/{file.slug}.md"
        own, facts = decode(lines[path], path)
        problems += own
        if facts is not None:
            texts[file.language, file.slug] = facts
    topics, of_topics = read_topics(root)
    problems += [*of_topics, *vocabulary.read_glossary(root)[1]]
    for code in CODES:
        problems += vocabulary.read_synonyms(root, code)[1]
    broken: dict[str, frozenset[str]] = {}
    for file in found.files:
        if (file.language, file.slug) not in texts:
            broken[file.slug] = broken.get(file.slug, frozenset()) | {file.language}
    collection = replace(_collection(root, texts, topics, default_language), broken=broken)
    problems += _of_collection(root, collection, topics, today)
    accepted = read_accepted(root, RULES.keys(), READING)
    unique = {problem.place: problem for problem in (*accepted.problems, *accepted.rest(problems))}
    if lines != kept:
        save(cache, root, lines)
    return [unique[place] for place in sorted(unique)]


def _collection(
    root: Path, texts: dict[tuple[str, str], Facts], topics: Sequence[Topic], default_language: str
) -> Collection:
    """All texts with what they refer to."""
    old_slugs = redirects.read(root)
    return Collection(
        texts,
        frozenset(topic.slug for topic in topics),
        _images(root),
        old_slugs.mapping,
        source_order(default_language),
        internal(topics),
        frozenset(slug for topic in topics for slug in topic.featured),
        old_slugs.given_up,
    )


def _of_collection(root: Path, collection: Collection, topics: Sequence[Topic], today: date) -> Iterator[Problem]:
    """What is wrong between the texts."""
    for module in (shelving, wording, links, images, aliases, translations, left_over):
        yield from module.of_collection(collection, today)
    yield from redirecting.of_folder(root, collection)
    yield from shelving.of_topics(collection, topics, _topic_lines(root))


def _images(root: Path) -> dict[str, int]:
    """Names and sizes of the images; as the portal does, none that lies elsewhere."""
    folder = root / "images"
    sizes = {}
    if folder.is_dir():
        inside = folder.resolve()
        for path in folder.iterdir():
            if not path.name.startswith(".") and path.is_file() and path.resolve().is_relative_to(inside):
                sizes[path.name] = path.stat().st_size
    return sizes


def _topic_lines(root: Path) -> dict[str, int]:
    """The line of each topic in its file."""
    try:
        text = (root / TOPICS).read_text(encoding="utf-8-sig")
        return {slug: line for slug, _, line in compose(text)}
    except (OSError, UnicodeDecodeError, BadYaml):
        return {}
