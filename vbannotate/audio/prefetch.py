"""Run an iterator in a thread of its own, a few items ahead: decoding goes on while the network works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar, cast

T = TypeVar("T")
_AHEAD = 8  # items; blocks of a second, so a few hundred kB


class _Done:
    """Ends the queue; carries the error that ended it, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterator[T]) -> Iterator[T]:
    """The same items and the same error at the end. Closing the generator stops the thread and waits for
    it."""
    waiting: queue.Queue[T | _Done] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: T | _Done) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_Done())
        except BaseException as error:  # handed over and raised where the items are used
            put(_Done(error))

    thread = threading.Thread(target=work, name="decode", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _Done):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()
        cast("Iterator", items).close()  # type: ignore[attr-defined]
