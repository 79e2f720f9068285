"""Rules of links: each leads to an article and a section that its readers can open, and each article is linked to."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from urllib.parse import unquote

from rapidfuzz import fuzz, process

from portal.locales import CODES, choices
from portal.outline import Link
from portal.problems import Problem, Severity
from portal.rules import Rule
from portal.writing.checking.texts import Collection, Facts
from portal.writing.files.families import origin_of

#: From this share of a language's articles on that others link to, one without a link to it has been forgotten.
LINKED_SHARE = 0.5
#: Dead links for which an article is looked for that may have been meant.
MAX_SUGGESTIONS = 200

RULES = (
    Rule(
        "dead-link",
        Severity.ERROR,
        "a link leads to an article that is not there",
        "Readers who follow it get nowhere.",
        "Link to an article as `slug.md`; the slug is the name of its file.",
    ),
    Rule(
        "dead-anchor",
        Severity.ERROR,
        "a link leads to a section that is not there",
        "Readers come to the top of the page, in each language in which the heading has another anchor.",
        "Give the heading the anchor in every language, as in `## Title {#anchor}`, or correct the link.",
    ),
    Rule(
        "link-to-hidden",
        Severity.ERROR,
        "a published article links to one that readers cannot open",
        "It is a draft in every language, or for writers only: readers are told that the page does not exist.",
        "Publish it, or remove the link until it is.",
    ),
    Rule(
        "dropped-link",
        Severity.WARNING,
        "a link has an address of a kind that is dropped",
        "Readers see its words and cannot click on them.",
        "Use `https:`, `http:`, `mailto:` or `tel:` with the whole address.",
    ),
    Rule(
        "untranslated-link",
        Severity.WARNING,
        "a link leads to an article that exists in other languages only",
        "Readers go on in a language that they have not chosen.",
        "Translate that article, or accept it for this file in `check.yml`.",
    ),
    Rule(
        "orphan-page",
        Severity.WARNING,
        "no other article leads to an article: by a link, or by a tag that they share within a topic",
        "Who reads about something near it does not learn of it. Not reported where articles are hardly linked at all.",
        "Link to it where readers need it next, give it the tag of its neighbours, feature it in `topics.yml`, or accept"
        " it in `check.yml`.",
    ),
)

_ELSEWHERE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):|//")
_SAFE = frozenset({"http", "https", "mailto", "tel"})
_ARTICLE = re.compile(r"(?:\.\./(?:en|fr|de|ru)/|\./)?([^/]+)\.md")


def of_collection(collection: Collection, _today: date) -> Iterator[Problem]:
    """Links that lead nowhere, and articles that no link leads to."""
    checker = _Checker(collection)
    for facts in collection.texts.values():
        for link in facts.outline.links:
            if not link.is_image:
                yield from checker.of_link(facts, link)
    yield from checker.orphans()


class _Checker:
    """Follows links as readers do."""

    def __init__(self, collection: Collection) -> None:
        self._all = collection
        self._anchors: dict[tuple[str, str], frozenset[str]] = {}
        self._asked = 0
        #: By language, the slugs that another article links to.
        self._linked: dict[str, set[str]] = {code: set() for code in CODES}

    def of_link(self, facts: Facts, link: Link) -> Iterator[Problem]:
        """What is wrong with a link."""
        elsewhere = _ELSEWHERE.match(link.target)
        if elsewhere:
            if (elsewhere[1] or "").lower() not in _SAFE:
                message = f"{_short(link.target)} is dropped: addresses begin with https:, http:, mailto: or tel:."
                yield self._problem(facts, link, "dropped-link", message, Severity.WARNING)
            return
        path, _, anchor = link.target.partition("#")
        slug, language = facts.article.slug, facts.article.language
        if path:
            match = _ARTICLE.fullmatch(path)
            slug = self._all.moved.get(match[1], match[1]) if match else ""
            if slug not in self._all.families:
                yield self._problem(facts, link, "dead-link", self._dead(link, match[1] if match else ""))
                return
            if slug != facts.article.slug:
                yield from self._of_family(facts, link, slug)
                if self._all.is_public(facts):
                    self._linked[language].add(slug)
        elif not anchor and not link.target.startswith("#"):
            yield self._problem(facts, link, "dead-link", "The link has no address.")
            return
        if anchor:
            yield from self._of_anchor(facts, link, slug, anchor, within=not path)

    def _dead(self, link: Link, slug: str) -> str:
        """What is said of a link that leads to no article; `slug` is empty where it has not the form of one."""
        target = _short(link.target)
        if self._all.redirects.get(slug, slug) in self._all.retired:
            return f"The article of the link {target!r} was retired; nothing has taken its place: remove the link."
        meant = self._meant(slug) if slug else ""
        return f"There is no article for the link {target!r}; {meant or 'link to SLUG.md.'}"

    def _meant(self, slug: str) -> str:
        """The article that the writer may have meant; empty where none has a slug like it, or many links are dead."""
        self._asked += 1
        if self._asked > MAX_SUGGESTIONS:
            return ""
        found = process.extractOne(slug, self._all.families.keys(), scorer=fuzz.ratio, score_cutoff=80)
        return f"did you mean {found[0]}.md?" if found else ""

    def _of_family(self, facts: Facts, link: Link, slug: str) -> Iterator[Problem]:
        """Whether readers of a text can open an article that it links to, and in its language."""
        if not self._all.is_public(facts):
            return
        languages = self._all.public.get(slug)
        if not languages:
            message = f"{slug}.md is a draft or for writers only: readers cannot open it."
            yield self._problem(facts, link, "link-to-hidden", message)
        elif facts.article.language not in languages:
            where = ", ".join(sorted(languages, key=CODES.index))
            message = f"{slug}.md exists in {where} only."
            yield self._problem(facts, link, "untranslated-link", message, Severity.WARNING)

    def _of_anchor(self, facts: Facts, link: Link, slug: str, anchor: str, *, within: bool) -> Iterator[Problem]:
        """Whether the section is there in each language that the link can be followed into."""
        own = facts.article.language
        there = self._all.public.get(slug) or self._all.families[slug]
        targets = {own: None} if within else dict.fromkeys(self._followed(facts, there))
        missing = [code for code in targets if not {anchor, unquote(anchor)} & self._anchors_of(code, slug)]
        if missing:
            files = ", ".join(self._all.texts[code, slug].path for code in missing)
            has = "has" if len(missing) == 1 else "have"
            message = f"{files} {has} no heading with the anchor {_short(anchor)!r}."
            yield self._problem(facts, link, "dead-anchor", message)

    def _followed(self, facts: Facts, there: frozenset[str]) -> Iterator[str]:
        """The languages in which readers of a text see an article that it links to."""
        shown = self._all.public.get(facts.article.slug, frozenset()) | {facts.article.language}
        for reader in CODES:
            if choices(reader, shown)[0] == facts.article.language:
                yield choices(reader, there)[0]

    def _anchors_of(self, language: str, slug: str) -> frozenset[str]:
        """The anchors of an article's headings."""
        if (language, slug) not in self._anchors:
            headings = self._all.texts[language, slug].outline.headings
            self._anchors[language, slug] = frozenset(heading.anchor for heading in headings)
        return self._anchors[language, slug]

    def orphans(self) -> Iterator[Problem]:
        """Published articles that no other article leads to; a translation follows its source."""
        found: dict[str, set[str]] = {}
        for code in CODES:
            for slug in self._orphans_of(code):
                found.setdefault(slug, set()).add(code)
        for slug, codes in found.items():
            articles = {code: self._all.texts[code, slug].article for code in self._all.families[slug]}
            origin = origin_of(articles, self._all.preferred)
            for code in [origin] if origin in codes else sorted(codes):
                path = self._all.texts[code, slug].path
                message = f"No other article in {code} links to it, and none of its topic has one of its tags."
                yield Problem(path, 0, "orphan-page", message, Severity.WARNING)

    def _orphans_of(self, code: str) -> Iterator[str]:
        """The slugs of a language that nothing leads to but the list of their topic."""
        public = [slug for slug, languages in self._all.public.items() if code in languages]
        linked = self._linked[code]
        if sum(slug in linked for slug in public) < LINKED_SHARE * len(public):
            return
        shelves = Counter(shelf for slug in public for shelf in self._shelves(code, slug))
        for slug in public:
            # Pages show related articles by themselves: those of the same topic that share a tag.
            is_related = any(shelves[shelf] > 1 for shelf in self._shelves(code, slug))
            if slug not in linked and slug not in self._all.featured and not is_related:
                yield slug

    def _shelves(self, code: str, slug: str) -> set[tuple[str, str]]:
        """Topic and tag by which an article is related to others."""
        article = self._all.texts[code, slug].article
        return {(article.topic, tag) for tag in article.tags}

    @staticmethod
    def _problem(facts: Facts, link: Link, code: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
        """A problem at a link."""
        return Problem(facts.path, link.line, code, message, severity, link.column)


def _short(address: str) -> str:
    """An address as it can stand in a message."""
    return address if len(address) <= 80 else f"{address[:79]}…"
