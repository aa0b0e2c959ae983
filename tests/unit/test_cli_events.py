"""`fairlead events`, `fairlead customers` and `assign --wait`, against a daemon."""

import json
import threading
import time
from pathlib import Path

import pytest

from fairlead import cli
from fairlead.shard.core import Presence
from fairlead.v1 import agent_pb2
from fairlead.v1 import agent_service_pb2 as agents_pb
from fairlead.v1.agent_service_pb2_grpc import AgentServiceStub
from tests.unit.shell import Shell

# ---- events


def test_past_events_are_lines_of_a_table(shell: Shell) -> None:
    shell.run("assign", "j1", "--gateway", "g1")
    shell.run("cancel", "j1")
    lines = shell.run("events").splitlines()
    assert lines[0].split() == ["TIME", "EVENT", "JOB", "AGENT", "QUEUE", "VERSION", "GATEWAY", "DETAIL"]
    assert [line.split(maxsplit=1)[1].split() for line in lines[1:]] == [
        ["queued", "j1", "-", "default", "-", "g1", "no", "agent", "online"],
        ["cancelled", "j1", "-", "default", "-", "g1", "caller"],
    ]


def test_events_as_json_are_one_object_a_line_and_can_be_filtered(shell: Shell) -> None:
    for number in range(5):
        shell.run("assign", f"j{number}", "--gateway", f"g{number % 2}")
    events = [json.loads(line) for line in shell.run("events", "--gateway", "g0", "--json").splitlines()]
    assert [event["job_id"] for event in events] == ["j0", "j2", "j4"]
    assert {event["kind"] for event in events} == {"EVENT_KIND_QUEUED"}
    after = events[0]["sequence"]
    later = shell.run("events", "--after", str(after), "--gateway", "g0", "--json").splitlines()
    assert [json.loads(line)["job_id"] for line in later] == ["j2", "j4"]
    assert len(shell.run("events", "--limit", "2", "--kind", "queued", "--json").splitlines()) == 2
    assert shell.run("events", "--kind", "expired", "--json") == ""


def test_following_goes_on_until_it_is_interrupted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    shell.run("assign", "before")
    sequence = json.loads(shell.run("events", "--limit", "1", "--json"))["sequence"]
    seen: list[str] = []

    def stop_at_second(line: str, **_: object) -> None:
        seen.append(json.loads(line)["job_id"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    shell.run("assign", "j1")
    shell.run("assign", "j2")
    monkeypatch.setattr("builtins.print", stop_at_second)
    tenant = shell._options[3]
    options = ["--follow", "--after", str(sequence), "--json", "--address", address, "--tenant", tenant]
    assert cli.main(["events", *options]) == cli.EXIT_INTERRUPTED
    assert seen == ["j1", "j2"]


def test_events_that_are_gone_are_refused_with_what_is_kept(shell: Shell) -> None:
    shell.run("assign", "j1")
    assert cli.main(["events", "--follow", "--after", "1", *shell._options]) == 1
    assert "EVENTS_GONE: the events after 1 are not kept; the oldest one is" in shell._capsys.readouterr().err


def test_an_assign_may_wait_on_the_command_line(shell: Shell, address: str) -> None:
    tenant = shell._options[3]

    def come() -> None:
        import grpc

        with grpc.insecure_channel(address) as channel:
            time.sleep(0.2)
            agent = agent_pb2.Agent(id="ann", capacity=1, presence=agent_pb2.Presence.Name(Presence.ONLINE))
            AgentServiceStub(channel).CreateAgent(agents_pb.CreateAgentRequest(tenant=tenant, agent=agent), timeout=10)

    comes = threading.Thread(target=come)
    comes.start()
    answer = shell.json("assign", "j1", "--wait", "20s")
    comes.join()
    assert (answer["outcome"], answer["agent_id"]) == ("OUTCOME_ASSIGNED", "ann")


# ---- customers

HEADER = "id,tier,value,own_agent,language,attribute.segment\n"


def test_a_customer_is_set_shown_and_deleted(shell: Shell) -> None:
    options = ["--tier", "gold", "--value", "7", "--own-agent", "ann", "--language", "en", "--attribute", "a=1"]
    assert shell.run("customers", "set", "c1", *options) == "c1 added\n"
    assert shell.json("customers", "get", "c1") == {
        "id": "c1", "tier": "gold", "value": 7, "own_agent": "ann", "language": "en", "attributes": {"a": "1"},
    }  # fmt: skip
    assert shell.run("customers", "get", "c1").splitlines()[1].split() == ["c1", "gold", "7", "ann", "en", "a=1"]
    assert shell.run("customers", "set", "c1") == "c1 replaced\n"
    assert shell.run("customers", "delete", "c1") == "c1 deleted\n"
    assert shell.refused("customers", "get", "c1").startswith("CUSTOMER_NOT_FOUND: ")


def test_a_file_is_imported_in_messages(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    lines = [f'c{number},gold,{number},,"en",shop' for number in range(25_000)]
    # A byte order mark, as spreadsheets write one, an empty line and one that is quoted over two lines.
    path.write_text(f'\ufeff{HEADER}{chr(10).join(lines)}\n\n"two\nlines",,,,,\n', encoding="utf-8")
    answer = shell.json("customers", "import", str(path))
    assert (answer["created_count"], answer["replaced_count"]) == (25_001, 0)
    assert shell.json("customers", "get", "c24999")["value"] == 24_999
    assert shell.json("customers", "get", "two\nlines")["tier"] == ""
    assert shell.run("customers", "import", str(path)).startswith("0 added, 25,001 replaced in ")


def test_wrong_lines_are_told_by_number_and_nothing_is_imported(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    wrong = ["good,,,,,", ",,,,,", "x,,many,,,", f"y,,{10**12 + 1},,,", "z,,", f"{'i' * 129},,,,,"]
    path.write_text(HEADER + "\n".join(wrong) + "\n")
    told = shell.refused("customers", "import", str(path))
    for line, what in (
        (3, "has no id"),
        (4, "value is 'many'"),
        (5, "value is '1000000000001'"),
        (6, "has 3 fields, the header 6"),
        (7, "id has 129 bytes"),
    ):
        assert f"line {line}: {what}" in told
    assert "line 2" not in told
    assert shell.refused("customers", "get", "good").startswith("CUSTOMER_NOT_FOUND: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: has no column id"),
        ("name\nx\n", "'name'"),
        ("id,id\nx,y\n", "stands twice"),
        ("id,attribute.\nx,y\n", "is no column"),
        ('id\n"x\n', "is no CSV"),
    ],
)
def test_a_file_that_is_no_list_of_customers_is_refused(shell: Shell, tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(text)
    assert told in shell.refused("customers", "import", str(path))


def test_a_file_that_is_not_there_or_no_text_is_refused(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    assert "cannot read" in shell.refused("customers", "import", str(path))
    path.write_bytes(b"id\n\xff\n")
    assert "cannot read" in shell.refused("customers", "import", str(path))
