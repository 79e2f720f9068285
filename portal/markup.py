"""Markdown to safe HTML with stable anchors, and to the plain text that is searched and quoted."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import markdown
import nh3
from markdown.extensions.toc import slugify_unicode
from pygments.token import STANDARD_TYPES

_EXTENSIONS = (
    "toc",
    "tables",
    "fenced_code",
    "attr_list",
    "admonition",
    "codehilite",
    "def_list",
    "footnotes",
    "sane_lists",
)
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "dfn", "div", "dl", "dt",
    "em", "figcaption", "figure", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p",
    "pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"id", "lang", "dir", "title", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
#: Titles of admonitions whose writer gave none, by kind and language.
ADMONITIONS = {
    "note": {"en": "Note", "fr": "Remarque", "de": "Hinweis", "ru": "Примечание"},
    "tip": {"en": "Tip", "fr": "Conseil", "de": "Tipp", "ru": "Совет"},
    "warning": {"en": "Warning", "fr": "Attention", "de": "Achtung", "ru": "Внимание"},
    "danger": {"en": "Danger", "fr": "Danger", "de": "Gefahr", "ru": "Опасно"},
    "important": {"en": "Important", "fr": "Important", "de": "Wichtig", "ru": "Важно"},
}
_TABLE = {"en": "Table", "fr": "Tableau", "de": "Tabelle", "ru": "Таблица"}
_CODE = {"en": "Code", "fr": "Code", "de": "Code", "ru": "Код"}
_CLASSES = frozenset(
    {"codehilite", "admonition", "admonition-title", "footnote", "footnote-ref", "footnote-backref", *ADMONITIONS}
    | {name for name in STANDARD_TYPES.values() if name}
)
#: Ids with this beginning are the page's own; writers' anchors never have it.
PAGE_ID = "ui-"
_ARTICLE_LINK = re.compile(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([a-z0-9][a-z0-9_.-]*)\.md(#[^\s]*)?")
_IMAGE_LINK = re.compile(r"(?:\.\./|\./|/)?images/([A-Za-z0-9][\w.-]*)")
_ORPHAN_IMAGE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")
_ALT = re.compile(r'\salt="([^"]*)"')
#: A tag as nh3 writes it. Older versions of it leave angle brackets in values, where they would be taken for tags here.
_TAG = re.compile(r'<[a-z][a-z0-9]*(?:\s[^\s"=<>]+="[^"]*")+>')


@dataclass(frozen=True)
class Section:
    """A heading with the text up to the next one."""

    #: Anchor in the page; empty before the first heading.
    anchor: str
    heading: str
    #: Plain text: a line for each block, be it a paragraph, an item, a cell or a piece of code; white space folded.
    text: str
    #: Level of the heading, 2–6; 1 before the first.
    level: int = 1


@dataclass(frozen=True)
class Rendered:
    """An article's body, ready for a page and for the index."""

    html: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """All plain text without the headings, a line for each block."""
        return "\n".join(section.text for section in self.sections if section.text)

    @property
    def headings(self) -> tuple[str, ...]:
        """All headings in their order."""
        return tuple(section.heading for section in self.sections if section.heading)


def render(body: str, language: str) -> Rendered:
    """Safe HTML and plain text from a writer's Markdown.

    Links to `slug.md` become links to that article in the language that the reader is in; images come from the
    articles' `images` folder; whatever could run, load from elsewhere or imitate the page is dropped.

    Args:
        body: Markdown of at most a few hundred KiB; the cost is not linear for hostile input, so only writers'
            texts may come here, and not while a reader's page is waiting.
        language: of the text, for titles that the writer left out.
    """
    converter = markdown.Markdown(
        extensions=list(_EXTENSIONS),
        extension_configs={
            "toc": {"slugify": slugify_unicode, "marker": ""},
            "tables": {"use_align_attribute": True},
            "codehilite": {"guess_lang": False, "css_class": "codehilite"},
            "footnotes": {"BACKLINK_TITLE": ""},
        },
        output_format="html",
    )
    clean = nh3.clean(
        _titled(_lowered(converter.convert(body)), language),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        attribute_filter=_filter,
        strip_comments=True,
    )
    clean = _TAG.sub(lambda tag: tag[0][0] + tag[0][1:-1].replace("<", "&lt;").replace(">", "&gt;") + tag[0][-1], clean)
    return Rendered(_framed(clean, language), _sections(clean))


def _lowered(page: str) -> str:
    """Move all headings one level down where the writer began with the first, which is the title's."""
    if not re.search(r"<h1[\s>]", page, re.IGNORECASE):
        return page
    return re.sub(r"(</?h)([1-5])(?=[\s>])", lambda match: f"{match[1]}{int(match[2]) + 1}", page, flags=re.IGNORECASE)


_ADMONITION = re.compile(r'<div class="admonition (\w+)">\n<p class="admonition-title">(\w+)</p>')


def _titled(page: str, language: str) -> str:
    """Give admonitions whose writer named only their kind the title of the kind in the text's language."""

    def title(match: re.Match[str]) -> str:
        kind = match[1] if match[1] in ADMONITIONS else "note"
        words = ADMONITIONS[kind][language] if match[2].lower() == match[1].lower() else match[2]
        return f'<div class="admonition {kind}">\n<p class="admonition-title">{words}</p>'

    return _ADMONITION.sub(title, page)


def _filter(_tag: str, name: str, value: str) -> str | None:
    """What becomes of one attribute; None drops it."""
    match name:
        case "href":
            if link := _ARTICLE_LINK.fullmatch(value):
                return link[1] + (link[2] or "")
            # A relative address other than an article's would lead somewhere in the portal that was not meant.
            return value if re.match(r"(?:https?://|mailto:|tel:|#)", value, re.IGNORECASE) else None
        case "src":
            image = _IMAGE_LINK.fullmatch(value)
            return f"../../images/{image[1]}" if image else None
        case "class":
            kept = [word for word in value.split() if word in _CLASSES]
            return " ".join(kept) or None
        case "id":
            return None if value.startswith(PAGE_ID) or len(value) > 200 else value
        case "width" | "height" | "start" | "colspan" | "rowspan":
            return value if re.fullmatch(r"[0-9]{1,4}", value) else None
    return value


def _framed(clean: str, language: str) -> str:
    """Let wide parts scroll on narrow screens, by keyboard too, and name images that cannot be shown."""

    def named(match: re.Match[str]) -> str:
        alt = _ALT.search(match[0])
        return f'<span class="no-image">{alt[1]}</span>' if alt and alt[1] else ""

    text = _ORPHAN_IMAGE.sub(named, clean)
    text = text.replace("<img ", '<img loading="lazy" ')
    table = f'<div class="scroll" role="group" tabindex="0" aria-label="{_TABLE[language]}"><table>'
    text = re.sub(r"<table\b([^>]*)>", lambda match: f"{table[:-1]}{match[1]}>", text).replace(
        "</table>", "</table></div>"
    )
    return text.replace("<pre", f'<pre tabindex="0" role="group" aria-label="{_CODE[language]}"')


class _Outline(HTMLParser):
    """Collects headings and the text below each."""

    #: Elements that end a word, and among them those that do not end a block.
    _ENDS = _TAGS - {"a", "abbr", "b", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q", "s", "samp",
                     "small", "span", "strong", "sub", "sup", "u", "var"}  # fmt: skip
    _WITHIN = frozenset({"br", "img"})

    #: What says nothing of the text: “Note” above a note, the numbers of footnotes.
    _SILENT = frozenset({"admonition-title", "footnote-ref", "footnote-backref"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        #: Anchor and level, then the pieces of heading and text.
        self.sections: list[tuple[str, int, list[str], list[str]]] = [("", 1, [], [])]
        self._in_heading = False
        self._skipping = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a section at a heading."""
        if re.fullmatch(r"h[2-6]", tag):
            self.sections.append((dict(attrs).get("id") or "", int(tag[1]), [], []))
            self._in_heading = True
        elif dict(attrs).get("class") in self._SILENT:
            self._skipping = True
        else:
            self._end(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close a heading."""
        if re.fullmatch(r"h[2-6]", tag):
            self._in_heading = False
        elif tag == "a":
            self._skipping = False
        elif tag in self._ENDS:
            self._skipping = False
            self._end(tag)

    def handle_data(self, data: str) -> None:
        """Keep the text; a line of the source says nothing."""
        if self._skipping:
            return
        self._part().append(_folded(data))

    def _end(self, tag: str) -> None:
        """End the word, or the block with a line."""
        if tag in self._ENDS:
            self._part().append(" " if tag in self._WITHIN else "\n")

    def _part(self) -> list[str]:
        """Where text goes at present."""
        _anchor, _level, heading, text = self.sections[-1]
        return heading if self._in_heading else text


def _folded(text: str) -> str:
    """Text on one line; non-breaking blanks, which belong to French, stay."""
    return re.sub(r"[ \t\r\n]+", " ", text)


def _trimmed(text: str) -> str:
    """Text on one line without blanks of any kind at its ends."""
    return _folded(text).strip(" \u00a0")


def _lines(text: str) -> str:
    """The blocks of a text that say something, one to a line."""
    return "\n".join(line for block in text.split("\n") if (line := _trimmed(block)))


def _sections(clean: str) -> tuple[Section, ...]:
    """The outline of sanitised HTML."""
    outline = _Outline()
    outline.feed(clean)
    outline.close()
    sections = (
        Section(anchor, _trimmed("".join(heading)), _lines("".join(text)), level)
        for anchor, level, heading, text in outline.sections
    )
    return tuple(section for section in sections if section.heading or section.text)
