"""The command line: parses arguments, runs one command, turns failures into one line and an exit code.

Exit codes: 0 done, 1 refused or failed (one line on stderr says why), 2 wrong usage, 130 interrupted. What a command
does lives in `fairlead.commands`; nothing here knows a service.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from fairlead.commands import (
    agents,
    compare,
    customers,
    demo,
    events,
    jobs,
    journal,
    load,
    policy,
    replay,
    scenario,
    serve,
    simulate,
    snapshot,
    status,
)
from fairlead.errors import FairleadError

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
# What a shell reports for a program whose reader went away.
EXIT_BROKEN_PIPE = 141

_EPILOG = "Every command takes --help. `fairlead demo` shows a whole day on a daemon of its own."


class Parser(argparse.ArgumentParser):
    """argparse that says what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Prints the usage and the message with a suggestion; exits with 2."""
        super().error(message + _suggestion(message, self.format_help()))


def _suggestion(message: str, help_text: str) -> str:
    """The nearest flag or choice to the first wrong word of an argparse message; empty when none is near."""
    choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
    unknown = re.search(r"unrecognized arguments: (--?[^\s=]+)", message)
    if choice:
        wrong, known = choice[1], re.findall(r"[\w-]+", choice[2])
    elif unknown:
        wrong, known = unknown[1], re.findall(r"--[a-z][a-z-]*", help_text)
    else:
        return ""
    # Without their dashes: these alone make any two flags half alike.
    words = {word.lstrip("-"): word for word in known}
    near = difflib.get_close_matches(wrong.lstrip("-"), words, n=1)
    return f"; did you mean {words[near[0]]}?" if near else ""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each leaf sets `run`, which takes the namespace and returns an exit code."""
    parser = Parser(prog="fairlead", description="Assigns conversations to agents.", epilog=_EPILOG, allow_abbrev=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (
        serve,
        status,
        agents,
        customers,
        jobs,
        events,
        policy,
        scenario,
        journal,
        snapshot,
        replay,
        simulate,
        compare,
        demo,
        load,
    ):
        module.register(commands)
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The namespace of a command line; wrong usage prints the usage of the command it is about and exits with 2."""
    namespace, rest = build_parser().parse_known_args(arguments)
    if rest:
        leaf: argparse.ArgumentParser = namespace.parser
        leaf.error(f"unrecognized arguments: {' '.join(rest)}")
    return namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    namespace = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        code: int = namespace.run(namespace)
        sys.stdout.flush()
    except FairleadError as failure:
        print(f"fairlead: {describe(failure)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more at exit; it must not find the closed pipe there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code


def describe(failure: FairleadError) -> str:
    """In a line reason, message, and the wrong field unless the message names it; of several fields each in a line."""
    text = failure.message
    if len(failure.violations) > 1:
        first, *lines = text.splitlines()
        fields = [f"{path}: {what}" for path, what in failure.violations]
        # A message that came over the wire may be cut; one that is whole says more than the fields alone.
        if not all(field in text for field in fields):
            omitted = failure.metadata.get("omitted_violations")
            lines = [*fields, *([f"and {omitted} more"] if omitted else ())]
        return "\n  ".join([f"{failure.reason}: {first.rstrip(':')}:", *(line.strip() for line in lines)])
    if failure.field and failure.field not in text:
        text = f"{text} ({failure.field})"
    return " ".join(f"{failure.reason}: {text}".split()) if failure.reason else text
