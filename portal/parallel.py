"""Work in shares: one after the other, or on all processor cores in processes of their own, with one progress for all."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import Any, TypeVar

from portal.processes import end_with

#: Told how many steps are done and how many there are.
Progress = Callable[[int, int], None]
#: Told how many more steps are done.
Step = Callable[[int], None]

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def work(
    do: Callable[[_Job, Step], _Result], jobs: Sequence[_Job], total: int, progress: Progress, *, is_large: bool
) -> Iterator[_Result]:
    """What comes of each job, in any order.

    Args:
        do: a function of a module, which other processes can import.
        jobs: largest first.
        total: steps of all jobs together.
        progress: told of the steps.
        is_large: whether processes are worth starting.
    """
    if not is_large:
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        yield from (do(job, step) for job in jobs)
        return
    # A new interpreter for each: forking a process that has threads can leave locks locked for ever.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(cores, len(jobs)), context, _share, (counter, os.getpid())) as pool:
        waiting = {pool.submit(_do, do, job) for job in jobs}
        while waiting:
            done_now, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done_now)
            progress(counter.value, total)


_counter: Any = None


def _share(counter: Any, parent: int) -> None:
    """Receive the counter that a pool's processes share, and end with the process that started them."""
    global _counter  # noqa: PLW0603 - a pool's process has no other place
    _counter = counter
    end_with(parent)


def _count(steps: int) -> None:
    """Add to the shared counter."""
    with _counter.get_lock():
        _counter.value += steps


def _do(do: Callable[[_Job, Step], _Result], job: _Job) -> _Result:
    """One job in a pool's process."""
    return do(job, _count)
