"""Which text of a source was last shown to whoever translates it, kept for this person outside the articles."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

#: So many translations are remembered, the last ones.
MOST = 500
#: In bytes; a larger file is none of ours.
_MAX_BYTES = 1024 * 1024


def _file() -> Path:
    """Where it is kept: with other things that may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "portal" / "shown.json"


def _all() -> dict[str, str]:
    """What is remembered, by path; nothing where the file is missing or not ours."""
    with suppress(OSError, ValueError, RuntimeError, RecursionError):
        file = _file()
        if file.stat().st_size <= _MAX_BYTES and isinstance(kept := json.loads(file.read_bytes()), dict):
            return {path: text for path, text in kept.items() if isinstance(text, str)}
    return {}


def last(translation: Path) -> str:
    """Fingerprint of the source's text that was shown last for a translation; empty where none is remembered."""
    return _all().get(str(translation.resolve()), "")


def remember(translation: Path, fingerprint: str) -> None:
    """Remember that the source's present text has been shown; where that cannot be written, it is forgotten."""
    path = str(translation.resolve())
    kept = [*((key, text) for key, text in _all().items() if key != path), (path, fingerprint)]
    with suppress(OSError, RuntimeError):  # Nobody's home is a RuntimeError.
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=".shown-", dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(dict(kept[-MOST:]), out)
        Path(beside).replace(file)
