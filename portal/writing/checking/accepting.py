"""What writers have decided to live with: the file `check.yml` beside the articles, strict, every fault with its line."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

import yaml

from portal.front_matter import BadYaml, compose
from portal.problems import Problem, Severity
from portal.rules import Rule

NAME = "check.yml"
#: In bytes, and entries in all.
MAX_BYTES, MAX_ENTRIES = 64 * 1024, 1_000
#: Longest pattern of paths.
MAX_PATTERN = 200

RULES = (
    Rule(
        "bad-check-file",
        Severity.ERROR,
        "check.yml is not as it must be",
        "The line is left out: what it was to accept is reported.",
        "It has two keys: `ignore` with a list of codes, and `ignore_in` with a list of codes for each path or"
        " pattern, such as `en/special-*.md`.",
    ),
    Rule(
        "cannot-accept",
        Severity.ERROR,
        "check.yml accepts an error that leaves something out",
        "It would only hide that readers do not see the article.",
        "Mend the file, and remove the line.",
    ),
    Rule(
        "needless-ignore",
        Severity.WARNING,
        "check.yml accepts what does not occur",
        "It will hide the next mistake of this kind.",
        "Remove it.",
    ),
)


@dataclass
class _Entry:
    """One code that is accepted."""

    code: str
    line: int
    #: Of paths; empty where it is accepted everywhere.
    pattern: str = ""
    is_used: bool = False

    def __post_init__(self) -> None:
        self.matches = re.compile(translate(unicodedata.normalize("NFC", self.pattern))).match


@dataclass
class Accepted:
    """What `check.yml` says."""

    entries: list[_Entry] = field(default_factory=list)
    #: What is wrong with it.
    problems: list[Problem] = field(default_factory=list)

    def rest(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems that are not accepted, and then the entries that accept nothing."""
        by_code: dict[str, list[_Entry]] = {}
        for entry in self.entries:
            by_code.setdefault(entry.code, []).append(entry)
        for problem in problems:
            is_accepted = False
            for entry in by_code.get(problem.code, ()):
                if not entry.pattern or entry.matches(problem.path):
                    is_accepted = entry.is_used = True
            if not is_accepted:
                yield problem
        for entry in self.entries:
            if not entry.is_used:
                where = f" in {entry.pattern}" if entry.pattern else ""
                message = f"There is no {entry.code}{where}."
                yield Problem(NAME, entry.line, "needless-ignore", message, Severity.WARNING)


def read_accepted(root: Path, codes: Collection[str], reading: Collection[str]) -> Accepted:
    """What writers accept; no file, nothing.

    Args:
        root: folder of the articles.
        codes: of all rules.
        reading: those of them that cannot be accepted.
    """
    accepted = Accepted()
    try:
        with (root / NAME).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            return Accepted(problems=[Problem(NAME, 0, "bad-check-file", f"The limit is {MAX_BYTES} bytes.")])
        entries = compose(unicodedata.normalize("NFC", raw.decode("utf-8-sig").replace("\r\n", "\n")))
    except FileNotFoundError:
        return accepted
    except (OSError, UnicodeDecodeError) as error:
        message = f"The file cannot be read: {type(error).__name__}."
        return Accepted(problems=[Problem(NAME, 0, "bad-check-file", message)])
    except BadYaml as error:
        return Accepted(problems=[Problem(NAME, error.line, "bad-check-file", f"It is not valid YAML: {error}.")])
    found = _Reader(codes, reading)
    for key, node, line in entries:
        found.read_key(key, node, line)
    return Accepted(found.entries, found.problems)


class _Reader:
    """Reads the entries of the file."""

    def __init__(self, codes: Collection[str], reading: Collection[str]) -> None:
        self._codes, self._reading = codes, reading
        self._keys: set[str] = set()
        self.entries: list[_Entry] = []
        self.problems: list[Problem] = []

    def read_key(self, key: str, node: yaml.Node, line: int) -> None:
        """Read one of the two keys."""
        if key in self._keys:
            self._fault(line, f"{key[:40]!r} stands twice.")
        elif key == "ignore":
            self._read_codes(node, line, "")
        elif key == "ignore_in" and isinstance(node, yaml.MappingNode):
            for path, codes in node.value:
                place, pattern = path.start_mark.line + 1, str(path.value) if isinstance(path, yaml.ScalarNode) else ""
                if not pattern or len(pattern) > MAX_PATTERN:
                    self._fault(place, f"A path or pattern has at most {MAX_PATTERN} characters.")
                else:
                    self._read_codes(codes, place, pattern)
        elif key == "ignore_in":
            self._fault(line, "'ignore_in' has lines of the form en/special-*.md: [code].")
        else:
            self._fault(line, f"{key[:40]!r} is no key; known are ignore, ignore_in.")
        self._keys.add(key)

    def _read_codes(self, node: yaml.Node, line: int, pattern: str) -> None:
        """Read a list of codes."""
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            self._fault(line, "The codes stand in a list, such as [orphan-page, long-title].")
            return
        for item in node.value:
            code, place = str(item.value), item.start_mark.line + 1
            if code not in self._codes:
                self._fault(place, f"{code[:40]!r} is no code; portal articles explain lists them.")
            elif code in self._reading:
                message = f"{code} cannot be accepted: it leaves something out."
                self.problems.append(Problem(NAME, place, "cannot-accept", message))
            elif len(self.entries) == MAX_ENTRIES:
                self._fault(place, f"The limit is {MAX_ENTRIES} entries.")
            else:
                self.entries.append(_Entry(code, place, pattern))

    def _fault(self, line: int, message: str) -> None:
        """Note that a line is left out."""
        self.problems.append(Problem(NAME, line, "bad-check-file", message))
