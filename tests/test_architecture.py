"""The rules of the project's design, so that they hold by themselves."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "lib_upscalers"

# The layer of every module, or of all modules of a package. A module imports from lower layers and
# from its own; packages of one layer do not know each other.
LAYERS = {
    "errors": 0,
    "registry": 0,
    "progress": 0,
    "host": 0,
    "network": 0,
    "version": 0,
    "geometry": 1,
    "pictures": 2,
    "resampling": 3,
    "targets": 3,
    "models": 4,
    "tiling": 4,
    "latent": 5,
    "compare": 5,
    "training": 6,
    "upscaling": 6,
    "hosts": 7,
    "ui": 7,
    "cli": 8,
    "app": 9,
    "__main__": 9,
}
WEIGHTLESS = ("torch", "torchvision", "spandrel", "gradio", "PIL", "cv2", "psutil", "safetensors")
# Code for torch or gradio, which nothing imports before there is work for it.
HEAVY_MODULES = (
    "lib_upscalers.training",
    "lib_upscalers.latent.learned_network",
    "lib_upscalers.latent.published_layouts",
    "lib_upscalers.models.adapt",
    "lib_upscalers.models.skip_init",
    "lib_upscalers.tiling.tensor_memory",
    "lib_upscalers.ui.app_page",
    "lib_upscalers.ui.compare_form",
    "lib_upscalers.ui.compare_tab",
    "lib_upscalers.hosts.webui.interception",
)
READ_ONLY = ("Mapping", "Sequence", "Collection", "Set", "Final")
MUTABLE_CALLS = (
    "list",
    "dict",
    "set",
    "defaultdict",
    "OrderedDict",
    "deque",
    "Counter",
    "bytearray",
)


class Module(NamedTuple):
    """A source file of the package."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def unit(self) -> str:
        """The part of the name that has a layer; "" for the package itself."""
        return [*self.name.split("."), ""][1]


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


MODULES = [_read(path) for path in sorted((ROOT / PACKAGE).rglob("*.py"))]
NAMES = {module.name for module in MODULES}
each_module = pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield every imported module, those inside functions and for types alone included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in NAMES else str(node.module)


def _own_imports(module: Module) -> set[str]:
    return {name for name in _imported(module.tree) if name in NAMES and name != PACKAGE}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function, but for its docstring, which is a contract."""
    assert function.end_lineno
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        assert first.end_lineno
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_there_are_modules() -> None:
    assert {"lib_upscalers", "lib_upscalers.cli.main", "lib_upscalers.errors"} <= NAMES


@each_module
def test_every_module_has_a_layer(module: Module) -> None:
    assert not module.unit or module.unit in LAYERS, "enter it in LAYERS"


@each_module
def test_imports_point_down(module: Module) -> None:
    if not module.unit:
        return
    for name in _own_imports(module):
        unit = name.split(".")[1]
        assert LAYERS[unit] <= LAYERS[module.unit], f"{module.name} imports {name} from above"
        packages = {other.unit for other in MODULES if other.name.count(".") > 1}
        if LAYERS[unit] == LAYERS[module.unit] and unit != module.unit:
            assert not {unit, module.unit} & packages, f"{module.name} imports its sibling {name}"


def test_imports_have_no_cycle() -> None:
    graph = {module.name: _own_imports(module) - {module.name} for module in MODULES}
    del graph[PACKAGE]
    while graph:
        leaves = {name for name, wanted in graph.items() if not wanted & graph.keys()}
        assert leaves, f"a cycle among {sorted(graph)}"
        graph = {name: wanted for name, wanted in graph.items() if name not in leaves}


@each_module
def test_gradio_is_known_to_the_user_interface_alone(module: Module) -> None:
    if module.unit not in {"ui", "app"}:
        assert not {name for name in _imported(module.tree) if name.split(".")[0] == "gradio"}


@each_module
def test_a_webui_is_known_to_hosts_alone(module: Module) -> None:
    webui = {"modules", "modules_forge", "backend", "ldm_patched", "launch", "scripts"}
    if module.unit != "hosts":
        assert not {name for name in _imported(module.tree) if name.split(".")[0] in webui}


@each_module
def test_pillow_is_known_to_the_picture_modules_alone(module: Module) -> None:
    # A WebUI's pictures are Pillow's.
    if (
        module.unit not in {"pictures", "training", "hosts"}
        and module.name != "lib_upscalers.compare.grid"
    ):
        assert not {name for name in _imported(module.tree) if name.split(".")[0] == "PIL"}


@each_module
def test_nothing_is_printed(module: Module) -> None:
    names = [node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)]
    assert "print" not in names


@each_module
def test_arguments_are_named(module: Module) -> None:
    if module.name.startswith("lib_upscalers.models.adapt."):
        return  # stands in for methods of foreign networks, whose arguments are theirs to name
    assert not [function.name for function in _functions(module.tree) if function.args.kwarg]


@each_module
def test_modules_are_short(module: Module) -> None:
    assert len(module.path.read_text(encoding="utf-8").splitlines()) <= 400


def test_functions_are_short() -> None:
    lengths = {
        f"{module.name}.{function.name}": _length(function)
        for module in MODULES
        for function in _functions(module.tree)
    }
    assert not {name: length for name, length in lengths.items() if length > 60}
    in_order = sorted(lengths.values())
    assert statistics.median(in_order) <= 12
    assert in_order[int(len(in_order) * 0.9)] <= 40


def _is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        called = value.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return name in MUTABLE_CALLS
    mutable = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    return isinstance(value, mutable)


@each_module
def test_module_state_cannot_change(module: Module) -> None:
    """A collection at module level is annotated as read-only, which pyright then watches."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and _is_mutable(node.value):
            assert [ast.unparse(target) for target in node.targets] == ["__all__"], ast.unparse(
                node
            )
        if isinstance(node, ast.AnnAssign) and _is_mutable(node.value):
            kind = ast.unparse(node.annotation).split("[")[0].split(".")[-1]
            assert kind in READ_ONLY, ast.unparse(node)
    assert not [node for node in ast.walk(module.tree) if isinstance(node, ast.Global)]


def _run_python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_is_light() -> None:
    script = (
        f"import sys, {PACKAGE}; print(sorted(set({(*WEIGHTLESS, 'numpy')}) & set(sys.modules)))"
    )
    assert _run_python(script) == "[]"


IMPORT_ALL = """
import importlib, logging, os, signal, sys, threading, warnings

import numpy

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy}:
            raise ImportError("something heavy: " + name)

sys.meta_path.insert(0, Refuse())

def state():
    return (
        threading.active_count(), dict(os.environ), os.getcwd(), logging.getLogger().handlers[:],
        signal.getsignal(signal.SIGINT), list(sys.path), len(warnings.filters),
    )

before = state()
for name in {names}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(name, "imports", error)
    if state() != before:
        print(name, "changes the process")
        before = state()
"""


def test_importing_is_free() -> None:
    """Importing a module loads nothing heavy and does nothing."""
    script = IMPORT_ALL.replace("{heavy}", repr(set(WEIGHTLESS)))
    excused = ("__main__", *HEAVY_MODULES)
    names = sorted(name for name in NAMES if not any(part in name for part in excused))
    assert _run_python(script.replace("{names}", repr(names))) == ""


def test_no_address_of_a_workplace() -> None:
    """Nothing names the machine that it was made on, nor where packages come from."""
    bad = ["/" + "work/", "/" + "opt/", "/root" + "/", "pypi" + ".org", "index" + "-url"]
    skipped = {
        ".git",
        ".venv",
        "private_packages",
        "__pycache__",
        "node_modules",
        "build",
        "dist",
        "test-results",
    }
    endings = {".py", ".md", ".toml", ".txt", ".js", ".css", ".json", ".html", ""}
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        hidden = skipped & set(inside) or any(
            part.endswith((".egg-info", "_cache")) for part in inside
        )
        if hidden or path.suffix not in endings or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not [word for word in bad if word in text], path
