"""See profiles.pxd."""

from libc.stdint cimport int32_t, uint32_t

from fairlead.base.text cimport text_equal
from fairlead.codec.messages cimport MAX_LABELS, Label
from fairlead.customers.store cimport NO_CUSTOMER, Customer, customers_find, customers_get
from fairlead.directory.names cimport NO_SLOT, names_find
from fairlead.engine.model cimport AFFINITY_OFF, AFFINITY_PREFER, AFFINITY_REQUIRE


cdef void add_label(JobSpec* job, const Label* label) noexcept nogil:
    """As one of the request, unless that has the key; what is beyond the limit of labels is left out."""
    cdef int32_t at
    for at in range(job.label_count):
        if text_equal(job.labels[at].key, label.key):
            return
    if job.label_count < MAX_LABELS:
        job.labels[job.label_count] = label[0]
        job.label_count += 1


cdef void apply_profile(Tenant* t, JobSpec* job) noexcept nogil:
    """Fills in tier, value, language, labels and the wanted agent. Tiers and agents that are not known count as none.

    The texts stay those of the store. O(attributes).
    """
    cdef uint32_t slot = customers_find(&t.profiles, job.customer), tier, agent, at
    cdef Customer customer
    cdef Label label
    if slot == NO_CUSTOMER:
        return
    customers_get(&t.profiles, slot, &customer)
    if job.customer_tier.size == 0 and customer.tier.size:
        tier = names_find(&t.tiers, customer.tier)
        if tier != NO_SLOT and tier < t.tier_capacity and t.tier_entries[tier].used:
            job.customer_tier = customer.tier
    if job.customer_value == 0:
        job.customer_value = customer.value
    if job.language.size == 0:
        job.language = customer.language
    for at in range(customer.attribute_count):
        label.key = customer.attributes[at].key
        label.value = customer.attributes[at].value
        add_label(job, &label)
    if customer.own_agent.size and not job.wanted_agent.present and job.affinity != AFFINITY_OFF:
        agent = names_find(&t.agents, customer.own_agent)
        if agent != NO_SLOT and agent < t.engine.agent_capacity and t.engine.agents[agent].number:
            job.wanted_agent.present = 1
            job.wanted_agent.agent_id = customer.own_agent
            job.wanted_agent.mode = AFFINITY_REQUIRE if job.affinity == AFFINITY_REQUIRE else AFFINITY_PREFER
            job.wanted_agent.hold.us = 0
