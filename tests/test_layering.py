"""Imports run one way. Read from the source with ast: nothing is imported upwards, inside a function, or optional at start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import tinygrad_reg

ROOT = Path(tinygrad_reg.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]

#: From the bottom up; a module may import from its own layer and from lower ones.
LAYERS: list[set[str]] = [
    {"errors", "absent"},
    {"engine"},
    {"backends", "blas", "device", "dtypes"},
    {"ops"},
    {"methods", "linalg", "special"},
    {"interop", "printing"},
    {"tensor"},
    {"creation", "legacy"},
    {"random"},
    {"autograd"},
    {"nn", "optim", "func"},
    {"compiler", "explain", "utils", "serialization", "optim.swa_utils"},
    {"testing"},
    {"__init__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

#: Parts of one layer that must not know each other.
STRANGERS = [{"interop", "printing"}, {"nn", "optim"}, {"blas", "device", "dtypes"}]


def part(module: str) -> str:
    """The layer's member that a module of the package belongs to: "engine.graph" -> "engine"."""
    return module if module in LEVEL else module.split(".")[0] if module else "__init__"


def module_of(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "_TYPE_CHECKING")


def imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """All imports that are executed, and whether that is inside of a function."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, inside = stack.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inside
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        children = node.orelse if isinstance(node, ast.If) and is_type_checking(node) else list(ast.iter_child_nodes(node))
        stack += [(child, inside) for child in children]


def targets(path: Path) -> set[str]:
    """The modules of the package that a file imports, as dotted names below the package."""
    here = module_of(path).split(".") if module_of(path) else []
    package = here if path.name == "__init__.py" else here[:-1]
    found = set()
    for node, _ in imports(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition("tinygrad_reg.")[2] for alias in node.names if alias.name.startswith("tinygrad_reg.")}
            assert not any(alias.name == "tinygrad_reg" for alias in node.names), f"{path.name} imports the whole package"
        elif node.level:
            base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                longer = ROOT.joinpath(*base, alias.name)
                is_module = longer.is_dir() or longer.with_suffix(".py").exists()
                found.add(".".join([*base, alias.name] if is_module else base))
        elif node.module and node.module.split(".")[0] == "tinygrad_reg":
            found.add(node.module.partition(".")[2])
    return found


def test_every_module_has_a_layer() -> None:
    assert {part(module_of(path)) for path in FILES} <= set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_run_one_way(path: Path) -> None:
    here = part(module_of(path))
    for target in targets(path):
        there = part(target)
        assert LEVEL[there] <= LEVEL[here], f"{module_of(path)} imports {target}, which stands above it"
        assert not any({here, there} <= strangers and here != there for strangers in STRANGERS), f"{module_of(path)} imports {target}"


def test_no_two_files_import_each_other_directly_or_by_detours() -> None:
    graph = {module_of(path): {t for t in targets(path) if t != module_of(path)} for path in FILES}
    packages = {module_of(path) for path in FILES if path.name == "__init__.py"}
    for module, imported in graph.items():  # a file of a package may be re-exported by it
        graph[module] = {t for t in imported if not (t in packages and module.startswith(f"{t}."))}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_import_inside_a_function(path: Path) -> None:
    inside = [ast.unparse(node) for node, inner in imports(ast.parse(path.read_text())) if inner]
    optional = ("matplotlib", "safetensors", "onnx", "scipy", "ziglang", "mpi4py", "tqdm", "tensorboard", "hypothesis", "einops")
    assert [line for line in inside if not any(name in line for name in optional)] == []


def test_nn_and_optim_do_not_know_the_compiler_and_nobody_knows_testing() -> None:
    for path in FILES:
        parts = {part(target) for target in targets(path)}
        here = part(module_of(path))
        if here in ("nn", "optim"):
            assert "compiler" not in parts, f"{path} imports the compiler"
        if here != "testing":
            assert "testing" not in parts, f"{path} imports testing"


def test_only_numpy_and_the_standard_library_are_imported_at_start() -> None:
    code = "import sys, numpy; before = set(sys.modules); import tinygrad_reg; print('\\n'.join(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    roots = {name.split(".")[0] for name in done.stdout.split()}
    foreign = {name for name in roots if name not in sys.stdlib_module_names and name not in ("tinygrad_reg", "numpy", "__mp_main__")}
    assert {name for name in foreign if not name.startswith("_")} == set()
    assert "hypothesis" not in roots
    assert not {name for name in done.stdout.split() if name.startswith("tinygrad_reg.testing")}


def test_outside_packages_that_are_imported_at_the_top_of_a_file() -> None:
    for path in FILES:
        for node, inside in imports(ast.parse(path.read_text())):
            if inside or (isinstance(node, ast.ImportFrom) and node.level):
                continue
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                root = module.split(".")[0]
                allowed = ("numpy", "tinygrad_reg", *(("hypothesis", "pytest") if path.parent.name == "testing" else ()))
                assert root in sys.stdlib_module_names or root in allowed, f"{path.name} imports {module} at start"
