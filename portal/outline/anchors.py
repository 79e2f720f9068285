"""The headings of a text as the rendered page has them: found by the renderer's own parser, without rendering."""

import re
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import markdown
from markdown.extensions.toc import slugify_unicode, strip_tags

#: Those of `markup.render` that decide what is a heading; what colours code costs time and decides nothing.
_EXTENSIONS = ("toc", "tables", "attr_list", "admonition", "def_list", "footnotes", "sane_lists")
_PLAIN = re.compile(r"([^\\`*_\[\]<>&!{}:@\x02\x03\n]*?)(?:[ ]+\{:?[ ]*#([\w.-]+)[ ]*\})?[ ]*")
#: An id that is given to something else than a heading, or footnotes: they can take a heading's name.
_OTHER_IDS = re.compile(r"^(?![ >]*#{1,6})[^\n]*\{[^}{\n]*(?:#|id=)|\[\^", re.MULTILINE)
#: What is read by the parser at most, in signs that it looks at; a tenth of a second.
MAX_COST = 30_000_000
_NESTED = re.compile(r"^(?:[ ]{0,4}(?:>|[-*+] |\d{1,9}\. )){20}", re.MULTILINE)
_COUNTED = re.compile(r"^(.*)_([0-9]{1,9})$")
#: Headings with marks that are treated at most without a look at how long they take.
MOST_MARKED = 500
#: In characters; of a longer block it is not looked whether it has a table.
LONG_BLOCK = 10_000
#: What may be, hide or imitate a heading: an indented, quoted, listed or underlined one, HTML, a footnote.
_ODD = re.compile(r"^(?:[ \t>*+:.\d-]+#|[ \t>]*(?:=+|-+)[ \t]*$)|<|\[\^", re.MULTILINE)
_HASHES = re.compile(r"^(#{1,6})(.*)$", re.MULTILINE)
_TAG = re.compile(r"h[1-6]")


@dataclass(frozen=True)
class Anchored:
    """A heading by its anchor."""

    #: As the parser leaves it: with its marks and attribute list, without its hashes.
    raw: str
    level: int
    text: str
    anchor: str
    is_anchored: bool


@dataclass(frozen=True)
class Structure:
    """What the renderer's parser sees in a text."""

    headings: tuple[Anchored, ...]
    #: Pieces of HTML that are not read as Markdown, in their order.
    html: tuple[str, ...]


@cache
def _parser() -> Any:
    """A parser, made once for each process."""
    return markdown.Markdown(
        extensions=list(_EXTENSIONS),
        extension_configs={"toc": {"slugify": slugify_unicode, "marker": ""}, "footnotes": {"BACKLINK_TITLE": ""}},
        output_format="html",
    )


def read_structure(text: str) -> Structure | None:
    """The headings of a text with their anchors.

    Args:
        text: Markdown; each block of fenced code is a word of its own between empty lines.

    Returns:
        None for a text that would take the parser long, such as thousands of tags in one block.
    """
    simple = _simple(text)
    if simple is not None:
        return Structure(tuple(simple), ())
    if _cost(text) > MAX_COST:
        return None
    parser = _parser().reset()
    source = text.split("\n")
    try:
        for step in parser.preprocessors:
            source = step.run(source)
        html = tuple(block for block in parser.htmlStash.rawHtmlBlocks if isinstance(block, str))
        root = parser.parser.parseDocument(source).getroot()
        return Structure(tuple(_anchored(text, root)), html)
    except RecursionError:
        _parser.cache_clear()  # It has been left in the middle of a list.
        return None


def _simple(text: str) -> list[Anchored] | None:
    """The headings of a text that needs no parser, as most do: each line that begins with a hash is one.

    Returns:
        None where there may be others, or where a line that begins with a hash may be none.
    """
    if _ODD.search(text) or ("{" in text and _OTHER_IDS.search(text)):
        return None
    found = []
    has_tables = "|" in text
    for match in _HASHES.finditer(text) if "#" in text else ():
        if "\\" in match[2] or "[" in match[2] or (has_tables and _is_below_table(text, match.start())):
            return None
        found.append((match[2].rstrip().rstrip("#").strip(), len(match[1])))
    plain = plain_headings(found)
    if plain is None and len(found) < MOST_MARKED:
        root = Element("div")
        for words, level in found:
            SubElement(root, f"h{level}").text = words
        _parser().reset()
        return _treated(root)
    return plain


def _is_below_table(text: str, place: int) -> bool:
    """Whether a line may be a row of a table, which ends with an empty line only."""
    start = text.rfind("\n\n", 0, place) + 1
    return place - start > LONG_BLOCK or "|" in text[start:place]


def _cost(text: str) -> int:
    """How long the parser takes at worst, in signs that it looks at: a block is read anew for each of its lines."""
    if _NESTED.search(text):
        return MAX_COST + 1
    blocks = text.split("\n\n")
    return sum(len(block) * block.count("\n") for block in blocks) + len(blocks) ** 2 + len(text) * text.count("<")


def _anchored(text: str, root: Element) -> list[Anchored]:
    """The headings of a parsed text."""
    headings = [element for element in root.iter() if _TAG.fullmatch(element.tag)]
    if not _OTHER_IDS.search(text):
        if (plain := plain_headings([(element.text or "", int(element.tag[1])) for element in headings])) is not None:
            return plain
        root = Element("div")
        for element in headings:
            SubElement(root, element.tag).text = element.text
    return _treated(root)


def plain_headings(headings: list[tuple[str, int]], *, force: bool = False) -> list[Anchored] | None:
    """Headings whose names are their texts.

    Args:
        headings: text and level of each.
        force: read them so even where they have marks.

    Returns:
        None where one of them has marks.
    """
    matches = [_PLAIN.fullmatch(text) for text, _ in headings]
    if not all(matches) and not force:
        return None
    used = {match[2] for match in matches if match and match[2]}
    counts: dict[str, int] = {}
    found = []
    for (raw, level), match in zip(headings, matches, strict=True):
        text = " ".join((match[1] if match else raw).split())
        given = match[2] if match else None
        anchor = given or _unique(slugify_unicode(text, "-"), used, counts)
        found.append(Anchored(raw, level, text, kept(anchor), bool(given)))
    return found


def _unique(name: str, used: set[str], counts: dict[str, int]) -> str:
    """A name that nothing else has: with the next free number where it is taken or empty.

    Args:
        name: wanted.
        used: names that are taken; the new one is added.
        counts: by name, up to which number all are taken; so a thousand equal headings take no million looks.
    """
    if not name or name in used:
        match = _COUNTED.match(name)
        base, count = (match[1], int(match[2])) if match else (name, 0)
        known = counts.get(base, 0)
        number = max(count, known) if count <= known else count
        while f"{base}_{number + 1}" in used:
            number += 1
        if count <= known:
            counts[base] = number + 1
        name = f"{base}_{number + 1}"
    used.add(name)
    return name


def _treated(root: Element) -> list[Anchored]:
    """Headings with marks: treated as the renderer does."""
    parser = _parser()
    raw: dict[int, tuple[Element, str]] = {}
    for name in ("footnote", "inline", "footnote-duplicate", "attr_list"):
        step = parser.treeprocessors[name]
        if name == "inline":
            raw = {id(e): (e, e.text or "") for e in root.iter() if _TAG.fullmatch(e.tag)}
        new = step.run(root)
        root = root if new is None else new
    given = {key: "id" in element.attrib for key, (element, _) in raw.items()}
    parser.treeprocessors["toc"].run(root)
    names = _tokens(parser.toc_tokens)
    found = []
    for element, token in zip((e for e in root.iter() if _TAG.fullmatch(e.tag)), names, strict=True):
        text = unescape(strip_tags(token["html"]))
        key = id(element)
        source = raw[key][1] if key in raw else text
        found.append(Anchored(source, int(element.tag[1]), text, kept(token["id"]), given.get(key, False)))
    return found


def _tokens(nested: list[Any]) -> list[Any]:
    """All entries of a table of contents in their order."""
    return [entry for token in nested for entry in (token, *_tokens(token["children"]))]


def kept(anchor: str) -> str:
    """An anchor as the page keeps it."""
    return "" if anchor.startswith("ui-") or len(anchor) > 200 else anchor
