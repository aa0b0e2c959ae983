"""What a call is told that is refused because there is too much to do."""

from fairlead.errors import FairleadError, error

# The trailer by which gRPC clients are told when to come back, in milliseconds.
PUSHBACK_KEY = "grpc-retry-pushback-ms"
PUSHBACK_MS = "1000"


def overloaded() -> FairleadError:
    """The refusal."""
    return error("OVERLOADED", "the server has too much to do; nothing has happened, try again in a second")
