"""See install.pxd. `members` maps agent ids to the queues that name them, for agents that exist and for those to come."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from fairlead.base.memory cimport memory_grow
from fairlead.directory.names cimport NO_SLOT, names_add, names_find, names_text
from fairlead.engine.manage cimport define_channel, define_queue, define_settings, rematch
from fairlead.engine.model cimport ChannelBody, Demand, MAX_CHANNELS, QueueBody, SettingsBody
from fairlead.shard.agents cimport store_agent
from fairlead.shard.convert cimport to_text
from fairlead.shard.tenant cimport ability_slot, channel_slot, reserve_tiers
from fairlead.shard.views cimport agent_settings, to_str

from fairlead.errors import raise_error

DEFAULT_AGE_US = 24 * 3600 * 1_000_000   # of a queue that names no affinity tier


cdef object refuse_what_is_in_use(const Tenant* t, object tables):
    """A queue or channel of live jobs may not disappear."""
    cdef uint32_t slot
    queues = {queue.id for queue in tables.queues}
    for slot in range(t.engine.queue_capacity):
        if t.engine.queues[slot].used and t.engine.queues[slot].live:
            name = to_str(names_text(&t.queues, slot))
            if name not in queues:
                raise_error("QUEUE_IN_USE", f"queue {name!r} still has {t.engine.queues[slot].live} live jobs", "queues")
    channels = {channel.id for channel in tables.channels}
    for slot in range(MAX_CHANNELS):
        if t.engine.channels[slot].used and t.engine.channels[slot].live:
            name = to_str(names_text(&t.channels, t.engine.channels[slot].name))
            if name not in channels:
                raise_error("CHANNEL_IN_USE", f"channel {name!r} still has {t.engine.channels[slot].live} live jobs", "channels")


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


cdef object install_queue(Tenant* t, object queue):
    cdef uint32_t count = len(queue.any_skills) + len(queue.any_tags), at = 0
    cdef QueueBody* body = <QueueBody*> memory_grow(NULL, sizeof(QueueBody) + count * sizeof(Demand))
    cdef Demand* demands = <Demand*> (<char*> body + sizeof(QueueBody))
    memset(body, 0, sizeof(QueueBody) + count * sizeof(Demand))
    body.queue = names_find(&t.queues, to_text(queue.id, "queues"))
    body.used = 1
    body.everyone = queue.everyone
    body.strategy = queue.strategy
    body.threshold = queue.saturation_threshold
    body.max_length = queue.max_length
    body.on_max_length = queue.on_max_length
    body.max_wait = queue.max_wait_us
    body.on_max_wait = queue.on_max_wait
    body.overflow = names_find(&t.queues, to_text(queue.overflow_queue, "queues")) if queue.overflow_queue else NO_SLOT
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
    define_queue(&t.engine, body)
    free(body)


cdef object install_queues(Tenant* t, object tables):
    """All names first: queues refer to each other."""
    cdef QueueBody body
    cdef uint32_t slot
    kept = {names_add(&t.queues, to_text(queue.id, "queues")) for queue in tables.queues}
    for slot in range(t.engine.queue_capacity):
        if t.engine.queues[slot].used and slot not in kept:
            memset(&body, 0, sizeof(QueueBody))
            body.queue = slot
            body.overflow = NO_SLOT
            body.threshold = 100
            define_queue(&t.engine, &body)
    for queue in tables.queues:
        install_queue(t, queue)


cdef object set_defaults(Tenant* t, object tables):
    t.default_channel = channel_slot(t, to_text(tables.channels[0].id, "channels"))
    t.default_queue = NO_SLOT
    if tables.default_queue:
        t.default_queue = names_find(&t.queues, to_text(tables.default_queue, "default_queue"))
    elif len(tables.queues) == 1:
        t.default_queue = names_find(&t.queues, to_text(tables.queues[0].id, "queues"))


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


cdef dict install(Tenant* t, object tables, dict members):
    """Replaces the policy in one step; returns the new members by name. Raises and changes nothing when a queue or channel
    of live jobs would disappear. O(agents * queues + waiting jobs)."""
    cdef SettingsBody settings
    cdef dict named, both
    refuse_what_is_in_use(t, tables)
    settings.retention = tables.retention_us
    settings.reserve_after = tables.reserve_after_us
    settings.seed = tables.seed
    settings.policy_version = t.engine.policy_version + 1
    define_settings(&t.engine, &settings)
    install_channels(t, tables)
    install_tiers(t, tables)
    named = named_members(t, tables)
    # First the members of both policies, then the queues, then the new members alone: an agent who belongs to a queue
    # before and after, for whatever reason, belongs to it all the time and keeps their place in its rotation (T6).
    both = {key: sorted({*members.get(key, []), *named.get(key, [])}) for key in members.keys() | named.keys()}
    name_agents(t, both, members)
    install_queues(t, tables)
    set_defaults(t, tables)
    name_agents(t, named, both)
    rematch(&t.engine)
    return named


cdef dict restore(Tenant* t, object tables):
    install_tiers(t, tables)
    set_defaults(t, tables)
    return named_members(t, tables)
