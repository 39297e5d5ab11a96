"""The package's shape: imports flow one way, heavy packages stay where they belong, modules stay short.

`imports` reads a tree of modules as text, so that imports inside functions and for type checkers count too.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the bottom to the top: a module may import from its own layer and from those above it in this list. A name
# stands for the module or the package and everything in it; the longest name that fits a module decides.
LAYERS: dict[str, str] = {
    "ground": "files workers stopping seeds plots exercises",
    "images": "data",
    "networks": "models",
    "training": "training pretrained",
    "measuring": "evaluation theory",
    "latent space and course": "latent course",
    "widgets": "widgets",
    "publishing": "publishing",
    "command line": "__main__",
}
ONLY = {  # package -> who may import it, whatever the layer
    "matplotlib": "plots widgets",
    "ipywidgets": "widgets",
    "anywidget": "widgets.pointer",
    "IPython": "plots widgets.figure",
    "nbformat": "publishing",
    "nbconvert": "publishing",
    "nbclient": "publishing",
    "jupytext": "publishing",
    "jupyter_server": "publishing.lab",
    "jupyterlab": "publishing.lab",
    "papermill": "publishing",
    "accelerate": "training.processes",
    "lmdb": "data.photographs",
    "pyarrow": "data.photographs",
    "torchvision": "",
    "pickle": "",
    "multiprocessing": "",  # its workers need a main guard; gancourse.workers' do not
    "concurrent": "",  # as multiprocessing
}
# Modules over 300 lines, and why they are rightly longer. Lists of exercises, one a lesson, may be so too.
LESSON = re.compile(r"exercises\.lesson\d\d")
LONG = {
    "course.claims": "one list of claims, each with its rule and what measures it",
    "exercises.checking.engine": "what an exercise is, with every message that a student can meet",
    "widgets.playground": "one widget: its controls, what they do, and its picture",
    "training.trainer": "one class, Trainer; the algorithm, the state and the folder are in modules of their own",
}
Imports = dict[str, set[str]]


def imports(folder: Path) -> Imports:
    """Module -> what it imports anywhere in it, of a package in `folder`, named from inside the package."""
    files = {_name(path, folder): path for path in sorted(folder.rglob("*.py"))}
    return {name: set(_imported(path, name, folder.name, set(files))) for name, path in files.items()}


def _name(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, name: str, package: str, modules: set[str]):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import: write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for full in names:
            top, _, inner = full.partition(".")
            if top != package:
                yield f"{top}!"  # of another distribution
                continue
            while inner not in modules:  # a class or function: its module; and the package itself is ""
                inner = inner.rpartition(".")[0]
            if inner != name:
                yield inner


def layer_of(module: str) -> int:
    """The position of a module's layer; -1 for none. The package itself is at the bottom."""
    ranks = {name: i for i, names in enumerate(LAYERS.values()) for name in names.split()}
    parts = module.split(".")
    fitting = [".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in ranks]
    return 0 if not module else ranks[fitting[0]] if fitting else -1


def upwards(found: Imports) -> list[str]:
    """Imports of a higher layer by a lower one, and modules that have no layer."""
    names = list(LAYERS)
    lost = [f"{name} has no layer: give it one in LAYERS" for name in found if layer_of(name) < 0]
    return lost + [
        f"{name} ({names[layer_of(name)]}) imports {other} ({names[layer_of(other)]})"
        for name, others in found.items()
        for other in sorted(others)
        if not other.endswith("!") and -1 < layer_of(name) < layer_of(other)
    ]


def cycle(found: Imports) -> list[str]:
    """Modules that import each other round in a circle, and those between circles; imports in functions count."""
    left = {name: {other for other in others if not other.endswith("!")} for name, others in found.items()}
    while True:
        wanted = set().union(*left.values())
        done = {name for name, others in left.items() if not others & left.keys() or name not in wanted}
        if not done:
            return sorted(left)
        left = {name: others for name, others in left.items() if name not in done}


def strays(found: Imports) -> list[str]:
    """Imports of a package by a module that should do without it."""
    return [
        f"{name} imports {package}, which is for: {allowed or 'nobody'}"
        for package, allowed in ONLY.items()
        for name, others in found.items()
        if f"{package}!" in others and not any(f"{name}.".startswith(f"{one}.") for one in allowed.split())
    ]


@pytest.fixture(scope="module")
def found():
    return imports(ROOT / "gancourse")


def test_imports_flow_one_way(found):
    assert len(found) > 60
    assert not (wrong := upwards(found)), "\n" + "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others(found):
    assert cycle(found) == []


def test_heavy_packages_are_imported_only_where_they_belong(found):
    assert not (wrong := strays(found)), "\n" + "\n".join(wrong)
    users = {package for package in ONLY if any(f"{package}!" in others for others in found.values())}
    assert users >= {"matplotlib", "ipywidgets", "nbformat", "lmdb"}  # the rule has something to look at


def test_the_package_itself_imports_nothing(found):
    assert found[""] == set()


def test_the_workers_that_decode_import_nothing_of_the_package(found):
    wanted = found["data.photographs.decode"]
    assert all(name.endswith("!") for name in wanted) and "torch!" not in wanted


def test_every_layer_names_modules_that_exist(found):
    named = [name for names in LAYERS.values() for name in names.split()]
    assert sorted(set(named) - found.keys()) == [] and len(named) == len(set(named))


def test_long_modules_have_a_reason():
    folder = ROOT / "gancourse"
    lines = {_name(path, folder): len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py")}
    long = {name for name, n in lines.items() if n > 300 and not LESSON.fullmatch(name)}
    assert sorted(long - LONG.keys()) == [], "over 300 lines: split it where a reader gains, or say in LONG why not"
    assert sorted(LONG.keys() - long) == [], "no longer over 300 lines: take it out of LONG"


def test_the_rules_see_what_they_forbid(tmp_path):
    package = tmp_path / "gancourse"
    for name, text in {
        "__init__": "",
        "files": "def lazily():\n    from gancourse.training import Trainer",
        "training": "import gancourse.files\nfrom gancourse import models",
        "models": "import torch",
        "data": "import matplotlib.pyplot as plt",
        "plots": "from matplotlib.figure import Figure",
        "stray": "",
    }.items():
        package.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text(text)
    broken = imports(package)
    assert broken["training"] == {"files", "models"} and broken["models"] == {"torch!"}
    assert upwards(broken) == [
        "stray has no layer: give it one in LAYERS",
        "files (ground) imports training (training)",
    ]
    assert cycle(broken) == ["files", "training"]
    assert strays(broken) == [f"data imports matplotlib, which is for: {ONLY['matplotlib']}"]


# -- no test of `make test` depends on how fast the machine is ------------------------------------------------------

CLOCKS = {"perf_counter", "process_time", "monotonic", "thread_time", "timeit", "time.time"}
MAY_READ_A_CLOCK = {  # and none of them to judge a speed; browser and benchmark tests run elsewhere
    "tests/training/test_kill.py": "a process is killed at a random part of the time that a whole run took",
    "tests/data/test_map_kill.py": "as test_kill, and a deadline so that a process that never ends fails the test",
    "tests/test_ctrl_c.py": "a deadline so that a process that never ends fails the test",
    "tests/test_workers.py": "a deadline so that a process that never ends fails the test",
}


def test_no_quick_test_reads_a_clock():
    """An absolute time is the machine's, and what else it does. Ratios belong to `make bench`, or work is counted."""
    reading = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("tests/benchmarks/", "tests/browser/", "tests/compat/")):
            continue
        text = path.read_text(encoding="utf-8")
        if not any(clock in text for clock in CLOCKS):
            continue
        tree = ast.parse(text)
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        imported = {
            a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "time" for a in n.names
        }
        if any(c in CLOCKS or c.rpartition(".")[2] in CLOCKS for c in calls) or imported & CLOCKS:
            reading[name] = calls
    assert set(reading) <= set(MAY_READ_A_CLOCK)
