"""What is wrong with an article's file, at a path, line and column that a writer can go to."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """What a problem means for readers."""

    #: The article is left out (or, in a complete check, misleads its readers).
    ERROR = "error"
    #: The article is served.
    WARNING = "warning"


@dataclass(frozen=True)
class Fix:
    """A mechanical correction within one line of a file."""

    #: From 1.
    line: int
    #: From 1, in characters of the composed text (NFC).
    column: int
    #: Characters that are replaced.
    length: int
    #: What they are replaced by.
    text: str


@dataclass(frozen=True)
class Problem:
    """Something a writer should mend."""

    #: Relative to the folder of the articles.
    path: str
    #: From 1; 0 where the whole file is meant.
    line: int
    #: Rule that is broken, in kebab-case; see `rules`.
    code: str
    #: One English sentence.
    message: str
    severity: Severity = Severity.ERROR
    #: From 1, in characters; 0 where the whole line is meant.
    column: int = 0
    #: What mends it without a decision; None where somebody has to think.
    fix: Fix | None = field(default=None, compare=False)

    @property
    def place(self) -> tuple[str, int, int, str, str]:
        """What problems are ordered by."""
        return self.path, self.line, self.column, self.code, self.message

    def __lt__(self, other: "Problem") -> bool:
        """By place."""
        return self.place < other.place

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}" if self.column else f"{self.path}:{self.line}"
        return f"{where}: {self.severity} {self.code}: {self.message}"
