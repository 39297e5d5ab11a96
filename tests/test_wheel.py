"""A built wheel, installed and not editable, imports and finds its assets. It is made of the sdist."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
USE = """
import gancourse, sys
from pathlib import Path
assert Path(gancourse.__file__).is_relative_to(sys.prefix), gancourse.__file__
from gancourse.data import mnist
images = mnist("test")
print(len(images), tuple(images.shape))
from gancourse import latent, pretrained
from gancourse.data.images import unscale
from gancourse.data.sheets import tile
from PIL import Image
G = pretrained.load("mlp-mnist")
x = unscale(latent.generate(G, latent.sample(16, G.z_size, seed=0)))
Image.fromarray(tile(x, 4)[0].numpy()).save("digits.png")
print(sorted(pretrained.strip("mlp-mnist"))[:3])
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist of the package, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, because setuptools takes up whatever an earlier build left in build/.
    copy = folder / "source"
    shutil.copytree(ROOT / "gancourse", copy / "gancourse", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(copy)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def test_wheel_and_sdist_hold_every_asset_and_nothing_else_of_the_repository(built):
    sdist, wheel = built
    names = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files", "gancourse"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        assert name in names and name in packed
    assert {name.split("/")[0].split("-")[0] for name in names} == {"gancourse"}
    others = {"", "gancourse", "gancourse.egg-info", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "setup.cfg"}
    assert {name.split("/")[0] for name in packed} == others


def test_an_installed_wheel_has_its_command_and_draws_digits_in_an_empty_environment(built, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(built[1])]
    # Without a PYTHONPATH: pip takes a checkout there that was once built for an installed gancourse, and does nothing.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(install, check=True, env=own)
    # The dependencies come from the environment that runs this test, so that torch is not downloaded again. A
    # .pth file there, such as an editable install's, is not read when the folder is added like this.
    dependencies = sorted({path for path in sys.path if path.endswith("site-packages")})
    (site / "dependencies.pth").write_text("\n".join(dependencies), encoding="utf-8")
    # -E: a PYTHONPATH of whoever runs the tests is not the wheel's.
    done = subprocess.run([str(python), "-E", "-c", USE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["10000 (1, 28, 28)", "[0, 1, 2]"]
    with Image.open(tmp_path / "digits.png") as picture:
        assert picture.size == (118, 118) and picture.convert("L").getextrema() == (0, 255)
    helped = [str(python), "-E", "-m", "gancourse", "--help"]
    told = subprocess.run(helped, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0 and "progress" in told.stdout, told.stderr
