"""The manifest of a data directory: which snapshots were verified, and the epoch that is next written.

`manifest` is a header of 64 bytes and an entry of 48 bytes for each snapshot, oldest first; all numbers are little-endian.

    header  at 0  8  `flmanife`
               8  2  format: 1            10  2  the oldest format whose reader understands it
              12  4  entries: 0 to 2      16  8  instance of the journal
              24  8  epoch; greater than that of the segments in a directory that was restored
              32  4  CRC-32C of the entries       36  24  0
              60  4  CRC-32C of bytes 0-59
    entry   at 0  8  sequence, as in the snapshot's name      8  8  segment in which it ends
              16  8  offset there                            24  8  state hash
              32  8  size of the file                        40  4  CRC of its header       44  4  0

It is replaced whole: written under another name, synced, renamed, and the directory synced. A snapshot is named here only when
it was read back and gave its hash; a segment is deleted only when no snapshot that is named here needs it. Without a
manifest, or with a damaged one, the snapshots that are there are tried, newest first: each proves itself.
"""

import os
import struct
from typing import NamedTuple

from fairlead.journal.reader import checksum

MANIFEST = "manifest"
SUFFIX = ".snapshot"
KEPT_SNAPSHOTS = 2
MANIFEST_MAGIC = b"flmanife"
MANIFEST_FORMAT = 1
HEADER = struct.Struct("<8sHHIQQI24xI")
ENTRY = struct.Struct("<QQQQQI4x")


class Entry(NamedTuple):
    """A snapshot that was verified."""

    sequence: int
    segment: int
    offset: int
    state_hash: int
    size: int
    crc: int


class Manifest(NamedTuple):
    """What a directory has: entries oldest first."""

    instance: int
    epoch: int
    entries: tuple


def snapshot_name(sequence):
    """The name of the snapshot behind a record."""
    return f"{sequence:016d}{SUFFIX}"


def snapshot_names(str directory not None):
    """Names of the snapshots of a directory, oldest first, whether they are whole or not."""
    return sorted(
        name for name in os.listdir(directory) if name.endswith(SUFFIX) and name[:-len(SUFFIX)].isdigit() and len(name) == 25)


def read_manifest(str directory not None):
    """The manifest; None: there is none. Raises ValueError for a damaged one, or one of a newer format."""
    try:
        with open(os.path.join(directory, MANIFEST), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as wrong:
        raise ValueError(f"{MANIFEST}: {wrong}") from wrong
    if len(data) < HEADER.size:
        raise ValueError(f"{MANIFEST}: {len(data)} bytes; a header has {HEADER.size}")
    magic, _, least, count, instance, epoch, entries_crc, crc = HEADER.unpack_from(data)
    if magic != MANIFEST_MAGIC or crc != checksum(data[:HEADER.size - 4]):
        raise ValueError(f"{MANIFEST}: the header is damaged")
    if least > MANIFEST_FORMAT:
        raise ValueError(f"{MANIFEST}: needs a reader of format {least}; this version reads {MANIFEST_FORMAT}")
    entries = data[HEADER.size:]
    if len(entries) != count * ENTRY.size or entries_crc != checksum(entries):
        raise ValueError(f"{MANIFEST}: the entries are damaged")
    return Manifest(instance, epoch, tuple(Entry(*fields) for fields in ENTRY.iter_unpack(entries)))


def write_manifest(str directory not None, manifest):
    """Replaces it; whole and synced, or not at all. Raises OSError."""
    entries = b"".join(ENTRY.pack(*entry) for entry in manifest.entries)
    header = HEADER.pack(
        MANIFEST_MAGIC, MANIFEST_FORMAT, MANIFEST_FORMAT, len(manifest.entries), manifest.instance, manifest.epoch, checksum(entries), 0)
    header = header[:HEADER.size - 4]
    header += struct.pack("<I", checksum(header))
    replace_file(directory, MANIFEST, lambda file: file.write(header + entries))


def sync_directory(str path not None):
    """Names in the directory that came and went are on disk from here on. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(str directory not None, str name not None, write):
    """A file of a name, whole and synced, or what was there before: `write` fills one of another name first. Raises OSError."""
    path, fresh = os.path.join(directory, name), os.path.join(directory, f"{name}.tmp")
    try:
        with open(fresh, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, path)
    except BaseException:
        if os.path.exists(fresh):
            os.unlink(fresh)
        raise
    sync_directory(directory)
