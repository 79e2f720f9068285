"""The file that names the topics and says whom each is for; what is wrong in it shows nobody what is for writers."""

import re
from pathlib import Path
from typing import Any

from portal.articles import Audience, Topic, is_slug
from portal.front_matter import BadYaml, compose, construct, has_invisible
from portal.library import MAX_BYTES
from portal.locales import CODES
from portal.problems import Problem, Severity

#: Names the topics.
TOPICS = "topics.yml"
_KEYS = ("name", "description", "featured", "audience")


class _Unclear(ValueError):
    """An entry of which nobody can tell whom it is for."""


def read_topics(root: Path) -> tuple[tuple[Topic, ...], tuple[Problem, ...]]:
    """The topics of `topics.yml` in their order, and what is wrong with them; no file, no topics.

    A topic that cannot be read but is marked as one for writers, or has a key that could be meant to, is given as
    such, without a name: a mistake in the file must not show everybody what is not meant for them.
    """
    try:
        text = (root / TOPICS).read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        message = "There is no such file: readers see the topics’ slugs, and no topic is for writers only."
        return (), (Problem(TOPICS, 0, "no-topics", message, Severity.WARNING),)
    except (OSError, UnicodeDecodeError) as error:
        return (), (Problem(TOPICS, 0, "bad-topics", f"The file cannot be read: {type(error).__name__}."),)
    topics, problems = _parse_topics(text)
    if any(problem.severity is Severity.ERROR for problem in problems):
        known = {topic.slug for topic in topics}
        is_yaml = not any(problem.code == "bad-topics" for problem in problems)
        hidden = [slug for slug in _kept_for_writers(text, is_yaml=is_yaml) if slug not in known]
        topics += [Topic(slug, audience=Audience.WRITERS) for slug in hidden]
    return tuple(topics), tuple(problems)


def _parse_topics(text: str) -> tuple[list[Topic], list[Problem]]:
    """The topics that can be read, and what is wrong."""
    topics: list[Topic] = []
    problems: list[Problem] = []
    try:
        entries = compose(text) if len(text.encode()) <= MAX_BYTES else []
    except BadYaml as error:
        return [], [Problem(TOPICS, error.line, "bad-topics", f"The file is not valid YAML: {error}.")]
    if not entries:
        return [], [Problem(TOPICS, 1, "bad-topics", f"It names no topics, or has more than {MAX_BYTES} bytes.")]
    for slug, node, line in entries:
        try:
            topic = _read_topic(slug, construct(node))
            if twins := [twin for twin in topics if twin.slug == slug]:
                is_same = twins[0].audience is topic.audience
                raise (ValueError if is_same else _Unclear)("stands twice")
        except ValueError as error:
            problems.append(Problem(TOPICS, line, "bad-topic", f"{slug[:40]!r} {error}."))
            if isinstance(error, _Unclear):
                topics = [*(known for known in topics if known.slug != slug), Topic(slug, audience=Audience.WRITERS)]
            continue
        if missing := [code for code in CODES if code not in topic.names]:
            message = f"{slug} has no name in {', '.join(missing)}."
            problems.append(Problem(TOPICS, line, "topic-unnamed", message, Severity.WARNING))
        topics.append(topic)
    return topics, problems


_ENTRY = re.compile(r"""^["']?([a-z0-9][a-z0-9_.-]*)["']?[ \t]*:""")
_AUDIENCE = re.compile(r"""\baudience["']?[ \t]*:[ \t]*+(?!["']?everybody\b)""")
#: Another key, which could be meant to be that one.
_OTHER_KEY = re.compile(
    rf"""(?:^[ \t]+|[{{,][ \t]*)["']?(?!(?:{"|".join((*_KEYS, *CODES))})\b)[A-Za-z_-]+["']?[ \t]*:(?=\s)"""
)


def _kept_for_writers(text: str, *, is_yaml: bool) -> list[str]:
    """The entries of a faulty file that name an audience other than everybody, or may do so, by their lines alone."""
    found: dict[str, None] = {}
    slug = ""
    for line in text.split("\n"):
        if entry := _ENTRY.match(line):
            slug = entry[1]
        if slug and (_AUDIENCE.search(line) or (not is_yaml and _OTHER_KEY.search(line))):
            found[slug] = None
    return [slug for slug in found if is_slug(slug)]


def _read_topic(slug: str, entry: Any) -> Topic:
    """A topic from its entry.

    Raises:
        ValueError: something of it is not as it must be.
    """
    values = entry if isinstance(entry, dict) else {}
    names, descriptions, featured = values.get("name"), values.get("description", {}), values.get("featured", [])
    audience = values.get("audience", Audience.EVERYBODY.value)
    if not is_slug(slug):
        raise ValueError("is no slug: small Latin letters and digits joined by hyphens")
    if unknown := [str(key) for key in values if key not in _KEYS]:
        kind = ValueError if values.get("audience") == Audience.EVERYBODY.value else _Unclear
        raise kind(f"has the key {unknown[0][:40]!r}; known are {', '.join(_KEYS)}")
    if not names or not _is_by_language(names) or not _is_by_language(descriptions):
        raise ValueError("needs a name by language, and may have a description by language")
    # A text on several lines is a matter of how the file is written.
    if any(has_invisible(re.sub(r"[\t\n]", " ", text)) for text in (*names.values(), *descriptions.values())):
        raise ValueError("has an invisible character in its name or description")
    if not isinstance(featured, list) or not all(isinstance(item, str) for item in featured):
        raise ValueError("has a list of featured articles that is not a list of slugs")
    if not isinstance(audience, str) or audience not in set(Audience):
        raise ValueError(f"has an audience that is none of {', '.join(Audience)}")
    return Topic(slug, names, descriptions, tuple(featured), Audience(audience))


def _is_by_language(texts: Any) -> bool:
    """Whether it maps language codes to texts."""
    return isinstance(texts, dict) and all(code in CODES and isinstance(text, str) for code, text in texts.items())


def lost_topic(slug: str, path: str) -> Problem:
    """The problem of a topic for writers that is no longer named."""
    message = (
        f"The topic {slug!r} was for writers and is no longer named, but {path} stands in it; it stays for writers."
        " Name it again, with `audience: everybody` if everybody may read it, or give its articles another topic."
    )
    return Problem(TOPICS, 0, "lost-topic", message)
