"""Arrays that may become large: from LARGE bytes on they are pages of their own, which grow without being copied.

`realloc` copies what it cannot extend in place, so an array of 100 MB that grows would stop the writer for as long as the
copy takes, and touch all of it. The system moves pages by their tables instead. Sizes are bytes; the caller knows them.

They are had in whole huge pages: the system then begins them where a huge page begins, and need not split any to move them.
"""

from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free
from libc.string cimport memcpy

from fairlead.base.ahead cimport AHEAD, CHUNK, ahead_fetch
from fairlead.base.memory cimport advise_huge, memory_grow, memory_zeroed


cdef extern from *:
    """
    #include <string.h>
    #include <sys/mman.h>
    static inline size_t fairlead_whole(size_t size) {
        return (size + ((size_t) 1 << 21) - 1) & ~(((size_t) 1 << 21) - 1);
    }
    static inline void *fairlead_pages_new(size_t size) {
        void *pages = mmap(NULL, fairlead_whole(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return pages == MAP_FAILED ? NULL : pages;
    }
    static inline void *fairlead_pages_grow(void *pages, size_t size, size_t wanted) {
    #ifdef MREMAP_MAYMOVE
        void *grown = mremap(pages, fairlead_whole(size), fairlead_whole(wanted), MREMAP_MAYMOVE);
        return grown == MAP_FAILED ? NULL : grown;
    #else
        void *grown = fairlead_pages_new(wanted);
        if (grown != NULL) {
            memcpy(grown, pages, size);
            munmap(pages, fairlead_whole(size));
        }
        return grown;
    #endif
    }
    static inline void fairlead_pages_free(void *pages, size_t size) {
        munmap(pages, fairlead_whole(size));
    }
    """
    size_t pages_whole "fairlead_whole"(size_t size) nogil
    void* pages_new "fairlead_pages_new"(size_t size) nogil
    void* pages_grow "fairlead_pages_grow"(void* pages, size_t size, size_t wanted) nogil
    void pages_free "fairlead_pages_free"(void* pages, size_t size) nogil

cdef enum:
    LARGE = 1 << 20


cdef inline void* array_grow(void* array, size_t size, size_t wanted) noexcept nogil:
    """The array (NULL: none) of `size` bytes with room for `wanted`, which are more; what is new is not cleared."""
    cdef void* grown
    if wanted < LARGE:
        return memory_grow(array, wanted)
    grown = pages_grow(array, size, wanted) if size >= LARGE else pages_new(wanted)
    if grown == NULL:
        fprintf(stderr, "fairlead: out of memory: cannot get %zu bytes\n", wanted)
        abort()
    if size < LARGE and array != NULL:
        memcpy(grown, array, size)
        free(array)
    # All of it: pages that are advised in part could not be moved in one piece.
    advise_huge(grown, pages_whole(wanted))
    return grown


cdef inline size_t array_slack(size_t size) noexcept nogil:
    """How many of its last bytes a large array of `size` has free when it is time to let it grow: as it grows, new pages
    are asked for, and they are there when they are used."""
    return min(size // 8, <size_t> AHEAD * CHUNK) if size > 2 * CHUNK else 0


cdef inline void* array_grow_ahead(void* array, size_t used, size_t size, size_t wanted) noexcept nogil:
    """`array_grow`, and the pages behind the `used` bytes are asked for."""
    cdef char* grown = <char*> array_grow(array, size, wanted)
    if wanted > 2 * CHUNK:
        ahead_fetch(grown + used, min(wanted - used, array_slack(wanted) + <size_t> CHUNK))
    return grown


cdef inline void* array_zeroed(size_t size) noexcept nogil:
    """An array of `size` bytes, all 0: as the system's new pages are."""
    return memory_zeroed(size) if size < LARGE else array_grow(NULL, 0, size)


cdef inline void array_free(void* array, size_t size) noexcept nogil:
    """Of an array of `size` bytes; NULL is none, whatever the size."""
    if array == NULL or size < LARGE:
        free(array)
    else:
        pages_free(array, size)
