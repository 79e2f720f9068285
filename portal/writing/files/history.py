"""What git remembers of the articles: the text that was translated, the text before a change, and every slug there was."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from portal.articles import Article, fingerprint
from portal.library import MAX_BYTES, parse
from portal.locales import CODES

#: Git has so long for one answer, in seconds.
PATIENCE = 20.0
#: So many of a text's versions are looked at, the newest first.
MOST_VERSIONS = 500
#: So many of them are read at once.
_SHARE = 32

#: A repository's own settings name programs that git would run: for signatures, hooks, watching, other machines.
_SAFE = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotepath=off", "core.pager=cat", "diff.external=",
    "log.showSignature=false", "log.follow=false", "log.mailmap=false", "protocol.allow=never", "color.ui=false",
    "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
_COMMIT = re.compile(
    r"\x01(?P<revision>[0-9a-f]{4,64})\t(?P<day>\d{4}-\d\d-\d\d)|:\d{6} \d{6} [0-9a-f]+ (?P<blob>[0-9a-f]+) [A-Z]\d*\0"
)
_BLOB = re.compile(rb"(?P<name>[^\n]*) blob (?P<size>\d+)\n")
_MISSING = re.compile(rb"[^\n]* (?:missing|ambiguous|(?:tree|commit|tag) \d+)\n")


@dataclass(frozen=True)
class Version:
    """A text as it was committed."""

    article: Article
    #: Short name of the commit.
    revision: str
    #: Of the commit.
    day: date
    #: Line of the file on which the body started.
    body_line: int = 1

    @property
    def fingerprint(self) -> str:
        """See `articles.fingerprint`."""
        return fingerprint(self.article)


class _Unanswered(Exception):
    """Git gives no answer; the message is a sentence."""


class History:
    """The history of a folder of articles; where git has none, everything is unknown and `reason` says why.

    Args:
        root: folder of the articles, anywhere inside a repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._answers = self._is_shallow = False

    @property
    def reason(self) -> str:
        """Why nothing is known, as a sentence; empty where git answers."""
        if self._answers:
            return ""
        try:
            inside, shallow = self._git("rev-parse", "--is-inside-work-tree", "--is-shallow-repository").split()
            if inside != b"true":
                return "The folder of the articles is not in the working tree of a git repository."
            self._git(
                "rev-parse", "--verify", "--quiet", "HEAD^{commit}", otherwise="The repository has no commit yet."
            )
        except _Unanswered as error:
            return str(error)
        except ValueError:
            return "Git gave an answer that cannot be read."
        # What git does not know it may know later; the reverse does not happen.
        self._answers, self._is_shallow = True, shallow == b"true"
        return ""

    @property
    def is_shallow(self) -> bool:
        """Whether only the last commits have been fetched, as many build servers do."""
        return not self.reason and self._is_shallow

    def version(self, language: str, slug: str, wanted: str) -> Version | None:
        """The newest version of a text that has a fingerprint, also under an earlier name of its file.

        None where none of the last `MOST_VERSIONS` has, or git has no answer.
        """
        return next((each for each in self.versions(language, slug) if each.fingerprint == wanted), None)

    def versions(self, language: str, slug: str) -> Iterator[Version]:
        """What a text was, the newest version first; those that cannot be read are left out."""
        if self.reason:
            return
        form = ("--format=format:%x01%h%x09%cs", "--raw", "-z", "-m", "--follow")
        safe = ("--no-ext-diff", "--no-textconv", "--no-show-signature")
        path = f"{language}/{slug}.md"
        try:
            log = self._git("log", *form, *safe, f"--max-count={MOST_VERSIONS}", "HEAD", "--", path).decode(
                errors="replace"
            )
        except _Unanswered:
            return
        known: dict[str, tuple[str, str]] = {}
        revision, day = "", ""
        for found in _COMMIT.finditer(log):
            if found["blob"]:
                known.setdefault(found["blob"], (revision, day))
            else:
                revision, day = found["revision"], found["day"]
        blobs = [blob for blob in known if blob.strip("0")]
        for start in range(0, len(blobs), _SHARE):
            share = blobs[start : start + _SHARE]
            for blob, raw in self._blobs(share).items():
                if version := _version(raw, language, slug, *known[blob]):
                    yield version

    def committed(self, language: str, slug: str, revision: str = "HEAD") -> Version | None:
        """A text as it was at a revision; None where it was not there, or could not be read.

        Args:
            language: code.
            slug: as the file was called then.
            revision: as git names it: `HEAD~1`, `main`, a tag, the name of a commit.
        """
        if self.reason or not is_revision(revision):
            return None
        name = f"{revision}:./{language}/{slug}.md"
        try:
            show = ("log", "-1", "--no-show-signature", "--format=format:%h%x09%cs", "--end-of-options", revision, "--")
            short, _, day = self._git(*show).decode(errors="replace").partition("\t")
            raw = self._blobs([name]).get(name)
        except _Unanswered:
            return None
        return _version(raw, language, slug, short, day) if raw is not None and day else None

    def has(self, revision: str) -> bool:
        """Whether there is such a commit."""
        try:
            named = f"{revision}^{{commit}}"
            return is_revision(revision) and bool(
                self._git("rev-parse", "--verify", "--quiet", "--end-of-options", named)
            )
        except _Unanswered:
            return False

    def slugs_ever(self) -> Mapping[str, frozenset[str]]:
        """Every slug that a language's files ever had in what leads to HEAD; empty where git has no answer."""
        if self.reason:
            return {}
        safe = ("--no-ext-diff", "--no-textconv", "--no-show-signature", "--no-renames")
        form = ("--format=", "--name-only", "--diff-filter=A", "--relative", "-z")
        try:
            names = self._git("log", *form, *safe, "HEAD", "--", *(f"{code}/" for code in CODES))
        except _Unanswered:
            return {}
        found: dict[str, set[str]] = {}
        for match in re.finditer(r"(?:^|\0)\n?([a-z]{2})/([^/\0]{1,200})\.md(?=\0|$)", names.decode(errors="replace")):
            found.setdefault(match[1], set()).add(match[2])
        return {code: frozenset(slugs) for code, slugs in found.items()}

    def _blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of what is named, as far as they are no larger than an article may be."""
        lines = self._git("cat-file", "--batch-check", read="\n".join(names) + "\n").split(b"\n")
        # An object is answered by its own name, whatever it was asked by; answers come in the order of the questions.
        small = [
            name
            for name, line in zip(names, lines, strict=False)
            if (match := re.search(rb" blob (\d+)$", line)) and int(match[1]) <= MAX_BYTES
        ]
        answer = self._git("cat-file", "--batch", read="\n".join(small) + "\n") if small else b""
        found: dict[str, bytes] = {}
        place = 0
        for name in small:
            if head := _BLOB.match(answer, place):
                place = head.end() + int(head["size"])
                found[name] = answer[head.end() : place]
                place += 1
            elif head := _MISSING.match(answer, place):
                place = head.end()
        return found

    def _git(self, *arguments: str, read: str = "", otherwise: str = "") -> bytes:
        """What git answers.

        Args:
            arguments: of the program.
            read: what it is given to read.
            otherwise: the sentence for its refusal.

        Raises:
            _Unanswered: it is not there, refuses, or takes too long.
        """
        program = shutil.which("git")
        if program is None:
            raise _Unanswered("Git is not installed.")
        settings = [word for setting in _SAFE for word in ("-c", setting)]
        command = [program, "--no-pager", "--no-optional-locks", "--no-replace-objects", *settings, *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        # Older git knows nothing of GIT_NO_LAZY_FETCH, but every one of the protocols that it may use.
        fetching = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
        ours = fetching | {"LC_ALL": "C", "LANGUAGE": "C"}
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and what people name stands after --end-of-options or in stdin
                command,
                cwd=self._root,
                env=kept | ours,
                input=read.encode(),
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _Unanswered(f"Git gave no answer within {PATIENCE:.0f} seconds.") from None
        except OSError as error:
            raise _Unanswered(f"Git cannot be asked: {error.strerror}.") from None
        if done.returncode:
            raise _Unanswered(otherwise or _why(done.stderr.decode(errors="replace")))
        return done.stdout


def is_revision(text: str) -> bool:
    """Whether text can name a revision: one word that is no option and no path."""
    return re.fullmatch(r"[A-Za-z0-9@_][A-Za-z0-9@_./~^{}+-]{0,200}", text) is not None and ".." not in text


def slugs_ever(root: Path) -> Mapping[str, frozenset[str]]:
    """Every slug that a language's files ever had in what leads to HEAD; empty where git has no answer."""
    return History(root).slugs_ever()


def _why(said: str) -> str:
    """Git's refusal as a sentence."""
    if "dubious ownership" in said:
        return (
            "Git does not trust the repository, which belongs to somebody else: see safe.directory in git’s handbook."
        )
    if "not a git repository" in said:
        return "The folder of the articles is in no git repository."
    line = "".join(sign for sign in said.strip().partition("\n")[0] if sign.isprintable())
    return f"Git refuses: {line[:200]}."


def _version(raw: bytes, language: str, slug: str, revision: str, day: str) -> Version | None:
    """A text from the bytes that were committed; None where it was no article, or still had an error."""
    reading = parse(raw, language, slug, f"{language}/{slug}.md")
    if reading.article is None:
        return None
    return Version(reading.article, revision, date.fromisoformat(day), reading.body_line)
