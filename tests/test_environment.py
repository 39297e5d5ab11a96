"""pyproject.toml, constraints.txt and environment.yml say the same, and admit what Google Colab has."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PLATFORM_PARTS = re.compile(r"^(nvidia-|cuda-|triton|pywin|colorama|appnope)")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements():
    extras = project()["optional-dependencies"].values()
    return [Requirement(line) for lines in [project()["dependencies"], *extras] for line in lines]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def colab():
    """What Colab had installed when tests/compat/colab.txt was written: installing there must replace none of it."""
    lines = (ROOT / "tests" / "compat" / "colab.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_the_pin_satisfies_the_requirement(requirement):
    pin = pins().get(canonicalize_name(requirement.name))
    assert pin is not None, f"{requirement.name} has no pin in constraints.txt"
    assert requirement.specifier.contains(pin)


def test_pins_are_platform_neutral():
    assert [name for name in pins() if PLATFORM_PARTS.match(name)] == []
    assert [name for name, version in pins().items() if version.local] == []  # such as +cpu or +cu132


@pytest.mark.parametrize("name", colab())
def test_lower_bounds_admit_colab(name):
    """Of the package and of the lab; the extra `dev` is for this repository alone."""
    lines = [*project()["dependencies"], *project()["optional-dependencies"]["lab"]]
    for requirement in map(Requirement, lines):
        if canonicalize_name(requirement.name) == canonicalize_name(name):
            assert requirement.specifier.contains(colab()[name])


def test_colab_has_what_importing_needs():
    """So that its setup cell downloads the course and nothing else; its ipywidgets is the oldest that is served."""
    core = {canonicalize_name(Requirement(line).name) for line in project()["dependencies"]}
    assert core <= {canonicalize_name(name) for name in colab()}
    assert colab()["ipywidgets"] == "7.7.1" and colab()["ipython"] == "7.34.0"


def test_core_dependencies_are_few():
    core = {Requirement(line).name for line in project()["dependencies"]}
    assert core == {"torch", "numpy", "matplotlib", "pillow", "safetensors", "filelock", "tqdm"}


def test_environment_installs_this_package_on_a_python_it_supports():
    file = environment()
    assert file["name"] == project()["name"]
    assert file["channels"] == ["conda-forge"]
    python = next(d for d in file["dependencies"] if isinstance(d, str) and d.startswith("python="))
    assert SpecifierSet(project()["requires-python"]).contains(f"{python.removeprefix('python=')}.0")
    from_pip = next(d["pip"] for d in file["dependencies"] if isinstance(d, dict))
    assert "-c constraints.txt" in from_pip
    editable = next(line for line in from_pip if line.startswith("-e "))
    extras = re.fullmatch(r"-e \.\[(.+)\]", editable)
    assert extras and set(extras.group(1).split(",")) <= set(project()["optional-dependencies"])


def test_make_installs_the_same_as_conda_and_accepts_the_same_pythons():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '-c constraints.txt -e ".[lab,dev,distributed,lsun,features]"' in makefile
    low, high = re.findall(r"\((\d+), (\d+)\)", makefile)
    assert project()["requires-python"] == f">={'.'.join(low)},<{high[0]}.{int(high[1]) + 1}"


def test_version_is_the_same_in_the_package():
    import gancourse

    assert gancourse.__version__ == project()["version"]
