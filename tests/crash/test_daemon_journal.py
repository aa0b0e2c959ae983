"""The daemon with a journal, on both transports: answers survive kill -9, a restart goes on, absence is refused."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from fairlead.config import TRANSPORTS
from fairlead.v1 import agent_pb2, agent_service_pb2, job_pb2, routing_service_pb2
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from fairlead.v1.routing_service_pb2_grpc import RoutingServiceStub

CALLS = 200


def start(
    folder: Path, transport: str, *flags: str, journal: str = ""
) -> tuple["subprocess.Popen[str]", list[dict[str, Any]]]:
    """A daemon with a journal; what it logged until it was started or gave up."""
    file = folder / "fairlead.toml"
    file.write_text(f'transport = "{transport}"\n[journal]\npath = "data"\nsegment_size = 1048576\n{journal}')
    command = [sys.executable, "-m", "fairlead", "serve", "--config", str(file), "--listen", "127.0.0.1:0", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] in ("started", "not started"):
            break
    return process, events


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_answer_of_the_daemon_survives_kill_9(tmp_path: Path, transport: str) -> None:
    process, events = start(tmp_path, transport, "--init")
    assert [event["event"] for event in events] == ["recovered", "started"]
    assert events[1]["durability"] == "fsync"
    with grpc.insecure_channel(events[1]["address"]) as channel:
        agents, routing = AgentServiceStub(channel), RoutingServiceStub(channel)
        ann = agent_pb2.Agent(id="ann", capacity=1_000, presence=agent_pb2.PRESENCE_ONLINE)
        agents.CreateAgent(agent_service_pb2.CreateAgentRequest(agent=ann), timeout=20)

        def assign(number: int) -> Any:
            request = routing_service_pb2.AssignRequest(job=job_pb2.JobSpec(id=f"job-{number}"))
            return routing.Assign(request, timeout=20)

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(assign, range(CALLS)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process, events = start(tmp_path, transport)
    assert events[0]["records"] > CALLS
    with grpc.insecure_channel(events[1]["address"]) as channel:
        routing = RoutingServiceStub(channel)
        for answer in answers:
            job = routing.GetJob(routing_service_pb2.GetJobRequest(job_id=answer.job_id), timeout=20).job
            assert job.agent_id == answer.agent_id == "ann"
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_a_daemon_without_its_data_directory_does_not_start_empty(tmp_path: Path) -> None:
    process, events = start(tmp_path, "native")
    process.communicate()
    assert process.returncode == 1
    assert (events[0]["event"], events[0]["reason"]) == ("not started", "JOURNAL_ABSENT")
