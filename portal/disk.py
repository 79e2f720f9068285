"""What was written outlives a power failure once the disk has it."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until the disk has the bytes of a file, or the names in a folder.

    Raises:
        OSError: it cannot be opened, or the disk has failed.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
