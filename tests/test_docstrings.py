"""Docstrings of what the course shows: every name that a notebook can reach says what a reader must know.

Read as text, so that the rules are the same whatever is installed. A name is public when a notebook imports its module
(or the module that passes it on in `__all__`) and it has no underscore in front; of a class, its methods too.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

HOLDS_NUMBERS = re.compile(r"\b(Tensor|ndarray)\b")
# "(B, 100)", "(n,)", "(N, C, H, W)"; or in words, where there is one number or where every shape will do
SHAPE = re.compile(
    r"\(\s*[\w.*+/']{1,12}( [*+/] \w+)?\s*,(\s*[\w.*+/']{1,12}( [*+/] \w+)?\s*,?)*\)"
    r"|\b(a|one) (single )?number\b|\b[Aa]ny shape|\bscalar|\b(same|equal|its) shape"
)
SOURCE = re.compile(
    r"et al\.|arXiv|\band \w+,? (19|20)\d\d\b|\bP[1-4]\b|\[[A-Z]+\d+\]|\b[Oo]urs\b|\b[Tt]he course's\b|\bAlgorithm 1\b"
)
SOURCED = (
    *(
        f"models.{name}"
        for name in ("base", "mlp", "dcgan", "residual", "clusters", "critics", "spectral", "catalogue")
    ),
    *(f"training.{name}" for name in ("losses", "step", "recipe", "penalties", "augment")),
    *("training.pair_losses", "training.critic_step"),
    *("theory.minimax", "theory.games"),
    *(f"evaluation.{name}" for name in ("statistics", "kernel", "neighbours", "path_length", "inception", "scores")),
    *("evaluation.features", "evaluation.mnist_classifier"),
)
NO_SOURCE = {  # what they do is no finding of anybody's
    "models.base.count_parameters",
    "models.base.eval_mode",
    "models.catalogue.networks",
}


@dataclass(frozen=True)
class Item:
    """A public function, class or method."""

    module: str
    name: str
    node: ast.FunctionDef | ast.ClassDef
    owner: ast.ClassDef | None = None

    @property
    def doc(self) -> str:
        """Its docstring, or that of the method that it overrides; a method's class speaks for it too."""
        own = ast.get_docstring(self.node) or ""
        if self.owner is None:
            return own
        return "\n".join(
            [own, ast.get_docstring(self.owner) or "", *(_said(base, self.node.name) for base in _bases(self.owner))]
        )

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


# -- what is public ------------------------------------------------------------------------------------------------


@cache
def tree(module: str) -> ast.Module | None:
    """A module of the package as text, None where there is none; named from inside the package."""
    for path in (f"{module.replace('.', '/')}.py", f"{module.replace('.', '/')}/__init__.py"):
        if (ROOT / "gancourse" / path).is_file():
            return ast.parse((ROOT / "gancourse" / path).read_text(encoding="utf-8"))
    return None


@cache
def imported(parsed: ast.Module) -> list[tuple[str, str, str]]:
    """(module, name, what it is called here) of all imports from the package; no name for a whole module."""
    return list(_imported(parsed))


def _imported(parsed: ast.Module) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gancourse":
            module = (node.module or "").partition(".")[2]
            for alias in node.names:
                inner = f"{module}.{alias.name}".strip(".")
                called = alias.asname or alias.name
                yield (inner, "", called) if tree(inner) else (module, alias.name, called)


def defined(module: str, name: str) -> tuple[str, ast.FunctionDef | ast.ClassDef] | None:
    """Where a name of a module is really defined, and its definition; None for a constant."""
    parsed = tree(module)
    assert parsed, f"there is no gancourse.{module}"
    for node in parsed.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return module, node
    for source, other, called in imported(parsed):
        if other and called == name:
            return defined(source, other)
    return None


def public_names(parsed: ast.Module) -> list[str]:
    """A module's `__all__`; without one, the functions and classes that it defines."""
    for node in parsed.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    own = [node.name for node in parsed.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [name for name in own if not name.startswith("_")]


def public() -> list[Item]:
    """Everything that the notebooks can reach, in order."""
    modules = set()
    for path in sorted((ROOT / "notebooks" / "src").glob("*.py")):
        modules |= {module for module, *_ in imported(ast.parse(path.read_text(encoding="utf-8"))) if module}
    items = {}
    for module in sorted(modules):
        parsed = tree(module)
        assert parsed
        for name in public_names(parsed):
            if found := defined(module, name):
                for item in members(*found):
                    items[str(item)] = item
    return list(items.values())


def members(module: str, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Item]:
    """A function, or a class and its public methods."""
    yield Item(module, node.name, node)
    if not isinstance(node, ast.ClassDef):
        return
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and (not part.name.startswith("_") or part.name in CONSTRUCTORS):
            yield Item(module, f"{node.name}.{part.name}", part, node)


CONSTRUCTORS = ("__init__", "__post_init__")


@cache
def classes() -> dict[str, ast.ClassDef]:
    found: dict[str, ast.ClassDef] = {}
    for path in (ROOT / "gancourse").rglob("*.py"):
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        found |= {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    return found


def _bases(owner: ast.ClassDef) -> Iterator[ast.ClassDef]:
    for base in owner.bases:
        name = ast.unparse(base).split(".")[-1]
        if name in classes() and classes()[name] is not owner:
            yield classes()[name]
            yield from _bases(classes()[name])


def _said(owner: ast.ClassDef, name: str) -> str:
    methods = [part for part in owner.body if isinstance(part, ast.FunctionDef) and part.name == name]
    return "\n".join(ast.get_docstring(method) or "" for method in methods)


# -- the rules -----------------------------------------------------------------------------------------------------


def undocumented(item: Item) -> str:
    """Has a docstring. A constructor and `forward` are told by their class, an override by what it overrides."""
    own = ast.get_docstring(item.node)
    inherited = item.owner is not None and any(_said(base, item.node.name) for base in _bases(item.owner))
    if own or inherited or item.node.name in (*CONSTRUCTORS, "forward"):
        return ""
    return "has no docstring"


def without_shape(item: Item) -> str:
    """Says the shapes of the arrays that it takes or returns."""
    if isinstance(item.node, ast.ClassDef) or item.node.name in CONSTRUCTORS:
        return ""
    given = item.node.args
    hints = [a.annotation for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)] + [item.node.returns]
    holds = [ast.unparse(hint) for hint in hints if hint is not None and HOLDS_NUMBERS.search(ast.unparse(hint))]
    return (
        f"gives no shape, such as (B, 100), for {', '.join(sorted(set(holds)))}"
        if holds and not SHAPE.search(item.doc)
        else ""
    )


def without_errors(item: Item) -> str:
    """Names what its own body raises, or says "Raises" and when."""
    if isinstance(item.node, ast.ClassDef):
        return ""
    silent = [name for name in sorted(raised(item.node)) if name not in item.doc and "Raises" not in item.doc]
    return f"raises {', '.join(silent)} and does not say so" if silent else ""


def raised(function: ast.FunctionDef) -> set[str]:
    """The exceptions in a function's `raise` statements, functions inside it left out; abstract methods raise none."""
    found: set[str] = set()
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(called).split(".")[-1]
            if name[0].isupper():  # a caught exception that goes on has a variable's name
                found.add(name)
        left.extend(ast.iter_child_nodes(node))
    return found - {"NotImplementedError", "Wrong"}  # Wrong is how an exercise answers


def without_source(item: Item) -> str:
    """A network, loss, regulariser or score names the paper that it comes from, in its docstring or its module's."""
    if not any(f"{item.module}.".startswith(f"{one}.") for one in SOURCED) or str(item) in NO_SOURCE:
        return ""
    if item.owner or (isinstance(item.node, ast.ClassDef) and not _is_network(item.node)):
        return ""  # methods belong to their class; records and exceptions hold what functions give
    parsed = tree(item.module)
    assert parsed
    about = item.doc + (ast.get_docstring(parsed) or "")
    return "" if SOURCE.search(about) else 'names no source: a paper and its equation or section, or "ours"'


def _is_network(node: ast.ClassDef) -> bool:
    return any("Module" in ast.unparse(base) for owner in (node, *_bases(node)) for base in owner.bases)


RULES = [undocumented, without_shape, without_errors, without_source]


@pytest.fixture(scope="module")
def items():
    return public()


def test_the_notebooks_reach_the_package(items):
    names = {str(item) for item in items}
    assert len(names) > 250
    assert {"training.step.train_step", "models.base.Generator.forward", "evaluation.kernel.kernel_distance"} <= names
    assert {
        "plots.showing.show",
        "data.churches.dataset.procedural_churches",
        "widgets.latent_explorer.LatentExplorer",
    } <= names


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_docstrings(items, rule):
    complaints = [f"{item} {complaint}" for item in items if (complaint := rule(item))]
    assert not complaints, "\n" + "\n".join(complaints)


GOOD = '''
def f(x: Tensor) -> Tensor:
    """Scaled x (B, C, H, W) (Goodfellow et al. 2014, eq. 1). Raises ValueError for no images."""
    if not len(x):
        raise ValueError("no images")
    return x
'''


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("Scaled x (B, C, H, W) (Goodfellow et al. 2014, eq. 1). Raises ValueError for no images.", ""), undocumented),
        (("(B, C, H, W) ", ""), without_shape),
        (("(B, C, H, W)", "(see above, there)"), without_shape),
        (("Raises ValueError for no images.", ""), without_errors),
        (("(Goodfellow et al. 2014, eq. 1)", "(well known)"), without_source),
    ],
)
def test_each_rule_can_fail(change, rule):
    def complaint(source):
        return rule(Item("models.base", "f", ast.parse(source).body[0]))

    assert GOOD.replace(*change) != GOOD
    assert complaint(GOOD) == "" and complaint(GOOD.replace(*change)) != ""
