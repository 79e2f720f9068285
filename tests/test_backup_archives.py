"""Archives from outside: hostile, cut off, altered or somebody else's are refused, and nothing has changed."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.backup import archive, restoring
from portal.backup.archive import BadBackup, Manifest, Reader
from portal.backup.making import back_up
from portal.backup.restoring import check, restore
from portal.desk.administration import Administration
from portal.settings import Settings
from portal.storage import Database, migration
from tests.backing_up import elsewhere, everything, header, members, packed
from tests.builders import NOW
from tests.needs import missing
from tests.requesting import receive
from tests.serving import portal as command

Parts = list[tuple[str, bytes, dict[str, Any]]]
#: How the members begin that are the database, on either engine.
DATABASE = ("portal.db.", "database.dump.")


@pytest.fixture
def archived(instance: Settings, tmp_path: Path) -> Path:
    """A good backup of a small portal with one request."""
    database = Database(instance.database)
    receive(database)
    database.close()
    return back_up(instance, tmp_path / "out", NOW).path


@pytest.fixture
def target(instance: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Somewhere empty, on the same engine."""
    with elsewhere(instance, tmp_path / "there") as made:
        yield made


def untouched(target: Settings) -> bool:
    """Whether nothing has been restored and nothing of the attempt is left."""
    return {path.name for path in target.data.iterdir()} <= {"serve.lock"}


def first(good: Path, **changes: Any) -> Parts:
    """The first member alone."""
    return [("backup.json", header(good, **changes), {})]


def other_engine(good: Path) -> str:
    """The engine that a backup is not of."""
    return "postgresql" if json.loads(header(good))["engine"] == "sqlite" else "sqlite"


HOSTILE: dict[str, tuple[Callable[[Path], Parts], str]] = {
    "a way out": (lambda good: [*first(good), ("mail/../../escaped", b"x", {})], "has no place in it"),
    "an absolute path": (lambda good: [*first(good), ("/etc/cron.d/escaped", b"x", {})], "has no place in it"),
    "a link": (
        lambda good: [*first(good), ("mail/new/a", b"", {"type": b"2", "linkname": "/etc/passwd"})],
        "is no plain file",
    ),
    "a hard link": (
        lambda good: [*first(good), ("mail/new/a", b"", {"type": b"1", "linkname": "/etc/passwd"})],
        "is no plain file",
    ),
    "a device": (lambda good: [*first(good), ("mail/new/a", b"", {"type": b"3"})], "is no plain file"),
    "a folder": (lambda good: [*first(good), ("mail/new", b"", {"type": b"5"})], "is no plain file"),
    "an extended header": (
        lambda good: [*first(good), ("mail/new/a", b"30 path=../../escaped\n", {"type": b"x"})],
        "is no plain file",
    ),
    "a stranger": (lambda good: [*first(good), ("index/MAIN.toc", b"x", {})], "has no place in it"),
    "a key of a hidden name": (lambda good: [*first(good), ("secrets/.bashrc", b"x", {})], "has no place in it"),
    "twice the same": (
        lambda good: [*first(good), ("settings.json", b"{}", {}), ("settings.json", b"{}", {})],
        "should not be in it",
    ),
    "no beginning": (lambda _good: [("settings.json", b"{}", {})], "does not begin with what it is of"),
    "a header that is none": (lambda _good: [("backup.json", b"[" * 100_000, {})], "cannot be read"),
    "more than it may say": (lambda good: first(good, secret="x"), "cannot be read"),
    "another product": (lambda good: first(good, product="other"), "This is no backup of a portal"),
    "a newer form": (lambda good: first(good, format=2), "made by a newer version of the portal"),
    "a newer schema": (
        lambda good: first(good, revision="9999", version="7.1"),
        r"made by a newer version of the portal, 7\.1 \(schema 9999\)",
    ),
    "the other engine": (lambda good: first(good, engine=other_engine(good)), r"is of (Post|SQL).*portal db copy"),
    "no manifest": (first, "its manifest is missing"),
    "no database": (
        lambda good: [*first(good), ("manifest.json", b'{"members": [], "counts": {}}', {})],
        "is not what was backed up",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name: str, archived: Path, target: Settings, tmp_path: Path) -> None:
    """With a plain sentence, and without a trace."""
    make, message = HOSTILE[name]

    with pytest.raises(BadBackup, match=message):
        restore(packed(tmp_path / "bad.tar.gz", make(archived)), target, NOW)

    assert untouched(target)
    assert not list(tmp_path.glob("**/escaped"))


def test_a_bomb_does_not_fill_the_disk(archived: Path, target: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no room is refused by what the archive says of itself, before a byte of it is written."""
    monkeypatch.setattr("portal.backup.restoring._room", lambda _folder: 4096)

    with pytest.raises(BadBackup, match="no room for all that is in it"):
        restore(archived, target, NOW)

    assert untouched(target)


def test_no_member_is_larger_than_a_part_can_be(tmp_path: Path) -> None:
    """A size that no portal writes is refused unread."""
    head = tarfile.TarInfo("backup.json")
    head.size = 2**40
    (tmp_path / "bad").write_bytes(gzip.compress(head.tobuf(tarfile.GNU_FORMAT)))

    with (tmp_path / "bad").open("rb") as file, pytest.raises(BadBackup, match="is too large"):
        Reader(file, 2**50).read(lambda _name, _chunks: None, lambda _header: None)


def test_what_would_be_refused_later_is_not_written(
    instance: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who restores it must not be the first to learn of a file that is too large, or of too many."""
    (instance.data / "mail" / "new").mkdir(parents=True)
    for number in range(3):
        (instance.data / "mail" / "new" / str(number)).write_bytes(b"x" * 70_000)
    made = back_up(instance, tmp_path / "out", NOW)
    count = len(made.manifest.members) + 1
    monkeypatch.setattr(archive, "MAX_MEMBERS", count)
    check(back_up(instance, tmp_path / "out", NOW).path, None, tmp_path)
    monkeypatch.setattr(archive, "MAX_MEMBERS", count - 1)
    with pytest.raises(BadBackup, match=f"or there are more than {count - 1} files"):
        back_up(instance, tmp_path / "out", NOW)
    monkeypatch.setattr(archive, "PART", 65_536)
    monkeypatch.setattr(archive, "MAX_MEMBER", 65_536)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1000)
    with pytest.raises(BadBackup, match="would be refused when it is restored: mail/new/0 is larger than"):
        back_up(instance, tmp_path / "out", NOW)


def test_an_archive_that_is_cut_off_anywhere_is_refused(archived: Path, tmp_path: Path) -> None:
    """At whatever byte a copy was broken off."""
    content = archived.read_bytes()
    for length in [0, 1, 10, 30, len(content) // 3, len(content) // 2, len(content) - 9, len(content) - 1]:
        (tmp_path / "cut").write_bytes(content[:length])

        with pytest.raises(BadBackup, match=r"damaged or cut off|is no backup of a portal"):
            check(tmp_path / "cut", None, tmp_path)


def test_an_archive_that_was_altered_is_refused(archived: Path, tmp_path: Path) -> None:
    """One bit of the file, one byte of a member, a member less, a row less than the manifest says, something behind it."""
    content = archived.read_bytes()
    parts: Parts = [(name, value, {}) for name, value in members(archived).items()]
    for place in range(100, len(content), len(content) // 20):
        changed = bytearray(content)
        changed[place] ^= 4
        (tmp_path / "altered").write_bytes(changed)
        with pytest.raises(BadBackup, match=r"damaged|refused"):
            check(tmp_path / "altered", None, tmp_path)

    wrongs: list[Parts] = [
        [(name, value[:-1] + b"!" if name.startswith("secrets") else value, {}) for name, value, _ in parts],
        [part for part in parts if not part[0].startswith("settings")],
        [part for part in parts if not part[0].startswith(DATABASE)],
        [(name, value.replace(b'"tickets": 1', b'"tickets": 2'), {}) for name, value, _ in parts],
    ]
    for wrong in wrongs:
        with pytest.raises(BadBackup, match=r"damaged|not whole"):
            check(packed(tmp_path / "altered.tar.gz", wrong), None, tmp_path)
    (tmp_path / "longer").write_bytes(content + gzip.compress(b"more"))
    with pytest.raises(BadBackup, match="something follows its end"):
        check(tmp_path / "longer", None, tmp_path)
    assert check(packed(tmp_path / "same.tar.gz", parts), None, tmp_path).manifest.counts["tickets"] == 1


def test_a_database_of_another_schema_than_it_says_is_refused(archived: Path, tmp_path: Path) -> None:
    """Header and database belong together."""
    older = header(archived, revision=migration.revisions()[0])
    found = members(archived) | {"backup.json": older}
    told = json.loads(found["manifest.json"])
    told["members"][0] |= {"size": len(older), "sha256": hashlib.sha256(older).hexdigest()}
    found["manifest.json"] = json.dumps(told).encode()

    with pytest.raises(BadBackup, match="another schema than it says"):
        check(packed(tmp_path / "bad.tar.gz", [(name, value, {}) for name, value in found.items()]), None, tmp_path)


def test_a_large_database_is_cut_into_parts_and_joined_again(
    instance: Settings, target: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts keep their order."""
    monkeypatch.setattr(archive, "PART", 20_000)
    made = back_up(instance, tmp_path / "out", NOW)

    restore(made.path, target, NOW)

    assert sum(entry.name.startswith(DATABASE) for entry in made.manifest.members) > 5
    assert everything(target.database) == everything(instance.database)
    shuffled = Manifest(list(reversed(made.manifest.members)), made.manifest.counts)
    with pytest.raises(BadBackup, match="out of order"):
        restoring._check_order(shuffled)


class Keys:
    """Key pairs of both tools, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.homes: list[Path] = []

    def age(self, name: str) -> tuple[str, Path]:
        """A new recipient of age, and the file of its key."""
        path = self._folder / name
        run = subprocess.run(["age-keygen", "-o", str(path)], capture_output=True, text=True, check=True)
        return "age:" + run.stderr.split()[-1], path

    def home(self) -> Path:
        """A folder for a key ring; not below pytest's, for the names of its agent's sockets must be short."""
        self.homes.append(Path(tempfile.mkdtemp(prefix="g")))
        return self.homes[-1]

    def gpg(self, home: Path) -> str:
        """A new recipient of gpg, whose key is in the key ring of a folder."""
        options = ["--batch", "--passphrase", "", "--quick-generate-key", "backup@example.org", "default", "default"]
        environment = {**os.environ, "GNUPGHOME": str(home)}
        subprocess.run(["gpg", *options], capture_output=True, check=True, env=environment, timeout=60)
        return "gpg:backup@example.org"


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    """Makes keys; afterwards no agent is left."""
    if not shutil.which("age") or not shutil.which("gpg"):
        missing("age and GnuPG", "apt-get install age gnupg")
    made = Keys(tmp_path)
    yield made
    for home in made.homes:
        environment = {**os.environ, "GNUPGHOME": str(home)}
        subprocess.run(["gpgconf", "--kill", "all"], capture_output=True, check=False, env=environment)
        shutil.rmtree(home, ignore_errors=True)


def test_age_encrypts_and_only_its_key_opens(keys: Keys, instance: Settings, target: Settings, tmp_path: Path) -> None:
    """For several recipients; another key, no key, a bit that was changed and an end that is missing are told."""
    (recipient, identity), (second, other), (_, wrong) = keys.age("one"), keys.age("two"), keys.age("three")
    made = back_up(instance, tmp_path / "out", NOW, recipients=[recipient, second])

    content = made.path.read_bytes()
    assert made.path.name.endswith(".tar.gz.age")
    assert content.startswith(b"age-encryption.org/v1")
    assert check(made.path, other, tmp_path).manifest == made.manifest
    with pytest.raises(BadBackup, match="is encrypted by age: give the file of the secret key with --identity"):
        restore(made.path, target, NOW)
    with pytest.raises(BadBackup, match="cannot be decrypted: age: error: no identity matched"):
        restore(made.path, target, NOW, identity=wrong)
    for damaged in (content[: len(content) // 2], content[:-1] + bytes([content[-1] ^ 1])):
        (tmp_path / "bad.age").write_bytes(damaged)
        with pytest.raises(BadBackup, match=r"cannot be decrypted|damaged"):
            restore(tmp_path / "bad.age", target, NOW, identity=identity)
    assert untouched(target)
    restore(made.path, target, NOW, identity=identity)
    assert everything(target.database) == everything(instance.database)


def test_gpg_encrypts_and_only_its_key_opens(
    keys: Keys, instance: Settings, target: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with the other tool; an unknown recipient leaves nothing."""
    home = keys.home()
    recipient = keys.gpg(home)
    monkeypatch.setenv("GNUPGHOME", str(home))
    made = back_up(instance, tmp_path / "out", NOW, recipients=[recipient])

    with pytest.raises(BadBackup, match=r"could not be encrypted: gpg: .*nobody"):
        back_up(instance, tmp_path / "out", NOW, recipients=["gpg:nobody@example.org"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["portal-20260302T093000Z.tar.gz.gpg"]
    with monkeypatch.context() as others:
        others.setenv("GNUPGHOME", str(keys.home()))
        with pytest.raises(BadBackup, match="cannot be decrypted: gpg: "):
            restore(made.path, target, NOW)
    content = bytearray(made.path.read_bytes())
    content[-40] ^= 1
    (tmp_path / "bad.gpg").write_bytes(content)
    with pytest.raises(BadBackup, match=r"cannot be decrypted|damaged"):
        restore(tmp_path / "bad.gpg", target, NOW)
    assert untouched(target)
    restore(made.path, target, NOW)
    assert everything(target.database) == everything(instance.database)


@pytest.mark.parametrize(
    ("recipients", "message"),
    [
        (["age:--help"], "is no recipient"),
        (["gpg:--output=/etc/passwd"], "is no recipient"),
        (["zip:me"], "is no recipient"),
        (["age:age1" + "q" * 58, "gpg:me@example.org"], "by age or by gpg, not by both"),
    ],
)
def test_recipients_are_no_options(recipients: list[str], message: str, instance: Settings, tmp_path: Path) -> None:
    """Nothing that is named becomes an option of a program; nothing is written."""
    with pytest.raises(BadBackup, match=message):
        back_up(instance, tmp_path / "out", NOW, recipients=recipients)
    assert not (tmp_path / "out").exists()


def test_a_missing_tool_is_named(instance: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package to install, and without a plain backup in its place."""
    monkeypatch.setattr("portal.backup.sealing.shutil.which", lambda _name: None)

    with pytest.raises(BadBackup, match=r"The program gpg is not installed\. On Debian: apt-get install gnupg"):
        back_up(instance, tmp_path / "out", NOW, recipients=["gpg:me@example.org"])
    assert not (tmp_path / "out").exists()


def test_the_commands_say_what_they_did(instance: Settings, target: Settings, tmp_path: Path) -> None:
    """One sentence each, exit codes, JSON."""
    place, there = ["--data", str(instance.data)], ["--data", str(target.data), "--json"]
    made = command("backup", str(tmp_path / "out"), *place, "--json")
    path = json.loads(made.stdout)["path"]
    bad = command("restore", str(instance.data / "articles.db"), *there, PORTAL_DATABASE_URL=target.database)
    good = command("restore", path, *there, PORTAL_DATABASE_URL=target.database)

    assert (made.returncode, bad.returncode, good.returncode) == (0, 1, 0)
    assert bad.stderr.startswith("portal: ")
    assert "is no backup of a portal" in bad.stderr
    assert json.loads(good.stdout)["revision"] == migration.newest()
    assert made.stderr == ""
    (told,) = Administration(Database(instance.database)).history("backup")
    assert (told.actor_name, told.key) == ("portal backup", Path(path).name)
