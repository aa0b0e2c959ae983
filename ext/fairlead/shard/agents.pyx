"""See agents.pxd.

`settings` has the keys skills (name -> level), tags, capacity, channel_limits (channel -> jobs), weight, rating, order and
wrap_up_us (-1: the queue's), all of them. It is checked as a whole before anything is named or changed.
"""

from libc.stdlib cimport free, qsort
from libc.string cimport memset

from fairlead.base.memory cimport memory_grow
from fairlead.base.text cimport Text
from fairlead.directory.names cimport NO_SLOT, names_add, names_text
from fairlead.engine.manage cimport define_agent, put_agent
from fairlead.engine.model cimport MAX_CHANNELS, Ability, AgentBody
from fairlead.shard.convert cimport to_text
from fairlead.shard.tenant cimport ability_slot, channel_slot

from fairlead.errors import raise_error

MAX_ABILITIES = 256       # skills, and as many tags
MAX_NAME = 128            # bytes of UTF-8
MAX_WRAP_UP_US = 24 * 3600 * 1_000_000
RANGES = {
    "capacity": (1, 10_000), "weight": (1, 1000), "rating": (0, 1000), "order": (0, 1_000_000_000),
    "wrap_up_us": (-1, MAX_WRAP_UP_US),
}
NO_LIMIT = 0xFFFF


cdef object check_name(object name, str field):
    if not isinstance(name, str) or not 1 <= len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME:
        raise_error("INVALID_FIELD", f"{name!r}; must be a string of 1-{MAX_NAME} bytes", field)
    to_text(name, field)


cdef object check_number(object value, str field, low, high):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise_error("INVALID_FIELD", f"{value!r}; must be {low}-{high}", field)


cdef list channel_names(const Tenant* t):
    """Those of the policy."""
    cdef list names = []
    cdef Text name
    cdef uint32_t slot
    for slot in range(MAX_CHANNELS):
        if t.engine.channels[slot].used:
            name = names_text(&t.channels, t.engine.channels[slot].name)
            names.append(name.data[: name.size].decode())
    return names


cdef object check_settings(const Tenant* t, str agent_id, dict settings):
    """Raises for the first thing that is wrong."""
    check_name(agent_id, "agent.id")
    for name, (low, high) in RANGES.items():
        check_number(settings[name], f"agent.{name}", low, high)
    for kind in ("skills", "tags"):
        if len(settings[kind]) > MAX_ABILITIES:
            raise_error("INVALID_FIELD", f"{len(settings[kind])} entries; at most {MAX_ABILITIES}", f"agent.{kind}")
    for index, (name, level) in enumerate(settings["skills"].items()):
        check_name(name, f"agent.skills[{index}].name")
        check_number(level, f"agent.skills[{index}].level", 1, 10)
    for index, name in enumerate(settings["tags"]):
        check_name(name, f"agent.tags[{index}]")
    for index, (channel, limit) in enumerate(settings["channel_limits"].items()):
        check_name(channel, f"agent.channel_limits[{index}].channel")
        check_number(limit, f"agent.channel_limits[{index}].max_jobs", 0, 10_000)
        if channel_slot(t, to_text(channel, "agent.channel_limits")) == NO_SLOT:
            there = ", ".join(channel_names(t))
            raise_error(
                "CHANNEL_NOT_FOUND", f"no channel {channel!r}; there are: {there}", f"agent.channel_limits[{index}].channel")


cdef int compare_abilities(const void* a, const void* b) noexcept nogil:
    return -1 if (<const Ability*> a).ability < (<const Ability*> b).ability else 1


cdef uint32_t store_agent(Tenant* t, str agent_id, dict settings, list queues, bint rematches) except? 0xFFFFFFFE:
    """Creates the agent or replaces all its settings; `queues` are those that name it. Returns its slot.

    The settings have passed `check_settings`. With `rematches` waiting jobs follow at once; without, the caller rematches.
    """
    cdef list tags = sorted(set(settings["tags"]))
    cdef uint32_t count = len(settings["skills"]) + len(tags), slot, at = 0
    cdef uint32_t size = sizeof(AgentBody) + count * sizeof(Ability) + len(queues) * sizeof(uint32_t)
    cdef AgentBody* body
    cdef Ability* abilities
    cdef uint32_t* explicit
    body = <AgentBody*> memory_grow(NULL, size)
    memset(body, 0, size)
    abilities = <Ability*> (<char*> body + sizeof(AgentBody))
    explicit = <uint32_t*> (<char*> abilities + count * sizeof(Ability))
    for name, level in settings["skills"].items():
        abilities[at].ability = ability_slot(t, b"s", to_text(name, ""), True)
        abilities[at].level = level
        abilities[at].is_skill = 1
        at += 1
    for name in tags:
        abilities[at].ability = ability_slot(t, b"t", to_text(name, ""), True)
        abilities[at].level = 10
        at += 1
    qsort(abilities, count, sizeof(Ability), compare_abilities)
    for at, queue in enumerate(queues):
        explicit[at] = queue
    for at in range(MAX_CHANNELS):
        body.channel_limit[at] = NO_LIMIT
    for channel, limit in settings["channel_limits"].items():
        body.channel_limit[channel_slot(t, to_text(channel, ""))] = limit
    body.order = settings["order"]
    body.capacity = settings["capacity"]
    body.weight = settings["weight"]
    body.rating = settings["rating"]
    body.wrap_up = settings["wrap_up_us"]
    body.ability_count = count
    body.explicit_count = len(queues)
    slot = names_add(&t.agents, to_text(agent_id, "agent.id"))
    if rematches:
        put_agent(&t.engine, slot, body, size)
    else:
        define_agent(&t.engine, slot, body, size)
    free(body)
    return slot
