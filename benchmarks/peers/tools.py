"""What the peers are built from: looked for, never installed; what is missing is told with what installs it."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/peers"
BINARIES = BUILD / "bin"
PROTO = ROOT / "proto"
CONTRACT = [PROTO / f"fairlead/v1/{name}.proto" for name in ("routing_service", "job", "agent", "skill")]
BUILD_SECONDS = 1_800

INSTALL = {
    "gcc": "apt-get install gcc libc6-dev",
    "go": "apt-get install golang-go (1.26 or newer)",
    "cargo": "apt-get install cargo (1.88 or newer)",
    "redis-server": "apt-get install redis-server",
    "postgres": "apt-get install postgresql",
    "initdb": "apt-get install postgresql",
    "psql": "apt-get install postgresql-client",
    "pg_config": "apt-get install libpq-dev",
    "libpq-fe.h": "apt-get install libpq-dev",
}


class Absent(Exception):
    """A peer that cannot run here, and why, in one line."""


def find(tool: str) -> str:
    """Path of a program. Debian keeps those of PostgreSQL out of PATH. Raises Absent with what installs it."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    folders = [*map(str, reversed(versions)), os.environ.get("PATH", os.defpath)]
    ours = folders if tool in ("postgres", "initdb", "psql") else folders[-1:]
    found = shutil.which(tool, path=os.pathsep.join(ours))
    if found is None:
        raise Absent(f"{tool} is not installed; {INSTALL[tool]}")
    return found


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Output of one step of a build. Raises Absent with the last thing it said."""
    try:
        done = subprocess.run(
            # The run itself keeps to one core; what it builds need not.
            ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}", *map(str, command)],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Absent(f"`{Path(command[0]).name}` was not done after {BUILD_SECONDS} s") from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "without a word")
        raise Absent(f"`{Path(command[0]).name} {command[1]}` failed: {told}")
    return done.stdout


def copied(source: str) -> Path:
    """The sources of a peer in the build tree; unchanged files keep their time, so that little is built again."""
    target = BUILD / source
    shutil.copytree(HERE / source, target, dirs_exist_ok=True)
    BINARIES.mkdir(parents=True, exist_ok=True)
    return target


def digest(*paths: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(one for given in paths for one in ([given] if given.is_file() else given.rglob("*"))):
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def is_built(name: str, *sources: Path) -> bool:
    stamp = BUILD / f"{name}.stamp"
    return stamp.exists() and stamp.read_text() == digest(*sources)


def mark_built(name: str, *sources: Path) -> None:
    (BUILD / f"{name}.stamp").write_text(digest(*sources))


def protoc(*options: str | Path) -> None:
    """The compiler of the contract, the one that `make build` uses."""
    run([sys.executable, "-m", "grpc_tools.protoc", "-I", PROTO, *options, *CONTRACT], ROOT)


def build_client(name: str) -> Path:
    """The client in C of redis or postgres."""
    gcc, binary, sources = find("gcc"), BINARIES / f"load-{name}", HERE / "client"
    flags: list[str] = []
    if name == "postgres":
        include = run([find("pg_config"), "--includedir"], ROOT).strip()
        if not (Path(include) / "libpq-fe.h").exists():
            raise Absent(f"libpq-fe.h is not installed; {INSTALL['libpq-fe.h']}")
        flags = [f"-I{include}", "-lpq"]
    if not (binary.exists() and is_built(binary.name, sources)):
        BINARIES.mkdir(parents=True, exist_ok=True)
        run([gcc, "-O2", "-Wall", "-o", binary, sources / "load.c", sources / f"{name}.c", *flags], ROOT)
        mark_built(binary.name, sources)
    return binary


def build_go() -> Path:
    """The Go service. Modules are those of go.sum."""
    go, binary, sources = find("go"), BINARIES / "peer-go", (HERE / "go", PROTO)
    if not (binary.exists() and is_built(binary.name, *sources)):
        folder = copied("go")
        generators = ("google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/grpc/cmd/protoc-gen-go-grpc")
        run([go, "build", "-o", f"{BINARIES}/", *generators], folder)
        options = [f"--plugin={BINARIES / name.rpartition('/')[2]}" for name in generators]
        for kind in ("go", "go-grpc"):
            options += [f"--{kind}_out={folder}", f"--{kind}_opt=module=peer"]
            options += [f"--{kind}_opt=M{path.relative_to(PROTO)}=peer/v1" for path in CONTRACT]
        protoc(*options)
        run([go, "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "."], folder)
        mark_built(binary.name, *sources)
    return binary


def build_rust() -> Path:
    """The Rust service. The versions it names are exact; those below them are what cargo chooses."""
    cargo, binary, sources = find("cargo"), BINARIES / "peer-rust", (HERE / "rust", PROTO)
    if not (binary.exists() and is_built(binary.name, *sources)):
        folder = copied("rust")
        descriptors = BUILD / "fairlead.binpb"
        protoc("--include_imports", f"--descriptor_set_out={descriptors}")
        run([cargo, "build", "--release"], folder, {"PEER_DESCRIPTORS": str(descriptors)})
        shutil.copy2(folder / "target/release/peer", binary)
        mark_built(binary.name, *sources)
    return binary
