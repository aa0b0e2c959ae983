"""`fairlead serve`: the daemon in the foreground, until SIGTERM or Ctrl-C."""

import argparse
from typing import Any


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("serve", help="run the daemon", description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", metavar="FILE", help="TOML configuration; every key has a default")
    parser.add_argument("--listen", metavar="HOST:PORT", help="overrides the configuration; port 0 picks a free one")
    parser.add_argument(
        "--init", action="store_true", help="begin a journal where the configuration names an empty place"
    )
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Loads the configuration and serves; returns the daemon's exit code."""
    # Only this command needs the compiled engine; a client's machine may not have it.
    from fairlead import config, daemon

    code: int = daemon.run(config.load(namespace.config, listen=namespace.listen), init=namespace.init)
    return code
