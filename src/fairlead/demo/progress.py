"""A progress bar on a terminal, a plain line every few seconds elsewhere. Never on stdout."""

import math
import time
from typing import TextIO

BAR_WIDTH = 24
PLAIN_INTERVAL_S = 10.0


class Progress:
    """How far a play is: conversations ended of all."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._began = time.monotonic()
        self._live = stream.isatty()
        self._plain_due = self._began + PLAIN_INTERVAL_S
        self._width = 0

    def show(self, done: int, waiting: int, day_s: float) -> None:
        """Draws the present state; off a terminal only now and then."""
        now = time.monotonic()
        text = progress_text(done, self._total, now - self._began, waiting, day_s)
        if self._live:
            filled = BAR_WIDTH * done // self._total
            line = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {text}"
            self._stream.write("\r" + line.ljust(self._width))
            self._stream.flush()
            self._width = len(line)
        elif now >= self._plain_due:
            self._plain_due += PLAIN_INTERVAL_S
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Wipes the bar."""
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()


def progress_text(done: int, total: int, elapsed_s: float, waiting: int, day_s: float) -> str:
    """One line: share, count, rate, time left, time of the day, backlog."""
    pace = done / elapsed_s if elapsed_s > 0 else 0.0
    left_s = math.ceil((total - done) / pace) if pace else None
    left = f"{left_s // 60}:{left_s % 60:02d}" if left_s is not None else "-"
    day, rest = divmod(int(day_s), 86_400)
    moment = f"{rest // 3_600:02d}:{rest % 3_600 // 60:02d}"
    if day:
        moment = f"day {day + 1} {moment}"
    return f"{100 * done // total:3d} %  {done:,}/{total:,}  {pace:,.0f}/s  ETA {left}  {moment}  {waiting:,} waiting"
