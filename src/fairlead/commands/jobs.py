"""`fairlead assign`, `complete`, `cancel`, `transfer`, `jobs`, `explain`: the life of a job."""

import argparse
import time
from typing import Any

from fairlead.commands import values
from fairlead.commands.client import Client, add_client_options, plain, print_json, seconds, short
from fairlead.commands.explanation import explanation_text
from fairlead.commands.table import age, local_time, table
from fairlead.v1 import job_pb2
from fairlead.v1 import routing_service_pb2 as pb2

MAX_PAGE_SIZE = 1_000
DEFAULT_LIMIT = 100
# For a journal that is read on the way.
EXPLAIN_SECONDS = 300


def register(commands: Any) -> None:
    """Adds the commands to the parser."""
    _add_assign(commands)

    complete_parser = _command(commands, "complete", complete, "end the work on a job")
    _version_option(complete_parser)
    complete_parser.add_argument(
        "--first-response", type=values.duration, metavar="TIME", help="time to the first answer"
    )
    complete_parser.add_argument("--satisfaction", type=int, metavar="0-1000", help="what the customer said")
    complete_parser.add_argument("--skip-wrap-up", action="store_true", help="no after-work")

    for name, run, text in (
        ("accept", accept, "take an offered job for its agent"),
        ("decline", decline, "turn an offered job down; it is offered on"),
        ("finish", finish, "end the after-work of a completed job"),
    ):
        _version_option(_command(commands, name, run, text))

    _command(commands, "cancel", cancel, "end a job that is no longer wanted")

    transfer_parser = _command(commands, "transfer", transfer, "move a job; without a target back to its queue")
    _version_option(transfer_parser)
    target = transfer_parser.add_mutually_exclusive_group()
    target.add_argument("--to-agent", metavar="AGENT", help="to this agent")
    target.add_argument("--to-queue", metavar="QUEUE", help="to the backlog of this queue")
    transfer_parser.add_argument("--over-capacity", action="store_true", help="give it even above the agent's capacity")
    transfer_parser.add_argument("--reset-age", action="store_true", help="start its waiting time again")

    jobs_parser = _command(commands, "jobs", jobs, "list jobs by submission, or show one")
    jobs_parser.add_argument(
        "--state", dest="states", action="append", default=[], type=values.job_state, help="repeat for more"
    )
    jobs_parser.add_argument("--queue", default="", help="only of this queue")
    jobs_parser.add_argument("--agent", default="", help="only of this agent")
    jobs_parser.add_argument("--limit", type=_count, default=DEFAULT_LIMIT, help=f"default {DEFAULT_LIMIT}; 0: all")

    explain_parser = _command(commands, "explain", explain, "why a job is where it is, agent by agent")
    moment = explain_parser.add_mutually_exclusive_group()
    moment.add_argument("--now", action="store_true", help="as it is now; the default while it waits")
    moment.add_argument(
        "--at-decision", action="store_true", help="as it was when it was last placed; else the default"
    )
    explain_parser.add_argument(
        "--max-records", type=_count, default=0, metavar="N", help="of the journal to read at most; default 2,000,000"
    )


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("job_id", metavar="ID", nargs="?" if name == "jobs" else None, help="job id")
    add_client_options(parser)
    parser.set_defaults(run=run, parser=parser)
    return parser


def _version_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", type=int, help="of the assignment; without it the present one is asked for first")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count")
    return int(text)


def _add_assign(commands: Any) -> None:
    parser = _command(commands, "assign", assign, "submit a job and see who gets it")
    add_job_options(parser)
    parser.add_argument("--wait", type=values.duration, metavar="TIME", help="answer when an agent has it, or then")
    parser.add_argument("--immediate", action="store_true", help="refuse it instead of queueing it")


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """The options that describe a job, for `job_spec`."""
    parser.add_argument("--queue", default="", help="default: the policy's rules, then its default queue")
    parser.add_argument("--channel", default="", help="default: the policy's first channel")
    _demand_option(parser, "--skill", "skills", "the agent must have it, e.g. en, en:3 or en:3-5; repeat")
    parser.add_argument("--tag", dest="tags", action="append", default=[], help="the agent must carry it; repeat")
    _demand_option(parser, "--prefer-skill", "preferred_skills", "who has it comes first; repeat")
    parser.add_argument("--prefer-tag", dest="preferred_tags", action="append", default=[], help="likewise; repeat")
    parser.add_argument("--customer", default="", help="for returning customers")
    parser.add_argument("--tier", default="", help="customer tier of the policy")
    parser.add_argument("--urgency", type=int, default=0, help="0-9, higher first")
    parser.add_argument("--head-start", type=values.duration, metavar="TIME", help="counts as if it had come earlier")
    parser.add_argument(
        "--exclude", dest="excluded", action="append", default=[], metavar="AGENT", help="not this one; repeat"
    )
    parser.add_argument("--want", metavar="AGENT", help="this agent comes first")
    parser.add_argument("--want-only", action="store_true", help="with --want: nobody else")
    parser.add_argument(
        "--hold", type=values.duration, metavar="TIME", help="with --want: wait so long while they are full"
    )
    parser.add_argument(
        "--time-to-live", type=values.duration, metavar="TIME", help="expires when nobody holds it by then"
    )
    parser.add_argument("--start", type=values.moment, metavar="TIME", help="scheduled until then, ISO")
    parser.add_argument("--label", dest="labels", action="append", default=[], type=values.label, metavar="KEY=VALUE")
    parser.add_argument("--language", default="", help="BCP 47 tag")
    parser.add_argument("--value", type=int, default=0, help="what the customer is worth")
    parser.add_argument(
        "--affinity", type=values.affinity_mode, default=0, help="off, prefer or require; default the queue's"
    )
    parser.add_argument("--gateway", default="", help="who submits it; events can be filtered by it")


def _demand_option(parser: argparse.ArgumentParser, flag: str, name: str, text: str) -> None:
    parser.add_argument(
        flag, dest=name, action="append", default=[], type=values.skill_demand, metavar="NAME:MIN-MAX", help=text
    )


def job_spec(namespace: argparse.Namespace, job_id: str) -> job_pb2.JobSpec:
    """The job that the options describe."""
    wanted = None
    if namespace.want is not None:
        mode = job_pb2.AFFINITY_MODE_REQUIRE if namespace.want_only else job_pb2.AFFINITY_MODE_PREFER
        wanted = job_pb2.WantedAgent(agent_id=namespace.want, mode=mode, hold=namespace.hold)
    elif namespace.want_only or namespace.hold:
        namespace.parser.error("--want-only and --hold need --want AGENT")
    return job_pb2.JobSpec(
        id=job_id,
        queue=namespace.queue,
        channel=namespace.channel,
        skills=namespace.skills,
        tags=namespace.tags,
        preferred_skills=namespace.preferred_skills,
        preferred_tags=namespace.preferred_tags,
        customer=namespace.customer,
        customer_tier=namespace.tier,
        urgency=namespace.urgency,
        head_start=namespace.head_start,
        excluded_agents=namespace.excluded,
        wanted_agent=wanted,
        time_to_live=namespace.time_to_live,
        start_time=namespace.start,
        labels=dict(namespace.labels),
        language=namespace.language,
        customer_value=namespace.value,
        affinity=namespace.affinity,
        gateway=namespace.gateway,
    )


def assign(namespace: argparse.Namespace) -> int:
    """Submits one job."""
    job = job_spec(namespace, namespace.job_id)
    request = pb2.AssignRequest(job=job, immediate_only=namespace.immediate, wait=namespace.wait)
    with Client.of(namespace) as client:
        answer = client.call(client.routing.Assign, request, seconds(request.wait))
    if namespace.json:
        print_json(plain(answer))
        return 0
    outcome = short(job_pb2.Outcome, answer.outcome, "OUTCOME_")
    text = f"{answer.job_id} {outcome}"
    if answer.agent_id:
        text += f" to {answer.agent_id}, version {answer.version}"
    if answer.reason:
        text += f": {short(job_pb2.Reason, answer.reason, 'REASON_')}"
    if expected := _expectation(answer.estimate):
        text += f", {expected}"
    print(
        text + f" (queue {answer.queue}, policy {answer.policy_version})" + (" (repeated)" if answer.repeated else "")
    )
    return 0


def _present_version(client: Client, namespace: argparse.Namespace) -> int:
    """The version on the command line, else the one the job has now."""
    if namespace.version is not None:
        return int(namespace.version)
    return int(client.call(client.routing.GetJob, pb2.GetJobRequest(job_id=namespace.job_id)).job.version)


def complete(namespace: argparse.Namespace) -> int:
    """Ends an assignment."""
    with Client.of(namespace) as client:
        request = pb2.CompleteJobRequest(
            job_id=namespace.job_id,
            version=_present_version(client, namespace),
            first_response=namespace.first_response,
            satisfaction=namespace.satisfaction,
            skip_wrap_up=namespace.skip_wrap_up,
        )
        return _print_state(namespace, client.call(client.routing.CompleteJob, request))


def accept(namespace: argparse.Namespace) -> int:
    """Accepts an offer."""
    with Client.of(namespace) as client:
        request = pb2.AcceptOfferRequest(job_id=namespace.job_id, version=_present_version(client, namespace))
        return _print_state(namespace, client.call(client.routing.AcceptOffer, request))


def decline(namespace: argparse.Namespace) -> int:
    """Declines an offer and says where the job went."""
    with Client.of(namespace) as client:
        request = pb2.DeclineOfferRequest(job_id=namespace.job_id, version=_present_version(client, namespace))
        return _print_state(namespace, client.call(client.routing.DeclineOffer, request))


def finish(namespace: argparse.Namespace) -> int:
    """Finishes after-work."""
    with Client.of(namespace) as client:
        request = pb2.FinishWrapUpRequest(job_id=namespace.job_id, version=_present_version(client, namespace))
        return _print_state(namespace, client.call(client.routing.FinishWrapUp, request))


def cancel(namespace: argparse.Namespace) -> int:
    """Ends a job, whoever holds it."""
    with Client.of(namespace) as client:
        return _print_state(
            namespace, client.call(client.routing.CancelJob, pb2.CancelJobRequest(job_id=namespace.job_id))
        )


def transfer(namespace: argparse.Namespace) -> int:
    """Moves a held job."""
    with Client.of(namespace) as client:
        request = pb2.TransferJobRequest(
            job_id=namespace.job_id,
            version=_present_version(client, namespace),
            over_capacity=namespace.over_capacity,
            reset_age=namespace.reset_age,
        )
        if namespace.to_agent is not None:
            request.agent_id = namespace.to_agent
        elif namespace.to_queue is not None:
            request.queue = namespace.to_queue
        return _print_state(namespace, client.call(client.routing.TransferJob, request))


def _print_state(namespace: argparse.Namespace, answer: Any) -> int:
    if namespace.json:
        print_json(plain(answer))
        return 0
    text = f"{answer.job_id} is {short(job_pb2.JobState, answer.state, 'JOB_STATE_')}"
    agent_id = getattr(answer, "agent_id", "")
    if agent_id:
        text += f", held by {agent_id}, version {answer.version}"
    print(text)
    return 0


def jobs(namespace: argparse.Namespace) -> int:
    """Lists jobs, or shows one."""
    with Client.of(namespace) as client:
        if namespace.job_id is not None:
            job = client.call(client.routing.GetJob, pb2.GetJobRequest(job_id=namespace.job_id)).job
            return _print_job(namespace, job)
        listed, more = _pages(client, namespace)
    if namespace.json:
        print_json({"jobs": [plain(job) for job in listed], "more": more})
        return 0
    now = time.time()
    headers = ("JOB", "STATE", "QUEUE", "CHANNEL", "AGENT", "REASON", "VERSION", "WAITED", "AGE")
    print(table(headers, (_row(job, now) for job in listed), left=6))
    if more:
        print(f"the first {len(listed):,}; there are more, see --limit")
    return 0


def _pages(client: Client, namespace: argparse.Namespace) -> tuple[list[job_pb2.Job], bool]:
    """Jobs up to the limit, and whether there are more."""
    found: list[job_pb2.Job] = []
    request = pb2.ListJobsRequest(states=namespace.states, queue=namespace.queue, agent_id=namespace.agent)
    while True:
        request.page_size = min(MAX_PAGE_SIZE, namespace.limit - len(found)) if namespace.limit else MAX_PAGE_SIZE
        page = client.call(client.routing.ListJobs, request)
        found += page.jobs
        request.page_token = page.next_page_token
        if not page.next_page_token or len(found) == namespace.limit:
            return found, bool(page.next_page_token)


def _waited(job: job_pb2.Job, now: float) -> float | None:
    """Seconds from first queueing until an agent got it, it ended, or now; None for a scheduled job."""
    if not job.HasField("queue_time"):
        return None
    if job.HasField("assign_time"):
        until = seconds(job.assign_time)
    else:
        until = seconds(job.end_time) if job.HasField("end_time") else now
    return max(0.0, until - seconds(job.queue_time))


def _row(job: job_pb2.Job, now: float) -> tuple[object, ...]:
    waited = _waited(job, now)
    return (
        job.id,
        short(job_pb2.JobState, job.state, "JOB_STATE_"),
        job.queue,
        job.channel,
        job.agent_id,
        short(job_pb2.Reason, job.reason, "REASON_"),
        job.version or None,
        age(waited) if waited is not None else None,
        age(max(0.0, now - seconds(job.create_time))),
    )


def _expectation(estimate: job_pb2.WaitEstimate) -> str | None:
    """The place of a waiting job and how long it may still take."""
    if not estimate.position:
        return None
    place = f"position {estimate.position}"
    if not estimate.HasField("p50"):
        return f"{place}, wait unknown"
    return f"{place}, wait {age(seconds(estimate.p50))} (p50) to {age(seconds(estimate.p90))} (p90)"


def _print_job(namespace: argparse.Namespace, job: job_pb2.Job) -> int:
    if namespace.json:
        print_json({"job": plain(job)})
        return 0
    waited = _waited(job, time.time())
    facts: dict[str, object] = {
        "job": job.id,
        "state": short(job_pb2.JobState, job.state, "JOB_STATE_"),
        "reason": short(job_pb2.Reason, job.reason, "REASON_"),
        "queue": job.queue,
        "channel": f"{job.channel}, cost {job.cost}",
        "agent": f"{job.agent_id}, version {job.version}" if job.agent_id else None,
        "customer": job.customer,
        "urgency": job.urgency,
        "head start": age(seconds(job.head_start)),
        "waited": age(waited) if waited is not None else None,
        "expected": _expectation(job.estimate),
        "policy": job.policy_version,
    }
    for name in ("create_time", "queue_time", "assign_time", "end_time", "deadline"):
        facts[name.replace("_", " ")] = local_time(seconds(getattr(job, name))) if job.HasField(name) else None
    print(table(("", ""), facts.items(), left=2).lstrip())
    return 0


def _moment(namespace: argparse.Namespace) -> pb2.ExplainWhen:
    if namespace.now:
        return pb2.EXPLAIN_WHEN_NOW
    return pb2.EXPLAIN_WHEN_AT_DECISION if namespace.at_decision else pb2.EXPLAIN_WHEN_UNSPECIFIED


def explain(namespace: argparse.Namespace) -> int:
    """Prints the explanation of one job."""
    with Client.of(namespace) as client:
        request = pb2.ExplainJobRequest(
            job_id=namespace.job_id, when=_moment(namespace), max_records=namespace.max_records
        )
        answer = client.call(client.routing.ExplainJob, request, EXPLAIN_SECONDS)
    if namespace.json:
        print_json(plain(answer))
    else:
        print(explanation_text(answer))
    return 0
