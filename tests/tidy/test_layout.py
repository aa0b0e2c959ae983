"""A struct that is written to disk changes only together with the number of its layout.

A snapshot has structs of the state, a journal structs of facts; neither says what its fields are. So each layout is a
number in the header, and here stands beside it a digest of the declarations, and of the order in which they are
written. Whoever changes one is told what else to change: then what an earlier version wrote is refused by name instead
of read wrongly.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

EXT = Path(__file__).resolve().parents[2] / "ext/fairlead"

BODIES = "SettingsBody ChannelBody QueueBody PlanBody ClassBody AgentBody JobBody Demand Ability AffinityTier Step"
STATE = (
    "Demand Ability Bar AffinityTier Channel AbilityBit Agent Job Queue Term CellBlock Rotation Class Step Plan Memory "
    "Bucket Engine"
)
SIZES = "MAX_CHANNELS MAX_TIERS MAX_STEPS RING_SIZE STATE_COUNT SATURATION_BITS"

# Name and file of the number: its value, the digest, and the structs of each file.
LAYOUTS = {
    ("LAYOUT", "shard/record.pxd"): (
        5,
        "bd96a1c39934d6c4",
        {"engine/model.pxd": BODIES, "engine/decide.pxd": "Answer"},
    ),
    ("STATE_LAYOUT", "shard/snapshot.pxd"): (
        3,
        "120d8f23a1197dde",
        {
            "engine/model.pxd": STATE,
            "engine/decide.pxd": "Answer",
            "base/heap.pxd": "HeapNode Heap",
            "base/lineup.pxd": "Lineup",
            "customers/store.pxd": "Profile",
            "shard/tenant.pxd": "Remembered",
        },
    ),
}
# Who visits the parts of the state, in which order.
VISITORS = ("engine/image.pyx", "shard/image.pyx", "directory/names.pyx", "customers/store.pyx", "base/archive.pyx")


def bare(line: str) -> str:
    """A line without its comment, and with single spaces."""
    return " ".join(line.partition("#")[0].split())


def declaration(text: str, name: str) -> str:
    """The fields of a struct, comments apart."""
    found = re.search(rf"^cdef struct {name}:\n((?:[ ]+.*\n|[ ]*#.*\n)+)", text, re.MULTILINE)
    assert found, f"no struct {name}"
    return "\n".join(filter(None, map(bare, found[1].splitlines())))


def parts(structs: dict[str, str]) -> Iterator[str]:
    """What the digest is of: declarations, and the sizes in them."""
    for file, names in structs.items():
        text = (EXT / file).read_text()
        for name in names.split():
            yield f"{name}:\n{declaration(text, name)}"
    model = (EXT / "engine/model.pxd").read_text()
    for name in SIZES.split():
        found = re.search(rf"^\s+{name} = (\d+)", model, re.MULTILINE)
        assert found, name
        yield found[0].strip()


def visits() -> Iterator[str]:
    """Each call that writes or reads a part, in order."""
    for file in VISITORS:
        for line in (EXT / file).read_text().splitlines():
            if re.match(r"\s+(names_|customers_|engine_)?archive_\w+\(", line):
                yield bare(line)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout[0])
def test_a_struct_that_is_written_changes_only_with_its_layout(layout: tuple[str, str]) -> None:
    name, file = layout
    number, digest, structs = LAYOUTS[layout]
    found = re.search(rf"^\s+{name} = (\d+)", (EXT / file).read_text(), re.MULTILINE)
    assert found
    written = [*parts(structs), *(visits() if name == "STATE_LAYOUT" else ())]
    actual = sha256("\n".join(written).encode()).hexdigest()[:16]
    assert (int(found[1]), actual) == (number, digest), (
        f"what is written under {name} has changed: let {name} in {file} grow by one, put the number and {actual!r} "
        "here, and make tests/crash/golden anew with `python -m tests.crash.make_golden`"
    )


def test_a_field_that_moves_is_another_declaration() -> None:
    text = "cdef struct A:\n    int x  # one\n    int y\n\n"
    assert declaration(text, "A") == "int x\nint y"
    assert declaration(text.replace("x", "z"), "A") != declaration(text, "A")
