"""The policies of a shard's tenants over time: what was in force (`book`), what another one would do (`trial`)."""
