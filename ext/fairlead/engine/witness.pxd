"""What a fact may not say, given the state before it: the invariants of a history, beside those of a state (audit.pxd).

A fact of a sound history has no objection. It is asked before the fact is applied, and what it objects to must not be: the
state would be none that `apply` can come to.
"""

from fairlead.engine.model cimport Engine, Fact, Job

# What is wrong with it; NULL: nothing. O(waiting jobs of the agent's classes) for a job that is given or offered, O(1) else.
cdef const char* objection(Engine* e, const Fact* fact) noexcept nogil
# What must hold between steps beside `audit`; NULL: it does. O(jobs).
cdef const char* unfinished(const Engine* e) noexcept nogil
# The job of a fact that gives, offers, ends it or makes it wait, as it was decided.
cdef Job about_to_be(const Engine* e, const Fact* fact) noexcept nogil
