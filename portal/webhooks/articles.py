"""Articles that readers see anew, and translations whose source has changed: compared with what was said, and said once."""

from collections.abc import Mapping
from datetime import datetime

from portal.announcements import About
from portal.articles import Freshness
from portal.edition import Edition
from portal.knowledge import KnowledgeBase, Published
from portal.storage import Database, announcing
from portal.storage import announced as store
from portal.storage.announced import Said

#: Articles that are said in one transaction; of very many the rest comes with the next round.
MOST = 200
#: A generation's name begins with when it was made, in so many characters: 20260302T093000, UTC.
_MADE = 15
_STALE = frozenset({Freshness.STALE, Freshness.OUTDATED})


class Articles:
    """Says what has changed in the articles.

    Args:
        database: where it stands what has been said.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: The last generation that was compared; nothing that is said changes within one.
        self._compared = ""

    def announce(self, edition: Edition, now: datetime) -> int:
        """Say which articles are new, have a new text, or have become stale; how many.

        The first time everything is only noted. Drafts and articles for writers are in no edition's knowledge. An
        article whose file cannot be read just now has not gone. Where several machines have one database, one that has
        not got the newest articles yet says nothing.

        Args:
            edition: what readers see now.
            now: aware, UTC.
        """
        knowledge = edition.knowledge
        if knowledge.generation == self._compared:
            return 0
        made = knowledge.generation[:_MADE]
        with self._database.read() as connection:
            newest, said = store.newest(connection), store.everything(connection)
        if _is_behind(made, newest, now):
            self._compared = knowledge.generation
            return 0
        present = {key: Said(item.fingerprint, _is_stale(knowledge, item)) for key, item in knowledge.articles.items()}
        if made == newest and not _changes(knowledge, present, said):
            self._compared = knowledge.generation
            return 0  # Nobody waits for a transaction where there is nothing to say.
        with self._database.write() as connection:
            is_first = store.begin(connection)
            if _is_behind(made, store.newest(connection), now):
                return 0  # Another process has just been faster.
            store.reach(connection, made)
            said = store.everything(connection)
            changed = _changes(knowledge, present, said)
            now_said = changed if is_first else changed[:MOST]
            store.forget(connection, [key for key in now_said if key not in present])
            there = [key for key in now_said if key in present]
            for key in there:
                for about, more in () if is_first else _news(said.get(key), present[key]):
                    data = {"article": _of_article(knowledge.articles[key]), **more}
                    announcing.announce(connection, about, _key(about, key, now), key[0], data, now)
                store.put(connection, key, present[key])
        if len(now_said) == len(changed):
            self._compared = knowledge.generation
        return 0 if is_first else len(there)


def _is_behind(made: str, newest: str | None, now: datetime) -> bool:
    """Whether newer articles were compared; not where these are of the future, which a wrong clock has made."""
    return newest is not None and made < newest <= f"{now:%Y%m%dT%H%M%S}"


def _changes(
    knowledge: KnowledgeBase, present: Mapping[tuple[str, str], Said], said: Mapping[tuple[str, str], Said]
) -> list[tuple[str, str]]:
    """The articles, by language and slug, that are not as was said; one whose file cannot be read has not gone."""
    gone = {key for key in said if key not in present and key not in knowledge.faults}
    return sorted(gone | {key for key in present if present[key] != said.get(key)})


def _is_stale(knowledge: KnowledgeBase, item: Published) -> bool:
    """Whether the source has changed since a text was translated."""
    return knowledge.freshness(item) in _STALE


def _news(before: Said | None, after: Said) -> list[tuple[About, dict[str, object]]]:
    """What is to be said of an article."""
    found: list[tuple[About, dict[str, object]]] = []
    if before is None or before.fingerprint != after.fingerprint:
        found.append((About.ARTICLE_PUBLISHED, {"is_new": before is None}))
    if after.is_stale and not (before is not None and before.is_stale):
        found.append((About.ARTICLE_STALE, {}))
    return found


def _of_article(item: Published) -> dict[str, object]:
    """What is said of an article."""
    article = item.article
    return {
        "slug": article.slug,
        "language": article.language,
        "title": article.title,
        "topic": article.topic,
        "fingerprint": item.fingerprint,
        "url": f"/{article.language}/articles/{article.slug}",
    }


def _key(about: About, key: tuple[str, str], now: datetime) -> str:
    """What happened: an article may return to a text that it had before, which is news again."""
    return f"{about}:{key[0]}/{key[1]}:{int(now.timestamp() * 1000)}"
