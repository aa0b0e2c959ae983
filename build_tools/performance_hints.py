"""Fails when Cython has a performance hint: code of the hot path that would take the interpreter's lock."""

import subprocess
import sys

MARK = "performance hint:"


def hints(output: str) -> list[str]:
    """Every hint in the compiler's output, each with the lines that explain it."""
    found = []
    for paragraph in output.split(MARK)[1:]:
        lines = paragraph.splitlines()
        last = next((i for i, line in enumerate(lines) if i and not line.strip()), len(lines))
        found.append(MARK + "\n".join(lines[:last]))
    return found


def main() -> int:
    """Translates every module and prints the hints. Returns the exit status: 1 when there is one or Cython fails."""
    run = subprocess.run(
        [sys.executable, "setup.py", "-q", "cythonize"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if run.returncode != 0:
        print(run.stdout)
        return 1
    found = hints(run.stdout)
    for hint in found:
        print(hint)
    print(f"Cython: {len(found)} performance hints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
