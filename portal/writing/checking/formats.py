"""The forms in which problems are told: lines for people, JSON for scripts, SARIF and annotations for reviews."""

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.rulebook import RULES

#: Of a problem's line: where, how bad, which rule, what; each as it is to be shown.
Style = Callable[[str, str], str]


def visible(text: str) -> str:
    """Text whose control characters are spelled out: a file's name may have any, and terminals obey them."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign
        if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or sign == "\u00ad"
        else f"\\u{ord(sign):04x}"
        for sign in text
    )


def text(problem: Problem, style: Style = lambda _part, words: words) -> str:
    """One line: `path:line:column: severity code: message`; what is 0 is left out.

    Args:
        problem: to be told.
        style: given the name of a part (`place`, `error`, `warning`, `code`) and its words, gives what is shown.
    """
    numbers = f"{problem.line}:{problem.column}" if problem.column else str(problem.line)
    place = style("place", f"{visible(problem.path)}:{numbers}:")
    severity = style(problem.severity.value, problem.severity.value)
    return f"{place} {severity} {style('code', problem.code)}: {visible(problem.message)}"


def as_json(problems: Iterable[Problem]) -> str:
    """A list of objects, with the keys of a problem and `fix`, which is null where somebody has to think."""
    return json.dumps([_plain(problem) for problem in problems], ensure_ascii=False, indent=2)


def _plain(problem: Problem) -> dict[str, Any]:
    """A problem as JSON has it."""
    return {
        "path": visible(problem.path),
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "code": problem.code,
        "message": visible(problem.message),
        "fix": vars(problem.fix) if problem.fix else None,
    }


def github(problem: Problem, folder: str) -> str:
    """A workflow command that becomes an annotation in a review.

    Args:
        problem: to be told.
        folder: of the articles, relative to the repository.
    """
    keys = {"file": _joined(folder, problem.path), "line": str(max(problem.line, 1))}
    if problem.column:
        keys["col"] = str(problem.column)
    keys["title"] = problem.code
    written = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in keys.items())
    return f"::{problem.severity.value} {written}::{_escaped(visible(problem.message), '')}"


def _escaped(value: str, signs: str) -> str:
    """A value in which no sign is read as the command's own."""
    for sign in "%\r\n" + signs:
        value = value.replace(sign, f"%{ord(sign):02X}")
    return value


def _joined(folder: str, path: str) -> str:
    """A file's path from the top of the repository."""
    return f"{folder}/{path}" if folder not in ("", ".") else path


def sarif(problems: Iterable[Problem], folder: str) -> str:
    """A log of the Static Analysis Results Interchange Format 2.1.0, with every rule and its explanation.

    Args:
        problems: in the order in which they are told.
        folder: of the articles, relative to the repository, which `%SRCROOT%` stands for.
    """
    order = {code: number for number, code in enumerate(RULES)}
    driver = {
        "name": "portal articles check",
        "semanticVersion": version("tier0-portal"),
        "rules": [_descriptor(rule) for rule in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The top of the repository."}}},
        "results": list(_results(problems, folder, order)),
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _descriptor(rule: Rule) -> dict[str, Any]:
    """A rule with its help."""
    words = f"{rule.why} {rule.mend}"
    return {
        "id": rule.code,
        "name": rule.code.title().replace("-", ""),
        "shortDescription": {"text": _sentence(rule.summary)},
        "fullDescription": {"text": rule.why},
        "help": {"text": words.replace("`", ""), "markdown": words},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": ["fixable"] if rule.is_fixable else []},
    }


def _sentence(clause: str) -> str:
    """A clause as a sentence."""
    return f"{clause[0].upper()}{clause[1:]}."


def _results(problems: Iterable[Problem], folder: str, order: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The results, each with what it is known by when lines above it come or go."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for problem in problems:
        key = problem.path, problem.code, problem.message
        print_of = hashlib.sha256("\x1f".join((*key, str(seen[key]))).encode(errors="backslashreplace")).hexdigest()
        seen[key] += 1
        location = {"uri": quote(visible(_joined(folder, problem.path))), "uriBaseId": "%SRCROOT%"}
        physical: dict[str, Any] = {"artifactLocation": location}
        if problem.line:
            physical["region"] = {"startLine": problem.line}
            if problem.column:
                physical["region"]["startColumn"] = problem.column
        result: dict[str, Any] = {
            "ruleId": problem.code,
            "level": problem.severity.value,
            "message": {"text": visible(problem.message)},
            "locations": [{"physicalLocation": physical}],
            "partialFingerprints": {"problem/v1": print_of[:32]},
        }
        if problem.code in order:
            result["ruleIndex"] = order[problem.code]
        if problem.fix:
            result["fixes"] = [_fix(problem, location)]
        yield result


def _fix(problem: Problem, location: dict[str, str]) -> dict[str, Any]:
    """What mends a problem, as editors apply it."""
    fix = problem.fix
    assert fix is not None
    region = {"startLine": fix.line, "startColumn": fix.column, "endColumn": fix.column + fix.length}
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.text}}
    return {
        "description": {"text": _sentence(RULES[problem.code].summary) if problem.code in RULES else problem.message},
        "artifactChanges": [{"artifactLocation": location, "replacements": [replacement]}],
    }


def is_fixable(problem: Problem) -> bool:
    """Whether `--fix` mends it."""
    rule = RULES.get(problem.code)
    return problem.fix is not None or (rule is not None and rule.is_fixable)


def summary(problems: list[Problem]) -> str:
    """How many there are of each kind."""
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    counted = f"{errors:,} {'error' if errors == 1 else 'errors'}, {warnings:,} "
    counted += "warning" if warnings == 1 else "warnings"
    fixable = sum(is_fixable(problem) for problem in problems)
    return f"{counted}; --fix mends {fixable:,} of them" if fixable else counted
