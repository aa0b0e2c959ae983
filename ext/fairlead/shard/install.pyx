"""See install.pxd. `members` maps agent ids to the queues that name them, for agents that exist and for those to come."""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.buffer cimport Buffer
from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport Text
from fairlead.directory.names cimport NO_SLOT, names_add, names_find, names_text
from fairlead.engine.manage cimport define_channel, define_queue, define_settings, rematch
from fairlead.engine.model cimport ChannelBody, Demand, MAX_CHANNELS, QueueBody, SettingsBody
from fairlead.rules.book cimport book_toggle
from fairlead.shard.agents cimport store_agent
from fairlead.shard.compile cimport compile_rules, install_plans
from fairlead.base.packing cimport get_varint
from fairlead.shard.convert cimport to_text
from fairlead.shard.record cimport record_scenarios
from fairlead.shard.rulebook cimport RuleBook, queue_is_closed, rulebook_free, start_schedules
from fairlead.shard.tenant cimport ability_slot, channel_slot, reserve_tiers
from fairlead.shard.views cimport agent_settings, to_str

from fairlead.errors import raise_error

cdef enum:
    PACE = 50    # queues or rules built before others may use the shard

DEFAULT_AGE_US = 24 * 3600 * 1_000_000   # of a queue that names no affinity tier


cdef str still_has(str kind, str name, uint32_t count):
    jobs = "1 live job, which must end" if count == 1 else f"{count} live jobs, which must end"
    return f"{kind} {name!r} is not in this policy and still has {jobs} first" + (" or be transferred" if kind == "queue" else "")


cdef object refuse_what_is_in_use(const Tenant* t, object tables):
    """A queue or channel of live jobs may not disappear."""
    cdef uint32_t slot
    queues = {queue.id for queue in tables.queues}
    for slot in range(t.engine.queue_capacity):
        if t.engine.queues[slot].used and t.engine.queues[slot].live:
            name = to_str(names_text(&t.queues, slot))
            if name not in queues:
                raise_error("QUEUE_IN_USE", still_has("queue", name, t.engine.queues[slot].live), "queues")
    channels = {channel.id for channel in tables.channels}
    for slot in range(MAX_CHANNELS):
        if t.engine.channels[slot].used and t.engine.channels[slot].live:
            name = to_str(names_text(&t.channels, t.engine.channels[slot].name))
            if name not in channels:
                raise_error("CHANNEL_IN_USE", still_has("channel", name, t.engine.channels[slot].live), "channels")


cdef object install_channels(Tenant* t, object tables):
    """Channels that go make room first; one that stays keeps its slot. Agents' limits of a channel go with it."""
    cdef ChannelBody body
    cdef uint32_t slot
    kept = {channel.id for channel in tables.channels}
    memset(&body, 0, sizeof(ChannelBody))
    for slot in range(MAX_CHANNELS):
        if t.engine.channels[slot].used and to_str(names_text(&t.channels, t.engine.channels[slot].name)) not in kept:
            body.channel = slot
            body.cost = 1
            define_channel(&t.engine, &body)
    for channel in tables.channels:
        slot = channel_slot(t, to_text(channel.id, "channels"))
        if slot == NO_SLOT:
            slot = 0
            while t.engine.channels[slot].used:
                slot += 1
        body.channel = slot
        body.name = names_add(&t.channels, to_text(channel.id, "channels"))
        body.cost = channel.cost
        body.max_jobs = channel.max_jobs
        body.used = 1
        define_channel(&t.engine, &body)


cdef object install_tiers(Tenant* t, object tables):
    """Slots stay their names'; what is no longer named is not used."""
    cdef uint32_t slot
    for slot in range(t.tier_capacity):
        t.tier_entries[slot].used = 0
    for tier in tables.tiers:
        slot = names_add(&t.tiers, to_text(tier.id, "tiers"))
        reserve_tiers(t, slot + 1)
        t.tier_entries[slot].used = 1
        t.tier_entries[slot].head_start = tier.head_start_us
        t.tier_entries[slot].urgency = tier.urgency
        t.tier_entries[slot].strategy = tier.strategy


cdef QueueBody* queue_body(Tenant* t, object queue) except NULL:
    """What the engine is told of a queue, but for its hours; the caller frees it."""
    cdef uint32_t count = len(queue.any_skills) + len(queue.any_tags), at = 0
    cdef QueueBody* body = <QueueBody*> memory_grow(NULL, sizeof(QueueBody) + count * sizeof(Demand))
    cdef Demand* demands = <Demand*> (<char*> body + sizeof(QueueBody))
    memset(body, 0, sizeof(QueueBody) + count * sizeof(Demand))
    body.queue = names_find(&t.queues, to_text(queue.id, "queues"))
    body.used = 1
    body.everyone = queue.everyone
    body.strategy = queue.strategy
    body.threshold = queue.saturation_threshold
    body.plan = names_add(&t.plan_names, to_text(queue.plan, "queues")) if queue.plan else NO_SLOT
    body.on_closed = queue.on_closed
    body.closed_strategy = queue.closed_strategy
    body.max_length = queue.max_length
    body.on_max_length = queue.on_max_length
    body.max_wait = queue.max_wait_us
    body.on_max_wait = queue.on_max_wait
    body.overflow = names_find(&t.queues, to_text(queue.overflow_queue, "queues")) if queue.overflow_queue else NO_SLOT
    body.offer_timeout = queue.offer_timeout_us
    body.decline_cooldown = queue.decline_cooldown_us
    body.misses_to_away = queue.misses_to_away
    body.wrap_up = queue.wrap_up_us
    body.requeue_lost = queue.requeue_lost
    body.lost_grace = queue.lost_grace_us
    body.warm_interval = queue.warm_up_interval_us
    body.warm_for = queue.warm_up_for_us
    body.rate_limit = queue.rate_limit
    body.rate_window = queue.rate_window_us
    body.affinity_mode = queue.affinity_mode
    group = queue.affinity_group or queue.id
    body.affinity_group = names_add(&t.queues, to_text(group, "queues"))
    tiers = queue.affinity_tiers or ((DEFAULT_AGE_US, False, 0),)
    body.tier_count = len(tiers)
    for at, (age, also_away, hold) in enumerate(tiers):
        body.tiers[at].age = age
        body.tiers[at].also_away = also_away
        body.tiers[at].hold = hold
    body.any_count = count
    at = 0
    for name, least, most in queue.any_skills:
        demands[at].ability = ability_slot(t, b"s", to_text(name, "queues"), True)
        demands[at].least = least
        demands[at].most = most
        at += 1
    for name in queue.any_tags:
        demands[at].ability = ability_slot(t, b"t", to_text(name, "queues"), True)
        demands[at].least = 1
        demands[at].most = 10
        at += 1
    return body


cdef object install_queues(Tenant* t, _Draft draft):
    """Queues that go first; O(agents) each."""
    cdef QueueBody body
    cdef uint32_t slot, index
    for slot in range(t.engine.queue_capacity):
        if t.engine.queues[slot].used and slot not in draft.queues:
            memset(&body, 0, sizeof(QueueBody))
            body.queue = slot
            body.overflow = NO_SLOT
            body.plan = NO_SLOT
            body.threshold = 100
            define_queue(&t.engine, &body)
    for index in range(draft.body_count):
        draft.bodies[index].closed = queue_is_closed(t.rules, draft.bodies[index].queue)
        define_queue(&t.engine, draft.bodies[index])


cdef dict named_members(Tenant* t, object tables):
    """Agent ids and the slots of the queues that name them."""
    members = {}
    for queue in tables.queues:
        slot = names_add(&t.queues, to_text(queue.id, "queues"))
        for agent_id in queue.agents:
            members.setdefault(agent_id, []).append(slot)
    return members


cdef object name_agents(Tenant* t, dict members, dict old):
    """Agents whose queues by name change are defined anew."""
    cdef uint32_t slot
    for agent_id in sorted(members.keys() | old.keys()):
        slot = names_find(&t.agents, to_text(agent_id, "queues"))
        if slot == NO_SLOT or slot >= t.engine.agent_capacity or t.engine.agents[slot].number == 0:
            continue
        if members.get(agent_id, []) != old.get(agent_id, []):
            store_agent(t, agent_id, agent_settings(t, slot), members.get(agent_id, []), False)


cdef void keep_scenarios(const RuleBook* old, RuleBook* rules) noexcept nogil:
    """Scenarios that both policies name stay on."""
    cdef uint32_t index, slot
    if old == NULL:
        return
    for index in range(rules.scenario_count):
        slot = names_find(&old.scenario_names, names_text(&rules.scenario_names, index))
        if slot != NO_SLOT and old.book.toggles[old.schedule_count + slot]:
            book_toggle(&rules.book, rules.schedule_count + index, True)


@cython.final
cdef class _Draft:
    """A policy with its tables built, not in force."""

    def __dealloc__(self):
        cdef uint32_t index
        rulebook_free(self.rules)
        for index in range(self.body_count):
            free(self.bodies[index])
        free(self.bodies)


cdef _Draft prepare(Tenant* t, object tables, object breathe):
    """Builds everything that takes long. Only names of the tenant are added, so others may use it in between: `breathe` is called
    every so often and lets them. O(rules * values + queues)."""
    cdef _Draft draft = _Draft.__new__(_Draft)
    draft.queues = {names_add(&t.queues, to_text(queue.id, "queues")) for queue in tables.queues}
    breathe()
    draft.rules = compile_rules(t, tables, breathe)
    draft.bodies = <QueueBody**> memory_grow(NULL, len(tables.queues) * sizeof(QueueBody*))
    for queue in tables.queues:
        draft.bodies[draft.body_count] = queue_body(t, queue)
        draft.body_count += 1
        if draft.body_count % PACE == 0:
            breathe()
    draft.named = named_members(t, tables)
    draft.default_queue = NO_SLOT
    if tables.default_queue:
        draft.default_queue = names_find(&t.queues, to_text(tables.default_queue, "default_queue"))
    elif len(tables.queues) == 1:
        draft.default_queue = names_find(&t.queues, to_text(tables.queues[0].id, "queues"))
    breathe()
    return draft


cdef dict install(Tenant* t, object tables, _Draft draft, dict members, uint64_t version):
    """Puts a prepared policy in force in one step; returns the new members by name. Raises and changes nothing when a queue or channel
    of live jobs would disappear. O(queues * agents + waiting jobs)."""
    cdef SettingsBody settings
    cdef dict named = draft.named, both
    refuse_what_is_in_use(t, tables)
    settings.retention = tables.retention_us
    settings.reserve_after = tables.reserve_after_us
    settings.seed = tables.seed
    settings.policy_version = version
    define_settings(&t.engine, &settings)
    install_channels(t, tables)
    install_tiers(t, tables)
    # First the members of both policies, then the queues, then the new members alone: an agent who belongs to a queue
    # before and after, for whatever reason, belongs to it all the time and keeps their place in its rotation (T6).
    both = {key: sorted({*members.get(key, []), *named.get(key, [])}) for key in members.keys() | named.keys()}
    name_agents(t, both, members)
    start_schedules(draft.rules, t.engine.now)
    keep_scenarios(t.rules, draft.rules)
    put_in_force(t, tables, draft)
    record_scenarios(t)
    install_queues(t, draft)
    install_plans(t, tables)
    name_agents(t, named, both)
    rematch(&t.engine)
    return named


cdef object put_in_force(Tenant* t, object tables, _Draft draft):
    """The rule book and the defaults of a draft, in place of those before."""
    rulebook_free(t.rules)
    t.rules = draft.rules
    draft.rules = NULL
    t.default_queue = draft.default_queue
    t.default_channel = channel_slot(t, to_text(tables.channels[0].id, "channels"))


cdef object turn_on(RuleBook* rules, const Buffer* record):
    """The scenarios of a record of them; names that the policy has no longer are none."""
    cdef const uint8_t* at = <const uint8_t*> record.data
    cdef const uint8_t* end = at + record.size
    cdef uint64_t count = 0, size
    cdef uint32_t slot
    cdef Text name
    if record.size == 0:
        return
    at = get_varint(at, end, &count)
    for _ in range(count):
        at = get_varint(at, end, &size)
        if at == NULL or <uint64_t> (end - at) < size:
            raise_error("JOURNAL_DAMAGED", "the record of scenarios ends too early", "path")
        name.data = <const char*> at
        name.size = <uint32_t> size
        at += size
        slot = names_find(&rules.scenario_names, name)
        if slot != NO_SLOT:
            book_toggle(&rules.book, rules.schedule_count + slot, True)


cdef dict restore(Tenant* t, object tables):
    cdef _Draft draft
    install_tiers(t, tables)
    draft = prepare(t, tables, lambda: None)
    start_schedules(draft.rules, t.engine.now)
    turn_on(draft.rules, &t.scenarios)
    put_in_force(t, tables, draft)
    return draft.named
