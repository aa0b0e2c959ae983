"""fairlead assigns customer-service conversations to agents; this is the embedded library.

    from fairlead import Presence, Router
    router = Router()
    router.create_agent("ann", presence=Presence.ONLINE)
    router.assign("conversation-1").agent_id

Names are loaded when first asked for, so that tools that need no engine (errors, policies) work without the compiled
part. There is no fallback for it: without it, asking for `Router` says how to build it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fairlead.version import __version__

if TYPE_CHECKING:
    from fairlead.errors import (
        AlreadyExists,
        FailedPrecondition,
        FairleadError,
        Internal,
        InvalidArgument,
        NotFound,
        OutOfRange,
        ResourceExhausted,
        Unavailable,
        Unimplemented,
    )
    from fairlead.router import JobRequest, Router
    from fairlead.shard.core import Affinity, Assignment, EventKind, JobState, Outcome, Presence, Reason, When
    from fairlead.views import Agent, Customer, Event, Explanation, Job, PolicyTrial, PolicyVersion, Status

__all__ = [
    "Affinity",
    "Agent",
    "AlreadyExists",
    "Assignment",
    "Customer",
    "Event",
    "EventKind",
    "Explanation",
    "FailedPrecondition",
    "FairleadError",
    "Internal",
    "InvalidArgument",
    "Job",
    "JobRequest",
    "JobState",
    "NotFound",
    "OutOfRange",
    "Outcome",
    "PolicyTrial",
    "PolicyVersion",
    "Presence",
    "Reason",
    "ResourceExhausted",
    "Router",
    "Status",
    "Unavailable",
    "Unimplemented",
    "When",
    "__version__",
]

_ENGINE = ("Affinity", "Assignment", "EventKind", "JobState", "Outcome", "Presence", "Reason", "When")
_VIEWS = ("Agent", "Customer", "Event", "Explanation", "Job", "PolicyTrial", "PolicyVersion", "Status")
_ROUTER = ("JobRequest", "Router")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _ROUTER:
        home = "fairlead.router"
    elif name in _ENGINE:
        home = "fairlead.shard.core"
    else:
        home = "fairlead.views" if name in _VIEWS else "fairlead.errors"
    return getattr(import_module(home), name)
