"""Builds what pyproject.toml cannot say: the protobuf code and the compiled modules under ext/.

Every `ext/fairlead/ROOM/NAME.pyx` becomes the module `fairlead.ROOM.NAME`. FAIRLEAD_BUILD chooses the set of compiler
directives and flags: `release` (the default), `debug` (bounds checks and assertions), `sanitize` (debug, under ASan
and UBSan) or `thread` (under the thread sanitizer). Each set has its own tree under build/, so that none disturbs
another. Directives stand here and nowhere else.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Command, Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
EXT = Path("ext")
PROTO = Path("proto")
PROTOCOL = Path("src/fairlead/v1")

RELEASE_DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": False,
    "binding": True,
}
# No negative index means the same in both sets; here it is caught.
DEBUG_DIRECTIVES = RELEASE_DIRECTIVES | {"boundscheck": True, "initializedcheck": True}

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
# What a .pxd declares inline is not used by all who cimport it; Cython compares unsigned with its own ints.
QUIET = ["-Wno-unused-function", "-Wno-sign-compare"]

# (directives, macros, compiler flags, linker flags)
BUILDS = {
    "release": (
        RELEASE_DIRECTIVES,
        [("FAIRLEAD_DEBUG", "0"), ("CYTHON_WITHOUT_ASSERTIONS", "1")],
        ["-O3", "-g0", "-fno-plt", "-fvisibility=hidden", *QUIET],
        [],
    ),
    "debug": (DEBUG_DIRECTIVES, [("FAIRLEAD_DEBUG", "1")], ["-O1", "-g", "-UNDEBUG", *QUIET], []),
    "sanitize": (
        DEBUG_DIRECTIVES,
        [("FAIRLEAD_DEBUG", "1")],
        ["-O1", "-g", "-UNDEBUG", *QUIET, *SANITIZERS],
        SANITIZERS,
    ),
    # Without assertions: this build looks for races alone, and is slow enough.
    "thread": (
        DEBUG_DIRECTIVES,
        [("FAIRLEAD_DEBUG", "0"), ("CYTHON_WITHOUT_ASSERTIONS", "1")],
        ["-O1", "-g1", *QUIET, "-fsanitize=thread", "-fno-omit-frame-pointer"],
        ["-fsanitize=thread"],
    ),
}


def chosen_build() -> str:
    """The name in FAIRLEAD_BUILD; a wrong one ends the build."""
    name = os.environ.get("FAIRLEAD_BUILD", "release")
    if name not in BUILDS:
        sys.exit(f"FAIRLEAD_BUILD is {name!r}; it must be one of {', '.join(BUILDS)}")
    return name


# Rooms that need a system library: its pkg-config module and what installs it on Debian.
LIBRARIES = {"transport": ("libnghttp2", "libnghttp2-dev"), "load": ("libnghttp2", "libnghttp2-dev")}


def library_flags(room: str) -> tuple[list[str], list[str]]:
    """Compiler and linker flags of the library of a room; ends the build with one line when it is missing."""
    if room not in LIBRARIES:
        return [], []
    module, package = LIBRARIES[room]
    command = os.environ.get("PKG_CONFIG", "pkg-config")
    try:
        flags = [
            shlex.split(subprocess.run([command, what, module], check=True, capture_output=True, text=True).stdout)
            for what in ("--cflags", "--libs")
        ]
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"fairlead needs {module} and pkg-config to build: apt-get install {package} pkg-config")
    return flags[0], flags[1]


def extensions(build: str) -> list[Extension]:
    """One extension per .pyx file, in alphabetical order."""
    _, macros, compiler_flags, linker_flags = BUILDS[build]
    headers = [str(path) for path in sorted(EXT.rglob("*.h"))]
    found = []
    for source in sorted(EXT.rglob("*.pyx")):
        parts = source.relative_to(EXT).with_suffix("").parts
        library_compile, library_link = library_flags(parts[1])
        found.append(
            Extension(
                ".".join(parts),
                [str(source)],
                include_dirs=[str(EXT)],
                depends=["setup.py", *headers],
                define_macros=list(macros),
                extra_compile_args=[*compiler_flags, *library_compile],
                extra_link_args=[*linker_flags, *library_link],
            )
        )
    return found


def translated(build: str, target: Path, force: bool) -> list[Extension]:
    """The extensions with their Cython sources translated to C under `target`; only what changed, unless forced."""
    from Cython.Build import cythonize
    from Cython.Compiler.Errors import CompileError

    # Cython compares the C file with the sources but not with the directives, which stand in this file.
    directives_changed = any(c.stat().st_mtime < Path("setup.py").stat().st_mtime for c in target.rglob("*.c"))
    try:
        return cythonize(
            extensions(build),
            build_dir=str(target),
            include_path=[str(EXT)],
            compiler_directives=BUILDS[build][0],
            emit_linenums=build != "release",  # a sanitizer's report names the line of the .pyx
            nthreads=os.cpu_count() or 1,
            force=force or directives_changed,
        )
    except CompileError as error:
        sys.exit(f"Cython refused {error}; its messages are above")


class GenerateProtocol(Command):
    """Writes src/fairlead/v1 from proto/fairlead/v1."""

    description = "generate the protobuf code"
    user_options = []

    def initialize_options(self) -> None:
        """No options."""

    def finalize_options(self) -> None:
        """No options."""

    def run(self) -> None:
        """Generates into a fresh folder and puts it in place whole, so that a failure leaves the old code."""
        import grpc_tools
        from grpc_tools import protoc

        fresh = Path("build/protocol")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        includes = [f"-I{PROTO}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
        outputs = [f"--{kind}_out={fresh}" for kind in ("python", "pyi", "grpc_python")]
        sources = [str(path) for path in sorted((PROTO / "fairlead/v1").glob("*.proto"))]
        if protoc.main(["protoc", *includes, *outputs, *sources]) != 0:
            sys.exit("protoc failed; its messages are above")
        (fresh / "fairlead/v1/__init__.py").write_text('"""The public contract, generated from proto/fairlead/v1."""\n')
        shutil.rmtree(PROTOCOL, ignore_errors=True)
        shutil.move(fresh / "fairlead/v1", PROTOCOL)


class Cythonize(Command):
    """Translates every module anew, without compiling, so that all of Cython's messages are seen."""

    description = "translate the Cython sources to C"
    user_options = []

    def initialize_options(self) -> None:
        """No options."""

    def finalize_options(self) -> None:
        """No options."""

    def run(self) -> None:
        """Writes build/cythonize."""
        translated(chosen_build(), Path("build/cythonize"), force=True)


class BuildPython(build_py):
    """Copies the Python sources, the generated ones among them."""

    def finalize_options(self) -> None:
        """Generates the protobuf code first: setuptools wants to see every package before it builds one."""
        marker = PROTOCOL / "__init__.py"
        newest = max(path.stat().st_mtime for path in PROTO.rglob("*.proto"))
        if not marker.exists() or marker.stat().st_mtime < newest:
            self.run_command("protocol")
        super().finalize_options()


class BuildExtension(build_ext):
    """Compiles the modules, as many at once as there are processors."""

    def finalize_options(self) -> None:
        """Translates to C, and keeps what an in-place build makes in one tree, so that the next one finds it."""
        build = chosen_build()
        tree = Path("build", build)
        self.distribution.ext_modules[:] = translated(build, tree / "c", force=bool(self.force))
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1
        if self.inplace:
            if build != "release":
                sys.exit(f"the {build} build has its own tree: make {build}")
            self.build_lib = str(tree / "lib")
            self.build_temp = str(tree / "temp")


if __name__ == "__main__":
    os.chdir(ROOT)
    setup(
        packages=sorted({*find_packages("src"), "fairlead.v1"}),
        ext_modules=extensions(chosen_build()),
        cmdclass={
            "build_ext": BuildExtension,
            "build_py": BuildPython,
            "cythonize": Cythonize,
            "protocol": GenerateProtocol,
        },
    )
