"""The shard as Python sees it: one writer for a set of tenants.

Each method holds the shard's lock (`_Held`) from its first look at the state to its return. Values are checked
here once; inside, everything is an integer.
"""

import os
from enum import IntEnum
from threading import Lock

cimport cython
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memset
from posix.unistd cimport usleep

from fairlead.base.buffer cimport Buffer, buffer_free, buffer_init
from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport Text, text_empty
from fairlead.codec.messages cimport (
    DECODE_OK, MAX_NAME_SIZE, TARGET_AGENT, TARGET_NONE, TARGET_QUEUE, CompleteJobRequest, DecodeError, JobRequest, JobSpec,
    SetPresenceRequest, TransferJobRequest,
)
from fairlead.codec.validate cimport (
    error_clear, validate_agent_id, validate_assignment, validate_cancel, validate_complete, validate_get, validate_heartbeat_size,
    validate_job, validate_presence, validate_tenant, validate_transfer,
)
from fairlead.customers.store cimport (
    NO_CUSTOMER, Customer, customers_check, customers_find, customers_put, customers_remove, customers_size,
)
from fairlead.directory.names cimport NO_SLOT, Names, names_check, names_find, names_has, names_text
from fairlead.engine.audit cimport Audit, audit, state_hash
from fairlead.engine.manage cimport extend_lease, forget_customer, remove_agent, set_presence
from fairlead.engine.model cimport ACCEPTED, COMPLETED, NO_JOB, OFFERED, QUEUED, SCHEDULED, Job
from fairlead.engine.state cimport engine_size
from fairlead.events.feed cimport feed_wait, feed_wake
from fairlead.events.ring cimport LEAST_EVENTS, MAX_EVENTS, ring_check
from fairlead.journal.journal cimport journal_durable, journal_wait
from fairlead.journal.model cimport load
from fairlead.rules.book cimport book_toggle
from fairlead.shard.agents cimport check_settings, store_agent
from fairlead.shard.answers cimport answer_of, told_of
from fairlead.shard.calls cimport (
    ACCEPT_OFFER, AGENT_ALREADY_EXISTS, AGENT_NOT_FOUND, CREATE_AGENT, DECLINE_OFFER, DELETE_AGENT, DELETE_CUSTOMER, FINISH_WRAP_UP,
    JOB_NOT_FOUND, LIMIT_EXCEEDED, SCENARIO_NOT_FOUND, SET_SCENARIO, UPDATE_AGENT, UPDATE_POLICY, UPSERT_CUSTOMER, Reply, call_assign, call_cancel, call_complete, call_offer,
    call_presence, call_transfer, digest_start, digest_text, find_agent, find_job, repeat,
)
from fairlead.shard.convert cimport (
    bytes_text, fill_labels, fill_skills, fill_texts, raise_decode_error, raise_failure, to_number, to_small, to_text, to_time,
)
from fairlead.shard.customers cimport customer_view, fill_customer, import_batch, tenant_of_import
from fairlead.shard.dispatch cimport (
    STATE_CAPSULE, ShardState, encode_present, shard_free, shard_init, shard_lock, shard_now, shard_try_lock, shard_unlock,
    submit, submit_waiting, tenant_advance, tenant_find, tenant_get, tenant_next_due, tenant_peek, waits,
)
from fairlead.shard.durable cimport close_journal, journal_counts, open_journal, stored_policies
from fairlead.shard.explain cimport Explanation as Told, explain
from fairlead.shard.failures cimport fail, fail_refused
from fairlead.shard.install cimport _Draft, install, prepare, refuse_what_is_in_use, restore
from fairlead.shard.notices cimport notices_flush
from fairlead.shard.past cimport Search, explain_past
from fairlead.shard.record cimport record_customer, record_customer_removed, record_policy, record_scenarios
from fairlead.shard.rulebook cimport RuleBook
from fairlead.shard.tally cimport Tally
from fairlead.shard.totals cimport Totals, add_up, totals_view
from fairlead.shard.tenant cimport Remembered, Tenant, customer_unbind, note_presence, recall, remember, tenant_names_size
from fairlead.shard.views cimport agent_settings, agent_view, assigned, assignment, empty_view, job_view, present_assignment, tenant_view, to_str
from fairlead.shard.watch cimport read_events

from fairlead.errors import FairleadError, raise_error
from fairlead.policy.stored import from_json, to_json
from fairlead.policy.tables import PolicyTables
from fairlead.shard.durable import Recovered
from fairlead.shard.explain import Explanation, When
from fairlead.shard.past import MOST_RECORDS, Moment, explain_decision
from fairlead.shard.views import Affinity, AgentView, Assignment, JobState, JobView, Outcome, Presence, Reason, TenantView
from fairlead.shard.customers import CustomerView
from fairlead.shard.watch import EventBatch, EventFilter, EventKind

cdef extern from "Python.h":
    bint PyGC_Disable() noexcept    # whether it was on
    bint PyGC_Enable() noexcept


cdef enum:
    EVENTS_KEPT = 262144
    MANY_BYTES = 4194304    # of events: more than so many of them have
    PAUSE_US = 50           # long enough for who waits for the lock to take it
    LONGEST_HOLD = 64       # agents shown before a hot call may go in between
    NOW = 1                 # values of When
    AT_DECISION = 2
    MAX_RECORDS = 1000000000
    EXPLAIN_PATIENCE = 10   # seconds for another explanation of the past to end
    FLUSH_US = 1000
    LONGEST_FLUSH = 2000    # so many times


class Method(IntEnum):
    """Hot methods of `Shard.submit`."""

    ASSIGN = 1
    BATCH_ASSIGN = 2
    ACCEPT_OFFER = 3
    DECLINE_OFFER = 4
    COMPLETE_JOB = 5
    CANCEL_JOB = 6
    TRANSFER_JOB = 7
    GET_JOB = 8
    SET_PRESENCE = 9
    HEARTBEAT = 10


cdef struct Numbered:
    uint64_t number
    uint32_t slot


cdef int compare_numbers(const void* a, const void* b) noexcept nogil:
    return -1 if (<const Numbered*> a).number < (<const Numbered*> b).number else 1


@cython.final
@cython.freelist(8)
cdef class _Held:
    """The shard's lock from `hold` until the local variable that has it is gone, by return or by exception.

    Then, without the lock, it waits until all that was there to be seen is durable. The garbage collector rests
    meanwhile: it took 40 ms once, in which hot calls waited for the lock.
    """

    cdef ShardState* state
    cdef bint collects

    def __dealloc__(self):
        cdef ShardState* state = self.state
        cdef uint64_t sequence
        if state == NULL:
            return
        notices_flush(&state.feed)
        sequence = state.journal.sequence
        self._release()
        # Nothing leaves before it is durable, what was only read neither: it may rest on what is still being written.
        if journal_durable(&state.journal) < sequence:
            with nogil:
                journal_wait(&state.journal, sequence)

    cdef void _take(self) noexcept:
        """Waiting is done without the interpreter, and the interpreter is never waited for with the lock: hot calls would wait too."""
        while not shard_try_lock(self.state):
            with nogil:
                shard_lock(self.state)
                shard_unlock(self.state)
        self.collects = PyGC_Disable()

    cdef void _release(self) noexcept:
        shard_unlock(self.state)
        if self.collects:
            PyGC_Enable()

    def breathe(self):
        """Lets the calls that wait go first. What its holder knows of the state may be another afterwards."""
        self._release()
        with nogil:
            usleep(PAUSE_US)
        self._take()


cdef _Held hold(ShardState* state):
    """Takes the lock."""
    cdef _Held held = _Held.__new__(_Held)
    held.state = state
    held._take()
    return held


cdef list toggled(const Names* names, const RuleBook* rules, uint32_t first):
    """The names whose toggles, the first of which is at `first`, are on."""
    cdef uint32_t slot
    return [to_str(names_text(names, slot)) for slot in range(names.used) if rules.book.toggles[first + slot]]


cdef class Shard:
    """One writer, its tenants, their state. Thread-safe: a call is carried out whole before the next begins.

    Every failure of a call raises a class of `fairlead.errors`; nothing has changed then. Durations and times are
    integers in microseconds. A tenant exists from its first assign, agent or policy; reading an unknown one shows an
    empty tenant.
    """

    cdef ShardState _state
    cdef dict _members     # tenant -> agent id -> queues that name it
    cdef dict _policies    # tenant -> (version, document, author, time), from when on its calendar was compiled
    cdef dict _earlier     # tenant -> policies that a journal had, oldest first
    cdef object _installing
    cdef object _explaining
    cdef object _directory # of the journal; None: there is none
    cdef int _lock_file

    def __cinit__(self, *, bint virtual_time=False, bint keep_facts=False, uint32_t events_kept=EVENTS_KEPT):
        if not LEAST_EVENTS <= events_kept <= MAX_EVENTS:
            raise_error("INVALID_FIELD", f"{events_kept}; must be {LEAST_EVENTS}-{MAX_EVENTS}", "events_kept")
        shard_init(&self._state, virtual_time, int.from_bytes(os.urandom(8), "little"), events_kept)
        self._state.keeps_facts = keep_facts
        self._members = {}
        self._lock_file = -1
        self._policies = {}
        self._earlier = {}
        self._installing = Lock()
        self._explaining = Lock()

    def __dealloc__(self):
        if self._state.feed.ring.records != NULL:
            close_journal(&self._state)
            if self._lock_file >= 0:
                os.close(self._lock_file)
            shard_free(&self._state)

    # ---- the journal

    def open(self, str path not None, str durability="fsync", *, bint create=True, uint64_t segment_size=67108864):
        """Reads the journal of a directory into this shard, which has seen no call yet, and keeps one there from now on.

        A directory that is not there is made with `create` and an error without. Returns what was found. Raises
        FairleadError (JOURNAL_..) when the journal is not whole, not of this version, or another process has it.
        """
        cdef _Held held = hold(&self._state)
        cdef uint32_t slot
        cdef Tenant* t
        if self._state.names.used or self._state.journal.enabled:
            raise_error("INVALID_FIELD", "a journal is opened before the first call, and once", "path")
        recovered, self._lock_file = open_journal(&self._state, path, durability, create, segment_size)
        self._directory = path
        for slot in range(self._state.names.used):
            t = self._state.tenants[slot]
            name = to_str(names_text(&self._state.names, slot))
            policies = stored_policies(t)
            if policies:
                self._earlier[name] = [policy for policy, _ in policies]
                policy, written = policies.pop()
                tables = from_json(written)
                self._policies[name] = (policy, tables.compiled_us)
                self._members[name] = restore(t, tables)
            buffer_free(&t.policies)
            buffer_free(&t.scenarios)
        return recovered

    def close(self):
        """Writes and syncs what is pending, with the hash of the state; the shard then lives on in memory alone. Twice is harmless."""
        cdef _Held held = hold(&self._state)
        close_journal(&self._state)
        self._directory = None
        lock_file, self._lock_file = self._lock_file, -1
        if lock_file >= 0:
            os.close(lock_file)

    @property
    def directory(self):
        """Where the journal is; None: in memory."""
        return self._directory

    def journal(self):
        """Counts since the start: commits, frames, bytes, rotations, segment, sequence, durable, no_space, and how long the
        write and sync of commits took (`syncs`, counts by `sync_bounds_us`; `sync_us`, the sum). `stall_us`: how long the one under
        way has taken by now; `is_slow`: it, or the last within a minute, took over a second. Empty in memory. Takes no lock."""
        return journal_counts(&self._state)

    # ---- tenants and time

    cdef Tenant* _open(self, str tenant) except NULL:
        """The tenant, created when it does not exist."""
        cdef DecodeError error
        cdef Reply reply
        cdef Text name = to_text(tenant, "tenant")
        cdef Tenant* t
        error_clear(&error)
        if validate_tenant(name, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = tenant_get(&self._state, name)
        if t == NULL:
            fail(&reply, LIMIT_EXCEEDED, b"no room for tenant '%.*s': there are 1000000", name, b"tenant")
            raise_failure(&reply)
        return t

    cdef Tenant* _known(self, str tenant, bint moves=False) except? NULL:
        """The tenant, NULL when it does not exist; with `moves` its clock is moved to now, as every mutation asks."""
        cdef DecodeError error
        cdef Text name = to_text(tenant, "tenant")
        error_clear(&error)
        if validate_tenant(name, &error) != DECODE_OK:
            raise_decode_error(&error)
        return tenant_find(&self._state, name) if moves else tenant_peek(&self._state, name)

    @property
    def now_us(self):
        """The shard's clock: Unix time at the start and monotone since, or virtual time."""
        return shard_now(&self._state)

    def advance_to(self, int64_t now_us):
        """Moves virtual time forward and fires all that was due on the way, in order. Back in time is refused."""
        cdef _Held held = hold(&self._state)
        cdef uint32_t slot
        if not self._state.is_virtual:
            raise_error("INVALID_FIELD", "the clock moves by itself: this shard was not made with virtual_time", "now_us")
        if now_us < self._state.now:
            raise_error("INVALID_FIELD", f"{now_us}; time is {self._state.now} already", "now_us")
        self._state.now = now_us
        for slot in range(self._state.names.used):
            tenant_advance(&self._state, self._state.tenants[slot])

    def tick(self):
        """Fires what is due now. Returns the microseconds until the next timer, -1 when there is none."""
        cdef _Held held = hold(&self._state)
        cdef uint32_t slot
        cdef int64_t due, first = -1
        for slot in range(self._state.names.used):
            tenant_advance(&self._state, self._state.tenants[slot])
            due = tenant_next_due(self._state.tenants[slot])
            if due >= 0 and (first < 0 or due < first):
                first = due
        return -1 if first < 0 else max(0, first - shard_now(&self._state))

    def submit(self, uint32_t method, bytes request not None, reply_to):
        """Decodes, decides, journals; `reply_to(grpc_status, body, sequence)` is called once the facts are durable.

        `body` is the response message, or a serialized google.rpc.Status when the status is not 0.
        """
        cdef _Held held = hold(&self._state)
        cdef Buffer out
        cdef const char* data = request
        cdef int32_t status
        buffer_init(&out)
        status = submit(&self._state, method, <const uint8_t*> data, len(request), &out)
        body = out.data[:out.size] if out.size else b""
        buffer_free(&out)
        sequence = journal_durable(&self._state.journal)
        held = None
        reply_to(status, body, sequence)

    def _capsule(self):
        """The state for a transport that serves it without the interpreter. The shard must outlive its user."""
        return PyCapsule_New(&self._state, STATE_CAPSULE, NULL)

    # ---- jobs

    def assign(
        self, str tenant not None, job_id, queue="", channel="", skills=None, tags=(), preferred_skills=None,
        preferred_tags=(), customer="", customer_tier="", urgency=0, head_start_us=0, excluded_agents=(),
        wanted_agent="", wanted_mode=0, wanted_hold_us=0, time_to_live_us=0, start_time_us=0, labels=None, language="",
        customer_value=0, affinity=0, bint immediate_only=False, gateway="",
    ):
        """Submits a job and answers what it came to; a repeat of the same content gets the first answer (J4)."""
        cdef _Held held = hold(&self._state)
        cdef JobSpec* job = &self._state.request.job
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        cdef list alive = []
        job.id = to_text(job_id, "job.id")
        job.queue = to_text(queue, "job.queue")
        job.channel = to_text(channel, "job.channel")
        job.customer = to_text(customer, "job.customer")
        job.customer_tier = to_text(customer_tier, "job.customer_tier")
        job.language = to_text(language, "job.language")
        job.gateway = to_text(gateway, "job.gateway")
        job.urgency = to_small(urgency, "job.urgency")
        job.affinity = to_small(affinity, "job.affinity")
        job.customer_value = to_number(customer_value, "job.customer_value")
        job.head_start = to_time(head_start_us, "job.head_start")
        job.time_to_live = to_time(time_to_live_us, "job.time_to_live")
        job.start_time = to_time(start_time_us, "job.start_time")
        job.wanted_agent.agent_id = to_text(wanted_agent, "job.wanted_agent.agent_id")
        job.wanted_agent.present = job.wanted_agent.agent_id.size != 0 or wanted_mode != 0 or wanted_hold_us != 0
        job.wanted_agent.mode = to_small(wanted_mode, "job.wanted_agent.mode")
        job.wanted_agent.hold = to_time(wanted_hold_us, "job.wanted_agent.hold")
        job.skill_count = fill_skills(skills, job.skills, "job.skills", alive)
        job.preferred_skill_count = fill_skills(preferred_skills, job.preferred_skills, "job.preferred_skills", alive)
        job.tag_count = fill_texts(tags, job.tags, "job.tags", alive) if tags else 0
        job.preferred_tag_count = fill_texts(preferred_tags, job.preferred_tags, "job.preferred_tags", alive) if preferred_tags else 0
        job.excluded_count = fill_texts(excluded_agents, job.excluded, "job.excluded_agents", alive) if excluded_agents else 0
        fill_labels(labels, job)
        error_clear(&error)
        if validate_job(job, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._open(tenant)
        if not call_assign(t, job, immediate_only, &reply):
            raise_failure(&reply)
        return assigned(t, job_id, &reply)

    cdef Tenant* _with_job(self, str tenant, job_id) except NULL:
        """The tenant of a job; in one that does not exist there is no job either."""
        cdef Reply reply
        cdef Tenant* t = self._known(tenant, True)
        if t == NULL:
            fail(&reply, JOB_NOT_FOUND, b"no job '%.*s'", to_text(job_id, "job_id"), b"job_id")
            raise_failure(&reply)
        return t

    cdef object _answer_offer(self, str tenant, job_id, version, request_id, uint32_t method):
        cdef JobRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        request.tenant = text_empty()
        request.job_id = to_text(job_id, "job_id")
        request.request_id = to_text(request_id, "request_id")
        request.version = to_number(version, "version")
        error_clear(&error)
        if validate_assignment(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._with_job(tenant, job_id)
        if not call_offer(t, &request, method, &reply):
            raise_failure(&reply)
        return assignment(t, job_id, &reply)

    def accept(self, str tenant not None, job_id, version, request_id=""):
        """The offered agent takes the job (O1)."""
        cdef _Held held = hold(&self._state)
        return self._answer_offer(tenant, job_id, version, request_id, ACCEPT_OFFER)

    def decline(self, str tenant not None, job_id, version, request_id=""):
        """The offered agent does not take the job; it is offered on in the same step (O1)."""
        cdef _Held held = hold(&self._state)
        return self._answer_offer(tenant, job_id, version, request_id, DECLINE_OFFER)

    def complete(
        self, str tenant not None, job_id, version, request_id="", first_response_us=0, satisfaction=-1,
        bint skip_wrap_up=False,
    ):
        """The work is done; the agent's room serves the backlog in the same step (Q1)."""
        cdef _Held held = hold(&self._state)
        cdef CompleteJobRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        request.tenant = text_empty()
        request.job_id = to_text(job_id, "job_id")
        request.request_id = to_text(request_id, "request_id")
        request.version = to_number(version, "version")
        request.first_response = to_time(first_response_us, "first_response")
        request.satisfaction = to_small(satisfaction, "satisfaction")
        request.has_satisfaction = request.satisfaction != -1
        request.skip_wrap_up = skip_wrap_up
        error_clear(&error)
        if validate_complete(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._with_job(tenant, job_id)
        if not call_complete(t, &request, &reply):
            raise_failure(&reply)
        return assignment(t, job_id, &reply)

    def finish_wrap_up(self, str tenant not None, job_id, version, request_id=""):
        """The after-work of a completed job is done; the agent's room serves the backlog in the same step (Q1)."""
        cdef _Held held = hold(&self._state)
        return self._answer_offer(tenant, job_id, version, request_id, FINISH_WRAP_UP)

    def cancel(self, str tenant not None, job_id, request_id=""):
        """The work is no longer wanted, whoever holds it."""
        cdef _Held held = hold(&self._state)
        cdef JobRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        request.tenant = text_empty()
        request.job_id = to_text(job_id, "job_id")
        request.request_id = to_text(request_id, "request_id")
        request.version = 0
        error_clear(&error)
        if validate_cancel(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._with_job(tenant, job_id)
        if not call_cancel(t, &request, &reply):
            raise_failure(&reply)
        return assignment(t, job_id, &reply)

    def transfer(
        self, str tenant not None, job_id, version, *, agent="", queue="", bint over_capacity=False,
        bint reset_age=False, request_id="",
    ):
        """Moves a held job to an agent, to a queue, or, with neither, back to its own queue without its agent (C2, Q7)."""
        cdef _Held held = hold(&self._state)
        cdef TransferJobRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        request.tenant = text_empty()
        request.job_id = to_text(job_id, "job_id")
        request.request_id = to_text(request_id, "request_id")
        request.version = to_number(version, "version")
        request.target = to_text(agent or queue, "agent_id" if agent else "queue")
        request.target_kind = TARGET_AGENT if agent else TARGET_QUEUE if queue else TARGET_NONE
        request.over_capacity = over_capacity
        request.reset_age = reset_age
        error_clear(&error)
        if validate_transfer(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._with_job(tenant, job_id)
        if not call_transfer(t, &request, &reply):
            raise_failure(&reply)
        return assignment(t, job_id, &reply)

    cdef uint32_t _job_slot(self, Tenant* t, job_id) except? 0xFFFFFFFE:
        cdef JobRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef uint32_t slot
        request.tenant = text_empty()
        request.request_id = text_empty()
        request.job_id = to_text(job_id, "job_id")
        request.version = 0
        error_clear(&error)
        if validate_get(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        if t == NULL:
            fail(&reply, JOB_NOT_FOUND, b"no job '%.*s'", request.job_id, b"job_id")
            raise_failure(&reply)
        slot = find_job(t, request.job_id, &reply)
        if slot == NO_SLOT:
            raise_failure(&reply)
        return slot

    def job(self, str tenant not None, job_id):
        """One job, live or remembered."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return job_view(t, self._job_slot(t, job_id))

    def explain(self, str tenant not None, job_id, when=0, max_records=MOST_RECORDS):
        """Why a job is where it is (E3), now or at its last decision; `when` 0: at its decision unless it waits.

        The decision is read from the journal without the shard's lock, at most `max_records` of it. Where it cannot be told the
        answer is the present, with `unavailable`; a journal that is too long or damaged raises when AT_DECISION was asked for.
        """
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef const Job* job
        cdef uint32_t slot = self._job_slot(t, job_id)
        cdef uint64_t sequence = self._state.journal.sequence
        cdef Search search
        cdef Told told = explain(t, slot)
        job = &t.engine.jobs[slot]
        if when not in (0, NOW, AT_DECISION):
            raise_error("INVALID_FIELD", f"{when!r}; must be 0, 1 (NOW) or 2 (AT_DECISION)", "when")
        if not isinstance(max_records, int) or not 1 <= max_records <= MAX_RECORDS:
            raise_error("INVALID_FIELD", f"{max_records!r}; must be 1-{MAX_RECORDS}", "max_records")
        if when == NOW or (when == 0 and job.state <= QUEUED):
            return told
        if job.state == SCHEDULED or self._directory is None:
            told.unavailable = "no journal is kept" if self._directory is None else "nothing has been decided of it yet"
            return told
        memset(&search, 0, sizeof(Search))
        search.tenant = to_text(tenant or "default", "tenant")
        search.id = to_text(job_id, "job_id")
        search.create_time = job.create_time
        search.slot = t.slot if job.create_time else NO_SLOT
        search.job = slot if job.create_time else NO_SLOT
        search.wanted = job.version if OFFERED <= job.state <= COMPLETED else 0
        held = None
        return self._explain_past(told, &search, sequence, max_records, when == AT_DECISION)

    cdef object _explain_past(self, Told told, Search* search, uint64_t sequence, uint64_t max_records, bint is_asked):
        """One at a time: each builds the state of all tenants a second time."""
        cdef Told past
        cdef uint32_t tries = 0
        try:
            if not self._explaining.acquire(timeout=EXPLAIN_PATIENCE):
                raise_error("LIMIT_EXCEEDED", "another decision is being explained; they are explained one at a time")
            try:
                # With durability `none` the answer goes before its records.
                while load(&self._state.journal.durable) < sequence and tries < LONGEST_FLUSH:
                    tries += 1
                    with nogil:
                        usleep(FLUSH_US)
                past = explain_past(search, self._directory, max_records, None)
            finally:
                self._explaining.release()
        except FairleadError as wrong:
            if is_asked:
                raise
            told.unavailable = wrong.message
            return told
        if past is None:
            told.unavailable = "the journal has no decision of it"
            return told
        past.job = told.job
        return past

    def jobs(self, str tenant not None, *, uint64_t after=0, uint32_t limit=100, states=(), queue="", agent_id=""):
        """Live and remembered jobs by submission, after number `after`; and the number to go on after, 0 at the end."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef uint32_t slot, count = 0, in_queue = NO_SLOT, of_agent = NO_SLOT, mask = 0
        cdef Numbered* found
        cdef const Job* job
        if t == NULL:
            return [], 0
        for state in states:
            mask |= 1 << <uint32_t> state
        if queue:
            in_queue = names_find(&t.queues, to_text(queue, "queue"))
        if agent_id:
            of_agent = names_find(&t.agents, to_text(agent_id, "agent_id"))
        if (queue and in_queue == NO_SLOT) or (agent_id and of_agent == NO_SLOT):
            return [], 0
        found = <Numbered*> memory_grow(NULL, t.engine.job_used * sizeof(Numbered))
        for slot in range(t.engine.job_used):
            job = &t.engine.jobs[slot]
            if job.state == NO_JOB or job.number <= after or (mask and not (mask >> job.state) & 1):
                continue
            if (in_queue != NO_SLOT and t.engine.classes[job.cls].queue != in_queue) or (
                    of_agent != NO_SLOT and job.agent != of_agent):
                continue
            found[count].number = job.number
            found[count].slot = slot
            count += 1
        qsort(found, count, sizeof(Numbered), compare_numbers)
        page = [job_view(t, found[slot].slot) for slot in range(min(count, limit))]
        following = found[limit - 1].number if count > limit > 0 else 0
        free(found)
        return page, following

    # ---- agents

    cdef int32_t _seen(self, Tenant* t, object request_id, uint64_t content) except -2:
        """Whether the request id was answered before; raises when it was used for something else."""
        cdef Reply reply
        cdef Text name = to_text(request_id, "request_id")
        cdef int32_t seen
        if name.size > MAX_NAME_SIZE:
            raise_error("INVALID_FIELD", f"{name.size} bytes; at most {MAX_NAME_SIZE} are allowed", "request_id")
        seen = repeat(t, name, content, &reply)
        if seen < 0:
            raise_failure(&reply)
        return seen

    cdef object _remember(self, Tenant* t, object request_id, uint64_t content, object answer):
        """Keeps the answer of a cold call as long as the tenant knows its request id (J4)."""
        cdef Reply reply
        if not request_id:
            return answer
        memset(&reply, 0, sizeof(Reply))
        reply.answer.policy_version = t.engine.policy_version
        reply.answer.version = answer is True
        told = told_of(answer)
        remember(t, to_text(request_id, "request_id"), content, &reply.answer, bytes_text(told))
        return answer

    cdef object _answered(self, Tenant* t, object request_id):
        """What the call of a known request id was answered."""
        cdef const Remembered* entry = recall(t, to_text(request_id, "request_id"))
        return answer_of(entry.told[:entry.told_size])

    cdef uint32_t _agent_slot(self, Tenant* t, agent_id) except? 0xFFFFFFFE:
        cdef Reply reply
        cdef Text name = to_text(agent_id, "agent_id")
        cdef uint32_t slot
        if not 1 <= name.size <= MAX_NAME_SIZE:
            raise_error("INVALID_FIELD", f"{name.size} bytes; must be 1-{MAX_NAME_SIZE}", "agent_id")
        if t == NULL:
            fail(&reply, AGENT_NOT_FOUND, b"no agent '%.*s'", name, b"agent_id")
            raise_failure(&reply)
        slot = find_agent(t, name, b"agent_id", &reply)
        if slot == NO_SLOT:
            raise_failure(&reply)
        return slot

    cdef uint64_t _digest(self, uint32_t method, object content) except? 0:
        """Of a cold call: its method and everything it says."""
        written = repr(content)   # outlives the text taken from it
        return digest_text(digest_start(method), to_text(written, ""))

    def create_agent(
        self, str tenant not None, agent_id, *, skills=None, tags=(), capacity=1, channel_limits=None, weight=100,
        rating=500, order=0, presence=4, wrap_up_us=-1, request_id="",
    ):
        """Adds an agent. An id in use is refused, a repeated request_id gets the first answer."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._open(tenant)
        cdef Reply reply
        cdef uint32_t slot
        cdef uint64_t content
        settings = {
            "skills": dict(skills or {}), "tags": list(tags), "capacity": capacity,
            "channel_limits": dict(channel_limits or {}), "weight": weight, "rating": rating, "order": order,
            "wrap_up_us": wrap_up_us,
        }
        if presence not in (1, 2, 3, 4):
            raise_error("INVALID_FIELD", f"{presence!r}; must be ONLINE, AWAY, DRAINING or OFFLINE", "agent.presence")
        content = self._digest(CREATE_AGENT, (agent_id, settings, int(presence)))
        if self._seen(t, request_id, content):
            return self._answered(t, request_id)
        check_settings(t, agent_id, settings)
        slot = names_find(&t.agents, to_text(agent_id, "agent.id"))
        if slot != NO_SLOT and slot < t.engine.agent_capacity and t.engine.agents[slot].number:
            fail(&reply, AGENT_ALREADY_EXISTS, b"agent '%.*s' exists", to_text(agent_id, "agent.id"), b"agent.id")
            raise_failure(&reply)
        slot = store_agent(t, agent_id, settings, self._members.get(tenant or "default", {}).get(agent_id, []), True)
        note_presence(t, slot, text_empty())
        set_presence(&t.engine, slot, presence, 0)
        return self._remember(t, request_id, content, agent_view(t, slot))

    def update_agent(
        self, str tenant not None, agent_id, *, skills=None, tags=None, capacity=None, channel_limits=None, weight=None,
        rating=None, order=None, wrap_up_us=None, request_id="",
    ):
        """Changes what is given; None leaves as it is. Waiting jobs follow in the same step (Q1)."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant, True)
        cdef uint32_t slot
        cdef uint64_t content
        given = {
            "skills": skills, "tags": tags, "capacity": capacity, "channel_limits": channel_limits, "weight": weight,
            "rating": rating, "order": order, "wrap_up_us": wrap_up_us,
        }
        content = self._digest(UPDATE_AGENT, (agent_id, given))
        if t != NULL and self._seen(t, request_id, content):
            return self._answered(t, request_id)
        slot = self._agent_slot(t, agent_id)
        settings = agent_settings(t, slot) | {name: value for name, value in given.items() if value is not None}
        if order == 0:
            raise_error("INVALID_FIELD", "0; must be 1-1000000000", "agent.order")
        check_settings(t, agent_id, settings)
        store_agent(t, agent_id, settings, self._members.get(tenant or "default", {}).get(agent_id, []), True)
        return self._remember(t, request_id, content, agent_view(t, slot))

    def delete_agent(self, str tenant not None, agent_id, request_id=""):
        """Removes an agent who holds no job."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant, True)
        cdef Reply reply
        cdef uint32_t slot, refusal
        cdef uint64_t content = self._digest(DELETE_AGENT, agent_id)
        if t != NULL and self._seen(t, request_id, content):
            return
        slot = self._agent_slot(t, agent_id)
        refusal = remove_agent(&t.engine, slot)
        if refusal != ACCEPTED:
            fail_refused(&reply, refusal, to_text(agent_id, "agent_id"), NO_JOB)
            raise_failure(&reply)
        self._remember(t, request_id, content, None)

    def set_presence(self, str tenant not None, agent_id, presence, reason="", lease_us=0, request_id=""):
        """Changes presence (P1). True when the same request_id was answered before."""
        cdef _Held held = hold(&self._state)
        cdef SetPresenceRequest request
        cdef DecodeError error
        cdef Reply reply
        cdef Tenant* t
        request.tenant = text_empty()
        request.agent_id = to_text(agent_id, "agent_id")
        request.reason = to_text(reason, "reason")
        request.request_id = to_text(request_id, "request_id")
        request.presence = to_small(presence, "presence")
        request.lease = to_time(lease_us, "lease")
        error_clear(&error)
        if validate_presence(&request, &error) != DECODE_OK:
            raise_decode_error(&error)
        t = self._known(tenant, True)
        if t == NULL:
            self._agent_slot(t, agent_id)
        if not call_presence(t, &request, &reply):
            raise_failure(&reply)
        return bool(reply.repeated)

    def heartbeat(self, str tenant not None, agent_ids):
        """Extends leases (P2); returns the ids of agents who are unknown or OFFLINE."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant, True)
        cdef DecodeError error
        cdef Reply reply
        cdef int32_t index
        cdef uint32_t slot
        error_clear(&error)
        ids = list(agent_ids)
        if validate_heartbeat_size(<int32_t> min(len(ids), 1 << 30), &error) != DECODE_OK:
            raise_decode_error(&error)
        for index, agent_id in enumerate(ids):
            if validate_agent_id(to_text(agent_id, f"agent_ids[{index}]"), index, &error) != DECODE_OK:
                raise_decode_error(&error)
        if t == NULL:
            return ids
        rejected = []
        for name in ids:
            slot = find_agent(t, to_text(name, "agent_ids"), b"", &reply)
            if slot == NO_SLOT or not extend_lease(&t.engine, slot):
                rejected.append(name)
        return rejected

    def agent(self, str tenant not None, agent_id):
        """One agent, with load and counts."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return agent_view(t, self._agent_slot(t, agent_id))

    def agents(self, str tenant not None):
        """All agents, by order number. Other calls go in between: each agent is shown as it was at one moment."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef uint32_t slot
        if t == NULL:
            return []
        found = [
            (t.engine.agents[slot].order, t.engine.agents[slot].number, slot)
            for slot in range(t.engine.agent_capacity)
            if t.engine.agents[slot].number
        ]
        views = []
        for order, number, slot in sorted(found):
            if len(views) % LONGEST_HOLD == LONGEST_HOLD - 1:
                held = None
                held = hold(&self._state)
            # Gone meanwhile, or another in its place.
            if slot < t.engine.agent_capacity and t.engine.agents[slot].number == number:
                views.append(agent_view(t, slot))
        return views

    # ---- customers

    def upsert_customer(
        self, str tenant not None, customer_id, *, tier="", value=0, attributes=None, own_agent="", language="", request_id=""
    ):
        """Adds or replaces a profile; whether it is new. A repeated request_id gets the first answer."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._open(tenant)
        cdef Customer customer
        cdef list alive = []
        content = self._digest(UPSERT_CUSTOMER, (customer_id, tier, value, sorted(dict(attributes or {}).items()), own_agent, language))
        if self._seen(t, request_id, content):
            return bool(recall(t, to_text(request_id, "request_id")).answer.version)
        fill_customer(&customer, alive, customer_id, tier, value, attributes, own_agent, language)
        is_new = bool(customers_put(&t.profiles, &customer))
        record_customer(t, &customer)
        return self._remember(t, request_id, content, is_new)

    def import_customers(self, tenant, bytes request not None):
        """The customers of an ImportCustomersRequest: tenant, how many are new, how many were replaced.

        `tenant` None: the one that the message names. Raises at the first one that is wrong; those before it stay.
        """
        cdef _Held held = hold(&self._state)
        named = tenant_of_import(request)
        cdef Tenant* t = self._open(named if tenant is None else tenant)
        held = None
        return (named if tenant is None else tenant, *import_batch(&self._state, t, request))

    cdef uint32_t _customer_slot(self, Tenant* t, customer_id) except? 0xFFFFFFFE:
        cdef Text name = to_text(customer_id, "customer_id")
        cdef uint32_t slot
        if not 1 <= name.size <= MAX_NAME_SIZE:
            raise_error("INVALID_FIELD", f"{name.size} bytes; must be 1-{MAX_NAME_SIZE}", "customer_id")
        slot = customers_find(&t.profiles, name) if t != NULL else NO_CUSTOMER
        if slot == NO_CUSTOMER:
            raise_error("CUSTOMER_NOT_FOUND", f"no customer {customer_id!r}", "customer_id")
        return slot

    def customer(self, str tenant not None, customer_id):
        """One profile."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return customer_view(t, self._customer_slot(t, customer_id))

    def delete_customer(self, str tenant not None, customer_id, request_id=""):
        """Forgets a profile, and who served the customer (A1)."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant, True)
        cdef Text name = to_text(customer_id, "customer_id")
        cdef uint32_t slot
        content = self._digest(DELETE_CUSTOMER, customer_id)
        if t != NULL and self._seen(t, request_id, content):
            return
        self._customer_slot(t, customer_id)
        customers_remove(&t.profiles, name)
        record_customer_removed(t, name)
        slot = names_find(&t.customers, name)
        if slot != NO_SLOT:
            forget_customer(&t.engine, slot, t.queues.used)
            customer_unbind(t, slot)
        self._remember(t, request_id, content, None)

    # ---- policy

    def install_policy(self, str tenant not None, tables, request_id="", bint validate_only=False):
        """Replaces the policy in one step; returns its version. Live jobs in a queue or channel that is gone: refused.

        With `validate_only` nothing changes; the version is the one it would have.
        """
        # The document says all; its tables hold a calendar that is another one at another time.
        cdef uint64_t content = 0 if validate_only else self._digest(UPDATE_POLICY, (tables.author, tables.document or tables))
        with self._installing:
            return self._install(tenant, tables, request_id, content, validate_only, False)

    def renew_calendar(self, str tenant not None, tables):
        """The policy in force, compiled at a later time: only its calendar is another one, so version, author and time stay (L3)."""
        with self._installing:
            self._install(tenant, tables, "", 0, False, True)

    cdef object _install(self, str tenant, object tables, object request_id, uint64_t content, bint validate_only, bint renews):
        """One at a time: while the tables are built, other calls go in between. What the journal keeps is written before the lock."""
        cdef bytes written = b"" if validate_only else to_json(tables)
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant) if validate_only else self._open(tenant)
        cdef _Draft draft
        name = tenant or "default"
        if validate_only:
            if t == NULL:
                return 1
            refuse_what_is_in_use(t, tables)
            return t.engine.policy_version + 1
        if self._seen(t, request_id, content):
            return recall(t, to_text(request_id, "request_id")).answer.policy_version
        refuse_what_is_in_use(t, tables)
        draft = prepare(t, tables, held.breathe)
        t = self._open(tenant)   # the clock has moved on
        version = t.engine.policy_version + (not renews)
        self._members[name] = install(t, tables, draft, self._members.get(name, {}), version)
        time = self._policies[name][0][3] if renews else shard_now(&self._state)
        self._policies[name] = ((version, tables.document, tables.author, time), tables.compiled_us)
        record_policy(
            t, time, version, to_text(tables.author, "author"), bytes_text(tables.document), bytes_text(written))
        return self._remember(t, request_id, content, version)

    def policy(self, str tenant not None):
        """Version, document, author, time of the policy in force; version 0 and b"" for the built-in one."""
        cdef _Held held = hold(&self._state)
        self._known(tenant)
        return self._policies.get(tenant or "default", ((0, b"", "", 0), 0))[0]

    def calendar_us(self, str tenant not None):
        """From when on the calendar of the policy in force was compiled; 0 for the built-in one."""
        cdef _Held held = hold(&self._state)
        return self._policies.get(tenant or "default", (None, 0))[1]

    def earlier_policies(self, str tenant not None):
        """The policies that the journal had when it was opened, as `policy` shows them, oldest first; at most 100."""
        cdef _Held held = hold(&self._state)
        return self._earlier.get(tenant or "default", [])

    # ---- events

    @property
    def last_event(self):
        """Sequence of the newest event; of none that is still to come."""
        cdef _Held held = hold(&self._state)
        return self._state.feed.ring.last

    @property
    def events_kept(self):
        """How many events are kept at most; fewer when their texts are long."""
        return self._state.feed.ring.capacity

    @property
    def oldest_event(self):
        """Sequence of the oldest event kept; one above `last_event` when none is."""
        cdef _Held held = hold(&self._state)
        return self._state.feed.ring.oldest

    def events(self, int64_t after, uint32_t limit=512, uint64_t most_bytes=MANY_BYTES):
        """Up to `limit` events (at most 4,096) after a sequence (E4), one at least and no more once their message has `most_bytes`.
        OutOfRange when the next one is not kept."""
        return read_events(&self._state, after, limit, most_bytes)

    def wait_events(self, uint64_t after, int64_t timeout_us):
        """Returns when there are events after a sequence, when `wake_events` is called, or after this time."""
        # The lock is given back before the interpreter is asked for.
        with nogil:
            shard_lock(&self._state)
            feed_wait(&self._state.feed, &self._state.lock, after, timeout_us)
            shard_unlock(&self._state)

    def wake_events(self):
        """Lets everyone in `wait_events` return."""
        cdef _Held held = hold(&self._state)
        feed_wake(&self._state.feed)

    def submit_waiting(self, bytes request not None):
        """An AssignRequest with `wait`, carried out: status, body, and what it waits for or None.

        While it waits its answer is that of `waiting_answer`; it waits for (tenant, job id, microseconds, repeated).
        """
        cdef _Held held = hold(&self._state)
        cdef const char* data = request
        cdef Buffer out
        cdef Tenant* t = NULL
        cdef uint32_t job
        cdef bint repeated = False
        buffer_init(&out)
        status = submit_waiting(&self._state, <const uint8_t*> data, len(request), &out, &t, &job, &repeated)
        body = out.data[:out.size] if out.size else b""
        buffer_free(&out)
        if job == NO_SLOT:
            return status, body, None
        tenant = to_str(names_text(&self._state.names, t.slot))
        return status, body, (tenant, to_str(names_text(&t.jobs, job)), self._state.request.wait.us, repeated)

    def waiting_answer(self, str tenant not None, str job_id not None, bint is_over, bint repeated=False):
        """Status and body for an assign that waits; None while its job waits, unless its time `is_over`."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef uint32_t job = self._job_slot(t, job_id)
        cdef Buffer out
        if waits(t, job) and not is_over:
            return None
        buffer_init(&out)
        encode_present(t, job, repeated, &out)
        body = out.data[:out.size]
        buffer_free(&out)
        return 0, body

    def present(self, str tenant not None, str job_id not None, bint repeated=False):
        """The answer to an assign as the job is now."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return present_assignment(t, self._job_slot(t, job_id), repeated)
    # ---- scenarios and schedules

    def set_scenario(self, str tenant not None, scenario, bint active, request_id=""):
        """Turns a scenario of the policy on or off; rules follow for jobs from now on. Returns those that are on (L2)."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant, True)
        cdef Reply reply
        cdef uint32_t slot = NO_SLOT
        cdef uint64_t content = self._digest(SET_SCENARIO, (scenario, bool(active)))
        if t != NULL and self._seen(t, request_id, content):
            return self._answered(t, request_id)
        if t != NULL and t.rules != NULL:
            slot = names_find(&t.rules.scenario_names, to_text(scenario, "scenario"))
        if slot == NO_SLOT:
            fail(&reply, SCENARIO_NOT_FOUND, b"no scenario '%.*s'", to_text(scenario, "scenario"), b"scenario")
            raise_failure(&reply)
        book_toggle(&t.rules.book, t.rules.schedule_count + slot, active)
        record_scenarios(t)
        return self._remember(t, request_id, content, toggled(&t.rules.scenario_names, t.rules, t.rules.schedule_count))

    def scenarios(self, str tenant not None):
        """The scenarios that are on, in the policy's order."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return toggled(&t.rules.scenario_names, t.rules, t.rules.schedule_count) if t != NULL and t.rules != NULL else []

    def open_schedules(self, str tenant not None):
        """The schedules that are open, in the policy's order."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return toggled(&t.rules.schedule_names, t.rules, 0) if t != NULL and t.rules != NULL else []

    # ---- the whole

    def tenants(self):
        """Names of the tenants that exist."""
        cdef _Held held = hold(&self._state)
        cdef uint32_t slot
        return [to_str(names_text(&self._state.names, slot)) for slot in range(self._state.names.used)]

    def totals(self):
        """Of all tenants together: `tally` since the start, and as they are now jobs by state, agents by presence, load and
        capacity of those who are ONLINE, tenants. O(agents), 64 tenants at a time under the lock. Waits for no disk: these
        are numbers for those who look why it is slow."""
        cdef Totals totals
        cdef Tally tally
        with nogil:
            add_up(&self._state, &totals)
            tally = self._state.tally
        return totals_view(&tally, &totals)

    def status(self, str tenant not None):
        """Counts of one tenant."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return tenant_view(t, tenant or "default") if t != NULL else empty_view(tenant or "default")

    def check(self, str tenant not None):
        """Every invariant of every structure of the tenant; what is violated. O(state)."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef Audit result
        cdef uint32_t slot
        if t == NULL:
            return []
        audit(&t.engine, &result)
        found = [result.violations[slot].decode() for slot in range(result.count)]
        if not (names_check(&t.jobs) and names_check(&t.agents) and names_check(&t.queues) and names_check(&t.channels)
                and names_check(&t.abilities) and names_check(&t.customers) and names_check(&t.requests)
                and names_check(&t.gateways)):
            found.append("directory: a name is not found at its slot")
        if not customers_check(&t.profiles):
            found.append("customers: a profile is not found by its id, or a shared text is miscounted")
        if not ring_check(&self._state.feed.ring):
            found.append("E4: the ring of events has lost what it claims to have")
        for slot in range(t.engine.job_used):
            if (t.engine.jobs[slot].state != NO_JOB) != names_has(&t.jobs, slot):
                found.append("J4: a job without an id, or an id without a job")
                break
        return found

    def state_hash(self, str tenant not None):
        """Equal facts give equal hashes on every build; 0 for a tenant that does not exist."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return state_hash(&t.engine) if t != NULL else 0

    def facts(self, str tenant not None):
        """Every fact of the tenant since it began, for `fairlead.engine.core.replay`; empty unless made with `keep_facts`."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        return t.tape.data[:t.tape.size] if t != NULL and t.tape != NULL and t.tape.size else b""

    def memory(self, str tenant not None):
        """Bytes by room: agents, jobs, planes, rotations, directory, customers."""
        cdef _Held held = hold(&self._state)
        cdef Tenant* t = self._known(tenant)
        cdef size_t agents = 0, planes = 0, rotations = 0, jobs = 0
        if t == NULL:
            return {"agents": 0, "jobs": 0, "planes": 0, "rotations": 0, "directory": 0, "customers": 0}
        engine_size(&t.engine, &agents, &planes, &rotations, &jobs)
        return {
            "agents": agents, "jobs": jobs, "planes": planes, "rotations": rotations, "directory": tenant_names_size(t),
            "customers": customers_size(&t.profiles),
        }
