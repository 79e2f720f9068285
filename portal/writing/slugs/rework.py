"""The folder as it is and as it will be while an article changes its slug or goes: all files that this concerns."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from portal import library, redirects
from portal.articles import SLUG_LENGTH, Article, Status, fingerprint, internal, source_language
from portal.locales import CODES, choices, source_order
from portal.old_slugs import flatten
from portal.outline import read_outline
from portal.topics import TOPICS, read_topics
from portal.writing.files.beside import CannotEdit, with_featured, with_redirects
from portal.writing.files.relinking import relink
from portal.writing.files.rewriting import CannotRewrite, rewrite
from portal.writing.files.together import Delete, Move, Write
from portal.writing.slugs.plan import Plan, Refused

#: Language and slug.
_Key = tuple[str, str]


def _shown(key: _Key) -> str:
    """A file as it is named to people."""
    return f"{key[0]}/{key[1]}.md"


def _reading(key: _Key, raw: bytes) -> library.Reading:
    """What is read in a file."""
    return library.parse(raw, *key, _shown(key))


class Rework:
    """The folder as it is, and as it will be.

    Args:
        root: folder of the articles.
        default_language: the likeliest source of a family.
        words: slugs; only files that have one of them are kept at hand.
    """

    def __init__(self, root: Path, default_language: str, words: tuple[str, ...]) -> None:
        self.plan = Plan(folders=(root, *(root / code for code in CODES)))
        self._root = root
        self._preferred = source_order(default_language)
        self._files = {(file.language, file.slug): file for file in library.scan(root).files}
        self._slugs = {slug for _, slug in self._files}
        self._internal = internal(read_topics(root)[0])
        self._redirects = redirects.read(root)
        if self._redirects.problems:
            first = min(self._redirects.problems)
            raise CannotEdit(f"{first.path}:{first.line}: {first.message} Mend it first.")
        #: Contents that have one of the words.
        self._raw: dict[_Key, bytes] = {}
        for key in self._files:
            raw = self._read(key)
            if any(word.encode() in raw for word in words):
                self._raw[key] = raw
            if not raw and self._files[key].path.exists():
                self.plan.notes.append(f"{_shown(key)} is empty or cannot be read")
        #: Contents that change.
        self._new: dict[_Key, bytes] = {}
        self._moved: dict[_Key, Path] = {}
        #: Old and new slug of a rename that is finished, in which links may have been turned already.
        self._resumed: tuple[str, str] | None = None

    def _read(self, key: _Key) -> bytes:
        """A file's contents; none where it cannot be read."""
        try:
            return self._raw[key] if key in self._raw else self._files[key].path.read_bytes()
        except OSError:
            return b""

    def _family(self, slug: str) -> list[_Key]:
        """The files of an article."""
        return [(code, slug) for code in CODES if (code, slug) in self._files]

    def _articles(self, slug: str, *, changed: bool) -> dict[str, Article]:
        """A family's texts that can be read, by language, as they are or as they will be."""
        found = {}
        for key in self._family(slug):
            raw = self._new[key] if changed and key in self._new else self._read(key)
            article = _reading(key, raw).article
            if article is not None:
                found[key[0]] = article
        return found

    def resume(self, old: str, new: str) -> None:
        """Take up a rename that was interrupted: the files that have the new slug already count as the old article's."""
        done = self._family(new)
        is_begun = self._redirects.mapping.get(old) == new
        if not is_begun or not done or any((code, old) in self._files for code, _ in done):
            return
        for code, _ in done:
            self._files[code, old] = self._files.pop((code, new))
            if (code, new) in self._raw:
                self._raw[code, old] = self._raw.pop((code, new))
        self._slugs = self._slugs - {new} | {old}
        self.plan.is_resumed, self._resumed = True, (old, new)

    def must_be_free(self, new: str, old: str) -> None:
        """Refuse a slug that files have which are not the article's own.

        Raises:
            Refused: as it says.
        """
        own = {self._files[key].path for key in self._family(old)} if self._resumed else set()
        places = {code: self._root / code / f"{new}.md" for code in CODES}
        taken = [code for code, path in places.items() if os.path.lexists(path) and path not in own]
        if not taken:
            return
        message = (
            f"{', '.join(_shown((code, new)) for code in taken)} {'exists' if len(taken) == 1 else 'exist'} already."
        )
        if any((code, old) in self._files for code in taken):
            raise Refused(f"{message} To join two articles: portal articles retire {old} --to {new}")
        how = f"write {old}: {new} into {redirects.NAME} and run this again"
        raise Refused(f"{message} No language has both; if they are one article, {how}.")

    def must_cover(self, new: str, old: str) -> None:
        """Refuse an article that cannot be read in all languages of the one that it takes the place of.

        Raises:
            Refused: as it says.
        """
        texts = self._articles(new, changed=False)
        lost = [code for code, _ in self._family(old) if code not in texts or not self._is_open(texts[code])]
        if not lost:
            return
        message = f"{old} would be deleted in {', '.join(lost)}, and {new} cannot be read there."
        if self._redirects.mapping.get(old) == new and not {code for code, _ in self._family(old)} & texts.keys():
            raise Refused(f"{message} To finish a rename that was interrupted: portal articles rename {old} {new}")
        raise Refused(f"{message} Translate {new} first, or say --force.")

    def must_exist(self, slug: str) -> None:
        """Refuse a slug that no article has.

        Raises:
            Refused: as it says.
        """
        if slug not in self._slugs:
            now = flatten(self._redirects.mapping, {}, self._slugs)[0].get(slug)
            near = get_close_matches(slug[:SLUG_LENGTH], sorted(self._slugs), 3)
            hint = f" It is {now} now." if now else f" Did you mean {' or '.join(near)}?" if near else ""
            raise Refused(f"There is no article {slug[:SLUG_LENGTH]!r}.{hint}")

    def must_be_files(self, slug: str) -> None:
        """Refuse an article whose files are not read, are links, or are linked to.

        Raises:
            Refused: as it says.
        """
        for code in CODES:
            if (code, slug) not in self._files and os.path.lexists(self._root / code / f"{slug}.md"):
                raise Refused(f"{code}/{slug}.md is not read; portal articles check says why. Mend it first.")
        places = {file.path.resolve() for key, file in self._files.items() if key[1] == slug}
        for key, file in self._files.items():
            if file.path.is_symlink() and (key[1] == slug or file.path.resolve() in places):
                raise Refused(f"{_shown(key)} is a symbolic link; make a file of it first.")

    def is_published(self, slug: str) -> bool:
        """Whether readers can open an article."""
        return any(self._is_open(text) for text in self._articles(slug, changed=False).values())

    def _is_open(self, text: Article) -> bool:
        """Whether readers can open a text."""
        return text.status is Status.PUBLISHED and text.topic not in self._internal

    def aliases(self, slug: str) -> list[str]:
        """The old slugs that an article's own texts name, and nothing else tells of."""
        texts = self._articles(slug, changed=False).values()
        told = {entry.old for entry in self._redirects.entries} | self._slugs
        return sorted({alias for text in texts for alias in text.aliases} - told)

    def may_take(self, new: str, old: str) -> list[str]:
        """The line of `redirects.yml` that goes because an article gets back a name that it had.

        Raises:
            Refused: another article had it.
        """
        entry = next((entry for entry in self._redirects.entries if entry.old == new), None)
        if entry is None:
            return []
        now = flatten(self._redirects.mapping, {}, self._slugs)[0].get(new)
        if now != old:
            leads = f"and leads to {now}" if now else "of another article"
            message = (
                f"{new} is an old slug {leads} ({redirects.NAME}:{entry.line}); who kept it would see another article."
            )
            raise Refused(f"{message} Choose another name, or take the line out if nobody can have kept it.")
        return [new]

    def drop_alias(self, new: str, old: str) -> None:
        """Take the new slug out of the article's own aliases.

        Raises:
            Refused: it is the alias of another article, or the front matter cannot be changed.
        """
        for key, raw in self._raw.items():
            if b"aliases" not in raw or new.encode() not in raw:
                continue
            article = _reading(key, raw).article
            if article is None or new not in article.aliases:
                continue
            if key[1] != old:
                raise Refused(f"{new} is an alias of {key[1]} ({_shown(key)}); who kept it would see another article.")
            left = [alias for alias in article.aliases if alias != new]
            try:
                self._new[key] = rewrite(raw, {"aliases": left or None})
            except CannotRewrite as error:
                raise Refused(f"Take {new} out of the aliases of {_shown(key)} first: {error}.") from None

    def anchors(self, slug: str) -> Mapping[str, frozenset[str]]:
        """The anchors of an article by the language of its reader."""
        texts = self._articles(slug, changed=False)
        open_ones = {code for code, text in texts.items() if self._is_open(text)}
        own = {
            code: frozenset(heading.anchor for heading in read_outline(texts[code].body, 1).headings)
            for code in open_ones
        }
        return {code: own[choices(code, open_ones)[0]] for code in CODES}

    def turn_links(self, old: str, new: str, anchors: Mapping[str, frozenset[str]] | None = None) -> None:
        """Turn all links from one article to another.

        Args:
            old: slug.
            new: slug.
            anchors: of the new article by language; None where it is the same article.
        """
        for key, raw in self._raw.items():
            if f"{old}.md".encode() not in raw or (anchors is not None and key[1] == old):
                continue
            before = self._new.get(key, raw)  # Its aliases may have changed.
            reading = _reading(key, before)
            if reading.article is None:
                self.plan.notes.append(f"{_shown(key)} has an error; look for links to {old}.md yourself")
                continue
            done = relink(before, reading.body_line, old, new, anchors[key[0]] if anchors is not None else None)
            if done.count:
                self._new[key] = done.raw
                self.plan.links[_shown((key[0], new if key[1] == old else key[1]))] = done.count
            if done.dropped:
                names = ", ".join(f"#{anchor}" for anchor in done.dropped)
                self.plan.notes.append(f"{_shown(key)}: {new} has no {names}; the link leads to its top")

    def name_links(self, old: str) -> None:
        """Name the links to an article that goes and has no successor."""
        for key, raw in self._raw.items():
            if f"{old}.md".encode() in raw and key[1] != old:
                reading = _reading(key, raw)
                if reading.article is None or relink(raw, reading.body_line, old, old).count:
                    self.plan.notes.append(f"{_shown(key)} has links to {old}.md; take them out")

    def keep_fresh(self, without: str = "") -> None:
        """Set `source` anew in translations of texts in which nothing but links has changed."""
        concerned = self._raw if self._resumed else self._new
        for slug in sorted({slug for _, slug in concerned} - {without}):
            before, after = self._articles(slug, changed=False), self._articles(slug, changed=True)
            origin = source_language({code: text.source for code, text in before.items()}, self._preferred)
            if origin is None or origin not in after:
                continue
            then, now = self._earlier(before[origin]), fingerprint(after[origin])
            for code, text in before.items():
                if text.source == now or text.source not in then:
                    continue
                key = (code, slug)
                try:
                    self._new[key] = rewrite(self._new[key] if key in self._new else self._read(key), {"source": now})
                    self.plan.sources.append(_shown(key))
                except CannotRewrite as error:
                    self.plan.notes.append(f'{_shown(key)}: write source: "{now}" yourself: {error}')

    def _earlier(self, text: Article) -> set[str]:
        """The fingerprints that a text has, and had before a rename was interrupted."""
        found = {fingerprint(text)}
        if self._resumed:
            key, (old, new) = (text.language, text.slug), self._resumed
            raw = self._read(key)
            turned_back = _reading(key, relink(raw, _reading(key, raw).body_line, new, old).raw).article
            found |= {fingerprint(turned_back)} if turned_back else set()
        return found

    def set_redirects(self, add: dict[str, str | None], remove: list[str] | None = None) -> None:
        """Put old slugs into `redirects.yml`; the first step, so that no address is lost if the rest is not done."""
        path = (self._root / redirects.NAME).resolve()
        raw = path.read_bytes() if path.exists() else None
        self.plan.redirects = add
        self.plan.read[path] = raw
        self.plan.steps.append(Write(path, with_redirects(raw, add, remove or ())))

    def move(self, old: str, new: str) -> None:
        """Give the files of an article their new name."""
        for key in self._family(old):
            path = self._files[key].path
            self._moved[key] = path.with_name(f"{new}.md")
            if path == self._moved[key]:
                continue
            self.plan.steps.append(Move(path, self._moved[key]))
            self._remember(key)
            self.plan.moved.append((_shown(key), _shown((key[0], new))))

    def delete(self, old: str) -> None:
        """Let the files of an article go."""
        for key in self._family(old):
            path = self._files[key].path
            self.plan.steps.append(Delete(path))
            self._remember(key)
            self.plan.deleted.append(_shown(key))

    def _remember(self, key: _Key) -> None:
        """Note what a file holds now, if that can be known."""
        if raw := self._read(key):
            self.plan.read[self._files[key].path] = raw

    def finish(self, old: str, new: str | None) -> None:
        """Write the changed texts and the topics, and name what else speaks of the slug."""
        for key, raw in self._new.items():
            path = self._files[key].path.resolve()
            self.plan.read[path] = self._read(key)
            self.plan.steps.append(Write(self._moved.get(key, path), raw))
        self._feature(old, new)
        settings = self._root / "check.yml"
        if settings.exists() and f"{old}.md".encode() in settings.read_bytes():
            self.plan.notes.append(f"check.yml names {old}.md; change it")

    def _feature(self, old: str, new: str | None) -> None:
        """Change the featured articles of the topics."""
        path = (self._root / TOPICS).resolve()
        raw = path.read_bytes() if path.exists() else b""
        if old.encode() not in raw:
            return
        try:
            changed, topics = with_featured(raw, old, new)
        except (CannotEdit, UnicodeDecodeError) as error:
            self.plan.notes.append(f"{TOPICS} may feature {old}; change it yourself: {error}")
            return
        if topics:
            self.plan.featured = list(topics)
            self.plan.read[path] = raw
            self.plan.steps.append(Write(path, changed))
