"""What writers should mend: everything that reading alone does not find, in one run over all articles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from portal import library, markup, vocabulary
from portal.articles import Article, Freshness, fingerprint, freshness, source_language
from portal.locales import CODES, choices
from portal.problems import Problem, Severity

#: Longer ones are cut off in search engines' results and on telephones.
GOOD_TITLE, GOOD_SUMMARY = 70, 160
#: A line of this length that stands word for word in the source has been forgotten.
LEFT_OVER = 60

_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]*)>?(?:\s+\"[^\"]*\")?\s*\)")


@dataclass(frozen=True)
class _Text:
    """An article with what is needed to name its places."""

    article: Article
    #: Relative to the folder of the articles.
    path: str
    #: Line of the file on which the body starts.
    body_line: int
    #: Line of each front matter key.
    lines: dict[str, int]

    def line(self, key: str) -> int:
        """Where a key of the front matter stands; the first line where it does not."""
        return self.lines.get(key, 1)


def check_articles(root: Path, default_language: str) -> list[Problem]:
    """Every problem of every article, by path and line.

    Args:
        root: folder of the articles.
        default_language: the likeliest source of a family.

    Raises:
        CannotStart: the folder cannot be used.
    """
    found = library.scan(root)
    topics, problems = library.read_topics(root)
    everything = [*found.problems, *problems, *vocabulary.read_glossary(root)[1]]
    for code in CODES:
        everything += vocabulary.read_synonyms(root, code)[1]
    texts: dict[tuple[str, str], _Text] = {}
    for file in found.files:
        reading = library.read(file, root)
        everything += reading.problems
        if reading.article is not None:
            path = file.path.relative_to(root).as_posix()
            texts[file.language, file.slug] = _Text(reading.article, path, reading.body_line, dict(reading.lines))
    checker = _Checker(root, texts, {topic.slug for topic in topics}, default_language)
    for text in texts.values():
        everything += checker.of_text(text)
    for slug in sorted({slug for _, slug in texts}):
        everything += checker.of_family(slug)
    return sorted(set(everything))


class _Checker:
    """Checks texts against each other."""

    def __init__(
        self, root: Path, texts: dict[tuple[str, str], _Text], topics: set[str], default_language: str
    ) -> None:
        self._texts = texts
        self._topics = topics
        self._preferred = (default_language, *(code for code in CODES if code != default_language))
        images = root / "images"
        self._images = {path.name for path in images.iterdir()} if images.is_dir() else set()
        self._families: dict[str, set[str]] = {}
        for language, slug in texts:
            self._families.setdefault(slug, set()).add(language)
        self._aliases = {alias for text in texts.values() for alias in text.article.aliases}
        self._anchors = lru_cache(maxsize=None)(self._render_anchors)

    def of_text(self, text: _Text) -> Iterator[Problem]:
        """What is wrong with one text."""
        article = text.article
        if self._topics and article.topic not in self._topics:
            message = f"The topic {article.topic!r} is not in topics.yml; readers see this word."
            yield Problem(text.path, text.line("topic"), "unknown-topic", message, Severity.WARNING)
        for key, value, good in (("title", article.title, GOOD_TITLE), ("summary", article.summary, GOOD_SUMMARY)):
            if len(value) > good:
                message = f"The {key} has {len(value)} characters; more than {good} are cut off."
                yield Problem(text.path, text.line(key), f"long-{key}", message, Severity.WARNING)
        level = 1
        for number, line in _prose(text):
            if heading := _HEADING.match(line):
                depth = len(heading[1])
                if depth == 1:
                    message = "Headings of an article begin with ##; the title is the first level."
                    yield Problem(text.path, number, "first-level-heading", message, Severity.WARNING)
                elif depth > level + 1:
                    message = f"The heading skips from level {level} to {depth}."
                    yield Problem(text.path, number, "heading-skips-level", message, Severity.WARNING)
                level = depth
            for mark, words, target in _LINK.findall(re.sub(r"`[^`]*`", "", line)):
                check = self._image(words, target) if mark else self._link(article, target)
                if check:
                    yield Problem(text.path, number, *check)

    def _image(self, words: str, target: str) -> tuple[str, str] | None:
        """What is wrong with an image."""
        if not words.strip():
            return "missing-alt", f"The image {target} has no alternative text."
        if match := re.fullmatch(r"(?:\.\./|\./|/)?images/([^/]+)", target):
            return None if match[1] in self._images else ("missing-image", f"There is no image {target}.")
        return "foreign-image", f"{target} is not in the images folder; readers will not see it."

    def _link(self, article: Article, target: str) -> tuple[str, str] | None:
        """What is wrong with a link."""
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            return None
        path, _, anchor = target.partition("#")
        slug = article.slug
        if path:
            match = re.fullmatch(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([^/]+)\.md", path)
            slug = match[1] if match else ""
            if slug not in self._families:
                if slug in self._aliases:
                    return None
                return "dead-link", f"There is no article for the link {target!r}; link to SLUG.md."
        if anchor:
            language = choices(article.language, self._families[slug])[0]
            if anchor not in self._anchors(language, slug):
                return "dead-anchor", f"{language}/{slug}.md has no heading with the anchor {anchor!r}."
        return None

    def _render_anchors(self, language: str, slug: str) -> frozenset[str]:
        """The anchors of an article's headings."""
        rendered = markup.render(self._texts[language, slug].article.body, language)
        return frozenset(section.anchor for section in rendered.sections)

    def of_family(self, slug: str) -> Iterator[Problem]:
        """What is wrong between the texts of a family."""
        texts = {code: self._texts[code, slug] for code in CODES if (code, slug) in self._texts}
        origin = source_language({code: text.article.source for code, text in texts.items()}, self._preferred)
        source = texts[origin] if origin else None
        first = source or next(iter(texts.values()))
        if missing := [code for code in CODES if code not in texts]:
            message = f"There is no translation into {', '.join(missing)}."
            yield Problem(first.path, 0, "missing-translation", message, Severity.WARNING)
        for text in texts.values():
            if text is not source:
                yield from self._of_translation(text, source)

    def _of_translation(self, text: _Text, source: _Text | None) -> Iterator[Problem]:
        """What is wrong with a translation."""
        if source is None:
            message = "It is a translation, but no text of this family is its source."
            yield Problem(text.path, text.line("source"), "missing-source", message, Severity.WARNING)
            return
        current = fingerprint(source.article)
        state = freshness(text.article.source, current, source.article.significance)
        then = f'once it is up to date, write source: "{current}"'
        messages = {
            Freshness.UNKNOWN: ("unknown-freshness", f"It does not say which source text it was made from; {then}."),
            Freshness.STALE: ("stale-translation", f"{source.path} has changed since it was translated; {then}."),
            Freshness.OUTDATED: (
                "outdated-translation",
                f"{source.path} has had a critical change since it was translated; {then}.",
            ),
        }
        if state in messages:
            yield Problem(text.path, text.line("source"), *messages[state], Severity.WARNING)
        if text.article.title == source.article.title and len(text.article.title) >= LEFT_OVER // 2:
            yield Problem(text.path, text.line("title"), "untranslated", "The title is the source's.", Severity.WARNING)
        original = {line.strip() for _, line in _prose(source)}
        for number, line in _prose(text):
            if len(line.strip()) >= LEFT_OVER and line.strip() in original and not _LINK.fullmatch(line.strip()):
                yield Problem(
                    text.path, number, "untranslated", "The line stands like this in the source.", Severity.WARNING
                )


def _prose(text: _Text) -> Iterator[tuple[int, str]]:
    """The lines of the body outside of code, with their numbers in the file."""
    fence = ""
    for number, line in enumerate(text.article.body.split("\n"), text.body_line):
        match = _FENCE.match(line)
        if match and (not fence or match[1] == fence):
            fence = "" if fence else match[1]
        elif not fence:
            yield number, line
