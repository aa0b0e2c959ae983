"""A pool of threads whose work may wait for something without making others wait for it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
_Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Workers(Executor):
    """`count` threads; one more for each that is in `lend`, so that so many are always there to work."""

    def __init__(self, count: int, name: str) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._name = name
        self._lock = threading.Lock()
        self._count = 0
        for _ in range(count):
            self._add()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Runs it on the next thread that is free."""
        future: Future[Result] = Future()
        self._tasks.put((future, fn, args, kwargs))
        return future

    @contextmanager
    def lend(self) -> Iterator[None]:
        """For the time that the calling worker waits another one takes its place."""
        self._add()
        try:
            yield
        finally:
            # Whichever worker comes to it first goes.
            self._tasks.put(None)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the threads, after what they do and, unless it is cancelled, what is queued. Waits for none."""
        while cancel_futures:
            try:
                task = self._tasks.get_nowait()
            except Empty:
                break
            if task is not None:
                task[0].cancel()
        with self._lock:
            for _ in range(self._count):
                self._tasks.put(None)

    def _add(self) -> None:
        with self._lock:
            self._count += 1
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, function, args, kwargs = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*args, **kwargs))
                except BaseException as wrong:
                    future.set_exception(wrong)
            del task, future, function, args, kwargs
        with self._lock:
            self._count -= 1
