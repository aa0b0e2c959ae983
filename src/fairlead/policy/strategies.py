"""Strategies as people write them: the name of a preset, or one to three sort keys with commas between them (T2)."""

from difflib import get_close_matches

from fairlead.policy.tables import SORT_KEYS, SORT_KEYS_BASE, STRATEGIES
from fairlead.problems import Problems, quote

MAX_KEYS = 3
_DIGIT = 16


def parse_strategy(text: str) -> int:
    """The number of a strategy as the tables hold it; 0 for no text. Raises ValueError that says what is allowed."""
    if not text:
        return 0
    if text in STRATEGIES:
        return STRATEGIES[text]
    keys = [key.strip() for key in text.split(",")]
    unknown = [key for key in keys if key not in SORT_KEYS]
    if unknown:
        raise ValueError(_refusal(text, unknown[0]))
    if len(keys) > MAX_KEYS or len(set(keys)) < len(keys):
        raise ValueError(f"{quote(text)} is not allowed; allowed: at most {MAX_KEYS} sort keys, each once")
    number = 0
    for key in reversed(keys):
        number = number * _DIGIT + SORT_KEYS[key]
    return SORT_KEYS_BASE + number


def strategy_name(number: int) -> str:
    """What `parse_strategy` reads to this number."""
    if number < SORT_KEYS_BASE:
        return next((name for name, known in STRATEGIES.items() if known == number), "")
    names = {known: name for name, known in SORT_KEYS.items()}
    digits = number - SORT_KEYS_BASE
    keys = []
    while digits:
        digits, key = divmod(digits, _DIGIT)
        keys.append(names[key])
    return ",".join(keys)


def check_strategy(text: str, path: str, problems: Problems) -> None:
    """Notes a strategy or sort key that does not exist."""
    try:
        parse_strategy(text)
    except ValueError as wrong:
        problems.note(path, str(wrong))


def _refusal(text: str, wrong: str) -> str:
    near = get_close_matches(wrong, [*STRATEGIES, *SORT_KEYS], 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return (
        f"{quote(text)} is not allowed; {hint}allowed: {', '.join(STRATEGIES)}, "
        f"or one to {MAX_KEYS} of the sort keys {', '.join(SORT_KEYS)} with commas between them"
    )
