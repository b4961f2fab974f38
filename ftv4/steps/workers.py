"""Spreads work over processes, and gives back the results in the order of the work.

Any `concurrent.futures.Executor` will do: this machine's processes, or those of a cluster.
"""

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import NamedTuple, TypeVar

from ftv4.errors import Ftv4Error

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 2
"""Pieces of work that a worker has before it: one in hand, one waiting."""


class Workers(NamedTuple):
    """Who works besides this process."""

    executor: Executor
    cores: int
    """Pieces of work that are done at the same time."""


@contextmanager
def processes(count: int) -> Iterator[Workers | None]:
    """So many further processes of this machine; none: None.

    They end with this one. They are copies of it, which are there at once, unless it has threads.
    """
    if count < 1:
        yield None
        return
    alone = sys.platform == "linux" and threading.active_count() == 1
    pool = ProcessPoolExecutor(
        count, get_context("fork" if alone else "spawn"), _begin, (gc.get_threshold(),)
    )
    try:
        yield Workers(pool, count)
    finally:
        pool.shutdown(cancel_futures=True)


def other_cores() -> int:
    """Cores this process may use, but for the one it is on."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable - 1


def in_order(work: Callable[[A], B], items: Iterable[A], workers: Workers | None) -> Iterator[B]:
    """The results of work on each item, in the order of the items; few are held at a time.

    `work`, items and results are pickled. While the workers have enough to do, this process works too.
    Raises what the work raises, at its item's turn, and Ftv4Error when a worker is gone.
    """
    if workers is None:
        yield from map(work, items)
        return
    waiting: deque[Future[B]] = deque()
    try:
        for item in items:
            while waiting and waiting[0].done():
                yield waiting.popleft().result()
            if len(waiting) >= 2 * AHEAD * workers.cores:
                yield waiting.popleft().result()
            busy = sum(not future.done() for future in waiting) >= AHEAD * workers.cores
            waiting.append(_done(work, item) if busy else workers.executor.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    except BrokenExecutor as error:
        raise Ftv4Error(
            f"a worker process ended before its work did: {error}",
            hint="most often there is too little memory; try again",
        ) from None
    finally:
        for future in waiting:
            future.cancel()


def _done(work: Callable[[A], B], item: A) -> Future[B]:
    """Work done here and now; an error waits for its turn, like a worker's."""
    future: Future[B] = Future()
    try:
        future.set_result(work(item))
    except Ftv4Error as error:
        future.set_exception(error)
    return future


def _begin(collections: tuple[int, int, int]) -> None:
    """In a worker: be as the process that started it, leave it to that to be interrupted, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(*collections)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
