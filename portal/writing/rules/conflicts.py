"""The rule against marks that git leaves in a text where two branches changed the same lines."""

import re
from collections.abc import Iterator

from portal.outline import prose
from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Text

RULES = (
    Rule(
        "conflict-mark",
        Severity.ERROR,
        "a mark of a conflict stands in the text",
        "Readers see both versions one after the other, with git’s marks between them.",
        "Decide for one text or write a third, and delete the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`.",
    ),
)

_MARK = re.compile(r"(?:<{7}|>{7}|\|{7})(?: \S|$)")


def of_text(text: Text) -> Iterator[Problem]:
    """The marks outside of code, which may show them; in front matter they are no valid YAML."""
    if "<<<<<<<" not in text.article.body and ">>>>>>>" not in text.article.body:
        return
    for line in prose(text.article.body, text.body_line):
        if _MARK.match(line.raw):
            message = f"Git has left {line.raw[:7]} here: two branches changed these lines."
            yield Problem(text.path, line.number, "conflict-mark", message, column=1)
