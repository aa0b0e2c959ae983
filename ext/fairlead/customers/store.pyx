"""See store.pxd."""

from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from fairlead.base.archive cimport archive_numbers, archive_slot, is_reading
from fairlead.base.memory cimport memory_grow, memory_zeroed
from fairlead.base.text cimport text_empty
from fairlead.directory.names cimport (
    NO_SLOT, names_add, names_archive, names_check, names_free, names_has, names_init, names_remove, names_size, names_text, text_hash,
)

cdef enum:
    LEAST_INDEX = 16
    LEAST_ARENA = 256
    LARGE = 4096             # from here on room grows by a sixteenth, so that little of it is empty
    LONGEST_ID = 128
    SHARED_SIZE = 256        # two names and what parts them


cdef void customers_init(Customers* store, uint64_t seed) noexcept nogil:
    memset(store, 0, sizeof(Customers))
    store.free_profile = NO_CUSTOMER
    store.seed = seed
    names_init(&store.texts, seed)


cdef void customers_free(Customers* store) noexcept nogil:
    free(store.profiles)
    free(store.index)
    free(store.arena)
    free(store.references)
    names_free(&store.texts)


cdef inline uint8_t id_size(const Profile* profile) noexcept nogil:
    return <uint8_t> profile.packed


cdef inline uint32_t hash_id(const Customers* store, Text id) noexcept nogil:
    return <uint32_t> (text_hash(store.seed, id) >> 32)


cdef inline bint is_id(const Customers* store, const Profile* profile, uint32_t hash, Text id) noexcept nogil:
    return (
        profile.hash == hash and id_size(profile) == id.size
        and memcmp(store.arena + profile.place, id.data, id.size) == 0
    )


cdef inline uint32_t home_of(const Customers* store, uint32_t hash) noexcept nogil:
    """Where the search for a hash begins in an index of any size."""
    return <uint32_t> (<uint64_t> hash * store.index_size >> 32)


cdef inline uint32_t behind(const Customers* store, uint32_t at) noexcept nogil:
    """The place after `at`; the first one is after the last."""
    return at + 1 if at + 1 < store.index_size else 0


cdef inline uint32_t distance(const Customers* store, uint32_t start, uint32_t end) noexcept nogil:
    """Steps from one place to another."""
    return end - start if end >= start else end + store.index_size - start


cdef uint32_t customers_find(const Customers* store, Text id) noexcept nogil:
    """The slot of a customer, NO_CUSTOMER when there is none of this id. O(1) expected."""
    cdef uint32_t hash, at
    if store.index_size == 0 or id.size == 0:
        return NO_CUSTOMER
    hash = hash_id(store, id)
    at = home_of(store, hash)
    while store.index[at]:
        if is_id(store, &store.profiles[store.index[at] - 1], hash, id):
            return store.index[at] - 1
        at = behind(store, at)
    return NO_CUSTOMER


# ---- texts that profiles share


cdef Text shared(char* space, Text first, Text second) noexcept nogil:
    """Two texts as one name; the first has a byte of size before it, so that no two pairs are the same."""
    cdef Text text
    space[0] = <char> first.size
    if first.size:
        memcpy(space + 1, first.data, first.size)
    if second.size:
        memcpy(space + 1 + first.size, second.data, second.size)
    text.data = space
    text.size = 1 + first.size + second.size
    return text


cdef uint32_t keep(Customers* store, Text first, Text second) noexcept nogil:
    """A reference to the pair; NO_CUSTOMER for nothing at all. Names have at most 255 bytes, pairs too: see `fits`."""
    cdef char[SHARED_SIZE + 1] space
    cdef uint32_t slot, capacity = store.reference_capacity
    if first.size == 0 and second.size == 0:
        return NO_CUSTOMER
    slot = names_add(&store.texts, shared(space, first, second))
    if slot >= capacity:
        capacity = slot + slot // 2 + 16
        store.references = <uint32_t*> memory_grow(store.references, <size_t> capacity * sizeof(uint32_t))
        memset(
            store.references + store.reference_capacity, 0,
            <size_t> (capacity - store.reference_capacity) * sizeof(uint32_t))
        store.reference_capacity = capacity
    store.references[slot] += 1
    return slot


cdef void drop(Customers* store, uint32_t slot) noexcept nogil:
    if slot != NO_CUSTOMER:
        store.references[slot] -= 1
        if store.references[slot] == 0:
            names_remove(&store.texts, slot)


cdef void split(const Customers* store, uint32_t slot, Text* first, Text* second) noexcept nogil:
    cdef Text text
    first[0] = text_empty()
    second[0] = text_empty()
    if slot == NO_CUSTOMER:
        return
    text = names_text(&store.texts, slot)
    first.data = text.data + 1
    first.size = <uint8_t> text.data[0]
    second.data = first.data + first.size
    second.size = text.size - 1 - first.size


cdef void drop_texts(Customers* store, const Profile* profile) noexcept nogil:
    cdef uint32_t at
    drop(store, profile.group)
    drop(store, profile.own_agent)
    for at in range(MAX_ATTRIBUTES):
        drop(store, profile.attributes[at])


# ---- room


cdef void enter(Customers* store, uint32_t slot) noexcept nogil:
    cdef uint32_t at = home_of(store, store.profiles[slot].hash)
    while store.index[at]:
        at = behind(store, at)
    store.index[at] = slot + 1


cdef inline bint is_crowded(uint32_t size, uint32_t count) noexcept nogil:
    """Whether an index is too small for so many."""
    return 8 * <uint64_t> count > 7 * <uint64_t> size


cdef inline uint32_t grown_index(uint32_t size) noexcept nogil:
    return size + size // 2 if size else LEAST_INDEX


cdef inline uint32_t grown(uint32_t capacity) noexcept nogil:
    return capacity + (capacity // 2 + 8 if capacity < LARGE else capacity // 16)


cdef void make_room(Customers* store) noexcept nogil:
    """Room for one more profile, in the array and in the index."""
    cdef uint32_t slot, size = store.index_size
    if store.free_profile == NO_CUSTOMER and store.used == store.capacity:
        store.capacity = grown(store.capacity)
        store.profiles = <Profile*> memory_grow(store.profiles, <size_t> store.capacity * sizeof(Profile))
    if is_crowded(size, store.count + 1):
        store.index_size = grown_index(size)
        free(store.index)
        store.index = <uint32_t*> memory_zeroed(<size_t> store.index_size * sizeof(uint32_t))
        for slot in range(store.used):
            if id_size(&store.profiles[slot]):
                enter(store, slot)


cdef void pack(Customers* store) noexcept nogil:
    """The arena without what belongs to nobody. O(customers)."""
    cdef uint32_t room = store.arena_size - store.arena_dead, slot, size
    cdef char* packed = <char*> memory_grow(NULL, room + LEAST_ARENA)
    store.arena_capacity = room + LEAST_ARENA
    store.arena_size = 0
    for slot in range(store.used):
        size = id_size(&store.profiles[slot])
        memcpy(packed + store.arena_size, store.arena + store.profiles[slot].place, size)
        store.profiles[slot].place = store.arena_size
        store.arena_size += size
    free(store.arena)
    store.arena = packed
    store.arena_dead = 0


cdef uint32_t keep_id(Customers* store, Text id) noexcept nogil:
    """Where the id's bytes are from now on."""
    cdef uint32_t place
    if store.arena_capacity - store.arena_size < id.size:
        store.arena_capacity = grown(store.arena_capacity) + LEAST_ARENA
        store.arena = <char*> memory_grow(store.arena, store.arena_capacity)
    place = store.arena_size
    memcpy(store.arena + place, id.data, id.size)
    store.arena_size += id.size
    return place


# ---- customers


cdef void fill(Customers* store, Profile* profile, const Customer* customer) noexcept nogil:
    cdef uint32_t at
    profile.packed = (<uint64_t> customer.value << 8) | customer.id.size
    profile.group = keep(store, customer.tier, customer.language)
    profile.own_agent = keep(store, customer.own_agent, text_empty())
    for at in range(MAX_ATTRIBUTES):
        profile.attributes[at] = NO_CUSTOMER
        if at < customer.attribute_count:
            profile.attributes[at] = keep(store, customer.attributes[at].key, customer.attributes[at].value)


cdef bint customers_put(Customers* store, const Customer* customer) noexcept nogil:
    """Adds or replaces one; whether it is new. The caller has checked sizes and value. Texts may not lie in the store."""
    cdef uint32_t slot = customers_find(store, customer.id)
    cdef Profile* profile
    cdef Profile old
    if slot != NO_CUSTOMER:
        profile = &store.profiles[slot]
        old = profile[0]
        # The new texts first: what both have is never let go.
        fill(store, profile, customer)
        drop_texts(store, &old)
        return False
    make_room(store)
    if store.free_profile != NO_CUSTOMER:
        slot = store.free_profile
        store.free_profile = store.profiles[slot].hash
    else:
        slot = store.used
        store.used += 1
    profile = &store.profiles[slot]
    fill(store, profile, customer)
    profile.hash = hash_id(store, customer.id)
    profile.place = keep_id(store, customer.id)
    enter(store, slot)
    store.count += 1
    return True


cdef bint customers_remove(Customers* store, Text id) noexcept nogil:
    """Takes one out; whether there was one. O(1), but for the packing of ids now and then."""
    cdef uint32_t slot = customers_find(store, id), at, next_at, home
    cdef Profile* profile
    if slot == NO_CUSTOMER:
        return False
    profile = &store.profiles[slot]
    at = home_of(store, profile.hash)
    while store.index[at] != slot + 1:
        at = behind(store, at)
    next_at = at
    while True:
        next_at = behind(store, next_at)
        if store.index[next_at] == 0:
            break
        home = home_of(store, store.profiles[store.index[next_at] - 1].hash)
        if distance(store, home, next_at) >= distance(store, at, next_at):
            store.index[at] = store.index[next_at]
            at = next_at
    store.index[at] = 0
    drop_texts(store, profile)
    store.arena_dead += id_size(profile)
    profile.packed = 0
    profile.hash = store.free_profile
    store.free_profile = slot
    store.count -= 1
    if store.arena_dead > LEAST_ARENA and 2 * store.arena_dead > store.arena_size:
        pack(store)
    return True


cdef void customers_get(const Customers* store, uint32_t slot, Customer* customer) noexcept nogil:
    cdef const Profile* profile = &store.profiles[slot]
    cdef Text none
    cdef uint32_t at
    customer.id.data = store.arena + profile.place
    customer.id.size = id_size(profile)
    customer.value = <int64_t> (profile.packed >> 8)
    split(store, profile.group, &customer.tier, &customer.language)
    split(store, profile.own_agent, &customer.own_agent, &none)
    customer.attribute_count = 0
    for at in range(MAX_ATTRIBUTES):
        if profile.attributes[at] != NO_CUSTOMER:
            split(
                store, profile.attributes[at], &customer.attributes[customer.attribute_count].key,
                &customer.attributes[customer.attribute_count].value)
            customer.attribute_count += 1


cdef bint customers_check(const Customers* store) noexcept nogil:
    """Every customer is found by its id, and every shared text counts those who have it. O(n)."""
    cdef uint32_t slot, at, count = 0, entries = 0, bytes_used = 0
    cdef uint64_t references = 0, counted = 0
    cdef const Profile* profile
    cdef Text id
    if not names_check(&store.texts):
        return False
    for slot in range(store.used):
        profile = &store.profiles[slot]
        if id_size(profile) == 0:
            continue
        count += 1
        bytes_used += id_size(profile)
        id.data = store.arena + profile.place
        id.size = id_size(profile)
        if customers_find(store, id) != slot:
            return False
        references += (profile.group != NO_CUSTOMER) + (profile.own_agent != NO_CUSTOMER)
        for at in range(MAX_ATTRIBUTES):
            references += profile.attributes[at] != NO_CUSTOMER
    for at in range(store.index_size):
        entries += store.index[at] != 0
    for slot in range(store.texts.used):
        if names_has(&store.texts, slot):
            if store.references[slot] == 0:
                return False
            counted += store.references[slot]
    return (
        count == store.count and entries == count and references == counted
        and bytes_used == store.arena_size - store.arena_dead
    )


cdef size_t customers_size(const Customers* store) noexcept nogil:
    """Bytes held, ids and shared texts among them."""
    return (
        <size_t> store.capacity * sizeof(Profile) + <size_t> store.index_size * sizeof(uint32_t) + store.arena_capacity
        + <size_t> store.reference_capacity * sizeof(uint32_t) + names_size(&store.texts)
    )


cdef void reindex(Customers* store) noexcept nogil:
    """Hashes and index of profiles that were read: another process had another seed."""
    cdef uint32_t slot
    cdef Text id
    if store.used == 0:
        return
    store.index_size = LEAST_INDEX
    while is_crowded(store.index_size, store.count + 1):
        store.index_size = grown_index(store.index_size)
    store.index = <uint32_t*> memory_zeroed(<size_t> store.index_size * sizeof(uint32_t))
    for slot in range(store.used):
        if id_size(&store.profiles[slot]):
            id.data = store.arena + store.profiles[slot].place
            id.size = id_size(&store.profiles[slot])
            store.profiles[slot].hash = hash_id(store, id)
            enter(store, slot)


cdef void customers_archive(Customers* store, Archive* archive) noexcept nogil:
    """Profiles as they lie, ids as they lie, shared texts. A profile's hash means something only where it is free."""
    cdef uint32_t references, slot
    cdef Profile* profiles = store.profiles
    archive_slot(archive, &store.used)
    archive_slot(archive, &store.count)
    archive_slot(archive, &store.free_profile)
    archive_slot(archive, &store.arena_size)
    archive_slot(archive, &store.arena_dead)
    if not is_reading(archive):
        profiles = <Profile*> memory_grow(NULL, <size_t> store.used * sizeof(Profile))
        if store.used:
            memcpy(profiles, store.profiles, <size_t> store.used * sizeof(Profile))
        for slot in range(store.used):
            if id_size(&profiles[slot]):
                profiles[slot].hash = 0
    archive_numbers(archive, <void**> &profiles, sizeof(Profile), store.used, store.used)
    archive_numbers(archive, <void**> &store.arena, 1, store.arena_size, store.arena_size)
    names_archive(&store.texts, archive)
    references = store.texts.used
    archive_numbers(archive, <void**> &store.references, sizeof(uint32_t), references, references)
    if not is_reading(archive):
        free(profiles)
        return
    if archive.failed:
        store.used = store.count = 0
        return
    store.profiles = profiles
    store.capacity = store.used
    store.arena_capacity = store.arena_size
    store.reference_capacity = references
    reindex(store)
