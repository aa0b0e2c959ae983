"""AdminService: the state of the process and of its tenants for operators."""

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairlead.problems import Problems
from fairlead.protobuf import set_duration
from fairlead.service.calls import ColdCall
from fairlead.service.requests import read_tenant, refuse
from fairlead.shard.core import JobState, Shard
from fairlead.v1 import admin_service_pb2 as pb
from fairlead.version import __version__


def calls(shard: Shard, durability: str, clock: Callable[[], int] = time.monotonic_ns) -> Mapping[str, ColdCall]:
    """Path and function of the service; its uptime counts from here on."""
    started_ns = clock()

    def get_status(request: pb.GetStatusRequest) -> pb.GetStatusResponse:
        problems = Problems()
        tenant = read_tenant(request.tenant, problems)
        refuse(problems)
        response = pb.GetStatusResponse(
            version=__version__,
            durability=durability,
            resident_bytes=resident_bytes(),
            degraded=degraded(shard.journal()),
            tenants=[
                tenant_status(shard, name, request.verify)
                for name in ([tenant] if request.tenant else sorted(shard.tenants()))
            ],
        )
        set_duration(response.uptime, (clock() - started_ns) // 1_000)
        return response

    return {"/fairlead.v1.AdminService/GetStatus": ColdCall(pb.GetStatusRequest, get_status)}


def degraded(journal: Mapping[str, Any]) -> list[str]:
    """What the journal suffers from, by its counts; those are empty where there is none."""
    found = []
    if journal.get("is_slow"):
        found.append("the journal's disk is slow: a sync within the last minute took over a second")
    if journal.get("no_space"):
        found.append("the journal's disk is full: new jobs are refused")
    return found


def tenant_status(shard: Shard, tenant: str, verify: bool) -> pb.TenantStatus:
    """Counts of one tenant; with `verify` also what is violated, which takes time linear in its state."""
    view = shard.status(tenant)
    online, away, draining, offline = view.agents
    status = pb.TenantStatus(
        tenant=tenant,
        policy_version=view.policy_version,
        state_hash=view.state_hash,
        online_agents=online,
        away_agents=away,
        draining_agents=draining,
        offline_agents=offline,
        load=view.load,
        capacity=view.capacity,
        scheduled_jobs=view.jobs.get(JobState.SCHEDULED, 0),
        queued_jobs=view.jobs.get(JobState.QUEUED, 0),
        offered_jobs=view.jobs.get(JobState.OFFERED, 0),
        assigned_jobs=view.jobs.get(JobState.ASSIGNED, 0),
        wrapping_jobs=view.jobs.get(JobState.WRAPPING, 0),
        completed_jobs=view.jobs.get(JobState.COMPLETED, 0),
        cancelled_jobs=view.jobs.get(JobState.CANCELLED, 0),
        expired_jobs=view.jobs.get(JobState.EXPIRED, 0),
        violations=shard.check(tenant) if verify else (),
    )
    for queue, waiting_count, longest_us in view.queues:
        entry = status.queues.add(queue=queue, waiting_jobs=waiting_count)
        if waiting_count:
            set_duration(entry.longest_wait, longest_us)
    return status


def resident_bytes() -> int:
    """Memory of this process that is in RAM; where the system does not tell, the most it ever was."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
