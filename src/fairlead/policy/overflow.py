"""Overflows of queues and plans seen as one graph; a circle in it would hand a job round for ever (Q6, R2, L2)."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from fairlead.problems import Problems
from fairlead.v1 import policy_pb2

# Longest circle that a message spells out.
_SHOWN = 8

# From queue id to the queues it leads to, each with the path of the field that says so.
_Graph = Mapping[str, Sequence[tuple[str, str]]]


def check_overflows(policy: policy_pb2.Policy, problems: Problems) -> None:
    """Notes every circle once, at the first queue of the document that is in it. Cost: linear in queues and rules."""
    graph = _without_ends(_graph(policy))
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        circle, reached = _circle(graph, start)
        if circle:
            names = " -> ".join([start, *(name for name, _ in circle[: _SHOWN - 1])])
            problems.note(circle[0][1], f"overflows form a circle: {names}; break it at one of these queues")
            done |= reached & _leading_to(graph, start)


def _graph(policy: policy_pb2.Policy) -> _Graph:
    """A queue leads where it overflows to itself, for length, wait or hours, and where its plan does.

    A rule adds its plan to the queue it names, and so does an arm. A rule that names none may concern any queue and
    adds nothing: an overflow ends a job's plan, so it could not come back the same way.
    """
    known = {queue.id for queue in policy.queues}
    ends = {
        plan.id: (plan.overflow_queue, f"plans[{index}].overflow_queue")
        for index, plan in enumerate(policy.plans)
        if plan.end == policy_pb2.PLAN_END_OVERFLOW
    }
    graph: dict[str, list[tuple[str, str]]] = {}
    for index, queue in enumerate(policy.queues):
        if queue.id in graph:
            continue
        edges = graph[queue.id] = []
        # Overflowing into itself is told where the queue is checked.
        if queue.overflow_queue in known and queue.overflow_queue != queue.id:
            edges.append((queue.overflow_queue, f"queues[{index}].overflow_queue"))
        if queue.plan in ends and ends[queue.plan][0] in known:
            edges.append(ends[queue.plan])
    for rule in policy.rules:
        if rule.queue in graph and rule.plan in ends and ends[rule.plan][0] in known:
            graph[rule.queue].append(ends[rule.plan])
    for arm in policy.experiment.arms:
        for treated in arm.queues:
            if treated.id in graph and treated.plan in ends and ends[treated.plan][0] in known:
                graph[treated.id].append(ends[treated.plan])
    return graph


def _without_ends(graph: _Graph) -> _Graph:
    """The queues from which every way goes on for ever: none in a policy without circles."""
    open_ways = {at: len(edges) for at, edges in graph.items()}
    before = _backwards(graph)
    ends = [at for at, count in open_ways.items() if not count]
    while ends:
        for at in before.get(ends.pop(), ()):
            open_ways[at] -= 1
            if not open_ways[at]:
                ends.append(at)
    return {at: [edge for edge in edges if open_ways[edge[0]]] for at, edges in graph.items() if open_ways[at]}


def _backwards(graph: _Graph) -> Mapping[str, Sequence[str]]:
    before: dict[str, list[str]] = {}
    for at, edges in graph.items():
        for to, _ in edges:
            before.setdefault(to, []).append(at)
    return before


def _circle(graph: _Graph, start: str) -> tuple[list[tuple[str, str]], set[str]]:
    """The shortest way from `start` back to it, empty when there is none, and all that `start` leads to."""
    came: dict[str, tuple[str, str]] = {}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for to, path in graph[at]:
            if to not in came:
                came[to] = (at, path)
                waiting.append(to)
    if start not in came:
        return [], set(came)
    return list(reversed(list(_back(came, start)))), set(came)


def _back(came: Mapping[str, tuple[str, str]], start: str) -> Iterator[tuple[str, str]]:
    at = start
    while True:
        before, path = came[at]
        yield at, path
        at = before
        if at == start:
            return


def _leading_to(graph: _Graph, end: str) -> set[str]:
    back = _backwards(graph)
    found, waiting = {end}, [end]
    while waiting:
        for before in back.get(waiting.pop(), ()):
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found
