"""See durable.pxd.

One process has a directory: it holds `lock` locked (flock) for as long as it lives. Recovery loads the newest snapshot that is
good, reads the segments from where it ends, or from the first record, applies each frame, cuts a torn tail after copying it
aside, sets the clocks, and lets the journal go on there. Nothing is written before all is read and believed.
"""

import fcntl
import os
import time
from typing import NamedTuple

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fairlead.base.text cimport text_of
from fairlead.directory.names cimport names_find
from fairlead.engine.manage cimport spare_leases
from fairlead.journal.commit cimport Tail, journal_close, journal_open, sync_bounds
from fairlead.journal.journal cimport journal_is_slow, journal_stall
from fairlead.journal.model cimport DURABILITY_FSYNC, DURABILITY_NONE, DURABILITY_OS, FORMAT, SYNC_BUCKETS, load
from fairlead.base.packing cimport get_varint, unzigzag
from fairlead.journal.reader cimport Reader
from fairlead.journal.system cimport CLOCK_MONOTONIC, now_us
from fairlead.shard.dispatch cimport shard_now
from fairlead.shard.record cimport LAYOUT, record_hash
from fairlead.shard.snapshot cimport load_newest, shard_hash
from fairlead.shard.replay cimport (
    REPLAY_HASH, REPLAY_OK, REPLAY_UNKNOWN, Replay, replay_frame, replay_free, replay_init,
)
from fairlead.shard.tenant cimport KEPT_POLICIES, channel_slot

from fairlead.errors import raise_error
from fairlead.journal.reader import Damage, segment_names
from fairlead.shard.manifest import read_manifest, sync_directory

cdef enum:
    GRACE_US = 15000000      # no lease ends sooner after a start

MODES = {"none": DURABILITY_NONE, "os": DURABILITY_OS, "fsync": DURABILITY_FSYNC}
LEAST_SEGMENT = 4096
REASON_OF = {"broken": "JOURNAL_DAMAGED", "gap": "JOURNAL_GAP", "newer": "JOURNAL_VERSION"}
ADVICE = "; nothing was changed: `fairlead journal verify` shows more, docs/OPERATIONS says what to do"


class Recovered(NamedTuple):
    """What was found. `state_hash` is the sum of all tenants'; `torn_bytes` were cut from the tail and kept in `torn_copy`.

    `records` is the last sequence; `tail_records` of them were read behind the `snapshot`, an empty name for none. `problems`
    tells of snapshots that were passed over.
    """

    segments: int
    records: int
    tail_records: int
    snapshot: str
    problems: tuple
    tenants: int
    seconds: float
    state_hash: int
    torn_bytes: int
    torn_copy: str


cdef object lock_directory(str path, bint create):
    """The descriptor of the lock."""
    if not os.path.isdir(path):
        if not create:
            raise_error("JOURNAL_ABSENT", f"no data directory {path}: absence is not emptiness; --init begins a new one", "path")
        os.makedirs(path)
        sync_directory(os.path.dirname(os.path.abspath(path)))
    if not create and not segment_names(path):
        raise_error("JOURNAL_ABSENT", f"no journal in {path}: absence is not emptiness; --init begins a new one", "path")
    descriptor = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise_error("JOURNAL_LOCKED", f"another process has the data directory {path}", "path")
    return descriptor


cdef object refuse_record(Reader reader, const Replay* replay, uint32_t state):
    sequence = reader.header.first + replay.done
    where = f"{reader.names[reader.place]}: at byte {reader.offset}, record {sequence}"
    if state == REPLAY_UNKNOWN:
        raise_error("JOURNAL_VERSION", f"{where}: a record of kind {replay.kind}, which this version does not know{ADVICE}", "path")
    if state == REPLAY_HASH:
        raise_error(
            "JOURNAL_HASH", f"{where}: the state has the hash {replay.actual:016x}, the journal says {replay.expected:016x}{ADVICE}",
            "path")
    raise_error("JOURNAL_DAMAGED", f"{where}: a record of kind {replay.kind} that cannot be applied{ADVICE}", "path")


cdef object check_layout(Reader reader):
    if reader.layout != LAYOUT:
        raise_error(
            "JOURNAL_VERSION", f"{reader.names[reader.place]}: facts of layout {reader.layout}; this version reads {LAYOUT}{ADVICE}",
            "path")


cdef object raise_damage(object damage):
    """What the reading of a directory ended with, as an error of a call."""
    raise_error(REASON_OF[damage.kind], f"{damage}{ADVICE}", "path")


cdef object read_all(ShardState* s, Reader reader, uint64_t upto=EVERYTHING, object progress=None):
    cdef Replay replay
    cdef uint32_t state
    replay_init(&replay)
    try:
        while reader.sequence < upto and reader.next():
            check_layout(reader)
            replay.most = upto - reader.header.first + 1
            with nogil:
                state = replay_frame(s, &replay, reader.payload, reader.header.size, reader.header.count)
            if state != REPLAY_OK:
                refuse_record(reader, &replay, state)
            if progress is not None:
                progress(reader.sequence, "replay")
    except Damage as damage:
        raise_damage(damage)
    finally:
        replay_free(&replay)


cdef str cut_tail(str path, Reader reader, int descriptor):
    """Copies what is torn aside, cuts it off, syncs. Returns the name of the copy."""
    name = reader.names[reader.place]
    copy = os.path.join(path, f"torn-{name[:16]}-{reader.offset}")
    with open(copy, "wb") as file:
        file.write(reader.data[reader.offset:reader.offset + reader.torn])
        file.flush()
        os.fsync(file.fileno())
    os.ftruncate(descriptor, reader.offset)
    os.fsync(descriptor)
    sync_directory(path)
    return copy


cdef object set_clocks(ShardState* s):
    """Time goes on where it was, also when the machine's clock is behind; tenants of the built-in policy get its defaults."""
    cdef uint32_t slot
    cdef int64_t last = 0
    for slot in range(s.names.used):
        last = max(last, s.tenants[slot].engine.now)
        if s.tenants[slot].policies.size == 0:
            s.tenants[slot].default_queue = names_find(&s.tenants[slot].queues, text_of(b"default"))
            s.tenants[slot].default_channel = channel_slot(s.tenants[slot], text_of(b"chat"))
    if s.is_virtual:
        s.now = max(s.now, last)
    elif shard_now(s) < last:
        s.epoch += last - shard_now(s)


cdef void go_on_with_events(ShardState* s, uint64_t records) noexcept nogil:
    """Sequences of events go on above every one that was ever told: a record tells at most one, and a process that wrote some
    began at its time."""
    cdef uint32_t slot
    cdef uint64_t last = 0
    for slot in range(s.names.used):
        last = max(last, <uint64_t> s.tenants[slot].engine.now)
    if last + records > s.feed.ring.last:
        s.feed.ring.first = s.feed.ring.last = last + records
        s.feed.ring.oldest = last + records + 1


cdef void spare_agents(ShardState* s) noexcept nogil:
    """Nobody is marked OFFLINE by the restart itself (P2)."""
    cdef uint32_t slot
    if not s.is_virtual:
        for slot in range(s.names.used):
            spare_leases(&s.tenants[slot].engine, shard_now(s) + GRACE_US)


cdef object read_tail(ShardState* s, str path, object image, uint64_t upto=EVERYTHING, object progress=None):
    """Applies what lies behind a snapshot, or all where there is none. Returns the Reader."""
    cdef Reader reader = Reader(path, image.base if image else None)
    s.journal.replaying = 1
    read_all(s, reader, upto, progress)
    s.journal.replaying = 0
    if image and not reader.names:
        raise_error(
            "JOURNAL_GAP", f"{path}: segment {image.base.segment}, in which the snapshot {image.name} ends, is missing{ADVICE}", "path")
    return reader


cdef uint64_t epoch_of(str path):
    """The epoch that the manifest asks for; 0: none. A damaged manifest was told of when snapshots were looked for."""
    try:
        manifest = read_manifest(path)
    except ValueError:
        return 0
    return manifest.epoch if manifest else 0


cdef tuple open_end(str path, Reader reader, Tail* tail):
    """Where the journal goes on. Returns the name of the copy of what was torn, and the descriptor of the segment; -1: it begins
    one, because there is none, or because this is a restored copy, which goes on in an epoch of its own."""
    cdef uint64_t epoch = epoch_of(path)
    cdef int descriptor
    torn_copy = ""
    memset(tail, 0, sizeof(Tail))
    tail.epoch = epoch or 1
    if reader.place < 0:
        tail.instance = int.from_bytes(os.urandom(8), "little")
        return torn_copy, -1
    descriptor = os.open(os.path.join(path, reader.names[reader.place]), os.O_RDWR | os.O_CLOEXEC)
    if reader.torn:
        torn_copy = cut_tail(path, reader, descriptor)
    tail.number = reader.number
    tail.offset = reader.end
    tail.sequence = reader.sequence
    tail.instance = reader.instance
    tail.epoch = max(epoch, reader.epoch)
    tail.digest = reader.digest
    if tail.epoch > reader.epoch:
        os.ftruncate(descriptor, reader.end)
        os.fsync(descriptor)
        os.close(descriptor)
        descriptor = -1
    return torn_copy, descriptor


cdef tuple open_journal(ShardState* s, str path, str durability, bint create, uint64_t segment_size):
    """Raises FairleadError; the shard is then good for nothing more."""
    cdef Reader reader
    cdef Tail tail
    cdef int failed, descriptor
    if durability not in MODES:
        raise_error("INVALID_FIELD", f"{durability!r}; must be one of {', '.join(MODES)}", "durability")
    if segment_size < LEAST_SEGMENT or segment_size % 4096:
        raise_error("INVALID_FIELD", f"{segment_size}; must be a multiple of 4096", "segment_size")
    start = time.monotonic()
    lock = lock_directory(path, create)
    try:
        image, problems = load_newest(s, path, EVERYTHING)
        reader = read_tail(s, path, image)
        set_clocks(s)
        for left in ("spare", "manifest.tmp"):
            if os.path.exists(os.path.join(path, left)):
                os.unlink(os.path.join(path, left))
        torn_copy, descriptor = open_end(path, reader, &tail)
        failed = journal_open(
            &s.journal, MODES[durability], os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), descriptor, segment_size, LAYOUT,
            &tail)
        if failed:
            raise OSError(failed, os.strerror(failed), path)
        go_on_with_events(s, reader.sequence)
        spare_agents(s)
    except OSError as wrong:
        os.close(lock)
        raise_error("JOURNAL_FAILED", f"cannot open the journal in {path}: {wrong}", "path")
    except BaseException:
        os.close(lock)
        raise
    return Recovered(
        len(reader.names), reader.sequence, reader.sequence - (image.base.sequence if image else 0), image.name if image else "",
        tuple(problems), s.names.used, time.monotonic() - start, shard_hash(s), reader.torn, torn_copy), lock


cdef void close_journal(ShardState* s) noexcept nogil:
    """With a hash of every tenant, so that the next start proves the whole state."""
    cdef uint32_t slot
    if not s.journal.enabled:
        return
    for slot in range(s.names.used):
        record_hash(s.tenants[slot])
    journal_close(&s.journal)
    s.journal.mode = DURABILITY_NONE


cdef dict journal_counts(ShardState* s):
    cdef int at
    cdef int64_t now = now_us(CLOCK_MONOTONIC)
    if not s.journal.enabled:
        return {}
    return {
        "format": FORMAT, "segment": load(&s.journal.number), "sequence": load(&s.journal.sequence), "durable": load(&s.journal.durable),
        "commits": load(&s.journal.commits), "frames": load(&s.journal.frames), "bytes": load(&s.journal.bytes),
        "rotations": load(&s.journal.rotations),
        "no_space": bool(load(&s.journal.no_space)),
        "syncs": [load(&s.journal.syncs[at]) for at in range(SYNC_BUCKETS)], "sync_us": load(&s.journal.sync_us),
        "sync_bounds_us": [sync_bounds()[at] for at in range(SYNC_BUCKETS - 1)],
        "stall_us": journal_stall(&s.journal, now), "is_slow": journal_is_slow(&s.journal, now),
    }


cdef tuple policy_of(const uint8_t* at, const uint8_t* end):
    """(version, document, author, time), tables of a record of a policy."""
    cdef uint64_t version, time_us, size
    texts = []
    at = get_varint(get_varint(at, end, &version), end, &time_us)
    for _ in range(3):
        at = get_varint(at, end, &size)
        if at == NULL or <uint64_t> (end - at) < size:
            raise_error("JOURNAL_DAMAGED", "the record of a policy ends too early", "path")
        texts.append((<const char*> at)[:size])
        at += size
    author, document, tables = texts
    return (version, document, author.decode(), unzigzag(time_us)), tables


cdef list stored_policies(Tenant* t):
    cdef const uint8_t* data = <const uint8_t*> t.policies.data
    cdef size_t at = 0
    cdef uint64_t size
    cdef dict found = {}   # by version, ascending
    while at < t.policies.size:
        memcpy(&size, data + at, sizeof(size))
        at += sizeof(size)
        policy = policy_of(data + at, data + at + size)
        found[policy[0][0]] = policy   # the same version again is one with another calendar
        if len(found) > KEPT_POLICIES:
            del found[min(found)]
        at += size
    return list(found.values())
