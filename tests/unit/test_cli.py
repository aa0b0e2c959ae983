"""The command line without a daemon: usage, values, failures, tables."""

import argparse
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead import cli, errors
from fairlead.commands import values
from fairlead.commands.client import plain
from fairlead.v1 import admin_service_pb2, agent_pb2, job_pb2, routing_service_pb2


def free_address() -> str:
    """An address at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("agnets",), "agents"),
        (("assign", "j1", "--quue", "orders"), "--queue"),
        (("jobs", "--stat", "queued"), "--state"),
        (("agents", "craete", "a"), "create"),
        (("agents", "create", "a", "--wieght", "3"), "--weight"),
        (("policy", "aply", "x"), "apply"),
        (("demo", "--job", "5"), "--jobs"),
        (("status", "--verfy"), "--verify"),
    ],
)
def test_a_wrong_word_is_answered_with_the_usage_and_what_was_meant(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], suggestion: str
) -> None:
    said = usage_error(capsys, *arguments)
    assert said.startswith("usage: fairlead")
    assert said.rstrip().endswith(f"did you mean {suggestion}?")


@pytest.mark.parametrize("arguments", [("status", "--zzzzzz"), ("serve", "--prot", "1"), ("assign", "x", "--ttl", "5")])
def test_a_word_near_nothing_gets_no_suggestion(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert "did you mean" not in usage_error(capsys, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("assign",),
        ("complete",),
        ("policy",),
        ("agents", "presence", "a"),
        ("agents", "presence", "a", "lunch"),
        ("agents", "update", "a"),
        ("assign", "j", "--hold", "3s"),
        ("assign", "j", "--want-only"),
        ("assign", "j", "--label", "nothing"),
        ("assign", "j", "--head-start", "soon"),
        ("transfer", "j", "--to-agent", "a", "--to-queue", "q"),
        ("jobs", "--state", "lost"),
        ("jobs", "--limit", "-1"),
        ("demo", "--jobs", "0"),
        ("demo", "--speed", "0.5"),
        ("demo", "--speed", "nan"),
        ("demo", "--agents", "many"),
    ],
)
def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    assert "usage: fairlead" in usage_error(capsys, *arguments)


@pytest.mark.parametrize(
    "command",
    [
        (),
        *(
            (name,)
            for name in (
                *("serve", "status", "agents", "assign", "complete", "cancel"),
                *("transfer", "jobs", "explain", "policy", "demo"),
            )
        ),
        *(("agents", name) for name in ("list", "show", "create", "update", "delete", "presence")),
        *(("policy", name) for name in ("show", "check", "apply", "history", "rollback", "diff", "test", "schema")),
        *(("scenario", name) for name in ("on", "off", "list")),
    ],
    ids=" ".join,
)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: fairlead {' '.join(command)}".rstrip())


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("agents",),
        ("jobs",),
        ("explain", "j"),
        ("assign", "j"),
        ("cancel", "j"),
        ("policy", "show"),
        ("scenario", "list"),
    ],
)
def test_a_daemon_that_is_not_there_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    address = free_address()
    assert cli.main([*arguments, "--address", address]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"fairlead: UNREACHABLE: no daemon answers at {address}; start one with `fairlead serve`\n"


def test_options_count_before_and_after_the_action() -> None:
    before = cli.parse(["agents", "--json", "--tenant", "shop", "list"])
    after = cli.parse(["agents", "list", "--json", "--tenant", "shop"])
    assert (before.json, before.tenant) == (after.json, after.tenant) == (True, "shop")
    assert before.address == after.address


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_namespace: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "parse", lambda _arguments: argparse.Namespace(run=interrupted))
    assert cli.main([]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (errors.error("JOB_NOT_FOUND", "no job j"), "JOB_NOT_FOUND: no job j"),
        (
            errors.error("INVALID_FIELD", "is 11, at most 10", "job.urgency"),
            "INVALID_FIELD: is 11, at most 10 (job.urgency)",
        ),
        (errors.error("INVALID_FIELD", "job.id is empty", "job.id"), "INVALID_FIELD: job.id is empty"),
        (
            errors.InvalidArgument("INVALID_POLICY", "2 problems:\n  a\n  b", violations=[("a", "x"), ("b", "y")]),
            "INVALID_POLICY: 2 problems:\n  a: x\n  b: y",
        ),
        (
            errors.InvalidArgument(
                *("INVALID_POLICY", "9 problems"),
                violations=[("a", "x"), ("b", "y")],
                metadata={"omitted_violations": "7"},
            ),
            "INVALID_POLICY: 9 problems:\n  a: x\n  b: y\n  and 7 more",
        ),
    ],
)
def test_a_failure_is_a_line_or_one_for_each_wrong_field(failure: errors.FairleadError, line: str) -> None:
    assert cli.describe(failure) == line


def test_policy_check_needs_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[queues]]\nid = "orders"\n')
    assert cli.main(["policy", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} is valid: queues: 1, channels: 0, tiers: 0\n"
    assert cli.main(["policy", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"]["queues"][0]["id"] == "orders"


def test_policy_check_names_each_problem_on_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[queues]]\nid = "orders"\nstrategy = "nearest"\nsize = 3\n')
    assert cli.main(["policy", "check", str(file)]) == 1
    err = capsys.readouterr().err
    first, *lines = err.splitlines()
    assert first == "fairlead: INVALID_POLICY: the policy has 2 problems:"
    assert [line.split(":")[0] for line in lines] == ["  queues[0].size", "  queues[0].strategy"]


def test_a_policy_file_that_cannot_be_read_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "check", str(tmp_path / "none.toml")]) == 1
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("90s", 90_000_000),
        ("1.5m", 90_000_000),
        ("250ms", 250_000),
        ("3", 3_000_000),
        ("0.5", 500_000),
        ("1h30m", 5_400_000_000),
    ],
)
def test_durations(text: str, microseconds: int) -> None:
    assert values.duration(text).ToMicroseconds() == microseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("en", ("en", 0, 0)),
        ("en:3", ("en", 3, 0)),
        ("en:3-5", ("en", 3, 5)),
        ("team:west", ("team:west", 0, 0)),
        ("team:west:4", ("team:west", 4, 0)),
        (":3", (":3", 0, 0)),
    ],
)
def test_skill_demands(text: str, expected: tuple[str, int, int]) -> None:
    demand = values.skill_demand(text)
    assert (demand.name, demand.min_level, demand.max_level) == expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (values.skill_demand, ""),
        (values.skill_demand, "en:"),
        (values.skill, "en:3-5"),
        (values.channel_limit, "voice"),
        (values.channel_limit, "voice:-1"),
        (values.channel_limit, ":1"),
        (values.label, "=x"),
        (values.duration, "-"),
        (values.duration, "1e3"),
        (values.moment, "tomorrow"),
        (values.presence, "unspecified"),
        (values.job_state, "done"),
        (values.affinity_mode, ""),
    ],
)
def test_a_wrong_value_is_refused_with_its_form(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"; write|none of|is not|needs"):
        parse(text)


def test_names_of_enums_are_read_in_any_case() -> None:
    assert values.presence("Online") == agent_pb2.PRESENCE_ONLINE
    assert values.job_state("QUEUED") == job_pb2.JOB_STATE_QUEUED
    assert values.affinity_mode("require") == job_pb2.AFFINITY_MODE_REQUIRE


def test_an_object_has_every_field_with_numbers_as_numbers() -> None:
    job = job_pb2.Job(id="j", state=job_pb2.JOB_STATE_ASSIGNED, version=2**40)
    job.head_start.FromMilliseconds(1_500)
    job.create_time.FromJsonString("2026-05-04T09:30:00Z")
    shown = plain(routing_service_pb2.GetJobResponse(job=job))["job"]
    assert isinstance(shown, dict)
    assert shown["state"] == "JOB_STATE_ASSIGNED"
    assert shown["version"] == 2**40
    assert shown["head_start"] == "1.500s"
    assert shown["create_time"] == "2026-05-04T09:30:00Z"
    assert shown["end_time"] is None
    assert shown["reason"] == "REASON_UNSPECIFIED"
    tenant = plain(admin_service_pb2.TenantStatus(state_hash=2**64 - 1))
    assert tenant["state_hash"] == "18446744073709551615"
    assert set(shown) == {field.name for field in job.DESCRIPTOR.fields}
