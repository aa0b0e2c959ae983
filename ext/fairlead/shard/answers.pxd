"""What a cold call was answered, as text that the journal keeps with its request id, so that a repeat is answered the same after
a restart too (J4).

JSON: an agent is an array of the fields of AgentView in their order, a list of names an object `{"names": [..]}`. Answers that
a number says (a version, whether something was new) and empty ones have no text.
"""

cdef bytes told_of(object answer)
cdef object answer_of(bytes told)
