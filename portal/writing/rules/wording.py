"""What stands above the text: titles and summaries of the right length, one title for one article, honest keywords."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.search.analyzers import fold, stop_words
from portal.writing.checking.texts import Collection, Facts, Text
from portal.writing.rules.passages import passages

#: In characters. Longer ones are cut off in search engines' results and on telephones; shorter ones say nothing.
GOOD_TITLE, GOOD_SUMMARY = 70, 160
SHORT_TITLE, SHORT_SUMMARY = 8, 20
#: More keywords are no longer what readers say, but a net.
MOST_KEYWORDS = 20
#: A word that stands more often than this in a title, or in more keywords than this and in most of them, is stuffed.
MOST_IN_TITLE, MOST_IN_KEYWORDS = 3, 7
#: A word that makes up more than this share of the prose of a text of at least so many words is stuffed.
MOST_IN_TEXT, LEAST_WORDS = 0.2, 40

RULES = (
    Rule(
        "long-title",
        Severity.WARNING,
        "the title is too long to be shown whole",
        f"Results, lists and browser tabs cut off what is behind {GOOD_TITLE} characters.",
        f"Shorten it to {GOOD_TITLE} characters; put the rest into the summary.",
    ),
    Rule(
        "short-title",
        Severity.WARNING,
        "the title is too short to tell what the article answers",
        "In a list of results, one word is a topic, not an answer.",
        "Say what the reader wants to do or what has gone wrong: “Connect to the VPN” instead of “VPN”.",
    ),
    Rule(
        "long-summary",
        Severity.WARNING,
        "the summary is too long to be shown whole",
        f"Results and search engines cut off what is behind {GOOD_SUMMARY} characters.",
        f"Shorten it to one sentence of at most {GOOD_SUMMARY} characters.",
    ),
    Rule(
        "short-summary",
        Severity.WARNING,
        "the summary is too short to say anything",
        "It stands below the title in results, where it decides whether somebody reads on.",
        "Write one sentence, or remove the key: then the beginning of the text is shown.",
    ),
    Rule(
        "summary-repeats-title",
        Severity.WARNING,
        "the summary says what the title says",
        "Readers see the same words twice and learn nothing.",
        "Say what the article gives them or whom it is for, or remove the key.",
    ),
    Rule(
        "duplicate-title",
        Severity.WARNING,
        "two articles of a language have the same title",
        "In results and lists nobody can tell them apart.",
        "Say in each title what sets it apart, or make one article of the two.",
    ),
    Rule(
        "keyword-stuffing",
        Severity.WARNING,
        "words are repeated or heaped up to be found more often",
        "The article comes up where it is no answer, above the one that is.",
        "Keep words that readers really use for this and the text does not have, each once.",
    ),
    Rule(
        "review-overdue",
        Severity.WARNING,
        "the day by which the article was to be read again has passed",
        "Nobody has looked whether it is still true.",
        "Read it, mend what has changed, and set `review_by` to the next day, or remove it.",
    ),
)

_WORD = re.compile(r"(?<![&\w])[^\W\d_]{3,}")


def of_text(text: Text) -> Iterator[Problem]:
    """What is wrong with the front matter's own words."""
    article = text.article
    lengths = (
        ("title", article.title, SHORT_TITLE, GOOD_TITLE),
        ("summary", article.summary, SHORT_SUMMARY, GOOD_SUMMARY),
    )
    for key, value, least, most in lengths:
        if len(value) > most:
            message = f"The {key} has {len(value)} characters; more than {most} are cut off."
            yield _problem(text, key, f"long-{key}", message)
        elif value and len(value) < least:
            says = "1 character, which says" if len(value) == 1 else f"{len(value)} characters, which say"
            yield _problem(text, key, f"short-{key}", f"The {key} has {says} too little.")
    if article.summary and _plain(article.summary) == _plain(article.title):
        yield _problem(text, "summary", "summary-repeats-title", "The summary is the title again.")
    yield from _of_keywords(text)
    yield from _of_title(text)
    yield from _of_body(text)


def of_collection(collection: Collection, today: date) -> Iterator[Problem]:
    """Titles that two articles of a language have, and articles that should have been read again.

    Args:
        collection: all texts.
        today: by which `review_by` is judged.
    """
    titles: dict[tuple[str, str], Facts] = {}
    for (language, _), facts in sorted(collection.texts.items()):
        article = facts.article
        first = titles.setdefault((language, _plain(article.title)), facts)
        if first is not facts:
            message = f"{first.path} has the same title."
            yield Problem(facts.path, facts.line("title"), "duplicate-title", message, Severity.WARNING)
        if article.review_by and article.review_by < today:
            message = f"It was to be read again by {article.review_by.isoformat()}."
            yield Problem(facts.path, facts.line("review_by"), "review-overdue", message, Severity.WARNING)


def _problem(text: Text, key: str, code: str, message: str) -> Problem:
    """A warning at a key of the front matter."""
    return Problem(text.path, text.line(key), code, message, Severity.WARNING)


def _of_keywords(text: Text) -> Iterator[Problem]:
    """Keywords and tags that are too many, repeated, or one word over and over."""
    article = text.article
    for key, values in (("keywords", article.keywords), ("tags", article.tags)):
        counts = Counter(_plain(value) for value in values)
        repeated = [value for value in values if counts[_plain(value)] > 1]
        if repeated:
            yield _problem(text, key, "keyword-stuffing", f"“{repeated[0]}” stands more than once in {key}.")
        if len(values) > MOST_KEYWORDS:
            message = f"There are {len(values)} {key}; keep the {MOST_KEYWORDS} that readers use most."
            yield _problem(text, key, "keyword-stuffing", message)
    small = stop_words(article.language)
    words = Counter(word for value in article.keywords for word in set(_WORD.findall(fold(value).lower())) - small)
    for word, count in words.most_common(1):
        if count > MOST_IN_KEYWORDS and 4 * count > 3 * len(article.keywords):
            message = f"“{word}” stands in {count} of {len(article.keywords)} keywords; one is enough."
            yield _problem(text, "keywords", "keyword-stuffing", message)


def _of_title(text: Text) -> Iterator[Problem]:
    """A title that says a word over and over."""
    small = stop_words(text.article.language)
    counts = Counter(word for word in _WORD.findall(fold(text.article.title).lower()) if word not in small)
    for word, count in counts.most_common(1):
        if count > MOST_IN_TITLE:
            yield _problem(text, "title", "keyword-stuffing", f"“{word}” stands {count} times in the title.")


def _of_body(text: Text) -> Iterator[Problem]:
    """A text that says a word over and over."""
    words = _WORD.findall(passages(text.article.body, text.body_line).text)
    if len(words) < LEAST_WORDS:
        return
    for word, count in Counter(words).most_common(3):
        if count > MOST_IN_TEXT * len(words) and fold(word).lower() not in stop_words(text.article.language):
            message = f"“{word}” is every {round(len(words) / count)}th word of the text."
            yield Problem(text.path, text.body_line, "keyword-stuffing", message, Severity.WARNING)


def _plain(text: str) -> str:
    """A text by which two are compared: without case, accents, signs and the blanks at its ends."""
    return " ".join(re.findall(r"\w+", fold(text).lower()))
