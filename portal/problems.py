"""What is wrong with an article's file, at a path and line that a writer can go to."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a problem means for readers."""

    #: The article is left out (or, in a complete check, misleads its readers).
    ERROR = "error"
    #: The article is served.
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Problem:
    """Something a writer should mend."""

    #: Relative to the folder of the articles.
    path: str
    #: From 1; 0 where the whole file is meant.
    line: int
    #: Rule that is broken, in kebab-case.
    code: str
    #: One English sentence.
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.severity} {self.code}: {self.message}"
