"""Problems as a GitLab Code Quality report, which GitLab shows beside the lines of a merge request."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable

from portal.problems import Problem, Severity

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def gitlab(problems: Iterable[Problem], folder: str) -> str:
    """A JSON list; equal problems keep their identity while lines move, so that only new ones are shown as new.

    Args:
        problems: in the order in which they are listed.
        folder: of the articles, relative to the repository, with slashes; empty where it is the repository itself.
    """
    seen: Counter[str] = Counter()
    entries = []
    for problem in problems:
        path = "/".join(part for part in (folder.strip("/"), problem.path) if part not in ("", "."))
        what = "\0".join((path, problem.code, problem.message))
        seen[what] += 1
        identity = hashlib.sha256(f"{what}\0{seen[what]}".encode()).hexdigest()[:32]
        entries.append(
            {
                "description": problem.message,
                "check_name": problem.code,
                "fingerprint": identity,
                "severity": _SEVERITIES[problem.severity],
                "location": {"path": path, "lines": {"begin": max(problem.line, 1)}},
            }
        )
    return json.dumps(entries, ensure_ascii=False, indent=2)
