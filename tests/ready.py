"""An instance of the shipped articles that is prepared once for all processes of the tests, which begin with copies."""

import fcntl
import shutil
from pathlib import Path

from portal.learning import learn
from portal.server import prepare
from tests.builders import settings
from tests.needs import REPOSITORY

SHIPPED = REPOSITORY / "articles"


class Ready:
    """The prepared instance; made when it is first needed."""

    def __init__(self) -> None:
        #: Where it is; set before the first test, the same for all processes.
        self.place: Path | None = None

    def copy(self, articles: Path, data: Path) -> None:
        """Lay out a new instance folder.

        Args:
            articles: the articles that will be served; of others than the shipped ones, only the database is prepared.
            data: the folder, which is not there yet.
        """
        made = self._made()
        if made is None:
            return
        if _names(articles) == _names(SHIPPED):
            shutil.copytree(made, data)
        elif (made / "portal.db").exists():  # On PostgreSQL there is none: each test gets a copy of a whole database.
            data.mkdir(mode=0o700, parents=True)
            shutil.copy(made / "portal.db", data)

    def _made(self) -> Path | None:
        """The instance; None before there is a place for it."""
        if self.place is None:
            return None
        made = self.place / "var"
        self.place.mkdir(exist_ok=True)
        with (self.place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.place / "done").exists():
                prepare(settings(SHIPPED, made))
                learn(made)
                (made / "secret.key").unlink()  # Each has its own.
                (self.place / "done").touch()
        return made


def _names(articles: Path) -> set[str]:
    """The articles of a folder."""
    return {str(path.relative_to(articles)) for path in articles.glob("??/*.md")}


ready = Ready()
