"""An engine as it is, for a snapshot: every struct and list, in a fixed order.

Nothing is decided and nothing is made anew but what follows from what is written bit by bit: the positions and planes of the
lineup from the rows of its items. Heaps, free lists, the order of classes that wait and the cells of rotations are
written as they are, so that an engine that was read goes on exactly as the one that was written, also where two jobs
or agents are alike in every key.

A struct that changes here changes LAYOUT of shard/snapshot.pxd; tests/tidy/test_layout.py sees to it.
"""

from fairlead.base.archive cimport Archive
from fairlead.engine.model cimport Engine

# Writes the engine, or makes it what was written; sink and owner stay its own. After a failed reading it is a fresh one.
cdef void engine_archive(Engine* e, Archive* archive) noexcept nogil
