"""The store of customers as Python sees it: for tests, which hold it against a dict, and for nothing else.

A misuse that the shard never commits raises ValueError and changes nothing.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fairlead.base.text cimport Text
from fairlead.customers.store cimport (
    MAX_ATTRIBUTES, NO_CUSTOMER, Customer, Customers, customers_check, customers_find, customers_free, customers_get,
    customers_init, customers_put, customers_remove, customers_size,
)

cdef enum:
    LONGEST = 128
    LONGEST_PAIR = 254


cdef Text text_from(bytes value) except *:
    cdef Text text
    if len(value) > LONGEST:
        raise ValueError(f"a text of {len(value)} bytes; at most {LONGEST} are allowed")
    text.data = value
    text.size = <uint32_t> len(value)
    return text


cdef class CustomersFace:
    """A store of customers/store.pxd. `seed` is that of its hash."""

    cdef Customers store

    def __cinit__(self, uint64_t seed=0):
        customers_init(&self.store, seed)

    def __dealloc__(self):
        customers_free(&self.store)

    def put(self, bytes id not None, bytes tier=b"", bytes language=b"", bytes own_agent=b"", value=0, attributes=()):
        """Adds or replaces one; whether it is new. `attributes` are pairs."""
        cdef Customer customer
        cdef uint32_t at
        memset(&customer, 0, sizeof(Customer))
        customer.id = text_from(id)
        customer.tier = text_from(tier)
        customer.language = text_from(language)
        customer.own_agent = text_from(own_agent)
        customer.value = value
        pairs = list(attributes)
        if not id or len(pairs) > MAX_ATTRIBUTES or any(len(a) + len(b) > LONGEST_PAIR for a, b in [*pairs, (tier, language)]):
            raise ValueError("an id, at most 4 attributes, pairs of at most 254 bytes")
        customer.attribute_count = len(pairs)
        for at in range(customer.attribute_count):
            customer.attributes[at].key = text_from(pairs[at][0])
            customer.attributes[at].value = text_from(pairs[at][1])
        return bool(customers_put(&self.store, &customer))

    def get(self, bytes id not None):
        """(tier, language, own agent, value, attributes), None when there is none."""
        cdef uint32_t slot = customers_find(&self.store, text_from(id)), at
        cdef Customer customer
        if slot == NO_CUSTOMER:
            return None
        customers_get(&self.store, slot, &customer)
        return (
            customer.tier.data[:customer.tier.size], customer.language.data[:customer.language.size],
            customer.own_agent.data[:customer.own_agent.size], customer.value,
            [
                (customer.attributes[at].key.data[:customer.attributes[at].key.size],
                 customer.attributes[at].value.data[:customer.attributes[at].value.size])
                for at in range(customer.attribute_count)
            ],
        )

    def remove(self, bytes id not None):
        """Takes one out; whether there was one."""
        return bool(customers_remove(&self.store, text_from(id)))

    def __len__(self):
        return self.store.count

    def check(self):
        """Every customer is found by its id, and every shared text counts those who have it."""
        return customers_check(&self.store)

    def size(self):
        """Bytes held."""
        return customers_size(&self.store)
