"""Every rule that articles are checked by, by its code, and what `portal articles explain` says of each."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from portal.rules import Rule
from portal.writing.checking import accepting, fixing
from portal.writing.rules import (
    aliases,
    conflicts,
    images,
    left_over,
    links,
    redirecting,
    shelving,
    structure,
    tone,
    translations,
    wording,
)
from portal.writing.rules import reading as reading_rules

_MODULES = (
    reading_rules,
    fixing,
    accepting,
    shelving,
    conflicts,
    wording,
    structure,
    tone,
    links,
    images,
    aliases,
    redirecting,
    translations,
    left_over,
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.code: rule for module in _MODULES for rule in module.RULES})
"""In the order in which writers meet them: reading, words, links, languages."""

#: What leaves a file or a part of it out cannot be accepted: it would only hide that readers do not see it.
READING = frozenset(rule.code for rule in reading_rules.RULES if rule.severity == "error")


def explain(code: str) -> str:
    """A rule in a few lines: what is wrong, why it matters, what to do.

    Raises:
        KeyError: there is no such rule.
    """
    rule = RULES[code]
    lines = [
        f"{rule.code} ({rule.severity.value})",
        "",
        f"What:  {rule.summary[0].upper()}{rule.summary[1:]}.",
        f"Why:   {rule.why}",
        f"Do:    {rule.mend}",
    ]
    if rule.is_fixable:
        lines.append("       portal articles check --fix mends it.")
    return "\n".join(lines)


def likely(code: str) -> list[str]:
    """The codes that somebody may have meant who wrote one that there is not, best first."""
    return difflib.get_close_matches(code, RULES, 3, 0.6)
