"""A .pyi promises what the compiled module has: the same names, parameters, kinds and defaults."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXT = ROOT / "ext"
MODULES = [".".join(path.relative_to(EXT).with_suffix("").parts) for path in sorted(EXT.rglob("*.pyx"))]

Kind = inspect.Parameter
REQUIRED = object()  # in place of a default
OPAQUE = object()  # a default that is not a literal


class Parameter(NamedTuple):
    """One parameter, as both sides can tell it."""

    name: str
    kind: str
    default: object

    def agrees(self, other: "Parameter") -> bool:
        """Same name and kind, both with or both without a default, and equal ones where both are literals."""
        if self[:2] != other[:2] or (self.default is REQUIRED) != (other.default is REQUIRED):
            return False
        return OPAQUE in (self.default, other.default) or self.default == other.default


def literal(node: ast.expr | None) -> object:
    """The value of a default in source; REQUIRED when there is none, OPAQUE when it is more than a literal."""
    if node is None:
        return REQUIRED
    try:
        return ast.literal_eval(node)
    except ValueError:
        return OPAQUE


def declared(function: ast.FunctionDef) -> list[Parameter]:
    """Parameters of a function in a stub."""
    a = function.args
    positional = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
    kinds = [Kind.POSITIONAL_ONLY] * len(a.posonlyargs) + [Kind.POSITIONAL_OR_KEYWORD] * len(a.args)
    found = [
        Parameter(arg.arg, kind.name, literal(default))
        for arg, kind, default in zip(positional, kinds, defaults, strict=True)
    ]
    if a.vararg:
        found.append(Parameter(a.vararg.arg, Kind.VAR_POSITIONAL.name, REQUIRED))
    for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        found.append(Parameter(arg.arg, Kind.KEYWORD_ONLY.name, literal(default)))
    if a.kwarg:
        found.append(Parameter(a.kwarg.arg, Kind.VAR_KEYWORD.name, REQUIRED))
    return found


def compiled(function: object) -> list[Parameter]:
    """Parameters of a compiled function, or of any callable."""
    simple = (int, str, bytes, bool, float, tuple, type(None))
    return [
        Parameter(
            p.name,
            p.kind.name,
            REQUIRED if p.default is p.empty else p.default if isinstance(p.default, simple) else OPAQUE,
        )
        for p in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    ]


def constructor(source: str, class_name: str) -> ast.FunctionDef | None:
    """`__init__` or `__cinit__` of an extension type, read from its source: the compiled one has no signature.

    C types are dropped, so that Python's own parser reads the rest.
    """
    block = re.search(rf"^cdef class {class_name}\b.*?(?=^\S|\Z)", source, re.DOTALL | re.MULTILINE)
    head = block and re.search(r"def (__c?init__\(.*?\)[^:()]*):\s*$", block[0], re.DOTALL | re.MULTILINE)
    if not head:
        return None
    untyped = re.sub(r"(?<=[(,])(\s*)(?:[\w.]+[\s*]+)+(?=\w+\s*[,=):])", r"\1", re.sub(r"#.*", "", head[1]))
    untyped = re.sub(r"\)[^)]*$", ")", untyped)
    function = ast.parse(f"def {untyped}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return function


def decorated(function: ast.FunctionDef, *names: str) -> bool:
    """Whether the function has one of these decorators; `setter` finds `@name.setter`."""
    return any(ast.unparse(d).split(".")[-1] in names for d in function.decorator_list)


def compare(name: str, promised: list[Parameter], actual: list[Parameter]) -> Iterator[str]:
    """The difference of two parameter lists, or nothing."""
    if len(promised) != len(actual) or not all(map(Parameter.agrees, promised, actual)):

        def show(parameters: list[Parameter]) -> str:
            return ", ".join(
                f"{p.name} [{p.kind.lower()}]" + ("" if p.default is REQUIRED else " = ..") for p in parameters
            )

        yield f"{name}: the stub has ({show(promised)}), the module ({show(actual)})"


def function_problems(name: str, stub: ast.FunctionDef, owner: object, source: str) -> Iterator[str]:
    """What a function or method of the stub says that `owner`, a module or class, does not keep."""
    in_class = isinstance(owner, type)
    if stub.name == "__init__" and isinstance(owner, type) and not inspect.isfunction(vars(owner).get("__init__")):
        written = constructor(source, owner.__name__)
        if written is None:
            yield f"{name}: not in the module"
        else:
            yield from compare(name, declared(stub)[1:], declared(written)[1:])
        return
    if not hasattr(owner, stub.name):
        yield f"{name}: not in the module"
        return
    attribute = getattr(owner, stub.name)
    if decorated(stub, "property", "setter"):
        if callable(attribute):
            yield f"{name}: a property in the stub, a method in the module"
        return
    if not callable(attribute):
        yield f"{name}: a function in the stub, not in the module"
        return
    if stub.name.startswith("__"):
        return  # a slot of the type: C has one signature for all of its kind
    promised, actual = declared(stub), compiled(attribute)
    if in_class and not decorated(stub, "staticmethod"):
        promised = promised[1:]
        actual = actual if decorated(stub, "classmethod") else actual[1:]
    yield from compare(name, promised, actual)


def body_problems(prefix: str, body: list[ast.stmt], owner: object, source: str) -> Iterator[str]:
    """What the body of a stub or of a class in it says that `owner` does not keep."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield from function_problems(f"{prefix}{node.name}", node, owner, source)
        elif isinstance(node, ast.ClassDef):
            inner = getattr(owner, node.name, None)
            if not isinstance(inner, type):
                yield f"{prefix}{node.name}: a class in the stub, not in the module"
                continue
            yield from body_problems(f"{prefix}{node.name}.", node.body, inner, source)
            yield from unpromised(f"{prefix}{node.name}.", node.body, vars(inner), None)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not hasattr(owner, node.target.id) and node.target.id not in getattr(owner, "__annotations__", {}):
                yield f"{prefix}{node.target.id}: not in the module"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = getattr(owner, node.targets[0].id, None)
            if value != literal(node.value):
                yield f"{prefix}{node.targets[0].id}: {ast.unparse(node.value)} in the stub, {value!r} in the module"


def unpromised(prefix: str, body: list[ast.stmt], actual: dict[str, object], module: str | None) -> Iterator[str]:
    """Public names that the stub does not have; of a module only what it defines itself."""
    names = {getattr(node, "name", None) for node in body}
    names |= {ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)}
    names |= {ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)}
    for name, value in actual.items():
        own = module is None or getattr(value, "__module__", None) == module
        if own and not name.startswith("_") and name not in names:
            yield f"{prefix}{name}: in the module, not in the stub"


def problems(stub: str | None, module: ModuleType, source: str) -> list[str]:
    """Every difference between a stub (None: there is no file) and its compiled module, whose source helps."""
    body = ast.parse(stub or "").body
    found = list(unpromised("", body, vars(module), module.__name__))
    if stub is None:
        return [f"{problem} (there is no .pyi)" for problem in found]
    return found + list(body_problems("", body, module, source))


@pytest.mark.parametrize("name", MODULES)
def test_a_stub_and_its_compiled_module_agree(name: str) -> None:
    path = ROOT / "src" / Path(*name.split(".")).with_suffix(".pyi")
    source = EXT / Path(*name.split(".")).with_suffix(".pyx")
    assert (
        problems(path.read_text() if path.exists() else None, importlib.import_module(name), source.read_text()) == []
    )


def test_every_stub_in_a_compiled_room_has_its_module() -> None:
    rooms = {name.split(".")[1] for name in MODULES}
    stubs = [path for room in rooms for path in (ROOT / "src/fairlead" / room).rglob("*.pyi")]
    names = {".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in stubs}
    assert names - set(MODULES) == set()


SOURCE = """
cdef class Box:
    cdef int n

    def __init__(self, int size, *, bint tight=False, unsigned char* fill=NULL) -> None:
        pass

cdef class Other:
    pass
"""


def module_of(text: str) -> ModuleType:
    """A module made of Python text, in place of a compiled one."""
    module = ModuleType("sample")
    exec(text, module.__dict__)
    return module


@pytest.mark.parametrize(
    ("stub", "text", "told"),
    [
        ("def f(a: int) -> None: ...", "def f(b): ...", "f: the stub has (a"),
        ("def f(a: int) -> None: ...", "def f(a, b): ...", "f: the stub has (a"),
        ("def f(a: int, b: int = 0) -> None: ...", "def f(a, b): ...", "f: the stub has (a"),
        ("def f(a: int = 1) -> None: ...", "def f(a=2): ...", "f: the stub has (a"),
        ("def f(*, a: int) -> None: ...", "def f(a): ...", "a [keyword_only]"),
        ("def f(a: int, /) -> None: ...", "def f(a): ...", "a [positional_only]"),
        ("def f() -> None: ...", "", "f: not in the module"),
        ("def f() -> None: ...", "f = 3", "f: a function in the stub"),
        ("", "def f(): ...", "f: in the module, not in the stub"),
        (None, "def f(): ...", "there is no .pyi"),
        ("class A:\n    x: int", "class A: ...", "A.x: not in the module"),
        ("class A:\n    X = 1", "class A:\n    X = 2", "A.X: 1 in the stub, 2 in the module"),
        ("class A: ...", "class A:\n    def f(self): ...", "A.f: in the module, not in the stub"),
        ("class A: ...", "A = 1", "A: a class in the stub"),
        ("class A:\n    def f(self, a: int) -> None: ...", "class A:\n    def f(self): ...", "A.f: the stub has (a"),
        (
            "class A:\n    @property\n    def f(self) -> int: ...",
            "class A:\n    def f(self): ...",
            "A.f: a property in the stub",
        ),
        ("class Box:\n    def __init__(self, size: int) -> None: ...", "class Box: ...", "Box.__init__: the stub has"),
        ("class Other:\n    def __init__(self) -> None: ...", "class Other: ...", "Other.__init__: not in the module"),
    ],
)
def test_a_difference_is_told(stub: str | None, text: str, told: str) -> None:
    found = problems(stub, module_of(text), SOURCE)
    assert len(found) == 1
    assert told in found[0]


def test_a_faithful_stub_has_no_problems() -> None:
    stub = """
class Box:
    x: int
    def __init__(self, size: int, *, tight: bool = False, fill: bytes | None = ...) -> None: ...
    @property
    def n(self) -> int: ...
    @staticmethod
    def new(a: int) -> Box: ...
    @classmethod
    def one(cls, a: int) -> Box: ...
    def get(self, a: int, *b: int, c: int = 3, **d: int) -> int: ...
"""
    text = """
class Box:
    __slots__ = ("x",)
    n = property(lambda self: 1)
    new = staticmethod(lambda a: None)
    one = classmethod(lambda cls, a: None)
    def get(self, a, *b, c=3, **d): ...
"""
    assert problems(stub, module_of(text), SOURCE) == []
