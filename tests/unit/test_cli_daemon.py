"""The command line with a daemon: what each command prints, as tables and as one JSON object."""

import time
from pathlib import Path

import pytest

from tests.unit.shell import Shell

POLICY = """
default_queue = "orders"

[[queues]]
id = "orders"
strategy = "longest_idle"

[[tiers]]
id = "vip"
head_start = "90s"
"""


@pytest.fixture(autouse=True)
def policy(shell: Shell, tmp_path: Path) -> None:
    """The policy of every tenant here."""
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    shell.run("policy", "apply", str(file))


def test_a_job_from_assign_to_complete(shell: Shell) -> None:
    shell.run("agents", "create", "ana", "--skill", "en:5", "--capacity", "2", "--presence", "online")
    assert shell.run("assign", "j1", "--skill", "en:3") == "j1 assigned to ana, version 1 (queue orders, policy 1)\n"
    assert shell.run("assign", "j1", "--skill", "en:3").endswith("(repeated)\n")
    assert shell.run("jobs").splitlines()[1].split()[:5] == ["j1", "assigned", "orders", "chat", "ana"]
    assert shell.run("complete", "j1") == "j1 is completed\n"
    assert shell.refused("complete", "j1").startswith("WRONG_STATE: ")
    assert shell.json("jobs", "j1")["job"]["state"] == "JOB_STATE_COMPLETED"


def test_a_waiting_job_is_explained_agent_by_agent(shell: Shell) -> None:
    shell.run("agents", "create", "ana", "--skill", "en", "--presence", "online")
    assert (
        shell.run("assign", "j1", "--skill", "fr:2")
        == "j1 queued: none eligible, position 1, wait unknown (queue orders, policy 1)\n"
    )
    text = shell.run("explain", "j1")
    assert "ana    missing skill" in text
    answer = shell.json("explain", "j1")
    assert answer["excluded"][0]["cause"] == "missing_skill"
    assert answer["job"]["reason"] == "REASON_NONE_ELIGIBLE"
    shell.run("agents", "update", "ana", "--skill", "en", "--skill", "fr:2")
    assert shell.json("jobs", "j1")["job"]["agent_id"] == "ana"


def test_the_rule_and_the_step_of_a_job_are_shown(shell: Shell, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        """
[[queues]]
id = "orders"
plan = "p"
[[plans]]
id = "p"
steps = [{after = "1ms", lower_levels = 1}]
[[rules]]
id = "all"
"""
    )
    shell.run("policy", "apply", str(policy))
    shell.run("assign", "j1", "--skill", "fr:9")
    deadline = time.monotonic() + 10
    while "its plan has reached step 1" not in shell.run("explain", "j1"):
        assert time.monotonic() < deadline
    assert "rule all matched when it was submitted" in shell.run("explain", "j1")


def test_an_agent_is_created_changed_and_deleted(shell: Shell) -> None:
    created = shell.json(
        "agents", "create", "bo", "--skill", "en", "--tag", "night", "--limit", "chat:2", "--rating", "0"
    )
    agent = created["agent"]
    assert agent["skills"] == [{"name": "en", "level": 10}]
    assert (agent["tags"], agent["rating"], agent["presence"]) == (["night"], 0, "PRESENCE_OFFLINE")
    changed = shell.json("agents", "update", "bo", "--capacity", "4", "--clear", "tags")["agent"]
    assert (changed["capacity"], changed["tags"], changed["skills"]) == (4, [], agent["skills"])
    assert shell.run("agents", "presence", "bo", "away", "--reason", "lunch") == "bo is away\n"
    assert "away (lunch)" in shell.run("agents", "show", "bo")
    assert [row.split()[0] for row in shell.run("agents").splitlines()] == ["AGENT", "bo"]
    assert shell.json("agents", "--presence", "online") == {"agents": []}
    assert shell.run("agents", "delete", "bo") == "deleted bo\n"
    assert shell.refused("agents", "show", "bo").startswith("AGENT_NOT_FOUND: ")


def test_a_job_is_transferred_and_cancelled(shell: Shell) -> None:
    for agent in ("ana", "bo"):
        shell.run("agents", "create", agent, "--presence", "online")
    shell.run("assign", "j1")
    assert shell.run("transfer", "j1", "--to-agent", "bo") == "j1 is assigned, held by bo, version 2\n"
    assert shell.refused("transfer", "j1", "--to-agent", "bo").startswith("SAME_AGENT: ")
    assert shell.refused("complete", "j1", "--version", "1").startswith("STALE_VERSION: ")
    assert shell.json("cancel", "j1") == {"job_id": "j1", "state": "JOB_STATE_CANCELLED", "repeated": False}


def test_jobs_are_listed_by_pages_up_to_the_limit(shell: Shell) -> None:
    for number in range(5):
        shell.run("assign", f"j{number}", "--tier", "vip")
    listed = shell.json("jobs", "--limit", "3")
    assert ([job["id"] for job in listed["jobs"]], listed["more"]) == (["j0", "j1", "j2"], True)
    assert "the first 3; there are more" in shell.run("jobs", "--limit", "3")
    assert len(shell.json("jobs", "--limit", "0", "--state", "queued")["jobs"]) == 5
    assert shell.json("jobs", "--state", "assigned", "--state", "completed") == {"jobs": [], "more": False}
    assert shell.json("jobs", "j0")["job"]["head_start"] == "90s"


@pytest.mark.parametrize(
    ("arguments", "reason", "part"),
    [
        (("assign", "j", "--queue", "ordrs"), "QUEUE_NOT_FOUND", "ordrs"),
        (("assign", "j", "--skill", "en:11"), "INVALID_FIELD", "job.skills[0].min_level"),
        (("assign", "j", "--urgency", "10"), "INVALID_FIELD", "job.urgency"),
        (("assign", "x" * 129), "INVALID_FIELD", "job.id"),
        (("agents", "create", "a", "--weight", "2000"), "INVALID_FIELD", "agent.weight"),
        (("complete", "nothing"), "JOB_NOT_FOUND", "nothing"),
        (("explain", "nothing"), "JOB_NOT_FOUND", "nothing"),
    ],
    ids=["queue", "level", "urgency", "id", "weight", "complete", "explain"],
)
def test_a_refusal_names_reason_and_field(shell: Shell, arguments: tuple[str, ...], reason: str, part: str) -> None:
    said = shell.refused(*arguments)
    assert said.startswith(f"{reason}: ")
    assert part in said


def test_a_policy_is_tried_applied_and_shown_as_it_can_be_read_again(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "next.toml"
    file.write_text(POLICY.replace("90s", "2m"))
    assert shell.run("policy", "apply", str(file), "--dry-run").startswith("would become version 2: ")
    assert shell.json("policy", "show")["version"] == 1
    assert shell.run("policy", "apply", str(file), "--author", "night shift").startswith("version 2 is in force: ")
    shown = shell.run("policy", "show")
    assert 'author = "night shift"' in shown
    file.write_text(shown)
    assert shell.json("policy", "apply", str(file))["policy"]["version"] == 3


def test_the_status_counts_and_verifies(shell: Shell) -> None:
    shell.run("agents", "create", "ana", "--capacity", "4", "--presence", "online")
    for job in ("j1", "j2", "j3"):
        shell.run("assign", job)
    shell.run("complete", "j3")
    text = shell.run("status", "--verify")
    assert "load 2 of 4 (50.0 %)" in text
    assert "2 assigned" in text
    assert "ended: 1 completed" in text
    assert text.endswith("invariants: all hold\n")
    (tenant,) = shell.json("status")["tenants"]
    assert (tenant["assigned_jobs"], tenant["violations"]) == (2, [])
