"""The prose of a text as one string, whose offsets lead back to lines and columns."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from portal.outline import Line, prose

#: Stands for each character that is no prose: code, an address, a tag, an attribute.
FILLER = "\ufffc"

_GAP = re.compile(f"(?<={FILLER}) +(?={FILLER})")


@dataclass(frozen=True)
class Passages:
    """The lines of prose of one text, joined by line ends; `text` and `raw` have the same length."""

    #: What is no prose is replaced by `FILLER`.
    text: str
    #: As it is written.
    raw: str
    #: Number in the file of each line, from 1.
    numbers: tuple[int, ...]
    #: Offset of each line.
    starts: tuple[int, ...]

    def place(self, offset: int) -> tuple[int, int]:
        """Line of the file and column of an offset, both from 1."""
        index = bisect_right(self.starts, offset) - 1
        return self.numbers[index], offset - self.starts[index] + 1

    def line_at(self, offset: int) -> tuple[int, int]:
        """Offsets of the beginning and the end of the line that an offset lies in."""
        index = bisect_right(self.starts, offset) - 1
        end = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else len(self.text)
        return self.starts[index], end


@lru_cache(maxsize=4)
def lines_of(body: str, first_line: int) -> tuple[Line, ...]:
    """The lines of prose; kept while the rules of one text look at them one after the other."""
    return tuple(prose(body, first_line))


@lru_cache(maxsize=4)
def passages(body: str, first_line: int) -> Passages:
    """The prose of a text.

    Args:
        body: Markdown.
        first_line: line of the file on which it starts.
    """
    return _joined(lines_of(body, first_line))


def single(text: str, line: int) -> Passages:
    """A text of the front matter, which is prose and nothing else."""
    return Passages(text, text, (line,), (0,))


def _joined(lines: tuple[Line, ...]) -> Passages:
    """Lines as one string."""
    starts, offset = [], 0
    for line in lines:
        starts.append(offset)
        offset += len(line.raw) + 1
    text = "\n".join(line.text if line.text == line.raw else _marked(line) for line in lines)
    return Passages(text, "\n".join(line.raw for line in lines), tuple(line.number for line in lines), tuple(starts))


def _marked(line: Line) -> str:
    """A line with the filler where something was blanked out."""
    marked = "".join(
        [shown if shown == written else FILLER for shown, written in zip(line.text, line.raw, strict=True)]
    )
    # Blanks within code look like blanks of prose.
    return _GAP.sub(lambda gap: FILLER * len(gap[0]), marked)
