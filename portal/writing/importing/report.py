"""What became of each file of an import: imported, changed, refused, and why, for people and for scripts."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a file."""

    #: As the mapping says, or as it was.
    IMPORTED = "imported"
    #: With other changes, which are told.
    CHANGED = "changed"
    #: The portal has the very same file already.
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """What became of one file."""

    #: Below the folder that is imported.
    path: str
    outcome: Outcome
    #: File below the articles' folder; empty where it was refused.
    target: str = ""
    #: What was changed, each as a clause.
    changes: tuple[str, ...] = ()
    #: What a person should look at: line of the source, and a clause.
    notes: tuple[tuple[int, str], ...] = ()
    #: Why it was refused.
    reason: str = ""
    #: Line of the source where that is; 0 where the whole file is meant.
    line: int = 0


@dataclass
class Report:
    """What became of all files."""

    entries: list[Entry] = field(default_factory=list)
    #: Whether nothing was written.
    is_trial: bool = False
    #: Those of the articles.
    topics: frozenset[str] = frozenset()

    @property
    def counts(self) -> dict[str, int]:
        """How many files came to each outcome."""
        found = Counter(entry.outcome for entry in self.entries)
        return {outcome.value: found[outcome] for outcome in Outcome}

    def to_json(self) -> str:
        """For scripts."""
        files = [
            {
                "path": entry.path,
                "outcome": entry.outcome.value,
                "target": entry.target,
                "changes": list(entry.changes),
                "notes": [{"line": line, "message": message} for line, message in entry.notes],
                "reason": entry.reason,
                "line": entry.line,
            }
            for entry in self.entries
        ]
        return json.dumps({"trial": self.is_trial, "counts": self.counts, "files": files}, ensure_ascii=False, indent=2)

    def lines(self, *, is_whole: bool = True) -> Iterator[str]:
        """For people: a line for each file, and below it what was changed.

        Args:
            is_whole: also files of which there is nothing to tell.
        """
        for entry in self.entries:
            if entry.outcome is Outcome.REFUSED:
                where = f"{entry.path}:{entry.line}" if entry.line else entry.path
                yield f"{where}: refused: {entry.reason}"
            elif is_whole or entry.notes:
                yield f"{entry.path}: {entry.outcome} as {entry.target}"
            if is_whole:
                yield from (f"    {change}" for change in entry.changes)
            yield from (f"    line {line}: {message}" for line, message in entry.notes)

    @property
    def summary(self) -> str:
        """One line."""
        told = ", ".join(f"{number} {name}" for name, number in self.counts.items() if number) or "nothing to import"
        return f"{told}{' (nothing was written)' if self.is_trial else ''}"
