"""Compiled from ext/fairlead/events: the last events of a shard."""
