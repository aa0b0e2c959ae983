"""What a journal is on disk and in memory.

On disk: a directory of segments, `0000000000000001.journal` and on. A segment is a SegmentHeader, then frames, then zeroes
(or the end of the file). A frame is a FrameHeader and its payload, filled with zeroes to a multiple of 8 bytes. A payload is
records, each a varint of its size and so many bytes. All numbers are little-endian, as on every machine this is built
for. docs/FORMATS.md shows each byte, with an example.

A frame is the unit of durability: records of one step of the shard are in one frame, so that recovery never sees half a
step. Every header has a CRC-32C of its own, so that a damaged length is never followed.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fairlead.base.buffer cimport Buffer

cdef extern from *:
    """
    #define fairlead_load(address) __atomic_load_n(address, __ATOMIC_ACQUIRE)
    #define fairlead_store(address, value) __atomic_store_n(address, value, __ATOMIC_RELEASE)
    #if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "journals are little-endian; this machine is not"
    #endif
    """
    uint64_t load "fairlead_load"(const uint64_t* address) nogil
    void store "fairlead_store"(uint64_t* address, uint64_t value) nogil

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_t:
        pass
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

cdef enum JournalMode:
    DURABILITY_NONE = 0
    DURABILITY_OS = 1
    DURABILITY_FSYNC = 2

cdef enum:
    FORMAT = 1               # of headers, frames and records
    LEAST_READER = 1         # the oldest format whose reader understands what is written
    FRAME_FULL = 256 * 1024  # bytes after which a frame takes no further step
    FRAME_RECORDS = 1000     # records after which it takes none
    OPEN_FULL = 8 * 1024 * 1024   # bytes that wait for the disk before those who bring more wait too
    ZERO_AHEAD = 256 * 1024  # bytes of zeroes behind what is written: a sync that allocates is slow, and one of a megabyte too
    PATH_SIZE = 4096
    SEGMENT_NAME = 24        # 16 digits and ".journal"
    MAX_LISTENERS = 64
    SLOW_US = 1000000        # a sync that takes longer is told to the operator
    SYNC_BUCKETS = 16        # the last is for what took longer than every bound

# 64 bytes.
cdef struct SegmentHeader:
    uint8_t[8] magic
    uint16_t format
    uint16_t least_reader
    uint32_t layout          # of the bodies of facts; the shard's number, not this room's
    uint64_t instance        # random, of the journal: segments of two journals do not mix
    uint64_t number
    uint64_t first           # sequence of its first record
    uint64_t epoch           # a restored copy of a journal has a greater one
    uint64_t previous        # digest of the last frame of the segment before; 0 in the first
    uint32_t reserved
    uint32_t crc             # of the 60 bytes above

# 64 bytes.
cdef struct FrameHeader:
    uint32_t magic
    uint32_t size            # of the payload, without what fills it up
    uint64_t first           # sequence of its first record
    uint32_t count           # records
    uint32_t payload_crc
    uint64_t epoch
    uint64_t durable_upto    # sequence that was known to be on disk when this was written
    uint64_t previous        # digest of the frame before, also over the border of segments
    int64_t time             # microseconds of Unix time when it was written; for people
    uint32_t reserved
    uint32_t crc             # of the 60 bytes above

cdef struct Journal:
    uint32_t mode
    uint8_t enabled          # a directory stands behind it; without, records are only counted
    uint8_t replaying        # records are applied, not made
    uint64_t sequence        # of the last record, from 1
    # Of the shard's owner: records of steps that are not published yet.
    Buffer step
    int64_t step_time        # of the last of them; times within a publication are differences
    # Shared, under the mutex.
    pthread_mutex_t mutex
    pthread_cond_t work      # for the commit thread
    pthread_cond_t done      # something became durable, or room
    Buffer open              # frames that wait for the commit thread
    size_t frame_at          # of the last of them
    uint8_t has_frame        # it may take more
    uint8_t idle             # the commit thread waits
    uint8_t stopping
    uint64_t published       # last sequence in `open`
    uint64_t durable         # read without the mutex
    uint64_t no_space        # the next segment could not be sized; read without the mutex
    int[MAX_LISTENERS] listeners   # eventfds told of every commit
    uint32_t listener_count
    # Of the commit thread.
    pthread_t thread
    Buffer writing
    int directory_fd
    int fd
    int spare_fd             # the next segment, sized; -1: not yet
    int64_t spare_retry      # not before then, microseconds of the monotone clock
    uint64_t segment_size
    uint64_t offset          # where the next frame goes
    uint64_t zeroed          # bytes up to there are written
    uint64_t allocated       # bytes up to there belong to the file
    uint64_t instance
    uint64_t number
    uint64_t epoch
    uint64_t digest
    uint32_t layout
    # Counts since the start, for status and benchmarks.
    uint64_t commits
    uint64_t frames
    uint64_t bytes
    uint64_t rotations
    uint64_t[SYNC_BUCKETS] syncs   # commits by how long their write and sync took
    uint64_t sync_us         # of all of them together
    uint64_t sync_begun      # microseconds of the monotone clock, 0: none is under way; read without the mutex
    uint64_t slow_ended      # when the last slow one ended, 0: none was; read without the mutex
