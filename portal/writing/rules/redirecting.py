"""Rules of old slugs: each leads to an article that readers can open, and none that ever was is forgotten."""

import re
from collections.abc import Iterator
from pathlib import Path

from portal import redirects
from portal.articles import is_slug
from portal.locales import CODES
from portal.old_slugs import Fault, flatten
from portal.problems import Problem, Severity
from portal.redirects import GIVEN_UP, NAME, Redirects
from portal.rules import Rule
from portal.writing.checking.texts import Collection
from portal.writing.files.history import slugs_ever

#: So many lost addresses are named one by one; more are the import of another collection's history.
MOST_LOST = 50

#: A link to an article, as writers may write it.
ARTICLE_LINK = re.compile(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([^/#?]+)\.md(?:[#?].*)?")

_E, _W = Severity.ERROR, Severity.WARNING
RULES = (
    Rule(
        "bad-redirects",
        _E,
        "`redirects.yml` cannot be read",
        "As long as nothing can be made of it, old slugs lead where they did when it could be read last; a portal that is "
        "made anew knows none of them.",
        "Correct the line: each has the form `old-slug: new-slug`. The file is UTF-8, at most 512 KiB.",
    ),
    Rule(
        "bad-redirect",
        _E,
        "a line of `redirects.yml` is not `old-slug: new-slug`",
        "The line is left out, so bookmarks of the old slug end on “page does not exist”.",
        "Write both slugs without language, folder, `.md` and anchor. Where an address is gone on purpose, write `~` in place "
        "of the new slug.",
    ),
    Rule(
        "too-many-redirects",
        _E,
        f"`redirects.yml` has more than {redirects.MAX_ENTRIES:,} lines",
        "The lines below are left out.",
        "Take out the oldest ones that nobody asks for any more.",
    ),
    Rule(
        "duplicate-redirect",
        _E,
        "an old slug is told twice where it leads",
        "Only one of them counts: the first line of `redirects.yml`, and that file before an article's `aliases`.",
        "Keep the one that is right. Take the other line out, or the slug out of the article's `aliases`.",
    ),
    Rule(
        "redirect-loop",
        _E,
        "old slugs lead to each other in a circle",
        "None of them leads to an article; readers get “page does not exist”.",
        "Let one of them lead to an article that exists.",
    ),
    Rule(
        "dead-redirect",
        _E,
        "an old slug leads to a slug that no article has",
        "Bookmarks and search engines that know the old slug end on “page does not exist”.",
        "Correct the new slug; most often it is mistyped, or its article was deleted: `portal articles retire SLUG --to OTHER` "
        "would have kept it. Write `~` in its place where the address is gone on purpose.",
    ),
    Rule(
        "redirect-of-used-slug",
        _E,
        "an old slug leads away from an article that exists",
        "The article is shown and the line has no effect: who kept the address of the old article sees another one.",
        "Rename the new article, or take the line out if it is the same article that got its old name back.",
    ),
    Rule(
        "redirect-to-draft",
        _W,
        "an old slug leads to an article that readers cannot open",
        "As long as it is a draft, or in a topic for writers, readers of the old address get “page does not exist”.",
        "Publish the draft, or let the old slug lead to a published article meanwhile.",
    ),
    Rule(
        "lost-address",
        _W,
        "a slug that was once committed is neither an article nor an old slug that leads to one",
        "Bookmarks, mails and search engines may still know it; they end on “page does not exist”.",
        "Add `old-slug: new-slug` to `redirects.yml`, or `old-slug: ~` where nothing takes its place. "
        "`portal articles rename` and `portal articles retire` do it by themselves.",
    ),
    Rule(
        "link-to-old-slug",
        _W,
        "a link names an article by a slug that it no longer has",
        "It works, by way of the redirect; but it costs readers a second round trip, and stops working with the redirect.",
        "Write the slug that the message names.",
    ),
)


def of_folder(root: Path, collection: Collection) -> Iterator[Problem]:
    """What is wrong with `redirects.yml`, with what was left out of it, and with links to old slugs.

    Args:
        root: folder of the articles; if it lies in a git repository, that knows every slug there was.
        collection: its texts.
    """
    found = redirects.read(root)
    yield from found.problems
    owners = _owners(collection)
    # A draft counts: it is the writer's next step, and told apart below.
    slugs = {slug for _, slug in collection.texts}
    leads, faults = flatten(found.mapping, {alias: slug for alias, (slug, _) in owners.items()}, slugs)
    yield from _of_entries(root, found, leads, faults, collection)
    yield from _of_both(found, owners)
    yield from _of_links(collection, leads)
    if not found.problems:
        yield from _lost(root, slugs | owners.keys() | {entry.old for entry in found.entries})


def _owners(collection: Collection) -> dict[str, tuple[str, str]]:
    """The family and the file that name each alias; where several do, those that count for readers."""
    return {
        alias: (slug, facts.path)
        for (_, slug), facts in sorted(collection.texts.items(), key=lambda entry: entry[0])
        for alias in facts.article.aliases
    }


def _of_entries(
    root: Path, found: Redirects, leads: dict[str, str], faults: dict[str, Fault], collection: Collection
) -> Iterator[Problem]:
    """What is wrong with the lines of the file."""
    told = {entry.old for entry in found.entries}
    for entry in found.entries:
        old, fault = entry.old, faults.get(entry.old)
        if fault is Fault.IN_USE:
            message = f"{old!r} is the slug of an article, which is shown instead."
            yield Problem(NAME, entry.line, "redirect-of-used-slug", message)
        elif entry.new is None:
            continue
        elif fault is Fault.LOOP:
            message = f"{old!r} leads to {entry.new!r} and from there in a circle."
            yield Problem(NAME, entry.line, "redirect-loop", message)
        elif fault is Fault.DEAD:
            # Of a chain, the line at its end is wrong; a file with errors of its own is named for those.
            if entry.new not in told and not _is_there(root, entry.new):
                message = f"{old!r} leads to {entry.new!r}, which is no article."
                yield Problem(NAME, entry.line, "dead-redirect", message)
        elif leads[old] not in collection.public:
            message = f"{old!r} leads to {leads[old]!r}, which is a draft or for writers in every language."
            yield Problem(NAME, entry.line, "redirect-to-draft", message, _W)


def _is_there(root: Path, slug: str) -> bool:
    """Whether a slug has a file, readable or not."""
    return any((root / code / f"{slug}.md").exists() for code in CODES)


def _of_both(found: Redirects, owners: dict[str, tuple[str, str]]) -> Iterator[Problem]:
    """Old slugs that the file and an article tell of."""
    for entry in found.entries:
        if entry.old in owners:
            message = f"{entry.old!r} is an alias in {owners[entry.old][1]} too; this line counts."
            yield Problem(NAME, entry.line, "duplicate-redirect", message)


def _of_links(collection: Collection, leads: dict[str, str]) -> Iterator[Problem]:
    """Links to old slugs."""
    if not leads:
        return
    for facts in collection.texts.values():
        for link in facts.outline.links:
            match = None if link.is_image else ARTICLE_LINK.fullmatch(link.target)
            if match and match[1] in leads:
                message = f"{match[1]}.md is {leads[match[1]]}.md now."
                yield Problem(facts.path, link.line, "link-to-old-slug", message, _W, link.column)


def _lost(root: Path, known: set[str]) -> Iterator[Problem]:
    """Slugs that git remembers and nothing here does."""
    ever = slugs_ever(root)
    lost: dict[str, str] = {}
    for code in CODES:
        for slug in ever.get(code, ()):
            if slug not in known and is_slug(slug) and not _is_there(root, slug):
                lost.setdefault(slug, code)
    for number, slug in enumerate(sorted(lost)):
        if number == MOST_LOST:
            message = f"{len(lost) - MOST_LOST} more slugs were once articles and lead nowhere now."
            yield Problem(NAME, 0, "lost-address", message, _W)
            return
        message = (
            f"{lost[slug]}/{slug}.md was once committed; {slug!r} leads nowhere now. Add it, or {slug}: {GIVEN_UP}."
        )
        yield Problem(NAME, 0, "lost-address", message, _W)
