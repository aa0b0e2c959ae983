"""Short histories with a bit of everything that a journal keeps, and what a shard is, as one value to compare."""

from pathlib import Path
from typing import Any, NamedTuple

from fairlead.errors import FairleadError
from fairlead.policy.compile import compile_policy
from fairlead.policy.document import load
from fairlead.shard.core import Shard

POLICY = {
    "queues": [
        {"id": "sales", "strategy": "weighted", "affinity": {"mode": "AFFINITY_MODE_PREFER"}},
        {"id": "support", "strategy": "sequential", "max_wait": "1h"},
    ],
    "channels": [{"id": "chat"}, {"id": "mail", "cost": 2}],
    "tiers": [{"id": "gold", "head_start": "60s"}],
    "default_queue": "support",
}
SEGMENT = 4096


class Look(NamedTuple):
    """What a shard is to its callers."""

    hashes: dict[str, int]
    policies: dict[str, Any]
    agents: dict[str, Any]
    jobs: dict[str, Any]


def look(shard: Shard) -> Look:
    """Everything of every tenant; also asks each for its invariants."""
    tenants = shard.tenants()
    for tenant in tenants:
        assert shard.check(tenant) == []
    return Look(
        {tenant: shard.state_hash(tenant) for tenant in tenants},
        {tenant: shard.policy(tenant) for tenant in tenants},
        {tenant: [plain(view) for view in shard.agents(tenant)] for tenant in tenants},
        {tenant: [plain(view) for view in shard.jobs(tenant, limit=10_000)[0]] for tenant in tenants},
    )


def plain(view: Any) -> dict[str, Any]:
    """The attributes of a view of the shard."""
    return {name: getattr(view, name) for name in dir(view) if not name.startswith("_")}


def opened(path: Path, durability: str = "os", segment_size: int = SEGMENT) -> Shard:
    """A shard in virtual time with its journal in `path`."""
    shard = Shard(virtual_time=True)
    shard.open(str(path), durability, segment_size=segment_size)
    return shard


def steps(shard: Shard, count: int, start: int = 0) -> list[Look]:
    """Carries out `count` calls of a fixed history; what the shard was before the first and after each."""
    looks = [look(shard)]
    for number in range(start, start + count):
        try:
            step(shard, number)
        except FairleadError as refused:
            assert refused.code in (5, 6, 8, 9), refused
        looks.append(look(shard))
    return looks


def step(shard: Shard, number: int) -> None:
    """Call `number` of the history; the same number is always the same call."""
    tenant = "other" if number % 11 == 7 else "default"
    job = f"job-{number:032d}"
    if number == 0:
        shard.install_policy("default", compile_policy(load(POLICY), "somebody"), "first-policy")
    elif number <= 4:
        shard.create_agent(
            "default", f"agent-{number}", skills={"en": number}, tags=["day"], capacity=3, request_id=f"new-{number}"
        )
    elif number <= 8:
        shard.set_presence("default", f"agent-{number - 4}", 1, "shift", 0, f"on-{number}")
    elif number % 5 == 4:
        shard.cancel("default", f"job-{number - 4:032d}", f"cancel-{number}")
    elif number % 7 == 3:
        shard.advance_to(number * 1_000_000)
    elif number % 13 == 6:
        shard.update_agent("default", f"agent-{number % 4 + 1}", capacity=number % 3 + 1)
    else:
        shard.assign(
            tenant,
            job,
            "" if number % 2 or tenant == "other" else "sales",
            skills={"en": number % 4} if number % 3 and tenant == "default" and number % 4 else None,
            customer=f"customer-{number % 6}",
            customer_tier="gold" if number % 8 == 1 and tenant == "default" else "",
        )
