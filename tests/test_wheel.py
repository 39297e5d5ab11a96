"""A built wheel, installed and not editable, imports and finds its assets."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
USE = """
import gancourse, sys
from pathlib import Path
assert Path(gancourse.__file__).is_relative_to(sys.prefix), gancourse.__file__
from gancourse.data import mnist
images = mnist("test")
print(len(images), tuple(images.shape))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, because setuptools takes up whatever an earlier build left in build/.
    copy = folder / "source"
    shutil.copytree(ROOT / "gancourse", copy / "gancourse", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


def test_wheel_holds_every_asset_and_nothing_else_of_the_repository(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", "gancourse"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        assert name in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"gancourse"}


def test_wheel_imports_and_loads_mnist_in_an_empty_environment(wheel, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    # The dependencies come from the environment that runs this test, so that torch is not downloaded again. A
    # .pth file there, such as an editable install's, is not read when the folder is added like this.
    dependencies = sorted({path for path in sys.path if path.endswith("site-packages")})
    (site / "dependencies.pth").write_text("\n".join(dependencies), encoding="utf-8")
    done = subprocess.run([str(python), "-c", USE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "10000 (1, 28, 28)"
