"""See pool.pxd. A word before each block says from which list it is, and keeps blocks aligned to 16 bytes."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cdef extern from *:
    const bint IS_DEBUG "FAIRLEAD_DEBUG"

cdef enum:
    HEAD_SIZE = 16
    FROM_MALLOC = CLASSES    # as the number of a list


cdef struct Head:
    uint64_t list
    uint64_t size            # of a block from malloc, as asked for


cdef inline Head* head_of(void* block) noexcept nogil:
    return <Head*> (<char*> block - HEAD_SIZE)


cdef void pool_init(Pool* pool) noexcept nogil:
    memset(pool, 0, sizeof(Pool))


cdef void pool_free(Pool* pool) noexcept nogil:
    cdef PoolPage* following
    while pool.pages != NULL:
        following = pool.pages.next
        free(pool.pages)
        pool.pages = following
    pool_init(pool)


cdef bint add_page(Pool* pool) noexcept nogil:
    """What is left of the last page is lost: less than a block."""
    cdef PoolPage* page = <PoolPage*> malloc(POOL_PAGE)
    if page == NULL:
        return False
    page.next = pool.pages
    pool.pages = page
    # Heads stand so that what follows them is aligned.
    pool.at = <char*> page + CLASS_SIZE
    pool.end = <char*> page + POOL_PAGE
    return True


cdef void* from_malloc(size_t size) noexcept nogil:
    cdef Head* head = <Head*> malloc(HEAD_SIZE + size)
    if head == NULL:
        return NULL
    head.list = FROM_MALLOC
    head.size = size
    return <char*> head + HEAD_SIZE


cdef void* pool_take(size_t size, void* owner) noexcept nogil:
    cdef Pool* pool = <Pool*> owner
    cdef size_t number = (size + CLASS_SIZE - 1) // CLASS_SIZE
    cdef size_t taken = HEAD_SIZE + number * CLASS_SIZE
    cdef Block* block
    cdef Head* head
    if IS_DEBUG or number == 0 or number >= CLASSES:
        return from_malloc(size)
    block = pool.lists[number]
    if block != NULL:
        pool.lists[number] = block.next
        return block
    if <size_t> (pool.end - pool.at) < taken and not add_page(pool):
        return NULL
    head = <Head*> pool.at
    pool.at += taken
    head.list = number
    return <char*> head + HEAD_SIZE


cdef void pool_give(void* block, void* owner) noexcept nogil:
    cdef Pool* pool = <Pool*> owner
    cdef uint64_t number
    if block == NULL:
        return
    number = head_of(block).list
    if number == FROM_MALLOC:
        free(head_of(block))
        return
    (<Block*> block).next = pool.lists[number]
    pool.lists[number] = <Block*> block


cdef void* pool_take_zeroed(size_t count, size_t size, void* pool) noexcept nogil:
    cdef void* block
    if size and count > <size_t> -1 // size - HEAD_SIZE:
        return NULL
    block = pool_take(count * size, pool)
    if block != NULL:
        memset(block, 0, count * size)
    return block


cdef void* pool_resize(void* block, size_t size, void* pool) noexcept nogil:
    cdef Head* head
    cdef size_t room
    cdef void* grown
    if block == NULL:
        return pool_take(size, pool)
    head = head_of(block)
    room = head.size if head.list == FROM_MALLOC else head.list * CLASS_SIZE
    if size <= room:
        return block
    grown = pool_take(size, pool)
    if grown != NULL:
        memcpy(grown, block, room)
        pool_give(block, pool)
    return grown
