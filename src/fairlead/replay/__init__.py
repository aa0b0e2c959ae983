"""Recorded traffic: what a journal says happened to a tenant, and what another policy would have made of it (L4)."""
