"""See calls.pxd."""

from libc.stdio cimport snprintf
from libc.string cimport memcpy, memmove, memset, strlen

from fairlead.base.memory cimport mix64
from fairlead.base.text cimport text_empty
from fairlead.codec.messages cimport TARGET_AGENT, TARGET_QUEUE, SkillDemand
from fairlead.directory.names cimport NO_SLOT, names_find, names_find_hashed, names_text, text_hash
from fairlead.engine.decide cimport (
    AssignCommand, assign, cancel, first_answer, present_answer, transfer_to_agent, transfer_to_queue,
)
from fairlead.engine.manage cimport set_presence
from fairlead.engine.model cimport (
    ACCEPTED, AGENT_FULL, AGENT_NOT_ONLINE, MAX_CHANNELS, NO_JOB, SAME_AGENT, Demand,
)
from fairlead.journal.journal cimport journal_is_full
from fairlead.engine.work cimport accept_offer, complete, decline_offer, finish_wrap_up
from fairlead.shard.arms cimport apply_arm
from fairlead.shard.asked cimport Unfilled, pack_demands, pack_fields, unfilled
from fairlead.shard.failures cimport fail, fail_refused
from fairlead.shard.profiles cimport apply_profile
from fairlead.shard.record cimport record_refused
from fairlead.shard.rulebook cimport Effect, first_match
from fairlead.shard.tenant cimport (
    Remembered, TierEntry, ability_slot, channel_slot, customer_release, customer_slot, note_presence, recall, remember,
)

cdef enum:
    MAX_START_AHEAD = 30 * 24 * 3600   # seconds
    ENDING = 20                        # bytes of a message for what stands between names, or instead of more


# ---- content digests and request ids (J4)


cdef uint64_t digest_start(uint32_t method) noexcept nogil:
    return mix64(method)


cdef uint64_t digest_text(uint64_t digest, Text text) noexcept nogil:
    return mix64(digest ^ text_hash(0, text)) + text.size


cdef uint64_t digest_number(uint64_t digest, int64_t value) noexcept nogil:
    return mix64(digest ^ <uint64_t> value) + 1


cdef uint64_t digest_skills(uint64_t digest, const SkillDemand* skills, int32_t count) noexcept nogil:
    cdef int32_t index
    digest = digest_number(digest, count)
    for index in range(count):
        digest = digest_text(digest, skills[index].name)
        digest = digest_number(digest, skills[index].min_level * 16 + skills[index].max_level)
    return digest


cdef uint64_t digest_texts(uint64_t digest, const Text* texts, int32_t count) noexcept nogil:
    cdef int32_t index
    digest = digest_number(digest, count)
    for index in range(count):
        digest = digest_text(digest, texts[index])
    return digest


cdef uint64_t job_digest(const JobSpec* job, bint immediate_only) noexcept nogil:
    """Everything that was asked. Labels are a map: their order does not count."""
    cdef uint64_t digest = digest_text(digest_start(ASSIGN), job.id), labels = 0
    cdef int32_t index
    digest = digest_text(digest, job.queue)
    digest = digest_text(digest, job.channel)
    digest = digest_text(digest, job.customer)
    digest = digest_text(digest, job.customer_tier)
    digest = digest_text(digest, job.language)
    digest = digest_text(digest, job.gateway)
    digest = digest_number(digest, (job.urgency << 8) | (job.affinity << 4) | immediate_only)
    digest = digest_number(digest, job.customer_value)
    digest = digest_number(digest, job.head_start.us)
    digest = digest_number(digest, job.time_to_live.us)
    digest = digest_number(digest, job.start_time.us)
    if job.wanted_agent.present:
        digest = digest_text(digest, job.wanted_agent.agent_id)
        digest = digest_number(digest, job.wanted_agent.hold.us * 4 + job.wanted_agent.mode)
    digest = digest_skills(digest, job.skills, job.skill_count)
    digest = digest_texts(digest, job.tags, job.tag_count)
    digest = digest_skills(digest, job.preferred_skills, job.preferred_skill_count)
    digest = digest_texts(digest, job.preferred_tags, job.preferred_tag_count)
    digest = digest_texts(digest, job.excluded, job.excluded_count)
    for index in range(job.label_count):
        labels += digest_text(digest_text(7, job.labels[index].key), job.labels[index].value)
    return digest_number(digest, <int64_t> labels)


cdef int32_t repeat(Tenant* t, Text request_id, uint64_t content, Reply* reply) noexcept nogil:
    """1: answered before, `reply` has it; -1: the id was used for something else; 0: go on."""
    cdef Remembered* entry = recall(t, request_id)
    reply.repeated = 0
    if entry == NULL:
        return 0
    if entry.content != content:
        fail(reply, REQUEST_ID_REUSED, b"request id '%.*s' was used for another call", request_id, b"request_id")
        return -1
    reply.answer = entry.answer
    reply.repeated = 1
    return 1


# ---- names


cdef uint32_t find_job(Tenant* t, Text id, Reply* reply) noexcept nogil:
    cdef uint32_t slot = names_find(&t.jobs, id)
    if slot == NO_SLOT:
        fail(reply, JOB_NOT_FOUND, b"no job '%.*s'", id, b"job_id")
    return slot


cdef uint32_t find_agent(Tenant* t, Text id, const char* field, Reply* reply) noexcept nogil:
    cdef uint32_t slot = names_find(&t.agents, id)
    if slot == NO_SLOT or slot >= t.engine.agent_capacity or t.engine.agents[slot].number == 0:
        fail(reply, AGENT_NOT_FOUND, b"no agent '%.*s'", id, field)
        return NO_SLOT
    return slot


cdef uint32_t find_queue(Tenant* t, Text id, const char* field, Reply* reply) noexcept nogil:
    """An empty id is the default queue."""
    cdef uint32_t slot
    if id.size == 0:
        if t.default_queue == NO_SLOT:
            fail(reply, INVALID_FIELD, b"name a queue: the policy has several and no default%.*s", id, field)
        return t.default_queue
    slot = names_find(&t.queues, id)
    if slot == NO_SLOT or slot >= t.engine.queue_capacity or not t.engine.queues[slot].used:
        fail(reply, QUEUE_NOT_FOUND, b"no queue '%.*s'", id, field)
        return NO_SLOT
    return slot


# ---- assign


cdef void add_demand(Demand* demands, uint32_t* count, uint32_t ability, uint8_t least, uint8_t most) noexcept nogil:
    """Keeps the list sorted by ability, each ability once: two demands of one skill must both hold."""
    cdef uint32_t at = 0
    while at < count[0] and demands[at].ability < ability:
        at += 1
    if at < count[0] and demands[at].ability == ability:
        demands[at].least = least if least > demands[at].least else demands[at].least
        demands[at].most = most if most < demands[at].most else demands[at].most
        return
    memmove(demands + at + 1, demands + at, (count[0] - at) * sizeof(Demand))
    memset(demands + at, 0, sizeof(Demand))
    demands[at].ability = ability
    demands[at].least = least
    demands[at].most = most
    count[0] += 1


cdef void add_skills(Tenant* t, const SkillDemand* skills, int32_t count, Demand* demands, uint32_t* total) noexcept nogil:
    cdef int32_t index
    for index in range(count):
        add_demand(demands, total, ability_slot(t, b"s", skills[index].name, True),
                   <uint8_t> skills[index].min_level, <uint8_t> skills[index].max_level)


cdef void add_tags(Tenant* t, const Text* tags, int32_t count, Demand* demands, uint32_t* total) noexcept nogil:
    cdef int32_t index
    for index in range(count):
        add_demand(demands, total, ability_slot(t, b"t", tags[index], True), 1, 10)


cdef bint fail_channel(const Tenant* t, Text channel, Reply* reply) noexcept nogil:
    """With the channels that there are, as many as fit."""
    cdef char* message = reply.failure.message
    cdef size_t used
    cdef uint32_t slot
    cdef Text name
    cdef const char* between = b"; there are: "
    fail(reply, CHANNEL_NOT_FOUND, b"no channel '%.*s'", channel, b"job.channel")
    for slot in range(MAX_CHANNELS):
        if not t.engine.channels[slot].used:
            continue
        name = names_text(&t.channels, t.engine.channels[slot].name)
        used = strlen(message)
        if used + name.size + ENDING > MESSAGE_SIZE:
            memcpy(message + used, b", ..", 5)
            break
        snprintf(message + used, MESSAGE_SIZE - used, b"%s%.*s", between, <int> name.size, name.data)
        between = b", "
    return False


cdef bint resolve_policy_names(Tenant* t, const JobSpec* job, AssignCommand* command, Reply* reply) noexcept nogil:
    """Channel, tier, rule, queue (D48)."""
    cdef uint32_t slot, tier_slot = NO_SLOT
    cdef TierEntry* tier
    cdef const Effect* effect
    cdef uint32_t requested = NO_SLOT
    if job.queue.size:
        requested = find_queue(t, job.queue, b"job.queue", reply)
        if requested == NO_SLOT:
            return False
    command.channel = t.default_channel
    if job.channel.size:
        slot = channel_slot(t, job.channel)
        if slot == NO_SLOT:
            return fail_channel(t, job.channel, reply)
        command.channel = slot
    command.head_start = job.head_start.us
    command.urgency = <uint8_t> job.urgency
    command.strategy = 0
    if job.customer_tier.size:
        tier_slot = names_find(&t.tiers, job.customer_tier)
        if tier_slot == NO_SLOT or tier_slot >= t.tier_capacity or not t.tier_entries[tier_slot].used:
            return fail(reply, TIER_NOT_FOUND, b"no tier '%.*s'", job.customer_tier, b"job.customer_tier")
        tier = &t.tier_entries[tier_slot]
        command.head_start += tier.head_start
        command.urgency = <uint8_t> (job.urgency + tier.urgency if job.urgency + tier.urgency < 9 else 9)
        command.strategy = tier.strategy
    effect = first_match(t.rules, job, t.engine.channels[command.channel].name, tier_slot, requested)
    command.queue = requested
    if requested == NO_SLOT:
        command.queue = effect.queue if effect != NULL and effect.queue != NO_SLOT else find_queue(t, job.queue, b"job.queue", reply)
    if command.queue == NO_SLOT:
        return False
    return apply_rule(t, effect, command)


cdef bint apply_rule(Tenant* t, const Effect* effect, AssignCommand* command) noexcept nogil:
    """What a rule adds to a command whose own demands are in already."""
    cdef const Demand* demands
    cdef uint32_t index
    command.rule = NO_SLOT
    command.plan = NO_SLOT
    if effect == NULL:
        return True
    command.rule = effect.name
    command.plan = effect.plan
    command.head_start += effect.head_start
    command.urgency = <uint8_t> (command.urgency + effect.urgency if command.urgency + effect.urgency < 9 else 9)
    if effect.strategy:
        command.strategy = effect.strategy
    if command.affinity == 0:
        command.affinity = effect.affinity
    demands = t.rules.demands + effect.first_demand
    for index in range(effect.demand_count):
        add_demand(command.demands, &command.demand_count, demands[index].ability, demands[index].least, demands[index].most)
    demands += effect.demand_count
    for index in range(effect.wish_count):
        add_demand(command.wishes, &command.wish_count, demands[index].ability, demands[index].least, demands[index].most)
    return True


cdef bint resolve_agents(Tenant* t, const JobSpec* job, AssignCommand* command, Reply* reply) noexcept nogil:
    """The wanted and the excluded ones."""
    cdef int32_t index
    command.wanted_agent = NO_SLOT
    if job.wanted_agent.present:
        command.wanted_agent = find_agent(t, job.wanted_agent.agent_id, b"job.wanted_agent.agent_id", reply)
        if command.wanted_agent == NO_SLOT:
            return False
        command.wanted_mode = <uint8_t> job.wanted_agent.mode
        command.wanted_hold = job.wanted_agent.hold.us
    command.excluded_count = <uint32_t> job.excluded_count
    for index in range(job.excluded_count):
        command.excluded[index] = find_agent(t, job.excluded[index], b"", reply)
        if command.excluded[index] == NO_SLOT:
            snprintf(reply.failure.field, FIELD_SIZE, b"job.excluded_agents[%d]", index)
            return False
    return True


cdef bint resolve_start(Tenant* t, const JobSpec* job, bint immediate_only, AssignCommand* command, Reply* reply) noexcept nogil:
    command.start_time = 0
    if not job.start_time.present or job.start_time.us <= t.engine.now:
        return True
    if job.start_time.us - t.engine.now > <int64_t> MAX_START_AHEAD * 1000000:
        return fail(reply, INVALID_FIELD, b"job '%.*s' starts more than 30 days ahead", job.id, b"job.start_time")
    if immediate_only:
        return fail(reply, INVALID_FIELD, b"job '%.*s' cannot start later and be placed at once", job.id, b"immediate_only")
    command.start_time = job.start_time.us
    return True


cdef bint prepare_assign(Tenant* t, const JobSpec* job, bint immediate_only, AssignCommand* command, Reply* reply) noexcept nogil:
    """What the policy in force makes of a job now: all of the command but its customer, content and arm. Names that are new are kept, and what
    was asked is packed for a journal."""
    cdef uint32_t index
    command.time_to_live = job.time_to_live.us
    command.affinity = <uint8_t> job.affinity
    command.immediate_only = immediate_only
    command.demand_count = 0
    command.preferred_count = 0
    command.wish_count = 0
    add_skills(t, job.skills, job.skill_count, command.demands, &command.demand_count)
    add_tags(t, job.tags, job.tag_count, command.demands, &command.demand_count)
    add_skills(t, job.preferred_skills, job.preferred_skill_count, command.wishes, &command.wish_count)
    add_tags(t, job.preferred_tags, job.preferred_tag_count, command.wishes, &command.wish_count)
    if t.journal.enabled:
        pack_demands(t, command)
    if not resolve_policy_names(t, job, command, reply) or not resolve_agents(t, job, command, reply) \
            or not resolve_start(t, job, immediate_only, command, reply):
        return False
    if command.wish_count:
        memcpy(command.preferred, command.demands, command.demand_count * sizeof(Demand))
        command.preferred_count = command.demand_count
        for index in range(command.wish_count):
            add_demand(command.preferred, &command.preferred_count, command.wishes[index].ability, command.wishes[index].least,
                       command.wishes[index].most)
    command.arm = 0
    return True


cdef bint call_assign(Tenant* t, JobSpec* job, bint immediate_only, Reply* reply) noexcept nogil:
    """Submits a job, or repeats the first answer to one submitted before. What `job` leaves empty its customer's profile fills."""
    cdef AssignCommand command
    cdef uint64_t hash = text_hash(t.jobs.seed, job.id), content = job_digest(job, immediate_only)
    cdef uint32_t slot = names_find_hashed(&t.jobs, hash, job.id)
    cdef Unfilled before
    reply.repeated = 0
    if slot != NO_SLOT:
        if t.engine.jobs[slot].content != content:
            return fail(reply, JOB_ALREADY_EXISTS, b"job '%.*s' exists with other content", job.id, b"job.id")
        first_answer(&t.engine, slot, &reply.answer)
        reply.arm = t.engine.jobs[slot].arm
        reply.repeated = 1
        return True
    if journal_is_full(t.journal):
        return fail(reply, LIMIT_EXCEEDED, b"job '%.*s' is refused: the disk of the journal is full", job.id, b"")
    before = unfilled(job)
    if job.customer.size:
        apply_profile(t, job)
    if not prepare_assign(t, job, immediate_only, &command, reply):
        return False
    command.content = content
    if t.rules != NULL:
        apply_arm(&t.rules.experiment, job.id, t.engine.now, &command)
    reply.arm = command.arm
    command.customer = customer_slot(t, job.customer)
    t.pending_id = job.id
    t.pending_hash = hash
    t.pending_gateway = job.gateway
    if t.journal.enabled:
        pack_fields(t, job, &before, &command)
    assign(&t.engine, &command, &reply.answer)
    if reply.answer.refusal != ACCEPTED or reply.answer.job == NO_SLOT:
        customer_release(t, command.customer)
    if reply.answer.refusal != ACCEPTED:
        return fail_refused(reply, reply.answer.refusal, job.id, NO_JOB)
    if reply.answer.job == NO_SLOT:
        record_refused(t, job.customer, &command, &reply.answer)
    t.tally.assigns[reply.answer.outcome][reply.answer.reason] += 1
    return True


# ---- the other mutations


cdef uint64_t assignment_digest(uint32_t method, Text job_id, int64_t version) noexcept nogil:
    return digest_number(digest_text(digest_start(method), job_id), version)


cdef bint finish(
    Tenant* t, Text request_id, uint64_t content, uint32_t refusal, Text subject, uint32_t job, Reply* reply
) noexcept nogil:
    """Remembers the answer, or words the refusal. `job` is its slot, NO_SLOT where the call is about none."""
    if refusal != ACCEPTED:
        return fail_refused(reply, refusal, subject, t.engine.jobs[job].state if job != NO_SLOT else NO_JOB)
    remember(t, request_id, content, &reply.answer, text_empty())
    return True


cdef bint call_offer(Tenant* t, const JobRequest* request, uint32_t method, Reply* reply) noexcept nogil:
    """Accepts or declines an offer, or finishes after-work."""
    cdef uint64_t content = assignment_digest(method, request.job_id, request.version)
    cdef int32_t seen = repeat(t, request.request_id, content, reply)
    cdef uint32_t slot
    if seen:
        return seen > 0
    slot = find_job(t, request.job_id, reply)
    if slot == NO_SLOT:
        return False
    if method == ACCEPT_OFFER:
        accept_offer(&t.engine, slot, <uint64_t> request.version, &reply.answer)
    elif method == DECLINE_OFFER:
        decline_offer(&t.engine, slot, <uint64_t> request.version, &reply.answer)
    else:
        finish_wrap_up(&t.engine, slot, <uint64_t> request.version, &reply.answer)
    return finish(t, request.request_id, content, reply.answer.refusal, request.job_id, slot, reply)


cdef uint64_t complete_digest(const CompleteJobRequest* request) noexcept nogil:
    cdef uint64_t digest = assignment_digest(COMPLETE_JOB, request.job_id, request.version)
    digest = digest_number(digest, request.first_response.us)
    digest = digest_number(digest, request.satisfaction if request.has_satisfaction else -1)
    return digest_number(digest, request.skip_wrap_up)


cdef bint call_complete(Tenant* t, const CompleteJobRequest* request, Reply* reply) noexcept nogil:
    # Only who may ask again is remembered.
    cdef uint64_t content = complete_digest(request) if request.request_id.size else 0
    cdef int32_t seen = repeat(t, request.request_id, content, reply)
    cdef uint32_t slot
    if seen:
        return seen > 0
    slot = find_job(t, request.job_id, reply)
    if slot == NO_SLOT:
        return False
    complete(
        &t.engine, slot, <uint64_t> request.version, request.first_response.us // 1000 if request.first_response.us > 0 else -1,
        request.satisfaction if request.has_satisfaction else -1, request.skip_wrap_up, &reply.answer)
    return finish(t, request.request_id, content, reply.answer.refusal, request.job_id, slot, reply)


cdef bint call_cancel(Tenant* t, const JobRequest* request, Reply* reply) noexcept nogil:
    cdef uint64_t content = assignment_digest(CANCEL_JOB, request.job_id, 0)
    cdef int32_t seen = repeat(t, request.request_id, content, reply)
    cdef uint32_t slot
    if seen:
        return seen > 0
    slot = find_job(t, request.job_id, reply)
    if slot == NO_SLOT:
        return False
    cancel(&t.engine, slot, &reply.answer)
    return finish(t, request.request_id, content, reply.answer.refusal, request.job_id, slot, reply)


cdef bint call_transfer(Tenant* t, const TransferJobRequest* request, Reply* reply) noexcept nogil:
    cdef uint64_t content = assignment_digest(TRANSFER_JOB, request.job_id, request.version)
    cdef int32_t seen
    cdef uint32_t slot, target, refusal
    cdef Text subject = request.job_id
    content = digest_text(digest_number(content, request.target_kind), request.target)
    content = digest_number(content, request.over_capacity * 2 + request.reset_age)
    seen = repeat(t, request.request_id, content, reply)
    if seen:
        return seen > 0
    slot = find_job(t, request.job_id, reply)
    if slot == NO_SLOT:
        return False
    if request.target_kind == TARGET_AGENT:
        target = find_agent(t, request.target, b"agent_id", reply)
        if target == NO_SLOT:
            return False
        refusal = transfer_to_agent(
            &t.engine, slot, <uint64_t> request.version, target, request.over_capacity, request.reset_age)
        if refusal == AGENT_NOT_ONLINE or refusal == SAME_AGENT or refusal == AGENT_FULL:
            subject = request.target
    else:
        target = t.engine.classes[t.engine.jobs[slot].cls].queue
        if request.target_kind == TARGET_QUEUE:
            target = find_queue(t, request.target, b"queue", reply)
            if target == NO_SLOT:
                return False
        refusal = transfer_to_queue(
            &t.engine, slot, <uint64_t> request.version, target, request.target_kind != TARGET_QUEUE, request.reset_age)
    if refusal == ACCEPTED:
        present_answer(&t.engine, slot, &reply.answer)
    return finish(t, request.request_id, content, refusal, subject, slot, reply)


cdef bint call_presence(Tenant* t, const SetPresenceRequest* request, Reply* reply) noexcept nogil:
    cdef uint64_t content = digest_text(digest_start(SET_PRESENCE), request.agent_id)
    cdef int32_t seen
    cdef uint32_t slot
    content = digest_text(digest_number(content, request.presence), request.reason)
    content = digest_number(content, request.lease.us)
    seen = repeat(t, request.request_id, content, reply)
    if seen:
        return seen > 0
    slot = find_agent(t, request.agent_id, b"agent_id", reply)
    if slot == NO_SLOT:
        return False
    note_presence(t, slot, request.reason)
    set_presence(&t.engine, slot, <uint32_t> request.presence, request.lease.us)
    memset(&reply.answer, 0, sizeof(Answer))
    reply.answer.agent = slot
    return finish(t, request.request_id, content, ACCEPTED, request.agent_id, NO_SLOT, reply)
