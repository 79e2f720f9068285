"""Which files are the same article in several languages, and the slug that each family gets."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from portal.articles import SLUG_LENGTH
from portal.drafts import UNNAMED
from portal.locales import CODES
from portal.writing.importing.fields import dated, slug_of
from portal.writing.importing.mapping import Rules
from portal.writing.importing.sources import Refused, Source

#: Longest address of a page.
MAX_PAGE = 500
#: Keys of Jekyll and Hugo that say where a page is.
_PAGE_KEYS = ("permalink", "url")


@dataclass(frozen=True)
class Placed:
    """A file with its language and what it has in common with its translations."""

    path: str
    language: str
    #: The same in all translations.
    family: str
    #: The path without language, day and ending: where links lead.
    address: str
    #: The slug that it would have by itself; empty where nothing gives one.
    wish: str
    #: The addresses that its front matter gives its page.
    pages: tuple[str, ...] = ()


def language_of(source: Source, path: str, rules: Rules, given: str = "") -> str:
    """The language of a file.

    Args:
        source: the file.
        path: of the file.
        rules: how.
        given: of files that do not say it; empty where that is not known.

    Raises:
        Refused: nothing says it, or it is none of the portal's.
    """
    for place in rules.language_from:
        if place == "key":
            for key in rules.language_keys:
                if isinstance(value := source.front.get(key), str) and value:
                    if code := _code(value, rules):
                        return code
                    reason = f"its language {value[:20]!r} is none of {', '.join(CODES)}"
                    raise Refused(reason, source.lines.get(key, 1))
        elif place == "suffix":
            if code := _code(_suffix(path), rules):
                return code
        elif codes := [code for part in PurePosixPath(path).parts[:-1] if (code := _folder_code(part, rules))]:
            return codes[0]
    if found := given or rules.language_default:
        return found
    raise Refused("nothing says its language: see “language” in the mapping file, or --language")


def _code(text: str, rules: Rules) -> str:
    """The code of a language by their name or tag; empty for none of the portal's."""
    name = text.strip().lower()
    code = rules.language_values.get(name, name.replace("_", "-").partition("-")[0])
    return code if code in CODES else ""


def _folder_code(name: str, rules: Rules) -> str:
    """The language that a folder is named after; “de-icing” is none."""
    is_tag = re.fullmatch(r"[a-zA-Z]{2}(?:[-_][a-zA-Z]{2})?", name) is not None
    return _code(name, rules) if is_tag or name.lower() in rules.language_values else ""


def _suffix(path: str) -> str:
    """What stands before a file's ending: the “fr” of “reset.fr.md”."""
    return PurePosixPath(PurePosixPath(path).stem).suffix[1:]


def address_of(path: str, rules: Rules) -> str:
    """A path without language, day and ending: what all translations of an article have in common."""
    place = PurePosixPath(path)
    stem = place.stem
    if "suffix" in rules.language_from and _code(_suffix(path), rules):
        stem = PurePosixPath(stem).stem
    parts = list(place.parts[:-1])
    if "folder" in rules.language_from:
        at = next((at for at, part in enumerate(parts) if _folder_code(part, rules)), None)
        if at is not None:
            del parts[at]
    return "/".join((*parts, dated(stem)[1]))


def family_of(source: Source, address: str, rules: Rules) -> str:
    """What a file has in common with its translations."""
    for key in rules.family:
        value = source.front.get(key)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
            return f"key {value}"
    return f"path {address}"


def pages_of(source: Source) -> tuple[str, ...]:
    """The addresses that a file gives its page; patterns such as `/:title/` and names of them are none."""
    given = (source.front.get(key) for key in _PAGE_KEYS)
    return tuple(
        page for page in given if isinstance(page, str) and len(page) <= MAX_PAGE and "/" in page and "/:" not in page
    )


def slugs_of(placed: Sequence[Placed], preferred: Sequence[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The slug of each family.

    Where several would have the same, each gets one from its path; what is still the same is numbered.

    Args:
        placed: all files.
        preferred: codes of the languages whose file names a family, best first.

    Returns:
        Slug by family, and what was done to it.
    """
    members: dict[str, list[Placed]] = defaultdict(list)
    for one in placed:
        members[one.family].append(one)
    first = {family: min(found, key=lambda one: (preferred.index(one.language), one.path))
             for family, found in members.items()}  # fmt: skip
    wishes: dict[str, list[str]] = defaultdict(list)
    for family, one in first.items():
        wishes[one.wish or UNNAMED].append(family)
    slugs: dict[str, str] = {}
    changes: dict[str, list[str]] = defaultdict(list)
    # Those that are alone keep their own; the others must not take it.
    taken = {wish for wish, families in wishes.items() if len(families) == 1}
    slugs |= {families[0]: wish for wish, families in wishes.items() if len(families) == 1}
    crowded = sorted(
        (family for families in wishes.values() if len(families) > 1 for family in families),
        key=lambda family: first[family].path,
    )
    for family in crowded:
        one = first[family]
        slug = _free(slug_of(one.address.replace("/", "-")), taken)
        taken.add(slug)
        slugs[family] = slug
        changes[family].append(f"slug {slug}: others would be called {one.wish or UNNAMED} too")
    return slugs, dict(changes)


def _free(slug: str, taken: set[str]) -> str:
    """A slug that is not taken: this one, or with a number."""
    free, number = slug, 1
    while free in taken:
        number += 1
        free = f"{slug[: SLUG_LENGTH - 8].rstrip('-_.')}-{number}"
    return free
