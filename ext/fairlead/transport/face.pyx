"""The pool of the transport as Python sees it: for tests, which hold it against a list of blocks, and for nothing else."""

from libc.stdint cimport uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.memory cimport memory_zeroed
from fairlead.transport.pool cimport Pool, pool_free, pool_give, pool_init, pool_resize, pool_take, pool_take_zeroed


cdef class PoolFace:
    """Numbered places for blocks of a transport/pool.pxd, each block filled with a byte. Owns memory; use from one thread."""

    cdef Pool pool
    cdef uint8_t** blocks
    cdef size_t* sizes
    cdef uint32_t places

    def __cinit__(self, uint32_t places):
        pool_init(&self.pool)
        self.places = places
        self.blocks = <uint8_t**> memory_zeroed(places * sizeof(uint8_t*))
        self.sizes = <size_t*> memory_zeroed(places * sizeof(size_t))

    def __dealloc__(self):
        cdef uint32_t place
        for place in range(self.places):
            pool_give(self.blocks[place], &self.pool)
        pool_free(&self.pool)
        free(self.blocks)
        free(self.sizes)

    cdef bint _has(self, uint32_t place) except -1:
        if place >= self.places:
            raise ValueError(f"place {place} of {self.places}")
        return self.blocks[place] != NULL

    cdef bint _fill(self, uint32_t place, uint8_t* block, size_t size, uint8_t byte) except -1:
        if <uintptr_t> block % 16:
            raise AssertionError("a block is not aligned")
        self.blocks[place] = block
        self.sizes[place] = size
        memset(block, byte, size)
        return True

    def take(self, uint32_t place, size_t size, uint8_t byte, bint zeroed=False):
        """A block for a place that has none; whether a zeroed one was zero."""
        cdef uint8_t* block
        cdef size_t at
        cdef bint is_zero = True
        if self._has(place):
            raise ValueError(f"place {place} has a block")
        block = <uint8_t*> (pool_take_zeroed(1, size, &self.pool) if zeroed else pool_take(size, &self.pool))
        for at in range(size if zeroed else 0):
            is_zero = is_zero and block[at] == 0
        self._fill(place, block, size, byte)
        return bool(is_zero)

    def resize(self, uint32_t place, size_t size, uint8_t byte):
        """Another size for the block of a place, or a first block; what it then held, up to the smaller size."""
        cdef size_t kept = min(size, self.sizes[place]) if self._has(place) else 0
        cdef uint8_t* block = <uint8_t*> pool_resize(self.blocks[place], size, &self.pool)
        held = bytes(block[:kept])
        self._fill(place, block, size, byte)
        return held

    def give(self, uint32_t place):
        """Gives the block of a place back; what it held."""
        if not self._has(place):
            raise ValueError(f"place {place} has no block")
        held = bytes(self.blocks[place][:self.sizes[place]])
        pool_give(self.blocks[place], &self.pool)
        self.blocks[place] = NULL
        self.sizes[place] = 0
        return held
