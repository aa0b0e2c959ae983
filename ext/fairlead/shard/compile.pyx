"""See compile.pxd. Names that later requests bring must already have slots here: the tenant's tables of names only grow."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.directory.names cimport NO_SLOT, names_add, names_find
from fairlead.engine.manage cimport define_plan
from fairlead.engine.model cimport Demand, PlanBody
from fairlead.rules.book cimport (
    CHANNEL, LABEL, LANGUAGE, QUEUE, TIER, book_accept, book_ask, book_bound, book_close, book_need, book_toggle, book_widen,
)
from fairlead.shard.arms cimport MAX_ARM_NAMES, ArmQueue, Experiment
from fairlead.shard.calls cimport add_demand
from fairlead.shard.convert cimport to_text
from fairlead.shard.rulebook cimport (
    Effect, Schedule, label_text, lower_case, rulebook_create,
)
from fairlead.shard.tenant cimport ability_slot

from fairlead.errors import raise_error

cdef enum:
    LONGEST_KEY = 136
    PACE = 50                   # rules compiled before others may use the shard
    MAX_EFFECT_DEMANDS = 128    # of one rule: 32 skills and 32 tags, demanded and preferred

HIGHEST_VALUE = (1 << 62) - 1


cdef uint32_t label_slot(RuleBook* rules, char kind, uint32_t slot, str text) except? 0xFFFFFFFE:
    cdef char[LONGEST_KEY] key
    return names_add(&rules.labels, label_text(key, kind, slot, to_text(text, "rules")))


cdef dict merged_labels(object labels):
    """Accepted values by key, None for any; a key that is asked for twice must satisfy both."""
    merged = {}
    for key, values in labels:
        accepted = set(values) or None
        known = merged.get(key)
        merged[key] = known if accepted is None else accepted if known is None else accepted & known
    return merged


cdef object add_labels(RuleBook* rules, uint32_t rule, object rule_labels, dict pairs):
    """`pairs`: the slots of values, by the slot of their key."""
    cdef uint32_t slot, pair
    labels = merged_labels(rule_labels)
    for key, values in labels.items():
        slot = label_slot(rules, b"k", 0, key)
        known = pairs.setdefault(slot, {})
        if values is None:
            book_accept(&rules.book, LABEL, slot, rule)
            continue
        for value in values:
            pair = label_slot(rules, b"p", slot, value)
            known[value] = pair
            book_accept(&rules.book, LABEL, pair, rule)
    book_ask(&rules.book, rule, len(labels))


cdef object add_conditions(Tenant* t, RuleBook* rules, uint32_t rule, object table):
    """Everything but labels that a rule looks at."""
    cdef char[LONGEST_KEY] key
    for name in table.channels:
        book_accept(&rules.book, CHANNEL, names_add(&t.channels, to_text(name, "rules")), rule)
    for name in table.customer_tiers:
        book_accept(&rules.book, TIER, names_add(&t.tiers, to_text(name, "rules")), rule)
    for name in table.queues:
        book_accept(&rules.book, QUEUE, names_add(&t.queues, to_text(name, "rules")), rule)
    for name in table.languages:
        book_accept(&rules.book, LANGUAGE, names_add(&rules.languages, lower_case(key, to_text(name, "rules"))), rule)
    if table.min_value or table.max_value:
        book_bound(&rules.book, rule, table.min_value, table.max_value or HIGHEST_VALUE)
    for name, on in ((table.schedule, True), (table.not_schedule, False)):
        if name:
            book_need(&rules.book, rule, names_find(&rules.schedule_names, to_text(name, "rules")), on)
    for name, on in ((table.scenario, True), (table.not_scenario, False)):
        if name:
            book_need(&rules.book, rule, rules.schedule_count + names_find(&rules.scenario_names, to_text(name, "rules")), on)


cdef object add_effect(Tenant* t, RuleBook* rules, uint32_t rule, object table):
    """What a rule sets, its demands sorted by ability."""
    cdef Effect* effect = &rules.effects[rule]
    cdef Demand[MAX_EFFECT_DEMANDS] demands
    cdef uint32_t count = 0
    effect.name = names_add(&t.rule_names, to_text(table.id, "rules"))
    effect.queue = names_add(&t.queues, to_text(table.queue, "rules")) if table.queue else NO_SLOT
    effect.plan = names_add(&t.plan_names, to_text(table.plan, "rules")) if table.plan else NO_SLOT
    effect.head_start = table.head_start_us
    effect.urgency = table.urgency
    effect.strategy = table.strategy
    effect.affinity = table.affinity
    effect.first_demand = rules.demand_count
    for skills, tags, wished in ((table.skills, table.tags, False), (table.preferred_skills, table.preferred_tags, True)):
        count = 0
        for name, least, most in skills:
            add_demand(demands, &count, ability_slot(t, b"s", to_text(name, "rules"), True), least, most)
        for name in tags:
            add_demand(demands, &count, ability_slot(t, b"t", to_text(name, "rules"), True), 1, 10)
        rules.demands = <Demand*> memory_grow(rules.demands, (rules.demand_count + count) * sizeof(Demand))
        memcpy(rules.demands + rules.demand_count, demands, count * sizeof(Demand))
        rules.demand_count += count
        if wished:
            effect.wish_count = count
        else:
            effect.demand_count = count


cdef object add_schedule(RuleBook* rules, uint32_t index, object table):
    cdef Schedule* schedule = &rules.schedules[index]
    cdef uint32_t at
    names_add(&rules.schedule_names, to_text(table.id, "schedules"))
    schedule.count = len(table.times_us)
    schedule.times = <int64_t*> memory_zeroed(schedule.count * sizeof(int64_t))
    for at, time in enumerate(table.times_us):
        schedule.times[at] = time


cdef object widen_languages(RuleBook* rules, set tags):
    """A tag is also whatever its beginnings are."""
    cdef uint32_t slot, wider
    for tag in tags:
        slot = names_find(&rules.languages, to_text(tag, "rules"))
        parts = tag.split("-")
        for length in range(1, len(parts)):
            beginning = "-".join(parts[:length])
            if beginning in tags:
                wider = names_find(&rules.languages, to_text(beginning, "rules"))
                book_widen(&rules.book, LANGUAGE, slot, wider)


cdef object add_hours(Tenant* t, RuleBook* rules, object tables):
    cdef uint32_t slot
    for queue in tables.queues:
        slot = names_add(&t.queues, to_text(queue.id, "queues"))
        if slot >= rules.hours_count:
            rules.hours = <uint32_t*> memory_grow(rules.hours, (slot + 1) * sizeof(uint32_t))
            memset(rules.hours + rules.hours_count, 0xFF, (slot + 1 - rules.hours_count) * sizeof(uint32_t))
            rules.hours_count = slot + 1
        if queue.hours:
            rules.hours[slot] = names_find(&rules.schedule_names, to_text(queue.hours, "queues"))


cdef object add_experiment(Tenant* t, RuleBook* rules, object table):
    """The arms, by their names of all policies so far, and what they set for queues, all of which have slots already."""
    cdef Experiment* experiment = &rules.experiment
    cdef ArmQueue* setting
    cdef uint32_t place, index
    experiment.slice = table.slice_us
    experiment.seed = table.seed
    experiment.queue_count = t.queues.used
    experiment.queues = <ArmQueue*> memory_zeroed(len(table.arms) * experiment.queue_count * sizeof(ArmQueue))
    for index in range(len(table.arms) * experiment.queue_count):
        experiment.queues[index].plan = NO_SLOT
    for place, arm in enumerate(table.arms):
        index = names_add(&t.arm_names, to_text(arm.id, "experiment"))
        if index >= MAX_ARM_NAMES:
            raise_error(
                "LIMIT_EXCEEDED", f"arm {arm.id!r} would be name {index + 1} of an arm; a tenant has at most {MAX_ARM_NAMES} ever: "
                "use names again", "experiment.arms")
        experiment.arms[place] = <uint8_t> (index + 1)
        for queue in arm.queues:
            setting = &experiment.queues[place * experiment.queue_count + names_find(&t.queues, to_text(queue.id, "experiment"))]
            setting.strategy = queue.strategy
            setting.affinity = queue.affinity
            if queue.plan:
                setting.plan = names_add(&t.plan_names, to_text(queue.plan, "experiment"))
    experiment.count = len(table.arms)


cdef RuleBook* compile_rules(Tenant* t, object tables, object breathe) except NULL:
    """A book that is not in force yet: its schedules stand before their first time, its scenarios are off. The caller owns it;
    `breathe` is called every so often. O(rules * values + named values * rules / 64)."""
    cdef RuleBook* rules = rulebook_create(
        t.seed, len(tables.rules), len(tables.schedules), len(tables.scenarios))
    cdef uint32_t index, slot
    cdef dict pairs = {}
    for index, schedule in enumerate(tables.schedules):
        add_schedule(rules, index, schedule)
    for name in tables.scenarios:
        names_add(&rules.scenario_names, to_text(name, "scenarios"))
    for index, rule in enumerate(tables.rules):
        add_labels(rules, index, rule.labels, pairs)
        add_conditions(t, rules, index, rule)
        add_effect(t, rules, index, rule)
        if index % PACE == PACE - 1:
            breathe()
    for slot, values in pairs.items():
        for pair in values.values():
            book_widen(&rules.book, LABEL, pair, slot)
    widen_languages(rules, {name.lower() for rule in tables.rules for name in rule.languages})
    add_hours(t, rules, tables)
    if tables.experiment.arms:
        add_experiment(t, rules, tables.experiment)
    breathe()
    with nogil:
        book_close(&rules.book)
    for index, schedule in enumerate(tables.schedules):
        if schedule.open_at_start:
            book_toggle(&rules.book, index, True)
    return rules


# ---- plans


cdef object install_plan(Tenant* t, object plan):
    """One fact with its steps and what they drop."""
    cdef uint32_t count = sum(len(step.drop_skills) + len(step.drop_tags) for step in plan.steps), index, at = 0
    cdef PlanBody* body = <PlanBody*> memory_zeroed(sizeof(PlanBody) + count * sizeof(uint32_t))
    cdef uint32_t* dropped = <uint32_t*> (<char*> body + sizeof(PlanBody))
    body.plan = names_add(&t.plan_names, to_text(plan.id, "plans"))
    body.used = 1
    body.end = plan.end
    body.end_after = plan.end_after_us
    body.overflow = names_find(&t.queues, to_text(plan.overflow_queue, "plans")) if plan.overflow_queue else NO_SLOT
    body.step_count = len(plan.steps)
    body.dropped_count = count
    for index, step in enumerate(plan.steps):
        body.steps[index].after = step.after_us
        body.steps[index].strategy = step.strategy
        body.steps[index].lower_levels = step.lower_levels
        body.steps[index].drop_max_levels = step.drop_max_levels
        body.steps[index].any_agent = step.any_agent
        body.steps[index].drop_preferences = step.drop_preferences
        body.steps[index].first_dropped = at
        body.steps[index].dropped_count = len(step.drop_skills) + len(step.drop_tags)
        for name in step.drop_skills:
            dropped[at] = ability_slot(t, b"s", to_text(name, "plans"), True)
            at += 1
        for name in step.drop_tags:
            dropped[at] = ability_slot(t, b"t", to_text(name, "plans"), True)
            at += 1
    define_plan(&t.engine, body)
    free(body)


cdef object install_plans(Tenant* t, object tables):
    """Plans that go leave their jobs on their present demands."""
    cdef PlanBody body
    cdef uint32_t slot
    kept = {names_add(&t.plan_names, to_text(plan.id, "plans")) for plan in tables.plans}
    for slot in range(t.engine.plan_capacity):
        if t.engine.plans[slot].used and slot not in kept:
            memset(&body, 0, sizeof(PlanBody))
            body.plan = slot
            body.overflow = NO_SLOT
            define_plan(&t.engine, &body)
    for plan in tables.plans:
        install_plan(t, plan)
