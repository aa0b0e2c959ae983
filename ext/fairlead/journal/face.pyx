"""The writer for tests: records as bytes, written as a shard writes its own, whatever they say."""

import os

from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcpy, memset

from fairlead.journal.commit cimport Tail, journal_close, journal_open
from fairlead.journal.journal cimport journal_free, journal_init, journal_publish, journal_record, journal_recorded
from fairlead.journal.model cimport DURABILITY_OS, Journal


def write_journal(str directory not None, list steps not None, uint32_t layout, uint32_t segment_size=1 << 20):
    """A fresh journal of steps, each a list of records without their sizes. Raises OSError."""
    cdef Journal journal
    cdef Tail tail
    cdef uint8_t* at
    cdef const char* data
    cdef int failed
    memset(&tail, 0, sizeof(Tail))
    tail.epoch = tail.instance = 1
    journal_init(&journal)
    try:
        os.makedirs(directory)
        failed = journal_open(
            &journal, DURABILITY_OS, os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), -1, segment_size, layout, &tail)
        if failed:
            raise OSError(failed, os.strerror(failed), directory)
        for step in steps:
            for record in step:
                data = record
                at = journal_record(&journal, len(record))
                memcpy(at, data, len(record))
                journal_recorded(&journal, at, at + <size_t> len(record))
            journal_publish(&journal)
        with nogil:
            journal_close(&journal)
    finally:
        journal_free(&journal)
