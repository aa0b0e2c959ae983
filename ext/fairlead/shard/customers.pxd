"""Profiles of customers: from messages and Python values to the store, and from the store to the jobs they ask for (L2)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fairlead.codec.messages cimport JobSpec
from fairlead.customers.store cimport Customer
from fairlead.shard.dispatch cimport ShardState
from fairlead.shard.tenant cimport Tenant


cdef class CustomerView:
    cdef readonly str id
    cdef readonly str tier
    cdef readonly int64_t value
    cdef readonly dict attributes
    cdef readonly str own_agent
    cdef readonly str language


cdef object fill_customer(Customer* customer, list alive, object customer_id, object tier, object value, object attributes,
                          object own_agent, object language)
cdef CustomerView customer_view(const Tenant* t, uint32_t slot)
cdef str tenant_of_import(bytes request)
cdef tuple import_batch(ShardState* state, Tenant* t, bytes request)
