"""The reader of call logs: what each column becomes, and every wrong line by its number."""

import math
from pathlib import Path

import pytest

from fairlead.demo.trace import read_trace
from fairlead.errors import InvalidArgument
from fairlead.simulate.calls import COLUMNS, TraceError, read_calls

HEADING = (
    "vru+line\tcall_id\tcustomer_id\tpriority\ttype\tdate\tvru_entry\tvru_exit\tvru_time\t"
    "q_start\tq_exit\tq_time\toutcome\tser_start\tser_exit\tser_time\tserver"
)


def line(**changes: str) -> str:
    """One call that was served after a minute in the queue, with some cells changed."""
    cells = {
        "vru+line": "L1",
        "call_id": "7",
        "customer_id": "42",
        "priority": "2",
        "type": "PS",
        "date": "990202",
        "vru_entry": "9:00:00",
        "vru_exit": "9:00:10",
        "vru_time": "10",
        "q_start": "9:00:10",
        "q_exit": "9:01:10",
        "q_time": "60",
        "outcome": "AGENT",
        "ser_start": "9:01:10",
        "ser_exit": "9:03:10",
        "ser_time": "120",
        "server": "S",
    }
    assert set(changes) <= set(cells)
    return "\t".join((cells | changes).values())


def log(tmp_path: Path, *lines: str, heading: str = HEADING) -> Path:
    path = tmp_path / "calls.tsv"
    path.write_text("\n".join((heading, *lines)) + "\n", encoding="utf-8")
    return path


def test_a_line_becomes_a_conversation(tmp_path: Path) -> None:
    day = read_trace(log(tmp_path, line()), None, 1)
    (conversation,) = day.conversations
    assert conversation.arrival_s == 9 * 3_600 + 10
    assert (conversation.queue, conversation.channel) == ("after_sales", "voice")
    assert (conversation.customer, conversation.tier) == ("42", "vip")
    assert (conversation.handle_s, conversation.patience_s) == (120, math.inf)
    assert conversation.demands == {}
    assert day.source == "calls.tsv, 1 day from 1999-02-02"


@pytest.mark.parametrize(
    ("kind", "queue"),
    [
        ("NW", "orders"),
        ("PS", "after_sales"),
        ("PE", "after_sales"),
        ("TT", "after_sales"),
        ("NE", "technical"),
        ("IN", "technical"),
    ],
)
def test_types_become_queues_and_english_a_demand(tmp_path: Path, kind: str, queue: str) -> None:
    (conversation,) = read_trace(log(tmp_path, line(type=kind)), None, 1).conversations
    assert conversation.queue == queue
    assert conversation.demands == ({"en": 3} if kind == "PE" else {})


def test_only_priority_2_is_a_vip_and_customer_0_is_unknown(tmp_path: Path) -> None:
    path = log(tmp_path, line(priority="1", customer_id="0"), line(call_id="8", priority="0", customer_id="0"))
    assert {(c.customer, c.tier) for c in read_trace(path, None, 1).conversations} == {("", "")}


def test_who_hung_up_has_the_patience_they_showed_and_the_length_of_a_served_call(tmp_path: Path) -> None:
    hung = line(call_id="8", outcome="HANG", q_time="25", ser_start="0:00:00", ser_exit="0:00:00", ser_time="0")
    conversation = read_trace(log(tmp_path, line(), hung), None, 1).conversations[1]
    assert (conversation.patience_s, conversation.handle_s) == (25, 120)


def test_who_did_not_queue_arrives_at_the_end_of_the_menu(tmp_path: Path) -> None:
    (conversation,) = read_trace(
        log(tmp_path, line(q_start="0:00:00", q_exit="0:00:00", q_time="0")), None, 1
    ).conversations
    assert conversation.arrival_s == 9 * 3_600 + 10


def test_calls_past_midnight_belong_to_the_day_they_began(tmp_path: Path) -> None:
    late = line(
        vru_entry="23:59:50",
        vru_exit="23:59:55",
        q_start="0:00:02",
        q_exit="0:00:20",
        ser_start="0:00:20",
        ser_exit="0:02:20",
    )
    (conversation,) = read_trace(log(tmp_path, late), None, 1).conversations
    assert conversation.arrival_s == 86_402


def test_clocks_of_menu_and_queue_may_be_a_minute_apart(tmp_path: Path) -> None:
    (conversation,) = read_trace(log(tmp_path, line(vru_entry="9:01:05")), None, 1).conversations
    assert conversation.arrival_s == 9 * 3_600 + 10
    with pytest.raises(TraceError, match="line 2: vru_exit '9:00:10' is before vru_entry 9:02:00"):
        read_trace(log(tmp_path, line(vru_entry="9:02:00")), None, 1)


def test_lines_may_be_in_any_order_and_days_follow_each_other(tmp_path: Path) -> None:
    path = log(tmp_path, line(call_id="3", date="990204"), line(call_id="2"), line(call_id="1", q_start="9:00:05"))
    day = read_trace(path, None, 1)
    assert [c.arrival_s for c in day.conversations] == [32_405, 32_410, 2 * 86_400 + 32_410]
    assert [c.id for c in read_trace(path, 2, 1).conversations] == ["L1-1-990202", "L1-2-990202"]
    assert day.source.startswith("calls.tsv, 2 days")


def test_empty_lines_are_passed_over_but_counted(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="line 4: type"):
        list(read_calls(log(tmp_path, line(), "", line(type="XX"))))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    with pytest.raises(TraceError, match=f"line 1: no column {column}"):
        list(read_calls(log(tmp_path, heading=HEADING.replace(f"\t{column}\t", "\tx\t"))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"call_id": ""}, "call_id '' is empty"),
        ({"type": "ZZ"}, "type 'ZZ' is none of NW, PS"),
        ({"outcome": "LOST"}, "outcome 'LOST' is none of AGENT, HANG, PHANTOM"),
        ({"priority": "-1"}, "priority '-1' is no whole number"),
        ({"date": "1999-02-02"}, "date '1999-02-02' is no date"),
        ({"date": "990231"}, "date '990231' is no date"),
        ({"vru_entry": "9:00"}, "vru_entry '9:00' is no time"),
        ({"vru_exit": "24:00:00"}, "vru_exit '24:00:00' is no time"),
        ({"q_start": "9:60:00"}, "q_start '9:60:00' is no time"),
        ({"ser_time": "-5"}, "ser_time '-5' is no whole number"),
        ({"q_time": "1.5"}, "q_time '1.5' is no whole number"),
        ({"q_time": "99999"}, "q_time '99999' is no whole number from 0 to 86400"),
        ({"q_exit": "9:00:09"}, "q_exit '9:00:09' is before q_start 9:00:10"),
        ({"q_start": "8:58:00"}, "q_start '8:58:00' is before vru_exit 9:00:10"),
        ({"ser_exit": "9:01:00"}, "ser_exit '9:01:00' is before ser_start 9:01:10"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    path = log(tmp_path, line(call_id="6"), line(**changes))
    with pytest.raises(TraceError) as wrong:
        read_trace(path, None, 1)
    assert wrong.value.message.startswith(f"{path}, line 3: {message}")
    assert wrong.value.field == "line 3"


def test_a_line_with_another_number_of_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="line 2: 16 columns where the heading has 17"):
        list(read_calls(log(tmp_path, line().rpartition("\t")[0])))


def test_the_same_call_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="line 3: the call of line 2 again"):
        list(read_calls(log(tmp_path, line(), line())))


def test_a_log_without_calls_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="there is no call"):
        read_trace(log(tmp_path), None, 1)


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot read"):
        read_trace(tmp_path / "none.tsv", None, 1)
    (tmp_path / "bytes.tsv").write_bytes(HEADING.encode() + b"\n\xff\xfe\n")
    with pytest.raises(InvalidArgument, match="cannot read"):
        read_trace(tmp_path / "bytes.tsv", None, 1)
