"""Where the links and images of an imported article lead: to which other one, to which heading, to which file."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

from portal.outline import Heading
from portal.writing.importing.bodies import plain_anchor
from portal.writing.importing.families import Placed, address_of
from portal.writing.importing.mapping import Rules
from portal.writing.importing.pictures import IMAGE_TYPES, Pictures

_ENDING = re.compile(r"\.(?:md|markdown|mdown|mkd|mdx|html?)$", re.IGNORECASE)
_OURS = re.compile(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([a-z0-9][a-z0-9_.-]*)\.md")
_ABROAD = re.compile(r"https?:")
#: How many last parts of a path are remembered: others may write addresses from another folder.
_TAIL = 4


class Places:
    """Finds the slug that an address leads to.

    Args:
        slugs: of each file that is imported.
        known: slugs of the articles that are there already.
        rules: how.
    """

    def __init__(self, slugs: Mapping[Placed, str], known: Iterable[str], rules: Rules) -> None:
        self._rules = rules
        self._known = frozenset(known) | frozenset(slugs.values())
        self._by_address: dict[str, str] = {}
        self._by_page: dict[str, str] = {}
        tails: dict[str, set[str]] = {}
        for one, slug in slugs.items():
            pages = {_plain(way) for page in one.pages for way in (page, self._below(page)) if not _ABROAD.match(way)}
            pages.discard("")  # The page that all others are below.
            for page in pages:
                self._by_page.setdefault(page, slug)
            own = {address.lower() for address in (one.address, _stem(one.path), _folder(one.address))}
            for address in own:
                self._by_address.setdefault(address, slug)
            for parts in (address.split("/") for address in own | pages):
                for number in range(1, min(len(parts), _TAIL) + 1):
                    tails.setdefault("/".join(parts[-number:]), set()).add(slug)
        # A tail that several share says nothing.
        self._by_tail = {tail: next(iter(found)) for tail, found in tails.items() if len(found) == 1}

    def slug(self, address: str, one: Placed) -> str | None:
        """The slug that an address in a file leads to, without its fragment; None where it leads to no article."""
        whole_address, address = address, self._below(address)
        is_rooted = whole_address.startswith("/") or address != whole_address
        if _ABROAD.match(address):
            return None
        if is_rooted and (slug := self._by_page.get(_plain(whole_address)) or self._by_page.get(_plain(address))):
            return slug
        path = _stem(unquote(re.split(r"[?#]", address)[0]).rstrip("/")).lstrip("/" if is_rooted else "")
        folder = str(PurePosixPath(one.path).parent)
        bases = ["."] if is_rooted else [folder, _stem(one.path)]
        for base in bases:
            whole = normpath(f"{base}/{path}")
            for way in (whole, address_of(f"{whole}.md", self._rules)):
                if slug := self._by_address.get(way.lower()):
                    return slug
        tail = "/".join(part for part in path.split("/") if part not in {".", ".."}).lower()
        if slug := self._by_tail.get(tail) or self._by_tail.get(tail.removesuffix("/index")):
            return slug
        match = _OURS.fullmatch(address)
        return match[1] if match and match[1] in self._known else None

    def _below(self, address: str) -> str:
        """An address without what the addresses of their pages began with."""
        prefix = next((prefix for prefix in self._rules.addresses if address.startswith(prefix)), "")
        return address[len(prefix) :]


def _plain(address: str) -> str:
    """The address of a page as it can be compared: without slashes at its ends, ending, query and fragment."""
    path = unquote(re.split(r"[?#]", address)[0])
    return re.sub(r"(?:^|/)index$", "", _stem(path.strip("/"))).lower()


def _stem(path: str) -> str:
    """A path without ending."""
    return _ENDING.sub("", path)


def _folder(address: str) -> str:
    """What an index is the index of."""
    return re.sub(r"(?:^|/)(?:_?index|readme)$", "", address, flags=re.IGNORECASE) or address


class Anchors:
    """The anchors of an article, and what others call them.

    Args:
        headings: of the article.
    """

    def __init__(self, headings: Iterable[Heading]) -> None:
        self._own: set[str] = set()
        self._by_name: dict[str, str] = {}
        for heading in headings:
            self._own.add(heading.anchor)
            for name in (plain_anchor(heading.text), heading.anchor.lower()):
                self._by_name.setdefault(name, heading.anchor)

    def find(self, fragment: str) -> tuple[str, str]:
        """The anchor that a fragment means, and what a person should know of it."""
        wanted = unquote(fragment)
        if not self._own or wanted in self._own:
            return fragment, ""
        anchor = self._by_name.get(wanted.lower())
        return (anchor, "") if anchor else (fragment, f"no heading has the anchor {fragment[:80]!r}")


class Leads:
    """Turns the addresses of one file.

    Args:
        one: the file.
        places: where addresses lead.
        pictures: the images of the import.
        anchors: gives those of an article by slug, as its file in a language will have them.
        folder: what is imported.
        rules: how.
    """

    def __init__(
        self,
        one: Placed,
        places: Places,
        pictures: Pictures,
        anchors: Callable[[str, str], Anchors],
        folder: Path,
        rules: Rules,
    ) -> None:
        self._one, self._places, self._pictures, self._anchors = one, places, pictures, anchors
        self._folder, self._rules = folder, rules

    def lead(self, address: str, is_image: bool) -> tuple[str | None, str]:
        """What an address becomes; see `bodies.Lead`."""
        if is_image:
            return self._image(address)
        bare, sign, fragment = address.partition("#")
        slug = self._places.slug(bare, self._one) if bare else ""
        if slug is None:
            return None, "" if re.match(r"https?:", bare) else f"{address[:80]!r} leads to no article that is imported"
        anchor, note = self._anchors(slug, self._one.language).find(fragment) if fragment else ("", "")
        target = f"{slug}.md" if slug else ""
        return (f"{target}#{anchor}" if anchor else target or sign), note

    def _image(self, address: str) -> tuple[str | None, str]:
        """What the address of an image becomes."""
        for prefix in self._rules.addresses:
            if address.startswith(prefix):
                address = "/" + address[len(prefix) :]
                break
        if re.match(r"https?:", address):
            return None, f"the image {address[:80]!r} is elsewhere: copy it into the folder"
        path = unquote(re.split(r"[?#]", address)[0])
        folder = PurePosixPath(self._one.path).parent.as_posix()
        bases = [".", *self._rules.images] if path.startswith("/") else [folder, _stem(self._one.path)]
        if self._rules.is_identity or not path.startswith("/"):
            bases += [".", *self._rules.images]
        if PurePosixPath(path).suffix.lower() not in IMAGE_TYPES:
            return None, f"the image {address[:80]!r} is of a kind that articles cannot show"
        reason = "is not there"
        for base in bases:
            whole = normpath(f"{base}/{path.lstrip('/')}")
            if whole.startswith("../") or not (self._folder / whole).is_file():
                continue
            name, reason = self._pictures.take(whole)
            if name:
                return f"images/{name}", ""
        return None, f"the image {address[:80]!r} {reason}"
