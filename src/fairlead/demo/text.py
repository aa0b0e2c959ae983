"""The report as tables for people."""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.commands.table import age, percent, table

Report = Mapping[str, Any]


def report_text(report: Report) -> str:
    """All of it, in the order in which people ask."""
    parts = [
        _head(report["play"], report["jobs"]),
        _queues(report["queues"]),
        _tiers(report["tiers"], report["own_agent"]),
        _policies(report["policies"]),
        _estimates(report["estimates"]),
        _agents(report["agents"]),
        _fairness(report["fairness"]),
        _latencies(report["rpc_ms"]),
        _audit(report),
    ]
    return "\n\n".join(parts)


def _head(play: Report, jobs: Report) -> str:
    ends = ", ".join(f"{jobs[name]:,} {name}" for name in ("completed", "left", "refused", "failed") if jobs[name])
    lines = [
        f"{play['source']}: {jobs['submitted']:,} conversations, {play['agents']} agents; {ends}",
        f"played in {age(play['wall_s'])} at {play['speed']:,.0f} times the speed of the day, {play['calls']:,} calls, "
        f"{play['calls_per_s']:,.0f} a second; 1 ms of the clock is {age(play['speed'] / 1000)} of the day",
    ]
    if play["handle_scale"] < 1:
        lines.append(
            f"handle times were scaled by {play['handle_scale']:.2f}, so that {play['agents']} agents can hold the day"
        )
    if play["stood_s"] >= 0.05:
        lines.append(f"the day stood still for {age(play['stood_s'])} while the machine caught up")
    return "\n".join(lines)


def _section(title: str, headers: tuple[str, ...], rows: Iterable[tuple[object, ...]], left: int = 1) -> str:
    return f"{title}\n{table(headers, rows, left=left)}"


def _waits(wait: Report) -> tuple[str, ...]:
    return tuple(age(wait[name]) for name in ("p50", "p95", "p99", "max"))


def _queues(queues: Iterable[Report]) -> str:
    headers = ("QUEUE", "STRATEGY", "JOBS", "AT ONCE", "", "WAIT P50", "P95", "P99", "MAX", "LEFT", "")
    rows = (
        (
            queue["queue"],
            queue["strategy"],
            queue["jobs"],
            queue["placed_at_once"],
            percent(queue["placed_at_once"], queue["jobs"]),
            *_waits(queue["wait_s"]),
            queue["left"],
            percent(queue["left"], queue["jobs"]),
        )
        for queue in queues
    )
    return _section("Queues (waits in time of the day; left: gone before an agent was found)", headers, rows, left=2)


def _tiers(tiers: Iterable[Report], own: Mapping[str, Report]) -> str:
    headers = ("TIER", "JOBS", "WAITED", "WAIT IF WAITED P50", "P95", "P99", "MAX", "LEFT")
    rows = (
        (tier["tier"], tier["jobs"], tier["waited"], *_waits(tier["wait_if_waited_s"]), tier["left"]) for tier in tiers
    )
    shares = ", ".join(
        f"{queue} {percent(count['same_agent'], count['returning'])} of {count['returning']:,}"
        for queue, count in own.items()
        if count["returning"]
    )
    text = _section("Customers (vip: a head start)", headers, rows)
    return f"{text}\nreturning customers who met the agent they had last: {shares}" if shares else text


def _time_of_day(day_s: float) -> str:
    return f"{int(day_s) // 3_600 % 24:02d}:{int(day_s) % 3_600 // 60:02d}"


def _policies(policies: Iterable[Report]) -> str:
    headers = (
        "VERSION",
        "FROM",
        "TECHNICAL",
        "HEAD START",
        "JOBS",
        "VIP WAIT IF WAITED P50",
        "P95",
        "OTHERS P50",
        "P95",
    )
    groups = ("vip_wait_if_waited_s", "other_wait_if_waited_s")
    rows = (
        (
            policy["version"],
            _time_of_day(policy["from_s"]) if policy["from_s"] is not None else None,
            policy["strategies"]["technical"],
            age(policy["vip_head_start_s"]),
            policy["jobs"],
            *(age(policy[group][name]) for group in groups for name in ("p50", "p95")),
        )
        for policy in policies
    )
    title = "Policies (the second took over in the middle of the day, while jobs waited and were held)"
    return _section(title, headers, rows)


def _estimates(told: Report) -> str:
    """One paragraph; a good estimate has half within p50 and nine of ten within p90."""
    if not told["told"]:
        return f"Expected waits: nobody was told one, {told['not_told']:,} waited before enough was known"
    return (
        f"Expected waits, told to {told['told']:,} who waited ({told['not_told']:,} came before enough was known): "
        f"{percent(told['within_p50'], told['told'])} waited no longer than p50, "
        f"{percent(told['within_p90'], told['told'])} no longer than p90;\n"
        f"half of them met p50 within {age(told['error_s']['p50'])}, the mean error was {age(told['error_s']['mean'])}"
    )


def _ratio(value: float | None, digits: int) -> str | None:
    return f"{value:.{digits}f}" if value is not None else None


def _agents(agents: Iterable[Report]) -> str:
    headers = (
        "AGENT",
        "TEAM",
        "CAPACITY",
        "ONLINE",
        "JOBS",
        "SHARE",
        "OCCUPANCY",
        "WEIGHT",
        "WEIGHTED",
        "DUE",
        "RATIO",
    )
    rows = (
        (
            agent["agent"],
            agent["team"],
            agent["capacity"],
            f"{agent['online_h']:.1f} h",
            agent["jobs"],
            percent(agent["share"], 1),
            percent(agent["occupancy"], 1) if agent["occupancy"] is not None else None,
            agent["weight"],
            agent["weighted_jobs"],
            f"{agent['weighted_due']:,.1f}",
            _ratio(agent["given_to_due"], 3),
        )
        for agent in agents
    )
    title = "Agents (weighted: jobs of weighted queues; due: their part by weight of each they could have taken)"
    return _section(title, headers, rows, left=2)


def _fairness(queues: Iterable[Report]) -> str:
    headers = ("QUEUE", "STRATEGY", "GIVEN/DUE MAX/MIN", "JAIN", "OCCUPANCY MAX/MIN", "JAIN")
    rows = (
        (
            queue["queue"],
            queue["strategy"],
            *(_ratio(queue["given_to_due"][key], 4) for key in ("max_over_min", "jain_index")),
            *(_ratio(queue["occupancy"][key], 4) for key in ("max_over_min", "jain_index")),
        )
        for queue in queues
    )
    return _section(
        "Fairness (1 is exactly even; given/due over all who share, occupancy over the team)", headers, rows, 2
    )


def _latencies(methods: Mapping[str, Report]) -> str:
    headers = ("METHOD", "CALLS", "P50", "P95", "P99", "P99.9", "MAX")
    rows = (
        (name, row["calls"], *(f"{row[key]:.2f}" for key in ("p50", "p95", "p99", "p99.9", "max")))
        for name, row in methods.items()
    )
    return _section("Calls (milliseconds as the clients saw them, on a machine shared with the daemon)", headers, rows)


def _audit(report: Report) -> str:
    rows = ((check["check"], check["checked"], check["violation_count"]) for check in report["audit"])
    lines = [_section("Audit", ("CHECK", "LOOKED AT", "VIOLATIONS"), rows)]
    lines += [f"  {check['check']}: {text}" for check in report["audit"] for text in check["violations"]]
    lines.append(f"{report['violations']} violations")
    return "\n".join(lines)
