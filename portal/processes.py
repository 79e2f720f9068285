"""Processes that help another one, and end with it."""

import os
import threading
import time

#: How often is looked whether the other is still there, in seconds.
LOOK_EVERY = 0.5


def end_with(parent: int) -> None:
    """Let this process end when another has gone, however that went.

    Args:
        parent: number of the process that started this one.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End when the parent is another."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)
