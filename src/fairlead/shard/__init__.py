"""The single writer of a set of tenants, compiled from ext/fairlead/shard."""

from importlib.util import find_spec

# There is no fallback: all that is missing without the compiled modules should say how to get them.
if find_spec("fairlead.shard.core") is None:
    raise ImportError(
        "the compiled modules of fairlead are missing: run `make build` in a checkout, or `pip install .`"
    )
