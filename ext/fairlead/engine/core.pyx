"""The engine without names, network or interpreter: what a benchmark measures, and what a replay must equal."""

from libc.stdint cimport uint8_t, uint16_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from fairlead.base.lineup cimport NOBODY
from fairlead.base.memory cimport memory_grow, memory_zeroed, mix64
from fairlead.engine.apply cimport apply
from fairlead.engine.audit cimport Audit, audit, state_hash
from fairlead.engine.clock cimport advance
from fairlead.engine.decide cimport Answer, assign
from fairlead.engine.manage cimport define_agent, define_channel, define_queue, define_settings, set_presence
from fairlead.engine.model cimport (
    AFFINITY_OFF, MAX_CHANNELS, ONLINE, STATE_COUNT, UNKNOWN, Ability, AgentBody, ChannelBody, Fact, QueueBody, SettingsBody,
)
from fairlead.engine.places cimport may_follow
from fairlead.engine.state cimport engine_free, engine_init, engine_size
from fairlead.engine.work cimport complete

cdef enum:
    LARGEST_AGENTS = 10000000
    TICK_US = 1             # virtual time between two commands
    MAX_DRAWS = 100000


cdef list violations(Engine* e):
    cdef Audit result
    cdef uint32_t index
    audit(e, &result)
    return [result.violations[index].decode() for index in range(result.count)]


cdef class Workload:
    """Agents at a steady load, and pairs of one complete and one assign, all through the engine's C interface.

    `skills` is a list with each agent's skill numbers, `demands` one with each class's; `load` is the share of all
    capacity that is in use. Every random choice follows from `seed`. With `by_definition` the engine looks at every
    agent for every choice, which is slow and obviously right: equal hashes then prove the fast ways.
    """

    def __cinit__(
        self, skills, demands, weights, uint32_t capacity, uint32_t strategy, double load, uint64_t seed,
        bint by_definition=False,
    ):
        if not 0 < len(skills) <= LARGEST_AGENTS or not demands or not 0 < load < 1 or len(weights) != len(skills):
            raise ValueError("a workload needs agents with weights, demands, and a load between 0 and 1")
        engine_init(&self.engine)
        self.engine.by_definition = by_definition
        self.random = seed
        self._define(strategy)
        for slot, agent_skills in enumerate(skills):
            self._add_agent(slot, agent_skills, weights[slot], capacity)
        self.class_count = len(demands)
        self.commands = <AssignCommand*> memory_zeroed(len(demands) * sizeof(AssignCommand))
        for index, demanded in enumerate(demands):
            self._add_class(index, demanded)
        target = int(len(skills) * capacity * load)
        self.live = <uint32_t*> memory_grow(NULL, (target + 1) * sizeof(uint32_t))
        for index in range(target):
            self.submit()
        if self.live_count < target:
            raise ValueError(f"only {self.live_count} of {target} jobs find an agent")

    def __dealloc__(self):
        engine_free(&self.engine)
        free(self.commands)
        free(self.live)

    def _define(self, uint32_t strategy):
        cdef SettingsBody settings
        cdef ChannelBody channel
        cdef QueueBody queue
        memset(&settings, 0, sizeof(settings))
        memset(&channel, 0, sizeof(channel))
        memset(&queue, 0, sizeof(queue))
        channel.cost = 1
        channel.used = 1
        queue.used = 1
        queue.everyone = 1
        queue.strategy = <uint8_t> strategy
        queue.threshold = 100
        queue.overflow = NOBODY
        queue.plan = NOBODY
        queue.affinity_mode = AFFINITY_OFF
        define_settings(&self.engine, &settings)
        define_channel(&self.engine, &channel)
        define_queue(&self.engine, &queue)

    def _add_agent(self, uint32_t slot, list skills, uint16_t weight, uint32_t capacity):
        cdef uint32_t size = sizeof(AgentBody) + len(skills) * sizeof(Ability), index
        cdef AgentBody* body = <AgentBody*> memory_zeroed(size)
        cdef Ability* abilities = <Ability*> (<char*> body + sizeof(AgentBody))
        body.capacity = capacity
        body.weight = weight
        body.rating = 500
        body.wrap_up = UNKNOWN
        body.ability_count = len(skills)
        for index in range(MAX_CHANNELS):
            body.channel_limit[index] = 0xFFFF
        for index, skill in enumerate(sorted(skills)):
            abilities[index].ability = skill
            abilities[index].level = 10
            abilities[index].is_skill = 1
        define_agent(&self.engine, slot, body, size)
        free(body)
        set_presence(&self.engine, slot, ONLINE, 0)

    def _add_class(self, uint32_t index, demanded):
        cdef AssignCommand* command = &self.commands[index]
        cdef uint32_t at
        command.customer = NOBODY
        command.wanted_agent = NOBODY
        command.plan = NOBODY
        command.rule = NOBODY
        command.immediate_only = 1
        command.demand_count = len(demanded)
        for at, skill in enumerate(sorted(demanded)):
            command.demands[at].ability = skill
            command.demands[at].least = 1
            command.demands[at].most = 10

    cdef uint64_t draw(self, uint64_t below) noexcept nogil:
        self.random += 1
        return mix64(self.random) % below

    cdef void submit(self) noexcept nogil:
        """One job of a random class; a class whose agents are all full refuses it, and another is drawn."""
        cdef Answer answer
        cdef uint32_t attempt
        for attempt in range(MAX_DRAWS):
            advance(&self.engine, self.engine.now + TICK_US)
            assign(&self.engine, &self.commands[self.draw(self.class_count)], &answer)
            if answer.job != NOBODY:
                self.live[self.live_count] = answer.job
                self.live_count += 1
                return
            self.refused += 1

    def run(self, uint64_t pairs):
        """Completes a random held job and submits a new one, `pairs` times. Returns nanoseconds for all."""
        cdef timespec start, stop
        cdef uint64_t pair
        cdef uint32_t at, job
        cdef Answer answer
        with nogil:
            clock_gettime(CLOCK_MONOTONIC, &start)
            for pair in range(pairs):
                at = <uint32_t> self.draw(self.live_count)
                job = self.live[at]
                self.live_count -= 1
                self.live[at] = self.live[self.live_count]
                advance(&self.engine, self.engine.now + TICK_US)
                complete(&self.engine, job, self.engine.jobs[job].version, UNKNOWN, UNKNOWN, False, &answer)
                self.submit()
            clock_gettime(CLOCK_MONOTONIC, &stop)
        return (stop.tv_sec - start.tv_sec) * 1_000_000_000 + (stop.tv_nsec - start.tv_nsec)

    @property
    def refusals(self):
        """Jobs that found nobody and were drawn again. Their time is in `run`."""
        return self.refused

    def state_hash(self):
        """Hash of the routing state."""
        return state_hash(&self.engine)

    def check(self):
        """Every invariant; what is violated. O(state)."""
        return violations(&self.engine)

    def bytes_per_agent(self):
        """Bytes that agents cost: their structs and abilities, the bit planes, the rotations. Jobs are apart."""
        cdef size_t agents = 0, planes = 0, rotations = 0, jobs = 0
        engine_size(&self.engine, &agents, &planes, &rotations, &jobs)
        return (agents + planes + rotations) / self.engine.agent_count


def transitions():
    """J1: the states that may follow each state, by number; 0 is a job that does not exist yet, or no longer."""
    cdef uint32_t after, state
    return {after: [state for state in range(STATE_COUNT) if may_follow(state, after)] for after in range(STATE_COUNT)}


def replay(bytes facts not None):
    """Applies recorded facts (`Shard.record`) to a fresh engine; returns its state hash and the violated invariants.

    Decides nothing. Raises ValueError for bytes that end inside a fact.
    """
    cdef Engine engine
    cdef Fact fact
    cdef const char* data = facts
    cdef size_t at = 0, size = len(facts)
    cdef uint64_t* body = NULL
    engine_init(&engine)
    while at < size:
        if size - at < sizeof(Fact):
            break
        memcpy(&fact, data + at, sizeof(Fact))
        at += sizeof(Fact)
        if size - at < fact.body_size:
            break
        body = <uint64_t*> memory_grow(body, fact.body_size)
        memcpy(body, data + at, fact.body_size)
        fact.body = body
        apply(&engine, &fact)
        at += (fact.body_size + 7) & ~<size_t> 7
    try:
        if at != size:
            raise ValueError(f"the facts end inside one, at byte {at} of {size}")
        return state_hash(&engine), violations(&engine)
    finally:
        free(body)
        engine_free(&engine)
