"""The shape of a Markdown text with places: headings, links, images, code, tables, and the prose between them."""

from portal.outline.fences import Fence, Unread
from portal.outline.reading import fences, prose, read_outline
from portal.outline.shapes import CodeBlock, Heading, Line, Link, Outline, Table

__all__ = [
    "CodeBlock",
    "Fence",
    "Heading",
    "Line",
    "Link",
    "Outline",
    "Table",
    "Unread",
    "fences",
    "prose",
    "read_outline",
]
