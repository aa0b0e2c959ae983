"""See work.pxd."""

from fairlead.engine.apply cimport commit, fact_of
from fairlead.engine.decide cimport present_answer, refusal_of
from fairlead.engine.match cimport serve, settle
from fairlead.engine.model cimport (
    ACCEPTED, ASSIGNED, COMPLETED, FACT_JOB_WRAPS, FACT_OFFER_ACCEPTED, OFFERED, OFFER_DECLINED, REASON_NONE, UNKNOWN,
    WRAPPING, Fact,
)
from fairlead.engine.returns cimport end, end_wrap_up, withdraw_offer

from fairlead.engine.state cimport agent_prefetch


cdef void accept_offer(Engine* e, uint32_t slot, uint64_t version, Answer* answer) noexcept nogil:
    """O1: the agent takes it, whatever their presence is by now."""
    cdef Fact fact
    answer.refusal = refusal_of(e, slot, version, OFFERED)
    if answer.refusal != ACCEPTED:
        return
    fact = fact_of(FACT_OFFER_ACCEPTED)
    fact.job = slot
    fact.agent = e.jobs[slot].agent
    fact.cls = e.jobs[slot].cls
    fact.reason = e.jobs[slot].cause
    commit(e, &fact)
    settle(e)
    present_answer(e, slot, answer)


cdef void decline_offer(Engine* e, uint32_t slot, uint64_t version, Answer* answer) noexcept nogil:
    """O1, O2: offered on in the same step. Answers the job as it is then."""
    answer.refusal = refusal_of(e, slot, version, OFFERED)
    if answer.refusal != ACCEPTED:
        return
    withdraw_offer(e, slot, OFFER_DECLINED)
    settle(e)
    present_answer(e, slot, answer)


cdef void complete(
    Engine* e, uint32_t slot, uint64_t version, int64_t first_response, int32_t satisfaction, bint skip_wrap_up, Answer* answer
) noexcept nogil:
    """The work is done; after the after-work the agent's room serves the backlog. Unknown samples are negative, first_response
    is in milliseconds."""
    cdef uint32_t agent = e.jobs[slot].agent
    cdef int64_t until, samples = ((first_response + 1) << 16) | (satisfaction + 1)
    cdef Fact fact
    answer.refusal = refusal_of(e, slot, version, ASSIGNED)
    if answer.refusal != ACCEPTED:
        return
    agent_prefetch(e, agent)
    until = e.agents[agent].wrap_up
    if until == UNKNOWN:
        until = e.queues[e.classes[e.jobs[slot].cls].queue].wrap_up
    if until and not skip_wrap_up:
        until += e.now
        fact = fact_of(FACT_JOB_WRAPS)
        fact.job = slot
        fact.value = samples
        fact.body = &until
        fact.body_size = sizeof(int64_t)
        commit(e, &fact)
        present_answer(e, slot, answer)
    else:
        end(e, slot, COMPLETED, REASON_NONE, samples)
        present_answer(e, slot, answer)
        serve(e, agent)
    settle(e)


cdef void finish_wrap_up(Engine* e, uint32_t slot, uint64_t version, Answer* answer) noexcept nogil:
    """The after-work is done before its time is over."""
    answer.refusal = refusal_of(e, slot, version, WRAPPING)
    if answer.refusal != ACCEPTED:
        return
    end_wrap_up(e, slot)
    present_answer(e, slot, answer)
    settle(e)
