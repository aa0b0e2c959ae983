"""The explanation of a decision that was (E3), from the journal of a directory.

Nothing is kept for it while jobs are routed: what a decision saw follows from the records before it. So the decision is looked
for first, record by record, without applying any; then the state just before it is built in a scratch shard, and explained there.
The directory is only read, may be written by another process or thread meanwhile, and no lock of a living shard is held.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.engine.model cimport Fact
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.explain cimport Explanation

# A job that is looked for, and its last decision so far.
cdef struct Search:
    Text tenant
    Text id
    int64_t create_time    # with which the slots of tenant and job are known from the start; 0: the last job of this id
    uint64_t wanted        # version of the assignment or offer after which nothing more is read; 0: the last decision
    uint32_t slot          # of the tenant; NO_SLOT: not there yet
    uint32_t job           # NO_SLOT: not there, or no longer
    uint64_t version       # counts from where it was submitted, if that was seen
    uint8_t is_seen
    uint64_t sequence      # of the decision; 0: none
    Fact fact              # the decision, without a body


# Reads at most `most` records; `progress`, if any, is called with the last sequence read and what is done, "search" or "replay".
# None: there was no such job, or nothing was decided of it. Raises FairleadError.
cdef Explanation explain_past(Search* search, str directory, uint64_t most, object progress)
