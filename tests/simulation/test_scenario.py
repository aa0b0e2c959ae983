"""Scenarios and traces: what is wrong is told with its path or line, and what is right means what it says."""

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import FairleadError, InvalidArgument
from fairlead.policy.document import load as load_policy
from fairlead.simulate.load import bottleneck, check_load
from fairlead.simulate.scenario import load, parse
from fairlead.simulate.trace import TraceError, read_trace
from fairlead.simulation.core import draws

GOOD: dict[str, Any] = {
    "horizon": "1h",
    "agents": [{"id": "a", "count": 2}],
    "jobs": [{"id": "j", "handle": "1m", "arrivals": {"per_hour": 60}}],
}


def with_agent(**more: Any) -> dict[str, Any]:
    return {**GOOD, "agents": [{"id": "a", **more}]}


def with_job(**more: Any) -> dict[str, Any]:
    return {**GOOD, "jobs": [{"id": "j", "handle": "1m", "arrivals": {"per_hour": 60}, **more}]}


WRONG = [
    ({**GOOD, "horizn": "1h"}, "horizn: unknown key; did you mean horizon?"),
    ({**GOOD, "horizon": 3600}, "horizon: 3600 is not allowed"),
    ({**GOOD, "horizon": "1 h"}, "horizon: '1 h' is not a duration"),
    ({key: GOOD[key] for key in ("agents", "jobs")}, "horizon: is missing"),
    ({**GOOD, "warm_up": "2h"}, "warm_up: '2h' is not allowed; allowed: less than the horizon"),
    ({**GOOD, "replications": 0}, "replications: 0 is not allowed; allowed: a whole number from 1"),
    ({**GOOD, "interval": "1us"}, "interval: '1us' is not allowed"),
    ({**GOOD, "start": "monday"}, "start: 'monday' is not allowed; allowed: a date and time"),
    ({**GOOD, "allow_overload": "yes"}, "allow_overload: 'yes' is not allowed; allowed: true or false"),
    ({**GOOD, "satisfaction": {"tolerence": "1m"}}, "satisfaction.tolerence: unknown key; did you mean tolerance?"),
    ({**GOOD, "agents": []}, "agents: is missing"),
    ({**GOOD, "jobs": []}, "jobs: is missing"),
    ({**GOOD, "agents": [{"id": "a"}, {"id": "a"}]}, "agents[1].id: 'a' is not allowed; allowed: an id that no other"),
    (with_agent(capacity=0), "agents[0].capacity: 0 is not allowed"),
    (with_agent(skills={"x": 11}), "agents[0].skills.x: 11 is not allowed; allowed: a whole number from 1 to 10"),
    (with_agent(rates=[1, -1]), "agents[0].rates: [1, -1] is not allowed"),
    (with_agent(shifts=[{"from": "2h", "to": "1h"}]), "agents[0].shifts[0]: must end after it begins"),
    (with_agent(shifts=[{"from": "1h", "until": "2h"}]), "agents[0].shifts[0].until: unknown key"),
    (with_agent(shifts=[{"from": "0s", "to": "9h"}], repeat="8h"), "agents[0].repeat: is shorter than the last shift"),
    (
        with_job(handle={"law": "normal", "mean": "1m"}),
        "jobs[0].handle.law: 'normal' is not allowed; allowed: constant",
    ),
    (with_job(handle={"law": "exponential"}), "jobs[0].handle.mean: is missing"),
    (with_job(handle={"law": "exponential", "mean": "1m", "cv": 2}), "jobs[0].handle.cv: is not for exponential"),
    (with_job(handle={"law": "empirical"}), "jobs[0].handle.values: is empty"),
    (with_job(arrivals={"per_hour": 1, "per_minute": 1}), "jobs[0].arrivals: needs one of per_second"),
    (with_job(arrivals={"steps": [{"until": "1h", "per_hour": 0}], "repeat": True}), "repeats for ever without"),
    (with_job(arrivals={"per_hour": 0}), "jobs: no job ever arrives"),
    ({**GOOD, "jobs": [{"id": "j", "arrivals": {"per_hour": 1}}]}, "jobs[0].handle: is missing"),
    (with_job(urgency=10), "jobs[0].urgency: 10 is not allowed"),
    ({**GOOD, "jobs": GOOD["jobs"] * 2}, "jobs[1].id: 'j' is not allowed; allowed: an id that no other job has"),
]


@pytest.mark.parametrize(("document", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_mistake_is_told_with_its_path(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse(document, Path("."))
    assert refused.value.reason == "INVALID_SCENARIO"
    assert message in refused.value.message


def test_all_mistakes_are_told_at_once_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('horizon = "1h"\nseed = -1\n[[agents]]\nid = "a"\nspeed = 0\n[[jobs]]\nid = ""\n')
    with pytest.raises(InvalidArgument) as refused:
        load(path)
    paths = [where for where, _ in refused.value.violations]
    assert paths == ["agents[0].speed", "jobs[0].id", "seed", "jobs"]
    assert str(path) in refused.value.message


@pytest.mark.parametrize(("text", "message"), [("horizon = ", "is no TOML"), (None, "cannot read the scenario")])
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "x.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidArgument, match=message):
        load(path)


EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "docs/examples/simulation").glob("*.toml"))


def test_the_examples_are_scenarios_and_policies_that_hold() -> None:
    assert len(EXAMPLES) == 8
    for path in EXAMPLES:
        text = path.read_text()
        if path.stem == "bank":
            # Its trace is not part of the project; all else of it is read.
            document = tomllib.loads(text)
            with pytest.raises(TraceError, match="cannot be read"):
                parse({**document, "trace": {"file": "nowhere.tsv"}}, path.parent)
        elif "[[agents]]" in text:
            scenario = load(path)
            assert check_load(scenario, scenario.policy, path.stem).count("utilisation") <= 1
        else:
            load_policy(text)


# ---- load


def test_more_work_than_agents_is_refused_with_the_utilisation() -> None:
    busy = parse(with_job(arrivals={"per_hour": 180}), Path("."))
    with pytest.raises(InvalidArgument, match=r"j under p: utilisation 1\.50 of the 2 agents"):
        check_load(busy, "", "p")


def test_more_work_than_agents_is_flagged_where_customers_give_up_or_it_is_meant() -> None:
    impatient = parse(with_job(arrivals={"per_hour": 180}, patience="1m"), Path("."))
    assert "utilisation 1.50" in check_load(impatient, "", "p")
    meant = parse({**with_job(arrivals={"per_hour": 180}), "allow_overload": True}, Path("."))
    assert "utilisation 1.50" in check_load(meant, "", "p")
    limited = parse(with_job(arrivals={"per_hour": 180}), Path("."))
    assert "utilisation 1.50" in check_load(limited, '[[queues]]\nid = "q"\nmax_length = 5\n', "p")


def test_types_that_share_few_agents_are_found_among_many_idle_ones() -> None:
    document = {
        **GOOD,
        "agents": [{"id": "a", "skills": ["x"]}, {"id": "b", "count": 20}],
        "jobs": [
            {"id": "rare", "skills": ["x"], "handle": "1m", "arrivals": {"per_hour": 66}},
            {"id": "common", "handle": "1m", "arrivals": {"per_hour": 60}},
        ],
    }
    found = bottleneck(parse(document, Path(".")), "")
    assert found.jobs == ("rare",) and found.agents == 1
    assert found.utilisation == pytest.approx(1.1)


def test_shifts_and_slow_down_count_in_what_agents_can_do() -> None:
    half = parse(with_agent(shifts=[{"from": "0s", "to": "30m"}]), Path("."))
    assert bottleneck(half, "").utilisation == pytest.approx(2.0)
    slow = parse(with_agent(capacity=3, rates=[1, 1.5, 1.6]), Path("."))
    assert bottleneck(slow, "").utilisation == pytest.approx(1 / 1.6)


def test_a_type_that_nobody_may_take_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="utilisation inf of the 0 agents"):
        check_load(parse(with_job(skills=["x"]), Path(".")), "", "p")


def test_a_type_that_the_policy_does_not_know_is_an_error() -> None:
    with pytest.raises(FairleadError, match="no queue 'nowhere'"):
        check_load(parse(with_job(queue="nowhere"), Path(".")), "", "p")


# ---- laws


MINUTE = 60e6


@pytest.mark.parametrize(
    ("law", "mean", "deviation"),
    [
        ({"law": "exponential", "mean": "1m"}, 1.0, 1.0),
        ({"law": "lognormal", "mean": "1m", "cv": 0.5}, 1.0, 0.5),
        ({"law": "uniform", "least": "0s", "most": "2m"}, 1.0, 2 / math.sqrt(12)),
        ({"law": "erlang", "mean": "1m", "phases": 4}, 1.0, 0.5),
        ({"law": "hyperexponential", "mean": "1m", "cv": 2.0}, 1.0, 2.0),
        ({"law": "empirical", "values": ["1m", "3m"]}, 2.0, 1.0),
        ("1m", 1.0, 0.0),
    ],
)
def test_a_law_has_the_mean_and_deviation_it_says(law: Any, mean: float, deviation: float) -> None:
    work = parse(with_job(handle=law), Path(".")).jobs[0].work
    found = [value / MINUTE for value in draws(work.compiled(), 7, 200_000)]
    average = sum(found) / len(found)
    assert work.mean / MINUTE == pytest.approx(mean)
    assert average == pytest.approx(mean, rel=0.02)
    spread = math.sqrt(sum((value - average) ** 2 for value in found) / len(found))
    assert spread == pytest.approx(deviation, rel=0.04, abs=1e-9)


def test_a_file_of_times_is_a_law_and_its_mistakes_have_lines(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("60\n\n120\n")
    work = parse(with_job(handle={"law": "empirical", "file": "times.txt"}), tmp_path).jobs[0].work
    assert work.values == (60e6, 120e6)
    (tmp_path / "times.txt").write_text("60\nsoon\n")
    with pytest.raises(InvalidArgument, match="line 2: 'soon' is no number of seconds"):
        parse(with_job(handle={"law": "empirical", "file": "times.txt"}), tmp_path)


# ---- traces


HEADING = "arrival,type,handle,wait,abandoned,customer\n"


def trace_file(folder: Path, text: str) -> Path:
    path = folder / "jobs.csv"
    path.write_text(text)
    return path


BAD_LINES = [
    ("type,handle\n", "line 1: no column arrival"),
    (HEADING, "line 2: there is no job"),
    (HEADING + "1,j,60,0,0\n", "line 2: 5 columns where the heading has 6"),
    (HEADING + "1,j,60,0,0,\n2,k,60,0,0,\n", "line 3: type 'k' is no job of the scenario; it has j"),
    (HEADING + "5,j,60,0,0,\n4,j,60,0,0,\n", "line 3: arrival 4 is before the one above it"),
    (HEADING + "soon,j,60,0,0,\n", "line 2: arrival 'soon' is no number of seconds and no date"),
    (HEADING + "1,j,-5,0,0,\n", "line 2: handle '-5' is no number of seconds"),
    (HEADING + "1,j,60,x,0,\n", "line 2: wait 'x' is no number of seconds"),
    (HEADING + "1,j,60,0,maybe,\n", "line 2: abandoned 'maybe' is none of"),
]


@pytest.mark.parametrize(("text", "message"), BAD_LINES, ids=[message[:30] for _, message in BAD_LINES])
def test_a_wrong_line_of_a_trace_is_told_with_its_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TraceError) as refused:
        read_trace(trace_file(tmp_path, text), ["j"], daily=True)
    assert refused.value.reason == "INVALID_TRACE" and message in refused.value.message


def test_a_trace_knows_what_happened_and_marks_what_it_does_not_know(tmp_path: Path) -> None:
    text = HEADING + "10,j,60,5,0,ann\n20,j,,30,1,bob\n86410,j,90,0,0,ann\n"
    trace = read_trace(trace_file(tmp_path, text), ["j"], daily=True)
    first, second = trace.recordings
    assert list(first.times) == [10_000_000, 20_000_000] and list(second.times) == [10_000_000]
    assert list(first.works) == [60e6, -1]
    # Who gave up had patience for 30 s; who was served after 5 s had more than that.
    assert list(first.patiences) == [-5e6, 30e6]
    assert list(first.customers) == [1, 2] and list(second.customers) == [1]
    assert trace.mean_patience_us == 35e6


def test_dates_columns_of_other_names_and_tabs_are_read(tmp_path: Path) -> None:
    text = "when\ttype\n2026-03-02T09:00:00\tj\n2026-03-03 10:00:00\tj\n"
    trace = read_trace(trace_file(tmp_path, text), ["j"], daily=True, columns={"arrival": "when"})
    assert [recording.name for recording in trace.recordings] == ["2026-03-02", "2026-03-03"]
    assert [list(recording.times) for recording in trace.recordings] == [[9 * 3600 * 10**6], [10 * 3600 * 10**6]]


def test_a_scenario_with_a_trace_plays_each_day_once_and_refuses_more(tmp_path: Path) -> None:
    from fairlead.simulate.run import replicate

    trace_file(
        tmp_path, HEADING + "".join(f"{86400 * day + 36000 + n},j,60,0,0,\n" for day in (0, 1) for n in range(9))
    )
    document = {"agents": [{"id": "a", "count": 2}], "jobs": [{"id": "j"}], "trace": {"file": "jobs.csv"}}
    scenario = parse(document, tmp_path)
    assert scenario.replications == 2 and scenario.horizon == 24 * 3600 * 10**6
    run = replicate(scenario, "", "p")
    assert [result.tallies[0]["served"] for result in run.results] == [9, 9]
    with pytest.raises(InvalidArgument, match="3 replications of a trace of 2 days"):
        replicate(scenario, "", "p", replications=3)
