"""Memory that is there or the process is not.

A router that cannot get memory cannot keep its promise to the jobs it holds, so no caller checks: a failed allocation
says so on standard error and aborts; recovery is a restart. Sizes are bytes.

Big blocks ask the system for huge pages: who looks up a random job or agent would otherwise miss the table of pages as
well as the cache. Where the system has none, the advice changes nothing.
"""

from libc.stdint cimport uint64_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, calloc, realloc


cdef extern from *:
    """
    #include <sys/mman.h>
    #ifdef MADV_HUGEPAGE
    #define fairlead_advise_huge(start, size) madvise(start, size, MADV_HUGEPAGE)
    #else
    #define fairlead_advise_huge(start, size) 0
    #endif
    #define fairlead_prefetch(address) __builtin_prefetch(address)
    """
    int advise_huge "fairlead_advise_huge"(void* start, size_t size) nogil
    void prefetch "fairlead_prefetch"(const void* address) nogil

cdef enum:
    HUGE_PAGE = 1 << 21
    CACHE_LINE = 64


cdef inline void memory_advise(void* block, size_t size) noexcept nogil:
    """Asks for huge pages within a block. Free for blocks of less than two of them."""
    cdef uintptr_t first
    if size >= 2 * HUGE_PAGE:
        first = (<uintptr_t> block + HUGE_PAGE - 1) & ~<uintptr_t> (HUGE_PAGE - 1)
        advise_huge(<void*> first, (<uintptr_t> block + size - first) & ~<uintptr_t> (HUGE_PAGE - 1))


cdef inline void memory_prefetch(const void* block, size_t size) noexcept nogil:
    """Begins to load a few lines that are needed soon, so that their misses overlap."""
    cdef size_t line
    for line in range((size + CACHE_LINE - 1) // CACHE_LINE):
        prefetch(<const char*> block + line * CACHE_LINE)


cdef inline void* memory_grow(void* block, size_t size) noexcept nogil:
    """`block` (or NULL) with room for `size` bytes; what is new is not zeroed."""
    cdef void* grown = realloc(block, size if size else 1)
    if grown == NULL:
        fprintf(stderr, "fairlead: out of memory: cannot get %zu bytes\n", size)
        abort()
    memory_advise(grown, size)
    return grown


cdef inline void* memory_zeroed(size_t size) noexcept nogil:
    """`size` fresh bytes, all zero."""
    cdef void* block = calloc(size if size else 1, 1)
    if block == NULL:
        fprintf(stderr, "fairlead: out of memory: cannot get %zu bytes\n", size)
        abort()
    memory_advise(block, size)
    return block


cdef inline uint64_t mix64(uint64_t value) noexcept nogil:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit."""
    value += <uint64_t> 0x9E3779B97F4A7C15
    value = (value ^ (value >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t> 0x94D049BB133111EB
    return value ^ (value >> 31)
