"""Makes a failing tape short: what fails with fewer commands and settings is easier to read than 5,000 lines."""

from collections.abc import Sequence

from tests.property.driver import Command, Pair

# How many commands all attempts together may replay: some tens of seconds.
BUDGET = 50_000


class Shrinker:
    """Shrinks one list of commands to one whose first difference is of the same kind."""

    def __init__(self, calls: Sequence[Command]) -> None:
        self.left = BUDGET
        self.calls = list(calls)
        place, self.difference = self._replay(self.calls)
        self.calls = self.calls[: place + 1]

    def shrink(self) -> list[Command]:
        """Drops runs of commands, longest first, then single settings."""
        size = len(self.calls) // 2
        while size >= 1 and self.difference:
            start = 0
            while start < len(self.calls):
                if not self._keep(self.calls[:start] + self.calls[start + size :]):
                    start += size
            size //= 2
        for place, call in enumerate(self.calls):
            for name in call.settings:
                rest = {key: value for key, value in self.calls[place].settings.items() if key != name}
                simpler = Command(call.method, call.arguments, rest)
                self._keep([*self.calls[:place], simpler, *self.calls[place + 1 :]])
        return self.calls

    def _keep(self, calls: list[Command]) -> bool:
        """Takes the list over if it fails in the same way."""
        if self.left <= 0:
            return False
        place, difference = self._replay(calls)
        same = kind(difference) == kind(self.difference) != ""
        if same:
            self.calls, self.difference = calls[: place + 1], difference
        return same

    def _replay(self, calls: list[Command]) -> tuple[int, str]:
        """Where the list fails and how; an empty text when it does not."""
        pair = Pair()
        for place, call in enumerate(calls):
            if call.method == "advance_to" and call.arguments[0] < pair.twin.now:
                continue
            self.left -= 1
            try:
                pair.run(call)
                pair.compare()
                pair.check()
            except AssertionError as difference:
                return place, str(difference)
        return len(calls), ""


def kind(difference: str) -> str:
    """The first words of a difference: they tell an answer from a view and from an invariant."""
    return " ".join(difference.split()[:2])
