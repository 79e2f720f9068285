"""HTML mails as plain text, in time that grows with their length alone, whatever is in them."""

import html
import re

#: Longest HTML that is read, in characters.
MAX_HTML = 500_000
#: Elements whose text nobody sees.
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg", "textarea", "select"})
#: Elements that begin and end a line.
_LINES = frozenset(
    "address article aside blockquote body center dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr html li main nav "
    "ol p pre section table tbody tfoot thead tr ul".split()
)
#: Elements with an empty line before and after them.
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 pre ol ul table blockquote".split())
#: Levels of quotation that are kept apart.
_DEPTH = 5
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]{0,20})")
#: Numbers of characters that no character has; the longest would be an error.
_NO_CHARACTER = re.compile(r"&#x?[0-9a-f]{8,};?", re.IGNORECASE)


def plain(source: str) -> str:
    """The text of an HTML mail: a line for each block, `> ` before what is quoted; nothing is fetched."""
    source = source[:MAX_HTML]
    setter = _Setter()
    position = 0
    while position < len(source):
        begin = source.find("<", position)
        if begin < 0:
            begin = len(source)
        setter.text(source[position:begin])
        position = _tag(source, begin, setter)
    return setter.result()


def _tag(source: str, begin: int, setter: "_Setter") -> int:
    """Read what begins with an angle bracket; where it ends."""
    if begin >= len(source):
        return begin
    if source.startswith("<!--", begin):
        end = source.find("-->", begin + 4)
        return len(source) if end < 0 else end + 3
    name = _NAME.match(source, begin + 1)
    if name is None and source[begin + 1 : begin + 2] not in {"!", "?"}:
        setter.text("<")
        return begin + 1
    end = source.find(">", begin)
    if end < 0:
        return len(source)
    if name is None:
        return end + 1
    tag = name[1].lower()
    if source[begin + 1] != "/" and tag in _UNSEEN and tag not in setter.endless:
        if close := re.compile(f"</{tag}", re.IGNORECASE).search(source, end):
            return close.start()
        setter.endless.add(tag)
        # Only a program never ends; of another element, what stands below it is the mail.
        return len(source) if tag in {"script", "style"} else end + 1
    setter.tag(tag, is_end=source[begin + 1] == "/")
    return end + 1


class _Setter:
    """Sets text in lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._depth = 0
        self._verbatim = 0
        #: Elements that are never closed from here on.
        self.endless: set[str] = set()

    def text(self, source: str) -> None:
        """Add text; outside of `pre`, white space is folded."""
        if not source:
            return
        text = html.unescape(_NO_CHARACTER.sub(" ", source))
        if self._verbatim:
            first, *others = text.replace("\r", "").split("\n")
            self._line.append(first)
            for line in others:
                self._end_line()
                self._line.append(line)
        else:
            self._line.append(re.sub(r"[ \t\r\n\f]+", " ", text))

    def tag(self, name: str, *, is_end: bool) -> None:
        """Begin or end an element."""
        if name == "br":
            self._end_line()
            return
        if name in {"td", "th"}:
            self._line.append(" ")
        if name in _LINES and any(part.strip() for part in self._line):
            self._end_line()
        if name in _PARAGRAPHS:
            self._empty_line()
        step = -1 if is_end else 1
        if name == "blockquote":
            self._depth = max(0, self._depth + step)
        elif name == "pre":
            self._verbatim = max(0, self._verbatim + step)
        elif name == "li" and not is_end:
            self._line = ["- "]

    def result(self) -> str:
        """All lines."""
        self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")

    def _end_line(self) -> None:
        """Begin another line."""
        line = "".join(self._line)
        line = line.rstrip() if self._verbatim else re.sub(" {2,}", " ", line).strip(" ")
        self._lines.append("> " * min(self._depth, _DEPTH) + line if line else "")
        self._line = []

    def _empty_line(self) -> None:
        """Make sure that an empty line is above."""
        self._line = []
        if self._lines and self._lines[-1]:
            self._lines.append("")
