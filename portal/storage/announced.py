"""What has been said of each article, in the database."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from portal.storage.schema import announced_articles

_table = announced_articles.c
#: Stands for the comparison itself: where it is missing, nothing has been compared yet.
_BEGUN = {"slug": "", "language": ""}


@dataclass(frozen=True)
class Said:
    """What was said of an article."""

    #: Of its text.
    fingerprint: str
    is_stale: bool


def newest(connection: Connection) -> str | None:
    """When the newest generation that was compared was made, as its name says; None before the first one."""
    return connection.execute(select(_table.fingerprint).where(_row())).scalar_one_or_none()


def reach(connection: Connection, made: str) -> None:
    """Note when the generation was made that is being compared, at most 16 characters; `begin` comes first."""
    connection.execute(update(announced_articles).where(_row()).values(fingerprint=made))


def _row() -> ColumnElement[bool]:
    """The row that stands for the comparison itself."""
    return (_table.slug == "") & (_table.language == "")


def begin(connection: Connection) -> bool:
    """Keep other processes from comparing until the transaction ends; whether this is the first time at all."""
    if connection.execute(select(announced_articles).where(_row()).with_for_update()).first() is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(announced_articles).values(**_BEGUN, fingerprint="", is_stale=False))
    except IntegrityError:  # Another process has just begun.
        return False
    return True


def everything(connection: Connection) -> dict[tuple[str, str], Said]:
    """What was said, by language and slug."""
    rows = connection.execute(select(announced_articles).where(_table.slug != ""))
    return {(row.language, row.slug): Said(row.fingerprint, row.is_stale) for row in rows}


def put(connection: Connection, key: tuple[str, str], said: Said) -> None:
    """Note what was said of an article, by language and slug."""
    same = and_(_table.language == key[0], _table.slug == key[1])
    values = {"fingerprint": said.fingerprint, "is_stale": said.is_stale}
    if not connection.execute(update(announced_articles).where(same).values(**values)).rowcount:
        connection.execute(insert(announced_articles).values(language=key[0], slug=key[1], **values))


def forget(connection: Connection, keys: Collection[tuple[str, str]]) -> None:
    """Articles that readers no longer see; when they come back they are news."""
    for language, slug in keys:
        connection.execute(delete(announced_articles).where(_table.language == language, _table.slug == slug))
