"""The rules that reading a file keeps: of names, front matter, topics, synonyms and glossary."""

from portal.problems import Severity
from portal.rules import Rule

_LEFT_OUT = "The article is left out: readers do not see it in this language."
_SYNTAX = "The line or entry is left out, and search does not know its words."


def _error(code: str, summary: str, mend: str, why: str = _LEFT_OUT) -> Rule:
    """A rule whose breach leaves something out."""
    return Rule(code, Severity.ERROR, summary, why, mend)


_FILES = (
    _error(
        "invalid-slug",
        "the name of a file is no slug",
        "Rename it: small Latin letters and digits joined by hyphens, at most 120 characters, and `.md`.",
    ),
    _error("duplicate-slug", "two names differ only by capitals", "Rename this file, or remove it."),
    _error(
        "outside-link",
        "a symbolic link leads out of the folder of the articles",
        "Replace the link by the file.",
        "What it leads to is not read: anything on the machine could be published by it.",
    ),
    _error("broken-link", "a symbolic link leads nowhere", "Replace the link by the file."),
    _error(
        "no-file",
        "something that is no regular file has the name of one",
        "Replace it by a file.",
        "It is not read.",
    ),
    _error("unreadable", "a file cannot be read", "Let the portal's user read it.", "It is left out."),
    _error(
        "too-large",
        "a file is larger than 256 KiB",
        "Split the article, or the list.",
        "It is left out: Markdown gets slow, and nobody reads that much.",
    ),
    _error("empty-file", "a file is empty", "Write the text, or remove the file."),
    _error(
        "wrong-encoding",
        "a file is not UTF-8",
        "Save it as UTF-8.",
        "It is left out: its letters cannot be told.",
    ),
    _error("control-character", "a file has an invisible control character", "Delete the character on that line."),
    _error(
        "too-many-brackets",
        "a text has more than 2,000 opening brackets",
        "Put data into a block of code of an article of its own, or split the text.",
        "The article is left out: Markdown takes very long for it.",
    ),
    _error(
        "too-many-signs",
        "a text has very many signs that Markdown takes long over",
        "Put data into a file of its own, or split the text.",
        "The article is left out: it would hold up all others when they are published.",
    ),
    _error("empty-body", "there is no text below the front matter", "Write the text, or remove the file."),
    _error(
        "draft-placeholder",
        "a published text still has the line of its draft",
        "Write the answer and remove the line `<!-- placeholder -->`, or set `status: draft`.",
        "The article is left out: it is no answer yet.",
    ),
    Rule(
        "byte-order-mark",
        Severity.WARNING,
        "a file begins with a byte order mark",
        "Other programs show it as strange signs or stumble over it.",
        "Save the file as UTF-8 without it, or let `--fix` do it.",
        is_fixable=True,
    ),
    Rule(
        "nested-folder",
        Severity.WARNING,
        "there is a folder within that of a language",
        "Files in it are not read.",
        "Move them up.",
    ),
)

_FRONT_MATTER = (
    _error("no-front-matter", "a file has no front matter", "Begin it with a line `---`, the keys, and a line `---`."),
    _error("front-matter-too-long", "the front matter is longer than 16,384 characters", "Shorten it."),
    _error(
        "bad-yaml",
        "the front matter is not valid YAML",
        "Correct the line; most often a quotation mark, a bracket or the blank behind the colon is missing.",
    ),
    _error("unknown-key", "the front matter has a key that there is not", "Correct its spelling, or remove it."),
    _error(
        "duplicate-key",
        "a key stands twice",
        "Keep one of them.",
        "It cannot be told which of them is meant; the article or the entry is left out.",
    ),
    _error("invalid-value", "a key has a value that it cannot have", "Correct it as the message says."),
    Rule(
        "yaml-comment",
        Severity.WARNING,
        "text behind a # in the front matter is a remark",
        "YAML reads nothing from a blank with a `#` behind it to the end of the line; readers see the value cut off.",
        "Put the whole value in quotation marks, or move the remark to a line of its own.",
    ),
    *(
        _error(f"missing-{key}", f"the front matter has no `{key}`", f"Add the key `{key}`.")
        for key in ("title", "topic", "updated")
    ),
)

_TOPICS = (
    _error(
        "bad-topics",
        "topics.yml cannot be read",
        "Correct the line.",
        "All topics are shown under their slugs, in the order of the alphabet.",
    ),
    _error(
        "bad-topic",
        "a topic is not as it must be",
        "Correct its slug, `name`, `description`, `featured` or `audience` as the message says.",
        "The topic is shown under its slug, at the end; where nobody can tell whom it is for, to writers only.",
    ),
    _error(
        "lost-topic",
        "a topic that was for writers is no longer named, and articles stand in it",
        "Name it again, with `audience: everybody` if everybody may read it, or give its articles another topic.",
        "Its articles stay for writers. Only a portal that has published them before knows that.",
    ),
    Rule(
        "no-topics",
        Severity.WARNING,
        "there is no topics.yml",
        "Readers see the topics' slugs, and nothing says which topics are for writers only.",
        "Write it, or restore it.",
    ),
    Rule(
        "topic-unnamed",
        Severity.WARNING,
        "a topic has no name in a language",
        "Readers of that language see the slug.",
        "Add the name in `topics.yml`.",
    ),
)

_WORDS = (
    _error("bad-glossary", "glossary.yml is not valid YAML", "Correct the line.", "All of it is left out."),
    _error(
        "bad-entry",
        "an entry of the glossary is not as it must be",
        'The key is a slug, and each language has a list of texts; `"no"`, `"on"` and numbers need quotation marks.',
        _SYNTAX,
    ),
    _error("unknown-language", "an entry has a language that there is not", "Use en, fr, de and ru.", _SYNTAX),
    _error("empty-term", "a term is missing", "Remove the comma or arrow that has nothing beside it.", _SYNTAX),
    _error("lonely-term", "a term stands alone", "Add what means the same, or remove the line.", _SYNTAX),
    _error(
        "empty-search",
        "a term has small words or signs only",
        "Remove it: such words are not searched.",
        _SYNTAX,
    ),
    _error("long-term", "a term is longer than 6 words or 80 characters", "Shorten it.", _SYNTAX),
    _error("two-arrows", "a line has two arrows", "Make two lines of it.", _SYNTAX),
    _error("too-many-terms", "a list has more than 50 terms", "Keep those that people type.", _SYNTAX),
    _error("too-many-groups", "there are more than 5,000 lines or entries", "Remove those that help least.", _SYNTAX),
    Rule(
        "repeated-term",
        Severity.WARNING,
        "a term is searched like one of another line",
        "It finds both, or only one of them, and nobody expects which.",
        "Join the two lines, or remove the term from one.",
    ),
    Rule(
        "ambiguous-term",
        Severity.WARNING,
        "a term stands in two entries of the glossary",
        "It is translated as both.",
        "Keep it in one.",
    ),
    Rule(
        "single-language",
        Severity.WARNING,
        "an entry of the glossary has one language only",
        "There is nothing to translate.",
        "Add the term in another language; words that mean the same in one language stand in `synonyms.txt`.",
    ),
)

RULES = (*_FILES, *_FRONT_MATTER, *_TOPICS, *_WORDS)
