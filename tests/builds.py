"""Which build is tested, and what follows from that for a test."""

import os
from pathlib import Path

BUILD = os.environ.get("FAIRLEAD_BUILD", "release")
# What a sanitizer adds to every load and store is no time, and no memory, of the product.
IS_SANITIZED = BUILD in ("sanitize", "thread")


def preloaded(library: Path) -> str:
    """LD_PRELOAD for a process that loads `library` too, behind what is preloaded already: a sanitizer is first."""
    return " ".join([*os.environ.get("LD_PRELOAD", "").split(), str(library)])
