"""Trials: an edition with other files, beside the instance, which notices nothing; and nothing is left of them."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portal import library
from portal.edition import Edition
from portal.errors import CannotStart
from portal.queries import read_query
from portal.search import generations
from portal.selfservice import answer
from portal.settings import Settings
from portal.writing.trials import trial as trying
from portal.writing.trials.trial import PREFIX, Trial, trial
from tests.builders import NOW, settings, write_article
from tests.trying import contents

DRAFT = b'---\ntitle: "The zyxomat hums"\ntopic: devices\nupdated: 2026-01-01\n---\n\nUnplug the zyxomat.\n'


def find(edition: Edition, text: str = "zyxomat", language: str = "en") -> list[str]:
    """Slugs that a reader is shown."""
    return [result.item.article.slug for result in answer(edition, read_query(language, text)).results]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The slugs of the files that are read."""
    read: list[str] = []
    original = library.read

    def reading(file: library.SourceFile, root: Path) -> library.Reading:
        read.append(file.slug)
        return original(file, root)

    with monkeypatch.context() as patch:
        patch.setattr(library, "read", reading)
        yield read


def with_draft(made: Trial) -> tuple[Edition, Edition]:
    """The editions before and after a draft."""
    before = made.edition()
    made.put("en", "zyxomat", DRAFT)
    return before, made.edition()


def test_an_edition_has_the_draft_and_the_one_before_has_not(instance: Settings) -> None:
    """Both can be asked at the same time."""
    with trial(instance, NOW) as made:
        before, after = with_draft(made)

        assert (find(before), find(after)) == ([], ["zyxomat"])
        assert find(before, "printer offline") == find(after, "printer offline") == ["printer-offline"]


def test_the_instance_and_the_articles_notice_nothing(instance: Settings) -> None:
    """Neither a file nor a time of change differs, and nothing is left; a publication under way does not stop it."""
    folders = instance.data, instance.articles
    before = [contents(folder) for folder in folders]
    with (instance.data / "publish.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with trial(instance, NOW) as made:
            with_draft(made)
            made.put("en", "reset-password", DRAFT)
            made.put("de", "reset-password", None)
            made.edition()

    assert [contents(folder) for folder in folders] == before
    assert not list(instance.data.glob(f"{PREFIX}*"))
    assert not (instance.articles / "en" / "zyxomat.md").exists()


def fail(made: Trial) -> None:
    """Something that a trial is for fails in the middle of it."""
    with_draft(made)
    raise CannotStart("no space")


def test_nothing_is_left_when_it_fails(instance: Settings) -> None:
    """Whatever happens inside."""
    write_article(instance.articles, slug="kettle", topic="devices")
    with pytest.raises(CannotStart, match="no space"), trial(instance, NOW) as made:
        fail(made)

    assert not list(instance.data.glob(f"{PREFIX}*"))


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_only_the_draft_is_read(number: int, instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where files can have no second name, because they are on another disk or belong to somebody else."""
    with counted(monkeypatch) as read, trial(instance, NOW) as made:
        with_draft(made)
    assert read == ["zyxomat"]

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    with counted(monkeypatch) as read, trial(instance, NOW) as made:
        assert find(with_draft(made)[1]) == ["zyxomat"]
    assert read == ["zyxomat"]


def test_what_was_changed_meanwhile_is_in_both(instance: Settings) -> None:
    """The difference between the editions is the draft alone, whether the portal runs or not."""
    write_article(instance.articles, slug="kettle", title="Descale the kettle", body="Use vinegar.")
    (instance.articles / "de" / "printer-offline.md").unlink()
    with trial(instance, NOW) as made:
        before, after = with_draft(made)

        assert find(before, "kettle") == find(after, "kettle") == ["kettle"]
        assert find(before, "Drucker offline", "de") == find(after, "Drucker offline", "de") == []


def test_an_article_can_be_kept_as_it_is_published(instance: Settings) -> None:
    """Though its file has changed, or is gone."""
    write_article(instance.articles, slug="printer-offline", title="The printer is offline", body="Boil it.")
    (instance.articles / "en" / "vpn-only-english.md").unlink()
    with trial(instance, NOW) as made:
        published = made.published("en", "printer-offline")
        made.keep("en", "printer-offline")
        made.keep("en", "vpn-only-english")
        edition = made.edition()

        assert published is not None
        assert made.published("en", "zyxomat") is None
        assert (find(edition, "boil"), find(edition, "cable")) == ([], ["printer-offline"])
        assert find(edition, "vpn token") == ["vpn-only-english"]


def test_without_an_instance_everything_is_published(library_folder: Path, tmp_path: Path) -> None:
    """The instance folder need not be there, and is not made."""
    with trial(settings(library_folder, tmp_path / "none"), NOW) as made:
        before, after = with_draft(made)

        assert made.published("en", "zyxomat") is not None
        assert find(before, "printer offline") == ["printer-offline"]
        assert find(after) == ["zyxomat"]
    assert not (tmp_path / "none").exists()


def test_writers_words_and_topics_come_along(instance: Settings, tmp_path: Path) -> None:
    """Synonyms are searched by; a link that leads out of the folder is no more read than by the portal."""
    (instance.articles / "en" / "synonyms.txt").write_text("hummer, zyxomat\n")
    (tmp_path / "outside.txt").write_text("dishwasher, printer\n")
    (instance.articles / "de" / "synonyms.txt").symlink_to(tmp_path / "outside.txt")
    with trial(instance, NOW) as made:
        before, after = with_draft(made)

        assert find(after, "hummer") == ["zyxomat"]
        assert before.knowledge.topic("devices").name("de") == "Geräte"
        assert find(after, "dishwasher", "de") == []


def test_a_generation_that_vanishes_is_looked_for_again(instance: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The portal has published twice between two steps of the copy."""
    begin, failures = generations.begin, [FileNotFoundError(errno.ENOENT, "gone")]

    def vanish_once(*arguments: Any) -> Path:
        if failures:
            raise failures.pop()
        return begin(*arguments)

    monkeypatch.setattr(generations, "begin", vanish_once)
    with counted(monkeypatch) as read, trial(instance, NOW) as made:
        assert find(with_draft(made)[1]) == ["zyxomat"]
    assert read == ["zyxomat"]


def test_a_broken_instance_is_made_anew_beside_it(instance: Settings) -> None:
    """What is damaged is neither used nor mended."""
    generation = next((instance.data / "index").iterdir())
    (generation / "manifest.json").unlink()
    with trial(instance, NOW) as made:
        assert find(with_draft(made)[1]) == ["zyxomat"]
    assert not (generation / "manifest.json").exists()

    (instance.data / "articles.db").write_bytes(b"no database" * 100)
    with pytest.raises(CannotStart, match=r"articles\.db cannot be copied"), trial(instance, NOW):
        pass


def test_what_killed_trials_left_goes(instance: Settings) -> None:
    """Not what is under way, and not what has just begun."""
    left, busy, young = (instance.data / f"{PREFIX}{name}" for name in ("left", "busy", "young"))
    for folder in (left, busy, young):
        folder.mkdir()
        (folder / "lock").touch()
        if folder != young:
            os.utime(folder, (0, 0))
    with (busy / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with trial(instance, NOW):
            pass

    assert [folder.exists() for folder in (left, busy, young)] == [False, True, True]


def test_it_goes_elsewhere_where_the_instance_cannot_be_written(
    instance: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer may read an instance that belongs to somebody else."""

    def refuse(**_options: Any) -> str:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(trying, "mkdtemp", refuse)
    with trial(instance, NOW) as made:
        assert find(with_draft(made)[1]) == ["zyxomat"]
        assert not list(instance.data.glob(f"{PREFIX}*"))
