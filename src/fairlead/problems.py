"""All that is wrong with a document, collected before anything is refused: people fix a file in one pass."""

from collections.abc import Sequence

from fairlead.errors import REASONS

# Longest quotation of a wrong value in a message, in characters.
QUOTE_LENGTH = 60


class Problems:
    """Wrong places of one document, in the order they were found; the first word about a path is the one kept."""

    def __init__(self) -> None:
        self._by_path: dict[str, str] = {}

    def add(self, path: str, value: object, allowed: str) -> None:
        """Notes that `value` at `path` is wrong and what is allowed there."""
        self.note(path, f"{quote(value)} is not allowed; allowed: {allowed}")

    def note(self, path: str, message: str) -> None:
        """Notes a problem that is not about one value, such as something missing."""
        self._by_path.setdefault(path, message)

    def within(self, path: str) -> bool:
        """Whether something at or below `path` is wrong."""
        return any(known == path or known.startswith((path + ".", path + "[")) for known in self._by_path)

    def __bool__(self) -> bool:
        return bool(self._by_path)

    def items(self) -> Sequence[tuple[str, str]]:
        """Every (path, message)."""
        return tuple(self._by_path.items())

    def raise_if_any(self, reason: str, document: str, file: str = "") -> None:
        """Raises the one error of all problems, under a reason of `fairlead.errors`; each line names `file`, if any."""
        if not self._by_path:
            return
        start = f"{file}: " if file else ""
        lines = [start + (f"{path}: {message}" if path else message) for path, message in self._by_path.items()]
        if len(lines) == 1:
            raise REASONS[reason](reason, f"{document}: {lines[0]}", violations=self.items())
        message = f"{document} has {len(lines)} problems:\n  " + "\n  ".join(lines)
        raise REASONS[reason](reason, message, violations=self.items())


def quote(value: object) -> str:
    """A value as a message shows it: one line, cut to `QUOTE_LENGTH`."""
    text = repr(value)
    return text if len(text) <= QUOTE_LENGTH else text[: QUOTE_LENGTH - 3] + "..."
