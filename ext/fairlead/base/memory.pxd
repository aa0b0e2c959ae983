"""Memory that is there or the process is not.

A router that cannot get memory cannot keep its promise to the jobs it holds, so no caller checks: a failed allocation
says so on standard error and aborts; recovery is a restart. Sizes are bytes.
"""

from libc.stdint cimport uint64_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, calloc, realloc


cdef inline void* memory_grow(void* block, size_t size) noexcept nogil:
    """`block` (or NULL) with room for `size` bytes; what is new is not zeroed."""
    cdef void* grown = realloc(block, size if size else 1)
    if grown == NULL:
        fprintf(stderr, "fairlead: out of memory: cannot get %zu bytes\n", size)
        abort()
    return grown


cdef inline void* memory_zeroed(size_t size) noexcept nogil:
    """`size` fresh bytes, all zero."""
    cdef void* block = calloc(size if size else 1, 1)
    if block == NULL:
        fprintf(stderr, "fairlead: out of memory: cannot get %zu bytes\n", size)
        abort()
    return block


cdef inline uint64_t mix64(uint64_t value) noexcept nogil:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit."""
    value += <uint64_t> 0x9E3779B97F4A7C15
    value = (value ^ (value >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    value = (value ^ (value >> 27)) * <uint64_t> 0x94D049BB133111EB
    return value ^ (value >> 31)
