"""The rules of the project's design, so that they hold by themselves.

One test a rule; each lists all offenders at once.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.offenders import fail_for
from tests.plain_words import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "lib_upscalers"

# The layer of every module, or of all modules of a package. A module imports from lower layers and
# from its own; packages of one layer do not know each other.
LAYERS = {
    "errors": 0,
    "words": 0,
    "registry": 0,
    "progress": 0,
    "host": 0,
    "network": 0,
    "version": 0,
    "file_locks": 0,
    "file_writing": 1,
    "json_files": 2,
    "geometry": 1,
    "pictures": 2,
    "resampling": 3,
    "targets": 3,
    "models": 4,
    "tiling": 4,
    "latent": 5,
    "compare": 5,
    "training": 6,
    "guide": 6,
    "upscaling": 6,
    "diagnosis": 7,
    "jobs": 7,
    "video": 8,
    "hosts": 9,
    "ui": 9,
    "cli": 10,
    "app": 11,
    "__main__": 11,
}
WEIGHTLESS = ("torch", "torchvision", "spandrel", "gradio", "PIL", "cv2", "psutil", "safetensors")
# Code for torch or gradio, which nothing imports before there is work for it.
HEAVY_MODULES = (
    "lib_upscalers.training",
    "lib_upscalers.latent.learned_network",
    "lib_upscalers.latent.flow_layout",
    "lib_upscalers.latent.published_layouts",
    "lib_upscalers.models.adapt",
    "lib_upscalers.models.architectures.artcnn",
    "lib_upscalers.models.architectures.branches",
    "lib_upscalers.models.architectures.cunet",
    "lib_upscalers.models.architectures.dis",
    "lib_upscalers.models.architectures.dysample",
    "lib_upscalers.models.architectures.enlargement",
    "lib_upscalers.models.architectures.esc",
    "lib_upscalers.models.architectures.espcn",
    "lib_upscalers.models.architectures.figsr",
    "lib_upscalers.models.architectures.fused_span",
    "lib_upscalers.models.architectures.gaterv3",
    "lib_upscalers.models.architectures.norms",
    "lib_upscalers.models.architectures.rtmosr",
    "lib_upscalers.models.architectures.spanf",
    "lib_upscalers.models.architectures.spanf3",
    "lib_upscalers.models.architectures.spanplus",
    "lib_upscalers.models.architectures.to_grey",
    "lib_upscalers.models.architectures.upconv7",
    "lib_upscalers.models.building",
    "lib_upscalers.models.graphs",
    "lib_upscalers.models.ncnn_backend.layers",
    "lib_upscalers.models.ncnn_backend.modules",
    "lib_upscalers.models.ncnn_backend.handing_over",
    "lib_upscalers.models.ncnn_backend.recording",
    "lib_upscalers.models.skip_init",
    "lib_upscalers.tiling.reductions",
    "lib_upscalers.tiling.resuming",
    "lib_upscalers.tiling.statistics",
    "lib_upscalers.tiling.tensor_memory",
    "lib_upscalers.tiling.watch",
    "lib_upscalers.ui.app_page",
    "lib_upscalers.ui.app_server",
    "lib_upscalers.ui.compare_tab",
    "lib_upscalers.ui.doctor_form",
    "lib_upscalers.ui.folder_form",
    "lib_upscalers.ui.form_filling",
    "lib_upscalers.ui.handler_faults",
    "lib_upscalers.ui.guide_page",
    "lib_upscalers.ui.models_page",
    "lib_upscalers.ui.speed_form",
    "lib_upscalers.ui.video_form",
    "lib_upscalers.hosts.webui.interception",
)
FOREIGN_ARGUMENTS = ("lib_upscalers.models.adapt.", "lib_upscalers.models.outlining.")
# More than these are a flat list again; a new one belongs into a package.
MOST_TOP_MODULES = 14
LOGGER = '_log = logging.getLogger("lib_upscalers")'
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
    nodes: tuple[ast.AST, ...]

    @property
    def unit(self) -> str:
        """The part of the name that has a layer; "" for the package itself."""
        return [*self.name.split("."), ""][1]


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return Module(name, path, tree, tuple(ast.walk(tree)))


MODULES = [_read(path) for path in sorted((ROOT / PACKAGE).rglob("*.py"))]
NAMES = {module.name for module in MODULES}


def _imported(module: Module) -> Iterator[str]:
    """Yield every imported module, those inside functions and for types alone included."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in NAMES else str(node.module)


def _own_imports(module: Module) -> set[str]:
    return {name for name in _imported(module) if name in NAMES and name != PACKAGE}


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.nodes:
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


def test_imports_are_absolute() -> None:
    relative = (
        f"{module.name}:{node.lineno}"
        for module in MODULES
        for node in module.nodes
        if isinstance(node, ast.ImportFrom) and node.level
    )
    fail_for(relative, "Expected absolute imports")


def test_every_module_has_a_layer() -> None:
    homeless = (m.name for m in MODULES if m.unit and m.unit not in LAYERS)
    fail_for(homeless, "Expected a layer for each module: enter it in LAYERS")


def test_few_modules_lie_beside_the_packages() -> None:
    files = [path.name for path in (ROOT / PACKAGE).glob("*.py")]
    if len(files) > MOST_TOP_MODULES:
        fail_for(files, f"Expected at most {MOST_TOP_MODULES} modules in lib_upscalers itself")


def test_no_module_name_is_there_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module in MODULES:
        if module.path.name != "__init__.py":
            places[module.path.stem].append(module.name)
    twice = (f"{name}: {', '.join(found)}" for name, found in places.items() if len(found) > 1)
    fail_for(twice, "Expected one module of a name: rename all but one")


def test_no_class_name_is_public_twice() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(module.name.removeprefix(f"{PACKAGE}."))
    twice = (
        f"{name}: {', '.join(sorted(found))}" for name, found in places.items() if len(found) > 1
    )
    fail_for(twice, "Expected one public class of a name: rename all but one, or make it private")


def test_a_logger_has_one_name() -> None:
    others = (
        f"{module.name}:{node.lineno}: {ast.unparse(node)}"
        for module in MODULES
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        if node.value is not None and "getLogger" in ast.unparse(node.value)
        if ast.unparse(node) != LOGGER.replace('"', "'")
    )
    fail_for(others, f"Expected {LOGGER}")


def test_first_lines_are_in_plain_words() -> None:
    unplain: list[str] = []
    for module in MODULES:
        line = (ast.get_docstring(module.tree) or "").split("\n")[0]
        unplain += [f"{module.name}: {line} ({fault})" for fault in faults(line)]
    fail_for(unplain, "Expected first lines in plain words, see tests/plain_words.py")


def test_imports_point_down() -> None:
    packages = {other.unit for other in MODULES if other.name.count(".") > 1}
    offenders: list[str] = []
    for module in MODULES:
        own = LAYERS.get(module.unit, 0)
        for name in _own_imports(module) if module.unit else ():
            unit = name.split(".")[1]
            layer = LAYERS.get(unit, 0)
            sibling = layer == own and unit != module.unit and {unit, module.unit} & packages
            if layer > own or sibling:
                offenders.append(f"{module.name} imports {name}")
    fail_for(offenders, "Expected imports of lower layers only, not of higher ones nor siblings")


def test_imports_have_no_cycle() -> None:
    graph = {module.name: _own_imports(module) - {module.name} for module in MODULES}
    del graph[PACKAGE]
    while graph:
        leaves = {name for name, wanted in graph.items() if not wanted & graph.keys()}
        if not leaves:
            fail_for(graph, "Expected no cycle of imports, but there is one among these")
        graph = {name: wanted for name, wanted in graph.items() if name not in leaves}


def _importers(roots: set[str]) -> Iterator[Module]:
    """Yield the modules that import one of some foreign packages."""
    for module in MODULES:
        if roots & {name.split(".")[0] for name in _imported(module)}:
            yield module


def test_gradio_is_known_to_the_user_interface_alone() -> None:
    others = (m.name for m in _importers({"gradio"}) if m.unit not in {"ui", "app"})
    fail_for(others, "Expected gradio in ui/ and app.py only")


def test_a_webui_is_known_to_hosts_alone() -> None:
    webui = {"modules", "modules_forge", "backend", "ldm_patched", "launch", "scripts"}
    others = (module.name for module in _importers(webui) if module.unit != "hosts")
    fail_for(others, "Expected a WebUI's modules in hosts/ only")


def test_pillow_is_known_to_the_picture_modules_alone() -> None:
    # A WebUI's pictures are Pillow's.
    others = (
        module.name
        for module in _importers({"PIL"})
        if module.unit not in {"pictures", "training", "hosts"}
        and module.name != "lib_upscalers.compare.grid"
    )
    fail_for(others, "Expected Pillow in pictures/ and few others only")


def test_nothing_is_printed() -> None:
    printing = (
        f"{module.name}:{node.lineno}"
        for module in MODULES
        for node in module.nodes
        if isinstance(node, ast.Name) and node.id == "print"
    )
    fail_for(printing, "Expected no print: log it, or return it to the caller")


# What writes a file that it is given by name: which of its arguments that is.
WRITERS = {"torch.save": 1, "save_file": 1, "np.save": 0, "np.savez": 0, "json.dump": 1}
# The last part of the name of whatever may write a file.
WRITING = {"write_text", "write_bytes", "touch", "open", "save", "rename", "symlink_to"}
WRITING |= {"replace", "link", *(name.split(".")[-1] for name in WRITERS)}
# They write by the one writer themselves, or they are a WebUI's; none is a file of Pillow's.
OWN_SAVES = ("facts", "self", "self.store", "shared.opts", "store", "training")


def _last_name(function: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _names_a_stream(annotation: ast.expr) -> bool:
    return any(
        isinstance(each, ast.Name | ast.Attribute) and "IO" in _last_name(each)
        for each in ast.walk(annotation)
    )


def _makes_bytes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _last_name(node.func) == "BytesIO"


def _writing_calls(function: ast.AST) -> list[ast.Call]:
    """Return the calls in a function that may write a file, by their names."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return [call for call in calls if _last_name(call.func) in WRITING]


def _writes_by_itself(call: ast.Call, granted: set[str]) -> bool:
    """Return whether a call writes a file under its final name, by all that can be seen of it.

    Args:
        call: The call.
        granted: The names of streams and files that the one writer has given, or that lie in
            memory, in the function around the call.
    """
    name = ast.unparse(call.func)
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    arguments = [ast.unparse(each) for each in call.args]
    if method in ("write_text", "write_bytes", "touch"):
        return ".make_folder(" not in name and "secret" not in name
    if method == "open" and arguments and arguments[0] in granted:
        return False
    if name == "open" or method == "open":
        modes = [
            each.value
            for each in (*call.args, *(k.value for k in call.keywords))
            if isinstance(each, ast.Constant)
        ]
        return any(
            isinstance(mode, str) and re.fullmatch(r"[rwaxbt+]*[wax+][rwaxbt+]*", mode)
            for mode in modes
        )
    if name in WRITERS:
        return arguments[WRITERS[name]] not in granted
    if method == "save" and name.removesuffix(".save") not in OWN_SAVES and arguments:
        return arguments[0] not in granted
    return method in ("rename", "symlink_to") or name in ("os.replace", "os.rename", "os.link")


def _granted(function: ast.AST) -> set[str]:
    """Return the names in a function that hold what the one writer gave, or a file in memory."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and node.annotation and _names_a_stream(node.annotation):
            names.add(node.arg)
        if isinstance(node, ast.withitem) and node.optional_vars is not None:
            made = ast.unparse(node.context_expr).split("(")[0]
            if made in ("writing", "writing_path", "appending", "io.BytesIO"):
                names.add(ast.unparse(node.optional_vars))
        if isinstance(node, ast.Assign) and any(
            _makes_bytes(each) for each in ast.walk(node.value)
        ):
            names.update(ast.unparse(target) for target in node.targets)
    return names


@pytest.mark.slow
def test_files_are_written_by_the_one_writer() -> None:
    by_themselves = (
        f"{module.name}:{call.lineno}: {ast.unparse(call)[:80]}"
        for module in MODULES
        if module.unit != "file_writing"
        for function in _functions(module)
        for calls in [_writing_calls(function)]
        if calls
        for granted in [_granted(function)]
        for call in calls
        if _writes_by_itself(call, granted)
    )
    fail_for(set(by_themselves), "Expected files to be written by lib_upscalers/file_writing.py")


def test_arguments_are_named() -> None:
    passing_on = (
        f"{module.name}.{function.name}"
        for module in MODULES
        # They stand in for methods of foreign networks and of torch, who name the arguments.
        if not module.name.startswith(FOREIGN_ARGUMENTS)
        for function in _functions(module)
        if function.args.kwarg
    )
    fail_for(passing_on, "Expected named arguments instead of **kwargs")


def test_modules_are_short() -> None:
    lengths = {m.name: len(m.path.read_text("utf-8").splitlines()) for m in MODULES}
    long = (f"{name}: {lines} lines" for name, lines in lengths.items() if lines > 400)
    fail_for(long, "Expected modules of at most 400 lines: split it by subject")


def test_functions_are_short() -> None:
    lengths = {
        f"{module.name}.{function.name}": _length(function)
        for module in MODULES
        for function in _functions(module)
    }
    long = (f"{name}: {length} lines" for name, length in lengths.items() if length > 60)
    fail_for(long, "Expected functions of at most 60 lines")
    in_order = sorted(lengths.values())
    assert statistics.median(in_order) <= 12
    assert in_order[int(len(in_order) * 0.9)] <= 40


def _is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return _last_name(value.func) in MUTABLE_CALLS
    mutable = ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    return isinstance(value, mutable)


def _changeable_state(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not _is_mutable(node.value):
            continue
        if isinstance(node, ast.Assign):
            allowed = [ast.unparse(target) for target in node.targets] == ["__all__"]
        else:
            kind = ast.unparse(node.annotation).split("[")[0].split(".")[-1]
            allowed = kind in READ_ONLY
        if not allowed:
            yield f"{module.name}: {ast.unparse(node)}"
    for node in module.nodes:
        if isinstance(node, ast.Global):
            yield f"{module.name}: {ast.unparse(node)}"


def test_module_state_cannot_change() -> None:
    """A collection at module level is annotated as read-only, which pyright then watches."""
    offenders = (line for module in MODULES for line in _changeable_state(module))
    fail_for(offenders, f"Expected no global, and collections annotated as one of {READ_ONLY}")


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


@pytest.mark.slow
def test_importing_is_free() -> None:
    """Importing a module loads nothing heavy and does nothing."""
    script = IMPORT_ALL.replace("{heavy}", repr(set(WEIGHTLESS)))
    excused = ("__main__", *HEAVY_MODULES)
    names = sorted(name for name in NAMES if not any(part in name for part in excused))
    heavy = _run_python(script.replace("{names}", repr(names)))
    fail_for(heavy.splitlines(), "Expected imports that load nothing heavy and change nothing")


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
    found: list[str] = []
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        hidden = skipped & set(inside) or any(
            part.endswith((".egg-info", "_cache")) for part in inside
        )
        if hidden or path.suffix not in endings or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in bad if word in text]
    fail_for(found, "Expected no path of a workplace and no address of a package registry")
