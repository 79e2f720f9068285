"""Rules between articles and topics: each article stands on a shelf that has a name, and shelves show what there is."""

from collections.abc import Iterator, Sequence
from datetime import date

from portal.articles import Topic
from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Collection

RULES = (
    Rule(
        "unknown-topic",
        Severity.WARNING,
        "an article's topic is not in topics.yml",
        "Readers see the slug as its name, behind all others.",
        "Add the topic to `topics.yml`, or correct `topic`.",
    ),
    Rule(
        "unknown-featured",
        Severity.WARNING,
        "a topic features what is not one of its articles",
        "Something else is shown in its place.",
        "Correct the slug in `topics.yml`, or remove it.",
    ),
)


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """Articles on shelves that there are not."""
    if not collection.topics:
        return
    for facts in collection.texts.values():
        topic = facts.article.topic
        if topic not in collection.topics:
            message = f"The topic {topic!r} is not in topics.yml; readers see this word."
            yield Problem(facts.path, facts.line("topic"), "unknown-topic", message, Severity.WARNING)


def of_topics(collection: Collection, topics: Sequence[Topic], lines: dict[str, int]) -> Iterator[Problem]:
    """Shelves that feature articles that are not on them.

    Args:
        collection: all texts.
        topics: of `topics.yml`.
        lines: of that file, of each topic.
    """
    shelves: dict[str, set[str]] = {}
    for (_, slug), facts in collection.texts.items():
        shelves.setdefault(slug, set()).add(facts.article.topic)
    for topic in topics:
        for slug in topic.featured:
            if topic.slug not in shelves.get(slug, ()):
                is_there = slug in shelves
                why = f"stands under {', '.join(sorted(shelves[slug]))}" if is_there else "is no article"
                message = f"{topic.slug} features {slug!r}, which {why}."
                line = lines.get(topic.slug, 0)
                yield Problem("topics.yml", line, "unknown-featured", message, Severity.WARNING)
