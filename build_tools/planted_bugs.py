"""Plants one bug after the other into a copy of the project and expects the crash tests to find each.

Each bug is a text that is replaced in one file, and the tests that must fail then; without it they must pass. A bug
that is not found, or whose text is no longer there, ends with exit code 1. `make torture` runs all, in minutes; the
name of a bug plants that one alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 900
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".hypothesis", "debug", "sanitize", "*_cache")


class Bug(NamedTuple):
    """What is planted where, and who must find it."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


BUGS = (
    Bug(
        "an answer leaves before its write",
        "ext/fairlead/journal/commit.pyx",
        "        commit(journal, (<const FrameHeader*> journal.writing.data).first)\n",
        "        store(&journal.durable, last)\n"
        "        commit(journal, (<const FrameHeader*> journal.writing.data).first)\n",
        "tests/crash/test_kill.py -k every_write or fails",
    ),
    Bug(
        "no sync of the data",
        "ext/fairlead/journal/segments.pyx",
        "    return sync_data(journal.fd) if journal.mode == DURABILITY_FSYNC else 0",
        "    return 0",
        "tests/crash/test_kill.py -k every_write",
    ),
    Bug(
        "no sync of the directory",
        "ext/fairlead/journal/segments.pyx",
        "    if journal.mode == DURABILITY_FSYNC and fsync(journal.directory_fd) != 0:",
        "    if False:",
        "tests/crash/test_kill.py -k every_write",
    ),
    Bug(
        "a failed write is taken for a good one",
        "ext/fairlead/journal/segments.pyx",
        "    failed = write_all(journal.fd, journal.writing.data, journal.writing.size, journal.offset)\n"
        "    if failed:",
        "    failed = write_all(journal.fd, journal.writing.data, journal.writing.size, journal.offset)\n    if False:",
        "tests/crash/test_kill.py -k fails",
    ),
    Bug(
        "the checksum of the payload is not looked at",
        "ext/fairlead/journal/frames.pyx",
        "    return header.payload_crc == crc32c(0, data + at + FRAME_HEADER_SIZE, header.size)",
        "    return True",
        "tests/crash/test_damage.py -k bit_flip",
    ),
    Bug(
        "damage in the middle is cut as if it were a tail",
        "ext/fairlead/journal/reader.pyx",
        "        if later:\n",
        "        if False:\n",
        "tests/crash/test_damage.py -k bit_flip",
    ),
    Bug(
        "a newer format is read as if it were ours",
        "ext/fairlead/journal/frames.pyx",
        "    return SEGMENT_NEWER if header.least_reader > FORMAT else SEGMENT_OK",
        "    return SEGMENT_OK",
        "tests/crash/test_damage.py -k newer_format",
    ),
    Bug(
        "a field of facts is not written",
        "ext/fairlead/shard/record.pyx",
        "    if fact.reason:\n",
        "    if False:\n",
        "tests/crash/test_recovery.py -k closed_shard",
    ),
    Bug(
        "request ids are forgotten by a restart",
        "ext/fairlead/shard/replay.pyx",
        "    remember(t, id, content, &answer, told)\n",
        "",
        "tests/crash/test_recovery.py -k retry",
    ),
    Bug(
        "a torn tail is left where it is",
        "ext/fairlead/shard/durable.pyx",
        "    tail.offset = reader.end\n",
        "    tail.offset = reader.end + reader.torn\n",
        "tests/crash/test_damage.py -k torn_tail",
    ),
    Bug(
        "half a step can be in a frame",
        "ext/fairlead/journal/journal.pyx",
        "    journal.step.size += width + size\n    store(&journal.sequence, journal.sequence + 1)\n",
        "    journal.step.size += width + size\n    store(&journal.sequence, journal.sequence + 1)\n"
        "    journal_publish(journal)\n",
        "tests/crash/test_recovery.py -k one_step",
    ),
    Bug(
        "a new snapshot's name is not synced",
        "ext/fairlead/shard/manifest.pyx",
        "        raise\n    sync_directory(directory)\n",
        "        raise\n",
        "tests/crash/test_compactor.py -k power_cut",
    ),
    Bug(
        "a snapshot is not synced before it has its name",
        "ext/fairlead/shard/manifest.pyx",
        "            os.fsync(file.fileno())\n        os.rename",
        "        os.rename",
        "tests/crash/test_compactor.py -k power_cut",
    ),
    Bug(
        "a snapshot is made of what is not on disk",
        "ext/fairlead/shard/offline.pyx",
        "            sync(os.path.join(directory, name))\n",
        "            pass\n",
        "tests/crash/test_compactor.py -k power_cut",
    ),
    Bug(
        "segments go before the manifest knows the snapshot",
        "src/fairlead/storage/compactor.py",
        "        kept = replace_manifest(path, [*([before] if before else []), image])\n"
        "        deleted = delete_unneeded(path, kept)\n",
        "        kept = [*([before] if before else []), image]\n"
        "        deleted = delete_unneeded(path, kept)\n"
        "        replace_manifest(path, kept)\n",
        "tests/crash/test_compactor.py -k power_cut",
    ),
    Bug(
        "segments go that the older snapshot needs",
        "src/fairlead/storage/compactor.py",
        "    first = kept[0].base.segment\n",
        "    first = kept[-1].base.segment\n",
        "tests/crash/test_snapshots.py -k passed_over or two_snapshots",
    ),
    Bug(
        "the checksum of a section is not looked at",
        "ext/fairlead/shard/snapshot.pyx",
        "    return section.payload_crc == crc32c(0, data + at + SECTION_HEADER, section.size)",
        "    return True",
        "tests/crash/test_snapshots.py -k bit_flip",
    ),
    Bug(
        "a snapshot is believed whatever its state",
        "ext/fairlead/shard/snapshot.pyx",
        "    if actual != header.hash:\n        raise",
        "    if False:\n        raise",
        "tests/crash/test_snapshots.py -k not_what_the_snapshot_says",
    ),
    Bug(
        "a snapshot of another layout is read",
        "ext/fairlead/shard/snapshot.pyx",
        "    if header.layout != STATE_LAYOUT or header.facts != LAYOUT:",
        "    if False:",
        "tests/crash/test_snapshots.py -k another_layout",
    ),
    Bug(
        "a damaged snapshot is passed over in silence",
        "ext/fairlead/shard/snapshot.pyx",
        "            problems.append(str(wrong))\n            kind = wrong.kind\n",
        "            kind = wrong.kind\n",
        "tests/crash/test_snapshots.py -k passed_over",
    ),
    Bug(
        "request ids are not in a snapshot",
        "ext/fairlead/shard/image.pyx",
        "    archive_requests(t, archive)\n",
        "",
        "tests/crash/test_snapshots.py -k router_makes",
    ),
    Bug(
        "slots of names come back in another order",
        "ext/fairlead/directory/names.pyx",
        "    archive_slot(archive, &names.free_slot)\n",
        "",
        "tests/crash/test_snapshots.py -k answers_as_one",
    ),
    Bug(
        "a restored copy goes on in the epoch of the original",
        "src/fairlead/storage/snapshots.py",
        "state.base.epoch) + 1\n",
        "state.base.epoch)\n",
        "tests/crash/test_snapshots.py -k restored_copy",
    ),
    Bug(
        "a compaction deletes what a copy is reading",
        "src/fairlead/storage/compactor.py",
        "    with _locked(path, READERS, fcntl.LOCK_EX):\n",
        "    if True:\n",
        "tests/crash/test_compactor.py -k holds_deletion_back",
    ),
)


def run(copy: Path, *command: str) -> bool:
    """Whether a command of the copy succeeds, in time: what takes damage for truth may count to billions."""
    environment = os.environ | {"PYTHONPATH": f"{copy / 'src'}:{copy}"}
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=copy, env=environment, capture_output=True, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def run_tests(copy: Path, tests: str) -> bool:
    """Whether they all pass; `tests` is a file and the words of pytest's -k."""
    file, _, words = tests.partition(" -k ")
    return run(copy, "-m", "pytest", "-q", "-x", file, "-k", words)


def found(copy: Path, bug: Bug) -> bool:
    """Whether the tests fail with the bug and pass without it. Ends the program when it cannot be planted."""
    path = copy / bug.file
    good = path.read_text()
    if good.count(bug.right) != 1:
        sys.exit(f"{bug.name}: {bug.file} does not have its text once")
    path.write_text(good.replace(bug.right, bug.wrong))
    try:
        if not run(copy, "setup.py", "-q", "build_ext", "--inplace"):
            sys.exit(f"{bug.name}: does not build")
        return not run_tests(copy, bug.tests)
    finally:
        path.write_text(good)


def main() -> int:
    """Plants every bug; the exit code."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "fairlead"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        for tests in sorted({bug.tests for bug in BUGS}):
            if not run_tests(copy, tests):
                sys.exit(f"{tests} fails without any bug")
        for bug in (bug for bug in BUGS if sys.argv[1:] in ([], [bug.name])):
            caught = found(copy, bug)
            print(f"{'found ' if caught else 'MISSED'}  {bug.name}", flush=True)
            missed += [] if caught else [bug.name]
    print(f"planted bugs: {len(missed)} of {len(BUGS)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
