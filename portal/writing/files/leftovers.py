"""Files beside others while these are changed: named after the process that has them, removed when it is dead."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"\..{1,100}\.([0-9a-f]{8})-([1-9][0-9]{0,9})-[0-9a-f]{12}\.tmp", re.DOTALL)


def beside(path: Path) -> Path:
    """A name in the same folder that nothing has, and that no article has."""
    mark = f"{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"
    return path.with_name(f".{path.name[:50]}.{mark}.tmp")


def sweep(folders: Iterable[Path]) -> None:
    """Remove what processes of this machine that have been killed have left behind.

    Those of other machines that share the folder may be alive; theirs stay. So does what cannot be removed.
    """
    for folder in folders:
        with suppress(OSError):
            for entry in list(folder.iterdir()):
                match = _NAME.fullmatch(entry.name)
                if match and match[1] == _machine() and not _is_alive(int(match[2])):
                    with suppress(OSError):
                        entry.unlink()


def _machine() -> str:
    """What tells this machine, or container, from others: numbers of processes are its own."""
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]


def _is_alive(number: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # Somebody else's, or no number of one.
    return True
