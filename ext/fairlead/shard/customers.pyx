"""See customers.pxd."""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from fairlead.base.text cimport Text, text_empty, text_equal
from fairlead.codec.messages cimport MAX_NAME_SIZE
from fairlead.codec.reader cimport Reader, enter, read_int64, read_tag, read_text, skip_field
from fairlead.codec.tags cimport BYTES_1, BYTES_2, BYTES_4, BYTES_5, BYTES_6, VARINT_3
from fairlead.customers.store cimport MAX_ATTRIBUTES, Attribute, customers_get, customers_put
from fairlead.journal.journal cimport journal_durable, journal_wait
from fairlead.shard.convert cimport to_number, to_text
from fairlead.shard.dispatch cimport shard_lock, shard_unlock
from fairlead.shard.record cimport record_customer
from fairlead.shard.views cimport to_str

from fairlead.errors import raise_error

cdef enum:
    MAX_IMPORT = 10000       # customers of one message
    LONGEST_HOLD = 256       # customers stored before a hot call may go in between
    LONGEST_PAIR = 254       # bytes of texts that are kept as one

# What may be wrong with a customer: the field, and what it must be.
cdef enum Problem:
    FINE = 0
    BAD_ID = 1
    BAD_TIER = 2
    BAD_VALUE = 3
    BAD_ATTRIBUTES = 4
    BAD_OWN_AGENT = 5
    BAD_LANGUAGE = 6
    MALFORMED = 7

PROBLEMS = (
    ("", ""),
    ("id", "must have 1-128 bytes"),
    ("tier", "must have at most 128 bytes, and with language at most 254"),
    ("value", "must be 0 to 10^12"),
    ("attributes", "must have at most 4 entries, keys and values of 1-128 bytes, together at most 254"),
    ("own_agent", "must have at most 128 bytes"),
    ("language", "must have at most 128 bytes"),
)

cdef extern from *:
    """
    #define FAIRLEAD_MOST_VALUE INT64_C(1000000000000)
    """
    const int64_t MOST_VALUE "FAIRLEAD_MOST_VALUE"


cdef class CustomerView:
    """A profile at the moment of the call."""


cdef Problem problem_of(const Customer* customer) noexcept nogil:
    cdef uint32_t at
    cdef const Attribute* attribute
    if not 1 <= customer.id.size <= MAX_NAME_SIZE:
        return BAD_ID
    if customer.tier.size > MAX_NAME_SIZE or customer.tier.size + customer.language.size > LONGEST_PAIR:
        return BAD_TIER
    if not 0 <= customer.value <= MOST_VALUE:
        return BAD_VALUE
    if customer.attribute_count > MAX_ATTRIBUTES:
        return BAD_ATTRIBUTES
    for at in range(customer.attribute_count):
        attribute = &customer.attributes[at]
        if not (1 <= attribute.key.size <= MAX_NAME_SIZE and 1 <= attribute.value.size <= MAX_NAME_SIZE
                and attribute.key.size + attribute.value.size <= LONGEST_PAIR):
            return BAD_ATTRIBUTES
    if customer.own_agent.size > MAX_NAME_SIZE:
        return BAD_OWN_AGENT
    return BAD_LANGUAGE if customer.language.size > MAX_NAME_SIZE else FINE


cdef object raise_problem(Problem problem, str path):
    if problem == MALFORMED:
        raise_error("MALFORMED_REQUEST", f"{path}: the bytes are no fairlead.v1.Customer")
    field, what = PROBLEMS[<int> problem]
    raise_error("INVALID_FIELD", f"{path}.{field} {what}", f"{path}.{field}")


# ---- from Python


cdef object fill_customer(Customer* customer, list alive, object customer_id, object tier, object value, object attributes,
                          object own_agent, object language):
    """Checks the values; the texts last as long as `alive`."""
    cdef uint32_t at
    entries = list(dict(attributes or {}).items())
    alive.append(entries)
    memset(customer, 0, sizeof(Customer))
    customer.id = to_text(customer_id, "customer.id")
    customer.tier = to_text(tier, "customer.tier")
    customer.value = to_number(value, "customer.value")
    customer.own_agent = to_text(own_agent, "customer.own_agent")
    customer.language = to_text(language, "customer.language")
    customer.attribute_count = len(entries)
    for at in range(min(customer.attribute_count, <uint32_t> MAX_ATTRIBUTES)):
        customer.attributes[at].key = to_text(entries[at][0], "customer.attributes")
        customer.attributes[at].value = to_text(entries[at][1], "customer.attributes")
    if problem_of(customer) != FINE:
        raise_problem(problem_of(customer), "customer")


cdef CustomerView customer_view(const Tenant* t, uint32_t slot):
    cdef CustomerView view = CustomerView.__new__(CustomerView)
    cdef Customer customer
    cdef uint32_t at
    customers_get(&t.profiles, slot, &customer)
    view.id = to_str(customer.id)
    view.tier = to_str(customer.tier)
    view.value = customer.value
    view.own_agent = to_str(customer.own_agent)
    view.language = to_str(customer.language)
    view.attributes = {
        to_str(customer.attributes[at].key): to_str(customer.attributes[at].value) for at in range(customer.attribute_count)
    }
    return view


# ---- from messages


cdef bint read_attribute(Reader* reader, Customer* customer) noexcept nogil:
    """A map's entry: a key that comes again replaces; above the limit only the count grows, to one more."""
    cdef const uint8_t* outer_end
    cdef Attribute attribute
    cdef uint32_t tag, at
    cdef bint ok
    attribute.key = text_empty()
    attribute.value = text_empty()
    if not enter(reader, &outer_end):
        return False
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &attribute.key)
        elif tag == BYTES_2:
            ok = read_text(reader, &attribute.value)
        else:
            ok = skip_field(reader, tag, 2)
        if not ok:
            return False
    reader.end = outer_end
    for at in range(min(customer.attribute_count, <uint32_t> MAX_ATTRIBUTES)):
        if text_equal(customer.attributes[at].key, attribute.key):
            customer.attributes[at].value = attribute.value
            return True
    if customer.attribute_count < MAX_ATTRIBUTES:
        customer.attributes[customer.attribute_count] = attribute
    if customer.attribute_count <= MAX_ATTRIBUTES:
        customer.attribute_count += 1
    return True


cdef bint read_customer(Reader* reader, Customer* customer) noexcept nogil:
    cdef const uint8_t* outer_end
    cdef uint32_t tag
    cdef bint ok
    memset(customer, 0, sizeof(Customer))
    if not enter(reader, &outer_end):
        return False
    while reader.at < reader.end:
        if not read_tag(reader, &tag):
            return False
        if tag == BYTES_1:
            ok = read_text(reader, &customer.id)
        elif tag == BYTES_2:
            ok = read_text(reader, &customer.tier)
        elif tag == VARINT_3:
            ok = read_int64(reader, &customer.value)
        elif tag == BYTES_4:
            ok = read_attribute(reader, customer)
        elif tag == BYTES_5:
            ok = read_text(reader, &customer.own_agent)
        elif tag == BYTES_6:
            ok = read_text(reader, &customer.language)
        else:
            ok = skip_field(reader, tag, 1)
        if not ok:
            return False
    reader.end = outer_end
    return True


cdef Reader reader_of(bytes request):
    cdef Reader reader
    cdef const char* data = request
    reader.at = <const uint8_t*> data
    reader.end = reader.at + len(request)
    reader.what = NULL
    return reader


cdef str tenant_of_import(bytes request):
    """The tenant that an ImportCustomersRequest names; refuses torn bytes and too many customers."""
    cdef Reader reader = reader_of(request)
    cdef Text tenant = text_empty()
    cdef uint32_t tag, count = 0
    cdef bint ok = True
    while ok and reader.at < reader.end and read_tag(&reader, &tag):
        count += tag == BYTES_2
        ok = read_text(&reader, &tenant) if tag == BYTES_1 else skip_field(&reader, tag, 0)
    if reader.what != NULL:
        raise_error("MALFORMED_REQUEST", "the bytes are no fairlead.v1.ImportCustomersRequest")
    if count > MAX_IMPORT:
        raise_error("INVALID_FIELD", f"customers has {count} entries; at most {MAX_IMPORT} are allowed", "customers")
    return to_str(tenant)


cdef Problem import_some(Tenant* t, Reader* reader, uint32_t* index, uint32_t* created) noexcept nogil:
    """Stores the next customers, at most LONGEST_HOLD."""
    cdef Customer customer
    cdef uint32_t tag, count = 0
    cdef Problem problem
    while count < LONGEST_HOLD and reader.at < reader.end:
        if not read_tag(reader, &tag):
            return MALFORMED
        if tag != BYTES_2:
            if not skip_field(reader, tag, 0):
                return MALFORMED
            continue
        if not read_customer(reader, &customer):
            return MALFORMED
        problem = problem_of(&customer)
        if problem != FINE:
            return problem
        created[0] += customers_put(&t.profiles, &customer)
        record_customer(t, &customer)
        index[0] += 1
        count += 1
    return FINE


cdef tuple import_batch(ShardState* state, Tenant* t, bytes request):
    """Stores the customers of a message in order; how many are new, how many were replaced. Hot calls go in between.

    Raises at the first one that is wrong, with its place; those before it stay.
    """
    cdef Reader reader = reader_of(request)
    cdef uint32_t index = 0, created = 0
    cdef uint64_t sequence = 0
    cdef Problem problem = FINE
    with nogil:
        while reader.at < reader.end and problem == FINE:
            shard_lock(state)
            problem = import_some(t, &reader, &index, &created)
            sequence = state.journal.sequence
            shard_unlock(state)
        if journal_durable(&state.journal) < sequence:
            journal_wait(&state.journal, sequence)
    if problem != FINE:
        raise_problem(problem, f"customers[{index}]")
    return created, index - created
