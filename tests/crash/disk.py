"""What a power cut may leave of a directory, by enumeration, from the calls that were made there.

`recorded` notes each sync, rename and unlink while something runs, with what the files held. `states` makes every
directory that a cut may leave: names that came or went since the last sync of the directory have done so or not, each
by itself; a file that was not synced has any beginning of its bytes in blocks of 512, or zeroes in their place.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

BLOCK = 512
Files = dict[str, bytes]


class Event(NamedTuple):
    """One call. `content` is what the file held: of `create`, as far as it was synced, else `synced` is False."""

    kind: str  # create, rename, unlink; the sync of a segment, of the directory
    name: str = ""
    to: str = ""
    content: bytes = b""
    synced: bool = True


@contextmanager
def recorded(path: Path) -> Iterator[list[Event]]:
    """The events of a directory while this lasts. The calls are made as ever."""
    events: list[Event] = []
    real_sync, real_rename, real_unlink = os.fsync, os.rename, os.unlink
    synced: Files = {}

    def here(name: Any) -> bool:
        return Path(name).parent == path

    def sync(descriptor: int) -> None:
        real_sync(descriptor)
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if Path(name) == path:
            events.append(Event("directory"))
        elif here(name) and name.endswith(".journal"):
            events.append(Event("segment", Path(name).name))
        elif here(name):
            synced[Path(name).name] = Path(name).read_bytes()
            events.append(Event("create", Path(name).name, content=synced[Path(name).name]))

    def rename(old: Any, new: Any) -> None:
        content = Path(old).read_bytes()
        real_rename(old, new)
        if here(new):
            if synced.get(Path(old).name) != content:
                events.append(Event("create", Path(old).name, content=content, synced=False))
            events.append(Event("rename", Path(old).name, Path(new).name))

    def unlink(name: Any, **more: Any) -> None:
        real_unlink(name, **more)
        if here(name):
            events.append(Event("unlink", Path(name).name))

    with (
        mock.patch.object(os, "fsync", sync),
        mock.patch.object(os, "rename", rename),
        mock.patch.object(os, "unlink", unlink),
    ):
        yield events


def torn(content: bytes) -> Iterator[bytes]:
    """What may be there of a file that was not synced."""
    cuts = sorted(
        {0, min(BLOCK, len(content)), len(content) // 2 // BLOCK * BLOCK, max(0, len(content) - 1) // BLOCK * BLOCK}
    )
    for cut in cuts:
        yield content[:cut]
        yield content[:cut] + bytes(len(content) - cut)


def applied(files: Files, events: list[Event]) -> Files:
    """The directory after some of the calls."""
    files = dict(files)
    for event in events:
        if event.kind == "create":
            files[event.name] = event.content
        elif event.kind == "unlink":
            files.pop(event.name, None)
        elif event.name in files:
            files[event.to] = files.pop(event.name)
    return files


def after_a_cut(durable: Files, pending: list[Event]) -> Iterator[Files]:
    """Every directory when these calls were made since the last sync of the directory."""
    for chosen in product((False, True), repeat=len(pending)):
        events = [event for event, happened in zip(pending, chosen, strict=True) if happened]
        unsynced = [place for place, event in enumerate(events) if not event.synced]
        yield applied(durable, events)
        for place in unsynced:
            for content in torn(events[place].content):
                yield applied(durable, [*events[:place], events[place]._replace(content=content), *events[place + 1 :]])


def states(before: Files, events: list[Event]) -> Iterator[Files]:
    """Every directory that a power cut may leave, at any time during these calls; each once."""
    seen: set[frozenset[tuple[str, bytes]]] = set()
    durable, pending = dict(before), []

    def once(found: Iterator[Files]) -> Iterator[Files]:
        for files in found:
            key = frozenset(files.items())
            if key not in seen:
                seen.add(key)
                yield files

    for event in events:
        if event.kind == "segment":
            continue
        if event.kind == "directory":
            durable, pending = applied(durable, pending), []
        else:
            if event.kind == "create":
                yield from once(after_a_cut(durable, [*pending, event._replace(synced=False)]))
            pending.append(event)
        yield from once(after_a_cut(durable, pending))
