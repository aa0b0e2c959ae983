"""See rulebook.pxd."""

from libc.stdint cimport int32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.directory.names cimport NO_SLOT, names_find, names_free, names_init
from fairlead.engine.clock cimport approach
from fairlead.engine.manage cimport follow_hours, set_hours
from fairlead.rules.book cimport (
    CHANNEL, LANGUAGE, MAX_GIVEN, NO_RULE, QUEUE, TIER, Question, book_free, book_init, book_match, book_toggle,
)

cdef enum:
    LONGEST_KEY = 136     # kind, slot, and a text of 128 bytes

NEVER_TOGGLES = <int64_t> 1 << 62


cdef RuleBook* rulebook_create(uint64_t seed, uint32_t rules, uint32_t schedules, uint32_t scenarios) noexcept nogil:
    """Room for so many; nothing matches and nothing is scheduled until they are filled in."""
    cdef RuleBook* made = <RuleBook*> memory_zeroed(sizeof(RuleBook))
    book_init(&made.book, rules, schedules + scenarios)
    names_init(&made.labels, seed)
    names_init(&made.languages, seed)
    names_init(&made.schedule_names, seed)
    names_init(&made.scenario_names, seed)
    made.effects = <Effect*> memory_zeroed(rules * sizeof(Effect))
    made.schedules = <Schedule*> memory_zeroed(schedules * sizeof(Schedule))
    made.schedule_count = schedules
    made.scenario_count = scenarios
    made.next_toggle = NEVER_TOGGLES
    return made


cdef void rulebook_free(RuleBook* rules) noexcept nogil:
    """NULL is free already."""
    cdef uint32_t index
    if rules == NULL:
        return
    for index in range(rules.schedule_count):
        free(rules.schedules[index].times)
    book_free(&rules.book)
    names_free(&rules.labels)
    names_free(&rules.languages)
    names_free(&rules.schedule_names)
    names_free(&rules.scenario_names)
    free(rules.effects)
    free(rules.demands)
    free(rules.schedules)
    free(rules.hours)
    free(rules.experiment.queues)
    free(rules)


# ---- matching


cdef Text label_text(char* key, char kind, uint32_t slot, Text text) noexcept nogil:
    """What a label is called in the directory; `key` has LONGEST_KEY bytes."""
    cdef Text name
    key[0] = kind
    memcpy(key + 1, &slot, sizeof(slot))
    memcpy(key + 1 + sizeof(slot), text.data, text.size)
    name.data = key
    name.size = text.size + 1 + <uint32_t> sizeof(slot)
    return name


cdef Text lower_case(char* key, Text text) noexcept nogil:
    """A language tag as it is compared; `key` has LONGEST_KEY bytes."""
    cdef Text name
    cdef uint32_t index
    for index in range(text.size):
        key[index] = text.data[index] + 32 if b"A" <= text.data[index] <= b"Z" else text.data[index]
    name.data = key
    name.size = text.size
    return name


cdef uint32_t language_slot(const RuleBook* rules, Text language) noexcept nogil:
    """The longest tag that some rule names and that the language is or begins with."""
    cdef char[LONGEST_KEY] key
    cdef Text name
    cdef uint32_t slot
    if language.size == 0 or rules.languages.count == 0:
        return NO_SLOT
    name = lower_case(key, language)
    while True:
        slot = names_find(&rules.languages, name)
        if slot != NO_SLOT:
            return slot
        while name.size and key[name.size - 1] != b"-":
            name.size -= 1
        if name.size <= 1:
            return NO_SLOT
        name.size -= 1


cdef void put_labels(const RuleBook* rules, const JobSpec* job, Question* question) noexcept nogil:
    """The slots of the labels that rules look at: of key and value, or of the key alone for a value no rule names."""
    cdef char[LONGEST_KEY] key
    cdef uint32_t slot, pair
    cdef int32_t index
    question.label_count = 0
    if rules.labels.count == 0:
        return
    for index in range(job.label_count):
        slot = names_find(&rules.labels, label_text(key, b"k", 0, job.labels[index].key))
        if slot == NO_SLOT or question.label_count == MAX_GIVEN:
            continue
        pair = names_find(&rules.labels, label_text(key, b"p", slot, job.labels[index].value))
        question.labels[question.label_count] = pair if pair != NO_SLOT else slot
        question.label_count += 1


cdef const Effect* first_match(
    const RuleBook* rules, const JobSpec* job, uint32_t channel, uint32_t tier, uint32_t queue
) noexcept nogil:
    """What the first rule that matches sets, NULL when none does. `channel`, `tier` and `queue` (as the request names it) are slots of
    names, NO_SLOT for none. O(labels + rules / 64)."""
    cdef Question question
    cdef uint32_t rule
    if rules == NULL or rules.book.rule_count == 0:
        return NULL
    question.slots[<uint32_t> CHANNEL] = channel
    question.slots[<uint32_t> LANGUAGE] = language_slot(rules, job.language)
    question.slots[<uint32_t> TIER] = tier
    question.slots[<uint32_t> QUEUE] = queue
    question.value = job.customer_value
    put_labels(rules, job, &question)
    rule = book_match(&rules.book, &question)
    return &rules.effects[rule] if rule != NO_RULE else NULL


# ---- time


cdef bint queue_is_closed(const RuleBook* rules, uint32_t queue) noexcept nogil:
    """Whether the queue's hours, if it has any, say so now."""
    cdef uint32_t schedule
    if rules == NULL or queue >= rules.hours_count:
        return False
    schedule = rules.hours[queue]
    return schedule != NO_SLOT and not rules.book.toggles[schedule]


cdef void find_next_toggle(RuleBook* rules) noexcept nogil:
    cdef const Schedule* schedule
    cdef uint32_t index
    rules.next_toggle = NEVER_TOGGLES
    for index in range(rules.schedule_count):
        schedule = &rules.schedules[index]
        if schedule.next < schedule.count and schedule.times[schedule.next] < rules.next_toggle:
            rules.next_toggle = schedule.times[schedule.next]


cdef void start_schedules(RuleBook* rules, int64_t now) noexcept nogil:
    """Brings schedules, whose toggles say what held before their first time, to now."""
    cdef Schedule* schedule
    cdef uint32_t index
    for index in range(rules.schedule_count):
        schedule = &rules.schedules[index]
        while schedule.next < schedule.count and schedule.times[schedule.next] <= now:
            schedule.next += 1
        if schedule.next & 1:
            book_toggle(&rules.book, index, not rules.book.toggles[index])
    find_next_toggle(rules)


cdef void run_schedules(RuleBook* rules, Engine* e, int64_t now) noexcept nogil:
    """Each toggle until now at its own time and as a step of its own, in the policy's order, before the timers of that time."""
    cdef Schedule* schedule
    cdef int64_t due
    cdef uint32_t index, queue
    while rules.next_toggle <= now:
        due = rules.next_toggle
        approach(e, due)
        for index in range(rules.schedule_count):
            schedule = &rules.schedules[index]
            if schedule.next == schedule.count or schedule.times[schedule.next] != due:
                continue
            schedule.next += 1
            book_toggle(&rules.book, index, not rules.book.toggles[index])
            for queue in range(rules.hours_count):
                if rules.hours[queue] == index:
                    set_hours(e, queue, not rules.book.toggles[index])
            follow_hours(e)
        find_next_toggle(rules)
