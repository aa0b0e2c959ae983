"""`fairlead status`: what a daemon holds; with --verify also whether every invariant holds."""

import argparse
from typing import Any

from fairlead.commands.client import Client, add_client_options, plain, print_json, seconds
from fairlead.commands.table import age, percent, table
from fairlead.v1 import admin_service_pb2 as admin_pb2


def register(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("status", help="counts, backlog, invariants", description=__doc__, allow_abbrev=False)
    parser.add_argument("--verify", action="store_true", help="check every invariant; exit code 1 when one is violated")
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(namespace: argparse.Namespace) -> int:
    """Prints the status of one tenant, or of all when none is named."""
    with Client.of(namespace) as client:
        status = client.call(client.admin.GetStatus, admin_pb2.GetStatusRequest(verify=namespace.verify))
    violations = sum(len(tenant.violations) for tenant in status.tenants)
    if namespace.json:
        print_json(plain(status))
    else:
        print(_text(status, namespace.verify))
    return 1 if violations else 0


def _text(status: admin_pb2.GetStatusResponse, verified: bool) -> str:
    lines = [
        f"fairlead {status.version}, up {age(seconds(status.uptime))}, durability {status.durability or 'none'}, "
        f"{status.resident_bytes / 2**20:.1f} MiB resident"
    ]
    lines += [f"degraded: {what}" for what in status.degraded]
    for tenant in status.tenants:
        lines += ["", *_tenant_lines(tenant)]
        if verified:
            lines.append(
                f"invariants: {len(tenant.violations)} violated" if tenant.violations else "invariants: all hold"
            )
            lines += [f"  {violation}" for violation in tenant.violations]
    if not status.tenants:
        lines.append("no tenant yet")
    return "\n".join(lines)


def _tenant_lines(tenant: admin_pb2.TenantStatus) -> list[str]:
    return [
        f"tenant {tenant.tenant}, policy {tenant.policy_version}, state {tenant.state_hash:016x}",
        f"agents: {tenant.online_agents:,} online, {tenant.away_agents:,} away, {tenant.draining_agents:,} draining, "
        f"{tenant.offline_agents:,} offline; load {tenant.load:,} of {tenant.capacity:,} "
        f"({percent(tenant.load, tenant.capacity)})",
        f"jobs: {tenant.scheduled_jobs:,} scheduled, {tenant.queued_jobs:,} queued, {tenant.offered_jobs:,} offered, "
        f"{tenant.assigned_jobs:,} assigned, {tenant.wrapping_jobs:,} wrapping",
        f"ended: {tenant.completed_jobs:,} completed, {tenant.cancelled_jobs:,} cancelled, "
        f"{tenant.expired_jobs:,} expired",
        table(
            ("QUEUE", "WAITING", "LONGEST"),
            (
                (queue.queue, queue.waiting_jobs, age(seconds(queue.longest_wait)) if queue.waiting_jobs else None)
                for queue in tenant.queues
            ),
        ),
    ]
