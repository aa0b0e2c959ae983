"""The stock clients of tests/conformance/clients: built as their users would, each run against a daemon of its own."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc

from fairlead.errors import FairleadError
from fairlead.shard.core import JobState
from tests.conformance import tools
from tests.conformance.suites import Result, daemon
from tests.conformance.tools import BUILD, ROOT, Failed
from tests.contract.faces import GrpcFace

SOURCES = Path(__file__).parent / "clients"
PROTO = ROOT / "proto"
TENANT = "clients"
WANTED = "OFFERED ACCEPTED COMPLETED | OUTCOME_OFFERED ann ASSIGNED COMPLETED | NOT_FOUND fairlead | busy"
BUILD_SECONDS = 1_800
RUN_SECONDS = 120


def _copied(language: str) -> Path:
    """The sources in the build folder; what was built there before stays."""
    folder = BUILD / "clients" / language
    shutil.copytree(SOURCES / language, folder, dirs_exist_ok=True)
    return folder


def python() -> tuple[str, list[str]]:
    """grpcio, with the stubs of this repository."""
    return grpc.__version__, [sys.executable, str(SOURCES / "python/client.py")]


def node() -> tuple[str, list[str]]:
    """@grpc/grpc-js, with the .proto files as they are."""
    tools.need("node", "npm")
    folder = _copied("node")
    tools.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], folder=folder, seconds=BUILD_SECONDS)
    return _pinned(folder / "package.json", '"@grpc/grpc-js": "'), ["node", str(folder / "client.js")]


def go() -> tuple[str, list[str]]:
    """grpc-go, with the code that protoc-gen-go makes."""
    plugins = [tools.go_tool(*each) for each in tools.GO_GENERATORS]
    folder = _copied("go")
    (folder / "fairleadv1").mkdir(exist_ok=True)
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("fairlead/v1/*.proto"))
    names = [f"M{file}=client/fairleadv1" for file in files]
    options = [f"--{kind}_opt={name}" for kind in ("go", "go-grpc") for name in (*names, "module=client")]
    outputs = [f"--plugin={plugin}" for plugin in plugins] + [f"--go_out={folder}", f"--go-grpc_out={folder}"]
    tools.run([*tools.protoc_command(), *outputs, *options, *files], seconds=120)
    tools.run(["go", "build", "-o", "client", "."], folder=folder, seconds=BUILD_SECONDS)
    return _pinned(folder / "go.mod", "google.golang.org/grpc "), [str(folder / "client")]


def rust() -> tuple[str, list[str]]:
    """tonic, with the code that tonic-prost-build makes."""
    tools.need("cargo")
    folder = _copied("rust")
    protoc = folder / "protoc"
    protoc.write_text(f'#!/bin/sh\nexec {" ".join(tools.protoc_command())} "$@"\n')
    protoc.chmod(0o755)
    extra = {"FAIRLEAD_PROTO": str(PROTO), "PROTOC": str(protoc)}
    tools.run(["cargo", "build", "--quiet"], folder=folder, seconds=BUILD_SECONDS, extra=extra)
    return _pinned(folder / "Cargo.toml", 'tonic = "='), [str(folder / "target/debug/client")]


def java() -> tuple[str, list[str]]:
    """grpc-java, with the code that its plugin makes."""
    tools.need("java", "mvn", "grpc_java_plugin")
    folder = _copied("java")
    tools.run(["mvn", "-B", "-q", f"-Dfairlead.proto={PROTO}", "package"], folder=folder, seconds=BUILD_SECONDS)
    classes = os.pathsep.join((str(folder / "target/classes"), str(folder / "target/dependency/*")))
    return _pinned(folder / "pom.xml", "<grpc.version>"), ["java", "-cp", classes, "client.Client"]


def _pinned(file: Path, before: str) -> str:
    """The version that stands behind these words."""
    text = file.read_text().partition(before)[2]
    return text[: next(at for at, letter in enumerate(text) if letter in '"<\n ')]


LANGUAGES = (python, node, go, rust, java)


def clients() -> Iterator[Result]:
    """Stock clients of five languages assign, watch, accept, complete, and are busy for a while."""
    for language in LANGUAGES:
        name = f"client in {language.__name__}"
        try:
            version, command = language()
            yield _play(name, version, command)
        except (Failed, FairleadError, AssertionError) as failed:
            # An assertion: the daemon ended, and no status came from it. The other languages are still played.
            yield Result(name, "", 0, 1, 0, str(failed))


def _play(name: str, version: str, command: list[str]) -> Result:
    with daemon() as address, grpc.insecure_channel(address) as channel:
        face = GrpcFace(channel)
        face.update_policy({"queues": [{"id": "support", "offer_timeout": "60s"}]}, tenant=TENANT)
        face.create_agent("ann", presence=1, tenant=TENANT)
        code, output = tools.attempt([*command, address, TENANT, str(PROTO)], seconds=RUN_SECONDS)
        completed = [job.id for job in face.jobs(states=[JobState.COMPLETED], tenant=TENANT)]
    is_good = code == 0 and output.strip() == WANTED and completed == ["j1"]
    note = "" if is_good else f"exit {code}, completed {completed}: {output.strip()[-300:]}"
    return Result(name, version, int(is_good), 1, 0, note)
