"""Every small change of a function that mutmut knows to make, as code that can stand in the function's place.

mutmut's own command starts pytest for each of its mutants and puts a switch around every function; both cost
more than the tests. Here only its operators are used. Like mutmut, this leaves alone what is decorated
(properties) and what stands outside functions (constants, fields).
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from zlib import crc32

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import create_mutations, deep_replace

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A function with one change.

    Attributes:
        change: the line as it is and as it becomes, joined by an arrow.
        lines: those of the statement changed; a test that runs none of them cannot tell.
    """

    module: str
    function: str
    change: str
    file: str
    lines: range
    target: FunctionType
    changed: FunctionType

    @property
    def name(self) -> str:
        """What a report calls it; two changes of equal lines share it."""
        return f"{self.module.removeprefix('cloud.rules.')}.{self.function}: {self.change}"

    def put(self) -> None:
        """Change the function, wherever it is bound; there is no way back but the end of the process."""
        self.target.__code__ = self.changed.__code__
        self.target.__defaults__ = self.changed.__defaults__
        self.target.__kwdefaults__ = self.changed.__kwdefaults__


def mutants(file: Path, one_in: int = 1) -> Iterator[Mutant]:
    """The mutants of a module, in the order of its text; of ``one_in`` only one, the same in each run."""
    text = file.read_text(encoding="utf-8")
    module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    tree, mutations, _, _ = create_mutations(str(file), text)
    places = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    statements = _statements(text)
    owners = _owners(tree)
    written = cache(tree.code_for_node)
    for index, mutation in enumerate(mutations):
        if crc32(f"{file.stem} {index}".encode()) % one_in:
            continue
        function = mutation.contained_by_top_level_function
        if not isinstance(function, cst.FunctionDef) or function not in owners:
            continue
        target = _function(module, owners[function], function.name.value)
        before = written(function)
        other = deep_replace(function, mutation.original_node, mutation.mutated_node)
        assert isinstance(other, cst.FunctionDef)
        after = tree.code_for_node(other)
        changed = compiled(after, module, function.name.value)
        if changed is None or _same(changed.__code__, target.__code__):
            continue
        lines = _lines(places.get(mutation.original_node), statements, places[function])
        name = ".".join(filter(None, (owners[function], function.name.value)))
        yield Mutant(module.__name__, name, _change(before, after), str(file), lines, target, changed)


def _owners(tree: cst.Module) -> dict[cst.CSTNode, str]:
    """The class of each method, "" of each function of the module."""
    owners: dict[cst.CSTNode, str] = {}
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            owners[statement] = ""
        elif isinstance(statement, cst.ClassDef):
            owners |= {
                one: statement.name.value for one in statement.body.body if isinstance(one, cst.FunctionDef)
            }
    return owners


def _function(module: ModuleType, owner: str, name: str) -> FunctionType:
    found = vars(vars(module)[owner] if owner else module)[name]
    function = getattr(found, "__func__", found)
    assert isinstance(function, FunctionType), f"{module.__name__}.{owner}.{name} is no plain function"
    return function


def compiled(text: str, module: ModuleType, name: str) -> FunctionType | None:
    """The function of ``text``, seeing the module's names; None if it is no Python."""
    names = dict(vars(module))
    try:
        code = compile(
            f"from __future__ import annotations\n{text}", f"<mutant of {module.__name__}>", "exec"
        )
    except SyntaxError:
        return None
    exec(code, names)  # noqa: S102  the project's own text, changed
    made = names[name]
    function = getattr(made, "__func__", made)
    assert isinstance(function, FunctionType)
    return function


def _same(one: CodeType, other: CodeType) -> bool:
    return (one.co_code, one.co_consts, one.co_names) == (other.co_code, other.co_consts, other.co_names)


def _statements(text: str) -> dict[int, range]:
    """The lines of the innermost statement by line; of one with a body, of its head."""
    found: dict[int, range] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            lines = range(node.lineno, end + 1)
            found.update(dict.fromkeys(lines, lines))
    return found


def _lines(place: CodeRange | None, statements: dict[int, range], function: CodeRange) -> range:
    if place is not None and place.start.line in statements:
        return statements[place.start.line]
    return range(function.start.line, function.end.line + 1)


def _change(before: str, after: str) -> str:
    old: list[str] = []
    new: list[str] = []
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
        if line.startswith("-") and line != "--- ":
            old.append(line[1:].strip())
        elif line.startswith("+") and line != "+++ ":
            new.append(line[1:].strip())
    return f"{' / '.join(old)}  →  {' / '.join(new)}"
