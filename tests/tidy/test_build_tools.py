"""The scripts of the Makefile tell what they should."""

from build_tools.performance_hints import hints
from build_tools.requirements import requirements

OUTPUT = """[1/2] Cythonizing ext/fairlead/base/heap.pyx
performance hint: ext/fairlead/base/heap.pyx:2:0: Exception check on 'touch' will always require the GIL to be acquired.
Possible solutions:
\t1. Declare 'touch' as 'noexcept'.

[2/2] Cythonizing ext/fairlead/engine/core.pyx
"""


def test_a_hint_is_found_with_its_explanation() -> None:
    (hint,) = hints(OUTPUT)
    assert hint.startswith("performance hint: ext/fairlead/base/heap.pyx:2:0:")
    assert hint.endswith("'noexcept'.")


def test_output_without_hints_has_none() -> None:
    assert hints("[1/1] Cythonizing ext/fairlead/base/heap.pyx\n") == []


def test_requirements_are_those_to_build_to_run_and_to_test() -> None:
    pyproject = """
[build-system]
requires = ["cython"]
[project]
dependencies = ["grpcio>=1"]
[project.optional-dependencies]
dev = ["pytest"]
"""
    assert requirements(pyproject) == ["cython", "grpcio>=1", "pytest"]
