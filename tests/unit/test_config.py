"""The daemon's configuration: defaults, every key, and every mistake told at once with path and what is allowed."""

import re
import tomllib
from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import pytest

from fairlead import config
from fairlead.cli import describe
from fairlead.config import Config, GuardsConfig, JournalConfig, LogConfig, load, parse
from fairlead.errors import InvalidArgument


def test_nothing_said_gives_the_defaults() -> None:
    assert parse("", Path()) == load(None) == Config()


def test_the_example_of_the_module_is_the_defaults(tmp_path: Path) -> None:
    assert config.__doc__ is not None
    (tmp_path / "policy.toml").write_text("")
    example = "\n".join(line[4:] for line in config.__doc__.splitlines() if line.startswith("    "))
    expected = asdict(Config()) | {"policies": {"default": tmp_path / "policy.toml"}}
    assert asdict(parse(example, tmp_path)) == expected
    assert set(tomllib.loads(example)) == set(expected)


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("")
    text = """
        listen = "[::]:0"
        transport = "grpcio"
        threads = 1
        max_message_size = 1024
        drain_seconds = 0.5
        log = { level = "error", format = "console" }
        policies = { "shop 1" = "shop.toml" }
        journal = { path = "data", durability = "os", segment_size = 1048576, snapshot_after = 0 }
        transport_threads = 2
        guards = { connections = 7, keepalive_seconds = 0.5 }
    """
    assert parse(text, tmp_path) == Config(
        "[::]:0",
        1,
        1024,
        0.5,
        LogConfig("error", "console"),
        {"shop 1": tmp_path / "shop.toml"},
        "grpcio",
        journal=JournalConfig(tmp_path / "data", "os", 1 << 20, 0),
        transport_threads=2,
        guards=GuardsConfig(connections=7, keepalive_seconds=0.5),
    )


def test_without_a_directory_nothing_is_durable_and_with_one_it_is_synced(tmp_path: Path) -> None:
    assert Config().durability == "none"
    assert parse('journal.path = "data"', tmp_path).durability == "fsync"


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("lisen = 'a:1'", "lisen", "did you mean listen"),
        ("listen = 7420", "listen", "host:port"),
        ("listen = 'localhost'", "listen", "host:port"),
        ("listen = 'localhost:65536'", "listen", "65535"),
        ("listen = '::1:80'", "listen", "host:port"),
        ("listen = ':80'", "listen", "host:port"),
        ("threads = 0", "threads", "1 to 256"),
        ("threads = 257", "threads", "1 to 256"),
        ("threads = true", "threads", "whole number"),
        ("threads = 2.0", "threads", "whole number"),
        ("journal.durability = 'maybe'", "journal.durability", '"fsync"'),
        ("journal.segment_size = 1048577", "journal.segment_size", "multiple of 4096"),
        ("journal.snapshot_after = 1048575", "journal.snapshot_after", "0, or a whole number from 1048576"),
        ("journal.snapshot_after = true", "journal.snapshot_after", "whole number"),
        ("journal.path = ''", "journal.path", "directory"),
        ("max_message_size = 1023", "max_message_size", "1024"),
        ("drain_seconds = -1", "drain_seconds", "0 to 600"),
        ("drain_seconds = nan", "drain_seconds", "0 to 600"),
        ("drain_seconds = '10s'", "drain_seconds", "0 to 600"),
        ("transport_threads = 0", "transport_threads", "1 to 64"),
        ("transport_threads = 65", "transport_threads", "1 to 64"),
        ("guards = 1", "guards", "table"),
        ("guards.connections = 0", "guards.connections", "1 to 16000"),
        ("guards.streams = 1001", "guards.streams", "1 to 1000"),
        ("guards.age_seconds = 0", "guards.age_seconds", "0.1 to 86400"),
        ("guards.ping_seconds = 1", "guards.ping_seconds", "keepalive_seconds"),
        ("log = 'info'", "log", "table"),
        ("log.level = 'loud'", "log.level", '"warning"'),
        ("log.levl = 'info'", "log.levl", "level, format"),
        ("log.format = 3", "log.format", '"console"'),
        ("policies = []", "policies", "table"),
        ("policies.a = 1", "policies.a", "text"),
        ("policies.a = 'no such file'", "policies.a", "exists"),
        ("policies.'' = 'x'", "policies.", "1 to 128 bytes"),
    ],
)
def test_a_mistake_is_told_with_its_path_and_what_is_allowed(text: str, path: str, allowed: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(allowed)) as raised:
        parse(text, Path())
    assert raised.value.reason == "INVALID_CONFIG"
    assert [field for field, _ in raised.value.violations] == [path]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidArgument) as raised:
        parse("a = 1\nthreads = 0\nlog.level = 'x'\npolicies.a = 1", Path())
    assert {field for field, _ in raised.value.violations} == {"a", "threads", "log.level", "policies.a"}
    assert raised.value.message.count("\n") == 4


def test_each_of_several_mistakes_of_a_file_names_the_file_and_its_path(tmp_path: Path) -> None:
    """In the message, and in the lines of the command line that say why nothing started."""
    file = tmp_path / "fairlead.toml"
    file.write_text("threads = 0\nlog.level = 'x'\n")
    with pytest.raises(InvalidArgument) as raised:
        load(file)
    _, first, second = raised.value.message.splitlines()
    assert first.strip().startswith(f"{file}: threads: 0 is not allowed")
    assert second.strip().startswith(f"{file}: log.level: 'x' is not allowed")
    assert [path for path, _ in raised.value.violations] == ["threads", "log.level"]
    _, first, second = describe(raised.value).splitlines()
    assert first.startswith(f"  {file}: threads: ")
    assert second.startswith(f"  {file}: log.level: ")


def test_a_file_that_cannot_be_read_or_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="missing.toml"):
        load(tmp_path / "missing.toml")
    (tmp_path / "bad.toml").write_text("listen = ")
    with pytest.raises(InvalidArgument, match="bad.toml"):
        load(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(InvalidArgument, match="latin.toml"):
        load(tmp_path / "latin.toml")


def test_policy_files_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("")
    (tmp_path / "fairlead.toml").write_text("policies.default = 'policy.toml'")
    assert load(tmp_path / "fairlead.toml").policies == {"default": tmp_path / "policy.toml"}


def test_the_command_line_goes_before_the_file_and_is_checked(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text("listen = '127.0.0.1:1'\nthreads = 3")
    assert load(tmp_path / "fairlead.toml", listen="127.0.0.1:0") == Config("127.0.0.1:0", 3)
    with pytest.raises(InvalidArgument, match="host:port"):
        load(None, listen="nowhere")


def test_the_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().threads = 9  # type: ignore[misc]
