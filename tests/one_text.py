"""One text as the rules take it, and what they say of it."""

from types import ModuleType

from portal import library
from portal.problems import Problem
from portal.writing.checking.gathering import text_of
from portal.writing.checking.texts import Text

#: Line of the file on which the body of these texts starts.
BODY_LINE = 7


def one_text(
    body: str = "It says something.", language: str = "en", title: str = "One title of many", **front: str
) -> Text:
    """A text; `front` are more lines of its front matter."""
    lines = "".join(f"{key}: {value}\n" for key, value in front.items())
    raw = f'---\ntitle: "{title}"\ntopic: accounts\nupdated: 2026-01-05\n{lines}---\n\n{body}\n'.encode()
    reading = library.parse(raw, language, "one", f"{language}/one.md")
    assert reading.article is not None, reading.problems
    return text_of(reading.article, f"{language}/one.md", reading)


def problems(module: ModuleType, body: str, language: str = "en", **front: str) -> list[Problem]:
    """What a module's rules say of a text."""
    return list(module.of_text(one_text(body, language, **front)))


def codes(module: ModuleType, body: str, language: str = "en", **front: str) -> list[str]:
    """The rules that a text breaks."""
    return [problem.code for problem in problems(module, body, language, **front)]
