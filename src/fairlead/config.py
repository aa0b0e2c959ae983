"""Configuration of the daemon: one TOML file, read into one frozen value, every mistake told at once.

    listen = "127.0.0.1:7420"       # host:port, "[::]:7420" for every address; port 0: any free one
    transport = "native"            # HTTP/2 without the interpreter; or grpcio, the portable reference
    threads = 8                     # workers that serve calls of the grpcio transport, 1-256
    transport_threads = 1           # threads of the native transport, 1-64; one serves 100,000 calls a second and more
    max_message_size = 4194304      # bytes of one request, 1024-67108864
    events_kept = 262144            # events a watcher may resume after, 1024-16777216; 112 bytes each
    drain_seconds = 10              # how long SIGTERM waits for open calls, 0-600

    [log]
    level = "info"                  # debug, info, warning, error
    format = "json"                 # json or console

    [journal]
    # path = "data"                 # directory, relative to this file; without one state ends with the process
    durability = "fsync"            # what an answer survives: fsync a power cut, os a crash of the process
    segment_size = 67108864         # bytes of one file, 1048576-1073741824, a multiple of 4096
    snapshot_after = 268435456      # bytes of journal after which a snapshot is made, 1048576-1099511627776; 0: never

    [metrics]
    # listen = "127.0.0.1:7421"     # host:port that answers Prometheus, whoever asks; none without

    [guards]                        # what a peer may cost the native transport
    connections = 10000             # of all addresses, 1-16000
    connections_per_address = 256   # 1-16000
    accepts_per_second = 500        # new connections beyond a burst; the rest waits, 1-1000000
    accept_burst = 1000             # 1-1000000
    streams = 1000                  # calls of one connection at once, 1-1000
    preface_seconds = 5             # for the first words of HTTP/2; times are 0.1-86400
    settings_seconds = 10           # until our SETTINGS are acknowledged
    headers_seconds = 10            # for one block of header fields
    body_seconds = 30               # for a request, from its headers to its end
    write_seconds = 20              # without taking a byte of what waits for it
    keepalive_seconds = 60          # of silence, then the peer is pinged
    keepalive_timeout_seconds = 20  # for its answer
    age_seconds = 1800              # of a connection, give or take a tenth; then it is told to go
    age_grace_seconds = 60          # for its calls to end
    queue_seconds = 0.5             # new work that would wait longer is refused; reads at half of it
    sync_seconds = 10               # a sync of the journal that takes longer lets new work be refused

    [policies]                      # policy files by tenant, loaded at start; relative to this file
    default = "policy.toml"

No environment variable is looked at: what runs is what the file says.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from fairlead.errors import error
from fairlead.problems import Problems

DURABILITY = ("fsync", "os", "none")
TRANSPORTS = ("grpcio", "native")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")
MAX_POLICIES = 100_000
NAME_SIZE = 128


@dataclass(frozen=True)
class LogConfig:
    """What is logged and how."""

    level: str = "info"
    format: str = "json"


@dataclass(frozen=True)
class JournalConfig:
    """Where the journal is, None for nowhere, what an answer survives, and when a snapshot is made."""

    path: Path | None = None
    durability: str = "fsync"
    segment_size: int = 64 * 1024 * 1024
    snapshot_after: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class MetricsConfig:
    """Where metrics are told, None for nowhere."""

    listen: str | None = None


@dataclass(frozen=True)
class GuardsConfig:
    """What a peer may cost, and when there is too much to do: counts, times in seconds."""

    connections: int = 10_000
    connections_per_address: int = 256
    accepts_per_second: int = 500
    accept_burst: int = 1_000
    streams: int = 1_000
    preface_seconds: float = 5.0
    settings_seconds: float = 10.0
    headers_seconds: float = 10.0
    body_seconds: float = 30.0
    write_seconds: float = 20.0
    keepalive_seconds: float = 60.0
    keepalive_timeout_seconds: float = 20.0
    age_seconds: float = 1_800.0
    age_grace_seconds: float = 60.0
    queue_seconds: float = 0.5
    sync_seconds: float = 10.0


@dataclass(frozen=True)
class Config:
    """All the daemon is told. Sizes in bytes, times in seconds; `policies` maps a tenant to a file."""

    listen: str = "127.0.0.1:7420"
    threads: int = 8
    max_message_size: int = 4 * 1024 * 1024
    drain_seconds: float = 10.0
    log: LogConfig = field(default_factory=LogConfig)
    policies: Mapping[str, Path] = field(default_factory=dict)
    transport: str = "native"
    events_kept: int = 262_144
    journal: JournalConfig = field(default_factory=JournalConfig)
    transport_threads: int = 1
    guards: GuardsConfig = field(default_factory=GuardsConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

    @property
    def durability(self) -> str:
        """The mode that is in force: without a journal none."""
        return self.journal.durability if self.journal.path else "none"


def load(path: Path | str | None, *, listen: str | None = None) -> Config:
    """The configuration of a file, or the defaults without one; `listen` goes before what the file says.

    Raises InvalidArgument (INVALID_CONFIG) with every problem at once.
    """
    config = _load_file(Path(path)) if path is not None else Config()
    if listen is None:
        return config
    problems = Problems()
    _read({"listen": listen}, _FIELDS, "", problems)
    problems.raise_if_any("INVALID_CONFIG", "the command line")
    return replace(config, listen=listen)


def _load_file(path: Path) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise error("INVALID_CONFIG", f"cannot read the configuration {path}: {wrong}") from wrong
    try:
        return parse(text, path.parent, str(path))
    except tomllib.TOMLDecodeError as wrong:
        raise error("INVALID_CONFIG", f"{path} is no TOML: {wrong}") from wrong


def parse(text: str, folder: Path, file: str = "") -> Config:
    """The configuration of a TOML text; policy files are relative to `folder`, `file` is where it stands.

    Raises InvalidArgument (INVALID_CONFIG), or tomllib.TOMLDecodeError for a text that is no TOML.
    """
    problems = Problems()
    known = _read(tomllib.loads(text), _FIELDS, "", problems)
    log = _read(known.pop("log", {}), _LOG_FIELDS, "log", problems)
    journal = _read(known.pop("journal", {}), _JOURNAL_FIELDS, "journal", problems)
    guards = _read(known.pop("guards", {}), _GUARDS_FIELDS, "guards", problems)
    metrics = _read(known.pop("metrics", {}), _METRICS_FIELDS, "metrics", problems)
    if "path" in journal:
        journal["path"] = folder / journal["path"]
    policies = _policies(known.pop("policies", {}), folder, problems)
    problems.raise_if_any("INVALID_CONFIG", "the configuration", file)
    return replace(
        Config(),
        **known,
        log=LogConfig(**log),
        policies=policies,
        journal=JournalConfig(**journal),
        guards=GuardsConfig(**guards),
        metrics=MetricsConfig(**metrics),
    )


def _is_address(address: str) -> bool:
    host, colon, port = address.rpartition(":")
    plain = ":" not in host or (host.startswith("[") and host.endswith("]"))
    return bool(host and colon and plain and port.isascii() and port.isdigit()) and int(port) <= 65_535


# What is allowed, for people, and the test of it.
_Rule = tuple[str, Callable[[Any], bool]]


def _whole(low: int, high: int) -> _Rule:
    return f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> _Rule:
    return f"a number from {low:g} to {high:g}", lambda value: type(value) in (int, float) and low <= value <= high


def _one_of(names: tuple[str, ...]) -> _Rule:
    return ", ".join(f'"{name}"' for name in names), lambda value: isinstance(value, str) and value in names


_ADDRESS: _Rule = (
    'text "host:port" with a port from 0 to 65535, such as "127.0.0.1:7420" or "[::]:7420"',
    lambda value: isinstance(value, str) and _is_address(value),
)

_FIELDS: Mapping[str, _Rule] = {
    "listen": _ADDRESS,
    "transport": _one_of(TRANSPORTS),
    "threads": _whole(1, 256),
    "transport_threads": _whole(1, 64),
    "events_kept": _whole(1024, 16_777_216),
    "max_message_size": _whole(1024, 64 * 1024 * 1024),
    "drain_seconds": _number(0, 600),
    "log": ("a table of level, format", lambda value: isinstance(value, dict)),
    "journal": ("a table of path, durability, segment_size, snapshot_after", lambda value: isinstance(value, dict)),
    "metrics": ("a table of listen", lambda value: isinstance(value, dict)),
    "guards": ("a table of limits", lambda value: isinstance(value, dict)),
    "policies": ("a table of tenant = file", lambda value: isinstance(value, dict)),
}

_JOURNAL_FIELDS: Mapping[str, _Rule] = {
    "path": (
        "the path of a directory, as text",
        lambda value: isinstance(value, str) and bool(value) and "\0" not in value,
    ),
    "durability": _one_of(DURABILITY),
    "segment_size": (
        "a multiple of 4096 from 1048576 to 1073741824",
        lambda value: type(value) is int and 1 << 20 <= value <= 1 << 30 and value % 4096 == 0,
    ),
    "snapshot_after": (
        "0, or a whole number from 1048576 to 1099511627776",
        lambda value: type(value) is int and (value == 0 or 1 << 20 <= value <= 1 << 40),
    ),
}

_METRICS_FIELDS: Mapping[str, _Rule] = {"listen": _ADDRESS}

_GUARDS_FIELDS: Mapping[str, _Rule] = {
    "connections": _whole(1, 16_000),
    "connections_per_address": _whole(1, 16_000),
    "accepts_per_second": _whole(1, 1_000_000),
    "accept_burst": _whole(1, 1_000_000),
    "streams": _whole(1, 1_000),
    **{each.name: _number(0.1, 86_400) for each in fields(GuardsConfig) if each.name.endswith("_seconds")},
    "queue_seconds": _number(0.001, 3_600),
}

_LOG_FIELDS: Mapping[str, _Rule] = {"level": _one_of(LOG_LEVELS), "format": _one_of(LOG_FORMATS)}


def _read(table: Mapping[str, Any], rules: Mapping[str, _Rule], path: str, problems: Problems) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for key, value in table.items():
        here = f"{path}.{key}" if path else key
        if key not in rules:
            close = get_close_matches(key, rules, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            problems.note(here, f"unknown key; {hint}allowed: {', '.join(rules)}")
            continue
        allowed, fits = rules[key]
        if fits(value):
            good[key] = value
        else:
            problems.add(here, value, allowed)
    return good


def _policies(table: Mapping[str, Any], folder: Path, problems: Problems) -> dict[str, Path]:
    if len(table) > MAX_POLICIES:
        problems.note("policies", f"{len(table)} entries; allowed: 0 to {MAX_POLICIES}")
    good: dict[str, Path] = {}
    for tenant, value in table.items():
        if not 1 <= len(tenant.encode()) <= NAME_SIZE:
            problems.add(f"policies.{tenant}", tenant, f"a tenant of 1 to {NAME_SIZE} bytes")
        elif not isinstance(value, str) or not value or "\0" in value:
            problems.add(f"policies.{tenant}", value, "the path of a policy file, as text")
        elif not (folder / value).is_file():
            problems.add(f"policies.{tenant}", value, f"a file that exists; {folder / value} does not")
        else:
            good[tenant] = folder / value
    return good
