"""The clock of the day: wall time to day time and back, at a fixed speed, with jumps and standstills.

Between its marks day time runs `speed` times as fast as the wall clock. It jumps ahead when nothing is happening, and
stands while the play cannot keep up, so that a slow machine plays a longer run and not another day. Day times that the
daemon's own timestamps map to are exact across both.
"""

from bisect import bisect_right


class DayClock:
    """Day time as a function of wall time, both in seconds; never runs backwards."""

    def __init__(self, speed: float, wall_s: float, day_s: float) -> None:
        self.speed = speed
        self._walls = [wall_s]
        self._days = [day_s]
        self._speeds = [speed]
        self.stood_s = 0.0

    def day(self, wall_s: float) -> float:
        """Day time at a wall time; before the first mark, at the first speed."""
        mark = max(0, bisect_right(self._walls, wall_s) - 1)
        return self._days[mark] + (wall_s - self._walls[mark]) * self._speeds[mark]

    def wall(self, day_s: float) -> float:
        """When the day reaches `day_s` if nothing jumps or stands from now on. Not while it stands."""
        return self._walls[-1] + (day_s - self._days[-1]) / self._speeds[-1]

    def jump(self, wall_s: float, day_s: float) -> None:
        """From `wall_s` on it is `day_s`; never a jump back."""
        self._mark(wall_s, max(day_s, self.day(wall_s)), self.speed)

    def stand(self, wall_s: float) -> None:
        """Stops at `wall_s`."""
        self._mark(wall_s, self.day(wall_s), 0.0)

    def go(self, wall_s: float) -> None:
        """Runs on from `wall_s`."""
        self.stood_s += wall_s - self._walls[-1]
        self._mark(wall_s, self._days[-1], self.speed)

    def _mark(self, wall_s: float, day_s: float, speed: float) -> None:
        self._walls.append(wall_s)
        self._days.append(day_s)
        self._speeds.append(speed)
