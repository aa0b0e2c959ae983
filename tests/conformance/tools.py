"""The programs of other projects that the suites run: pinned, built once under build/conformance by their own tools."""

import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/conformance"
BIN = BUILD / "bin"

# Go modules: the package to install and its version.
GRPC = ("google.golang.org/grpc/interop/client", "v1.85.0")
H2SPEC = ("github.com/summerwind/h2spec/cmd/h2spec", "v2.2.1+incompatible")
CONNECT_MODULE = "connectrpc.com/conformance"
CONNECT = (f"{CONNECT_MODULE}/cmd/connectconformance", "v1.0.7")
GRPCURL = ("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.4")
GO_GENERATORS = (
    ("google.golang.org/protobuf/cmd/protoc-gen-go", "v1.36.12"),
    ("google.golang.org/grpc/cmd/protoc-gen-go-grpc", "v1.6.2"),
)

# Commands and, on Debian, the packages that have them.
PACKAGES = {
    "go": "golang-go",
    "cargo": "cargo",
    "java": "default-jdk-headless",
    "mvn": "maven",
    "grpc_java_plugin": "protobuf-compiler-grpc-java-plugin",
    "node": "nodejs",
    "npm": "npm",
    "nghttpd": "nghttp2-server",
    "curl": "curl",
}


class Failed(Exception):
    """A step that did not work; the message says which and what it printed last."""


def need(*commands: str) -> None:
    """Raises Failed for the commands that are not installed."""
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        packages = " ".join(PACKAGES[command] for command in missing)
        raise Failed(f"not installed: {', '.join(missing)}; on Debian: apt-get install {packages}")


def run(command: list[str], *, folder: Path = ROOT, seconds: float, extra: dict[str, str] | None = None) -> str:
    """What a command prints, both ways. Raises Failed when it exits with another code than 0 or takes too long."""
    code, output = attempt(command, folder=folder, seconds=seconds, extra=extra)
    if code != 0:
        raise Failed(f"{Path(command[0]).name} ended with {code}: {' / '.join(output.strip().splitlines()[-6:])}")
    return output


def attempt(
    command: list[str], *, folder: Path = ROOT, seconds: float, extra: dict[str, str] | None = None
) -> tuple[int, str]:
    """Exit code and output. Raises Failed when it takes too long."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment() | (extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{Path(command[0]).name} did not end within {seconds:.0f} s") from None
    return done.returncode, done.stdout


def environment() -> dict[str, str]:
    """This process's environment, with the tools found and no proxy for what listens here."""
    local = "127.0.0.1,localhost"
    return dict(os.environ) | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GOBIN": str(BIN),
        "GOFLAGS": "-mod=mod",
        "PYTHONPATH": str(ROOT),
        "no_proxy": local,
        "NO_PROXY": local,
    }


def go_tool(package: str, version: str) -> Path:
    """The installed program of a Go package."""
    need("go")
    name = package.rpartition("/")[2]
    folder = BIN / f"{name}@{version}"
    program = folder / name
    if not program.exists():
        run(["go", "install", f"{package}@{version}"], seconds=1_800, extra={"GOBIN": str(folder)})
    return program


def go_module(module: str, version: str) -> Path:
    """The folder of a Go module's sources."""
    need("go")
    found = json.loads(run(["go", "mod", "download", "-json", f"{module}@{version}"], folder=BUILD, seconds=600))
    return Path(found["Dir"])


def protoc_command() -> list[str]:
    """protoc, as the Python package grpcio-tools brings it."""
    return [str(ROOT / ".venv/bin/python"), "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}"]
