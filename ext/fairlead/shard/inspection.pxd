"""A journal held against the invariants of docs/SEMANTICS.md: each fact before it is applied, the state after each step.

A step is what was published together: one call of an embedded router, a batch of the native transport. Built in a
scratch shard; the directory is only read.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fairlead.journal.reader cimport Reader
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.replay cimport Replay

cdef struct Finding:
    const char* what       # NULL: nothing
    uint64_t sequence
    int64_t time
    uint32_t tenant
    uint32_t job           # NO_SLOT: none
    uint32_t agent

cdef struct Inspection:
    Finding found
    Finding last           # what, besides, is that of the last fact
    uint64_t every         # steps from one audit of the state to the next
    uint64_t quiet_until   # no audit of the state up to this sequence
    uint64_t sound_until   # all was well after this one
    uint64_t steps
    uint64_t audits
    uint32_t tenant        # touched in this step; NO_SLOT: none
    uint32_t more          # other tenants were, too
