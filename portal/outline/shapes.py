"""What a Markdown text consists of, as plain values with their places."""

from typing import NamedTuple


class Heading(NamedTuple):
    """A heading."""

    line: int
    column: int
    #: 1–6, as it is written.
    level: int
    #: Without marks and anchor.
    text: str
    #: As the rendered page has it (see `markup.render`), also where the writer gave none.
    anchor: str
    #: Whether the writer gave it.
    is_anchored: bool


class Link(NamedTuple):
    """A link or an image; in brackets, by reference, in angle brackets or as HTML."""

    line: int
    column: int
    #: Of a link its words, of an image its alternative text.
    text: str
    #: Address as it is written.
    target: str
    is_image: bool
    #: Value of the image's `lang` attribute, or of the suffix of its name (`map.fr.png`); empty where there is none.
    language: str = ""


class CodeBlock(NamedTuple):
    """A fenced or indented block of code."""

    line: int
    #: As the fence names it; empty where it does not.
    language: str
    #: Of its text without remarks' translations: 16 hexadecimal digits of the text, white space folded.
    digest: str
    #: Whether it stands between fences, and is not indented text.
    is_fenced: bool = True


class Table(NamedTuple):
    """A table."""

    line: int
    columns: int
    rows: int
    #: Whether the cells of its first row say something; of one in HTML, whether it has header cells.
    has_header: bool


class Line(NamedTuple):
    """A line of prose."""

    #: Of the file, from 1.
    number: int
    #: Code, addresses, HTML tags and attribute lists are blanked out: columns are those of the file.
    text: str
    #: As it is written.
    raw: str


class Outline(NamedTuple):
    """The shape of one text; lines count from the file's first, columns from 1."""

    headings: tuple[Heading, ...] = ()
    links: tuple[Link, ...] = ()
    code_blocks: tuple[CodeBlock, ...] = ()
    tables: tuple[Table, ...] = ()
