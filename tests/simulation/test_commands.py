"""`fairlead simulate` and `fairlead compare` as programs: output, exit codes, bad input, interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SCENARIO = """
name = "shop"
policy = "least.toml"
horizon = "{horizon}"
replications = {replications}
[[agents]]
id = "a"
count = 4
[[jobs]]
id = "orders"
handle = {{ law = "exponential", mean = "1m" }}
arrivals = {{ per_minute = 3 }}
patience = {{ law = "exponential", mean = "2m" }}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("least", "random"):
        (tmp_path / f"{name}.toml").write_text(
            f'[[queues]]\nid = "q"\nstrategy = "{name.replace("least", "least_load")}"\n'
        )
    (tmp_path / "shop.toml").write_text(SCENARIO.format(horizon="2h", replications=4))
    return tmp_path


def fairlead(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments], cwd=folder, capture_output=True, text=True, timeout=100
    )


def test_a_run_is_shown_as_a_table(shop: Path) -> None:
    done = fairlead(shop, "simulate", "shop.toml", "--processes", "1")
    assert done.returncode == 0, done.stderr
    assert "shop, policy least: 4 replications" in done.stdout
    assert "mean wait of the served" in done.stdout and "±" in done.stdout and "events" in done.stdout


def test_a_run_is_shown_as_json_and_as_a_page_and_seeds_matter(shop: Path) -> None:
    flags = ("simulate", "shop.toml", "--json", "--replications", "2", "--processes", "1")
    first = fairlead(shop, *flags, "--html", "r.html", "--seed", "1")
    again, other = (fairlead(shop, *flags, "--seed", seed) for seed in ("1", "2"))
    shown: list[dict[str, Any]] = [json.loads(done.stdout) for done in (first, again, other)]
    for each in shown:
        each.pop("events_per_second")
    assert shown[0] == shown[1] != shown[2]
    assert shown[0]["all"]["wait"]["low"] < shown[0]["all"]["wait"]["mean"] < shown[0]["all"]["wait"]["high"]
    page = (shop / "r.html").read_text()
    assert page.count("<svg") >= 6 and "Over time" in page and "Fairness" in page


def test_policies_are_compared_with_a_verdict(shop: Path) -> None:
    flags = ("compare", "least.toml", "random.toml", "--scenario", "shop.toml", "--processes", "1")
    done = fairlead(shop, *flags, "--html", "c.html")
    assert done.returncode == 0, done.stderr
    # Alike agents with room for one: it does not matter who is chosen.
    assert "random instead of least:" in done.stdout and "Exactly the same: mean wait of the served" in done.stdout
    assert "Verdict" in (shop / "c.html").read_text()
    found = json.loads(fairlead(shop, *flags, "--json").stdout)
    assert [arm["name"] for arm in found["arms"]] == ["least", "random"]
    wait = next(each for each in found["differences"] if each["measure"] == "wait")
    assert (wait["mean"], wait["pairs"], wait["needed"]) == (0, 4, 0)


def test_a_trace_alone_makes_up_a_team(shop: Path) -> None:
    rows = [f"{86400 * day + 36000 + 30 * n},x,60,0,0,\n" for day in range(3) for n in range(100)]
    (shop / "jobs.csv").write_text("arrival,type,handle,wait,abandoned,customer\n" + "".join(rows))
    done = fairlead(shop, "compare", "least.toml", "random.toml", "--trace", "jobs.csv", "--json", "--processes", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sample"] == "day" and found["arms"][0]["measures"]["wait"]["n"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("simulate", "none.toml"), 1, "cannot read the scenario none.toml"),
        (("simulate", "shop.toml", "--policy", "none.toml"), 1, "cannot read the policy none.toml"),
        (("simulate", "shop.toml", "--replications", "0"), 2, "'0' is no whole number from 1"),
        (("compare", "least.toml", "--scenario", "shop.toml"), 2, "two policies or more are needed"),
        (("compare", "least.toml", "random.toml"), 2, "one of the arguments --scenario --trace --journal is required"),
        (("compare", "least.toml", "random.toml", "--scenario", "shop.toml", "--agents", "3"), 2, "--agents is for"),
        (("compare", "least.toml", "shop.toml", "--scenario", "shop.toml"), 1, "INVALID_POLICY"),
        (
            ("simulate", "shop.toml", "--html", "no/r.html", "--replications", "1"),
            1,
            "cannot write the report no/r.html",
        ),
    ],
)
def test_bad_input_is_one_line_without_a_traceback(
    shop: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = fairlead(shop, *arguments)
    assert done.returncode == code and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupted_run_keeps_and_shows_what_is_finished(shop: Path, processes: str) -> None:
    (shop / "long.toml").write_text(SCENARIO.format(horizon="200h", replications=100_000))
    run = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "simulate", "long.toml", "--json", "--processes", processes],
        cwd=shop,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(8)
    # To the whole group, as a terminal does.
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["interrupted"] is True and 1 <= found["replications"] < 100_000
    assert found["all"]["wait"]["mean"] > 0
