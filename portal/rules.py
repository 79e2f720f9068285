"""Rules that articles keep: what each is called, how bad it is to break it, and how it is explained."""

from dataclasses import dataclass

from portal.problems import Severity


@dataclass(frozen=True)
class Rule:
    """Something that is checked; the module that checks it lists it in its `RULES`."""

    #: In kebab-case; never used for anything else, also after it is gone.
    code: str
    severity: Severity
    #: What is wrong, as one clause: “a link leads to an article that is not there”.
    summary: str
    #: Why it matters to readers: one or two sentences.
    why: str
    #: What the writer does about it: one or two sentences.
    mend: str
    #: Whether `portal articles check --fix` mends it.
    is_fixable: bool = False
