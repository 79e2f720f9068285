"""Judges sanitised HTML by an own list of what may be in it."""

import re
from html.parser import HTMLParser

#: Written out here, and not taken from the module, so that a tag added there is a decision made twice.
TAGS = frozenset(
    "a abbr b blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h2 h3 h4 h5 h6 hr i img"
    " ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul"
    " var".split()
)
ATTRIBUTES = frozenset(
    "align alt aria-label class colspan dir height href id lang loading rel role rowspan scope src start tabindex title"
    " width".split()
)
HREF = re.compile(r"(?i:https?://|mailto:|tel:).*|#.*|[a-z0-9][a-z0-9_.-]*(?:#\S*)?", re.DOTALL)
SRC = re.compile(r"\.\./\.\./images/[A-Za-z0-9][\w.-]*")


class Inspector(HTMLParser):
    """Reads HTML as strictly as a sanitiser must write it, and notes every fault."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge a tag and its attributes."""
        if tag not in {"br", "hr", "img"}:
            self._open.append(tag)
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, given_value in attrs:
            value = given_value or ""
            self.attributes.append((tag, name, value))
            if name not in ATTRIBUTES:
                self.faults.append(f"{name}=")
            if (name == "href" and not HREF.fullmatch(value)) or (name == "src" and not SRC.fullmatch(value)):
                self.faults.append(f"{name}={value!r}")
            if name == "id" and value.startswith("ui-"):
                self.faults.append(f"id={value}")

    def handle_endtag(self, tag: str) -> None:
        """An end without its start would close an element of the page."""
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        """Browsers and parsers disagree on where comments end."""
        self.faults.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        """A declaration has no place inside a page."""
        self.faults.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        """Nor has a processing instruction."""
        self.faults.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        """Nor has CDATA."""
        self.faults.append(f"<![{data}")

    def close(self) -> None:
        """Note what stays open; it would swallow the rest of the page."""
        super().close()
        self.faults += [f"<{tag}> stays open" for tag in self._open]


def inspected(html: str) -> Inspector:
    """The inspector after reading all of it."""
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector


def values(html: str, name: str) -> list[str]:
    """The values of all attributes of a name."""
    return [value for _, attribute, value in inspected(html).attributes if attribute == name]
