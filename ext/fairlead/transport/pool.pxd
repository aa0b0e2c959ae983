"""Memory of the nghttp2 sessions of one loop: small blocks from lists of free ones, one list for each size.

A call costs nghttp2 about ten small blocks, all of them free again when the call is over. One thread takes and gives
them, so a list needs neither lock nor merging, and the next call gets the lines that are still in the cache. Larger
blocks come from malloc. Pages stay with the pool until the loop ends: as many as its busiest moment needed. In debug and
sanitizer builds every block comes from malloc, so that a use after free is seen.
"""

from libc.stdint cimport uint32_t

cdef enum:
    CLASS_SIZE = 32          # blocks are multiples of it
    CLASSES = 16             # the largest block is 512 bytes; the largest that a usual call needs is about 300
    POOL_PAGE = 65536

cdef struct Block:
    Block* next              # of its list, while it is free

cdef struct PoolPage:
    PoolPage* next

cdef struct Pool:
    Block* lists[CLASSES]
    PoolPage* pages
    char* at                 # of the newest page: what was never given out
    char* end


cdef void pool_init(Pool* pool) noexcept nogil
# All blocks must have been given back.
cdef void pool_free(Pool* pool) noexcept nogil
# As nghttp2_mem wants them; `pool` is a Pool. NULL when there is no memory.
cdef void* pool_take(size_t size, void* pool) noexcept nogil
cdef void pool_give(void* block, void* pool) noexcept nogil
cdef void* pool_take_zeroed(size_t count, size_t size, void* pool) noexcept nogil
cdef void* pool_resize(void* block, size_t size, void* pool) noexcept nogil
