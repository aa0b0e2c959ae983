"""A policy's rules, schedules, scenarios and plans from Python tables to the integers that the shard and the engine use."""

from fairlead.shard.rulebook cimport RuleBook
from fairlead.shard.tenant cimport Tenant

cdef RuleBook* compile_rules(Tenant* t, object tables, object breathe) except NULL
cdef object install_plans(Tenant* t, object tables)
