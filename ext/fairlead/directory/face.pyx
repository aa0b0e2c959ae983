"""The directory as Python sees it: for tests, which hold it against a dict, and for nothing else.

A misuse that the shard never commits raises ValueError and changes nothing.
"""

from libc.stdint cimport uint32_t, uint64_t

from fairlead.base.text cimport Text
from fairlead.directory.names cimport (
    NO_SLOT, Names, names_add, names_check, names_find, names_free, names_has, names_init, names_put, names_remove,
    names_size, names_text,
)

cdef enum:
    LONGEST = 255
    MAX_SLOT = 1000000


cdef class NamesFace:
    """A table of names of directory/names.pxd. `seed` is that of its hash."""

    cdef Names names

    def __cinit__(self, uint64_t seed=0):
        names_init(&self.names, seed)

    def __dealloc__(self):
        names_free(&self.names)

    def find(self, bytes name not None):
        """The slot of a name, None when it has none."""
        cdef Text text
        text.data = name
        text.size = <uint32_t> len(name)
        slot = names_find(&self.names, text)
        return None if slot == NO_SLOT else slot

    def add(self, bytes name not None):
        """The slot of a name, a fresh one if it has none."""
        cdef Text text
        text.data = name
        text.size = <uint32_t> len(name)
        if not 0 < len(name) <= LONGEST:
            raise ValueError(f"a name of {len(name)} bytes; 1 to {LONGEST} are allowed")
        return names_add(&self.names, text)

    def put(self, uint32_t slot, bytes name not None):
        """Gives a name that has no slot this free one. Not to be mixed with `add`."""
        cdef Text text
        text.data = name
        text.size = <uint32_t> len(name)
        if not 0 < len(name) <= LONGEST or slot > MAX_SLOT:
            raise ValueError(f"a name of {len(name)} bytes for slot {slot}; 1 to {LONGEST}, at most {MAX_SLOT}")
        if names_has(&self.names, slot) or names_find(&self.names, text) != NO_SLOT:
            raise ValueError(f"slot {slot} or the name is taken")
        names_put(&self.names, slot, text)

    def remove(self, uint32_t slot):
        """Takes out the name of a slot."""
        if not names_has(&self.names, slot):
            raise ValueError(f"slot {slot} has no name")
        names_remove(&self.names, slot)

    def text(self, uint32_t slot):
        """The name of a slot, None when it has none."""
        cdef Text text
        if not names_has(&self.names, slot):
            return None
        text = names_text(&self.names, slot)
        return text.data[:text.size]

    def __len__(self):
        return self.names.count

    def check(self):
        """Every name is found at its slot, and nothing else is in the table."""
        return names_check(&self.names)

    def size(self):
        """Bytes held."""
        return names_size(&self.names)
