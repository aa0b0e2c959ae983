"""Prints what pyproject.toml asks for to build, run and test, one requirement per line, for `pip install -r`."""

import tomllib
from pathlib import Path


def requirements(pyproject: str) -> list[str]:
    """All requirements of the given pyproject.toml text: build system, runtime, extra `dev`."""
    document = tomllib.loads(pyproject)
    project = document["project"]
    return [*document["build-system"]["requires"], *project["dependencies"], *project["optional-dependencies"]["dev"]]


if __name__ == "__main__":
    print("\n".join(requirements(Path("pyproject.toml").read_text())))
