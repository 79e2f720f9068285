"""`docs/failures.md` has every sentence with which a portal does not start, stops or complains, and every alert."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from tests.needs import REPOSITORY

#: Commands for writers say at once what is wrong with what was typed; their sentences are their own explanation.
FOR_WRITERS = {
    "writing",
    "articles",
    "judged_queries.py",
    "quality.py",
    "search_check.py",
    "evaluation.py",
    "baselines.py",
}
#: Backups have their own table of sentences.
PAGES = {"backup": "backup.md"}
#: What is said where somebody at a terminal reads it: what is raised, reported or logged.
SAYING = {"CannotStart", "BadBackup", "report", "warning", "error", "_of"}
#: Sentences of helpers that end in a file's own problem, which its writers are told.
EXEMPT = {"the server refuses a command"}


def text_of(node: ast.expr, constants: dict[str, str]) -> str:
    """A message as it stands in the code; NUL for what is put in."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[sd]", "\0", text)
        case ast.JoinedStr(values=values):
            return "".join(text_of(value, constants) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left, constants) + text_of(right, constants)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return constants.get(name, "\0")
    return "\0"


def constants_of(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """The names of a module that stand for texts, and its local messages."""
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant | ast.JoinedStr):
                    yield name.id, text_of(value, {})


def said() -> list[tuple[str, str]]:
    """Where something is said, and what."""
    paths = sorted((REPOSITORY / "portal").rglob("*.py"))
    nodes = {path: list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) for path in paths}
    known = {path: dict(constants_of(some)) for path, some in nodes.items()}
    everywhere = {name: text for some in known.values() for name, text in some.items() if name.isupper()}
    found = []
    for path, some in nodes.items():
        if FOR_WRITERS & set(path.relative_to(REPOSITORY).parts):
            continue
        constants = everywhere | known[path]
        for node in some:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "what":
                found.append((str(path.relative_to(REPOSITORY / "portal")), text_of(node.value, constants)))
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in SAYING:
                    found.append((str(path.relative_to(REPOSITORY / "portal")), text_of(node.args[0], constants)))
    return found


def beginning(message: str) -> str:
    """The part of a message by which it is recognised: its first longer piece without anything put in."""
    pieces = [piece.strip(" .:,;'\n") for piece in re.split(r"\0|\n|: |\. |; ", message)]
    return next((piece for piece in pieces if len(piece) > 15), max(pieces, key=len))[:40].strip()


@cache
def messages() -> list[tuple[str, str]]:
    """Where something is said, and the part by which it is recognised."""
    return sorted({(place, beginning(text)) for place, text in said() if len(beginning(text)) > 8})


def test_the_messages_are_found() -> None:
    """A search that finds nothing would always be content."""
    texts = {text for _, text in messages()}

    assert len(texts) > 80
    assert "PostgreSQL needs an extra" in texts
    assert "the rounds were broken off" in texts
    assert "mail cannot be delivered" in texts


def test_every_message_has_its_section() -> None:
    """The sentence that somebody copies from the terminal is found on the page."""
    pages = {
        name: (REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("failures.md", *PAGES.values())
    }
    missing = [
        (place, message)
        for place, message in messages()
        if message not in pages[PAGES.get(Path(place).parts[0], "failures.md")] and message not in EXEMPT
    ]

    assert missing == []


def test_every_section_says_what_to_do() -> None:
    """Cause or meaning, mend, and what is lost."""
    page = (REPOSITORY / "docs" / "failures.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", page.partition("## What readers see")[0], flags=re.MULTILINE)[1:]

    assert len(sections) > 45
    assert [
        s.splitlines()[0] for s in sections if not ("**Cause**" in s or "**Means**" in s) or "**Lost**" not in s
    ] == []
    assert [s.splitlines()[0] for s in sections if "**Mend**" not in s] == []


def test_every_alert_has_its_section() -> None:
    """Each rule is on both pages."""
    rules = yaml.safe_load((REPOSITORY / "docs" / "examples" / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    failures, monitoring = ((REPOSITORY / "docs" / name).read_text() for name in ("failures.md", "monitoring.md"))

    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in failures] == []
    assert [name for name in names if f"### {name}\n" not in monitoring] == []
