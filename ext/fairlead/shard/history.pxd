"""A journal read again, record by record, as what happened to one tenant: with names, as values of Python.

Built in a scratch shard that applies each record, so that slots have the names of their time; the directory is only read.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fairlead.engine.model cimport Fact
from fairlead.journal.reader cimport Reader
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.replay cimport Replay
from fairlead.shard.tenant cimport Tenant


cdef class History:
    cdef ShardState* _state
    cdef Replay _replay
    cdef Reader _reader
    cdef object _image         # of the snapshot that it begins behind; None: with record 1
    cdef object _beginning     # of the tenant; None: it was not there yet
    cdef bytes _name           # of the tenant
    cdef uint32_t _slot        # of the tenant; NO_SLOT: not there yet
    cdef uint64_t _done        # sequence of the record that is read

    cdef object _happening(self, Tenant* t, const Fact* fact)
    cdef object _record(self, const uint8_t* at, const uint8_t* end)
    cdef object _other(self, Tenant* t, const uint8_t* at, const uint8_t* end)
    cdef object _frame(self)
