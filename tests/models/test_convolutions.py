"""No convolution of the course crashes or computes something else, whatever instructions the processor has.

A library's kernel that writes where it must not ends the process. So `convolutions.py` computes them in a process of
its own, and says which layer it is at: a crash is a red test that names the layer.
"""

from __future__ import annotations

import ast
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
import convolutions

from gancourse import models
from gancourse.models import fast, pointwise
from tests.benchmarks.process import AVX2

ROOT = Path(__file__).resolve().parents[2]
on_x86 = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="these limits are x86's")
SETS = [pytest.param({}, id="as-it-is"), pytest.param(AVX2, id="avx2", marks=on_x86)]


def run(*program: str, limits: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A Python program under these limits; glibc, where there is one, checks at every `free` what was overwritten."""
    environment = os.environ | limits | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    checking = next(Path("/lib").glob("*-linux-gnu/libc_malloc_debug.so.0"), None)
    if checking:
        environment |= {"LD_PRELOAD": str(checking), "MALLOC_CHECK_": "3"}
    return subprocess.run([sys.executable, *program], capture_output=True, text=True, env=environment)


def verdict(done: subprocess.CompletedProcess[str]) -> str:
    """ "all right", or what was wrong and in which layer."""
    lines = done.stdout.splitlines() or ["before the first layer"]
    if done.returncode < 0:
        return f"the process died ({signal.Signals(-done.returncode).name}) in {lines[-1]}: {done.stderr[:300]}"
    if done.returncode:
        return f"status {done.returncode} in {lines[-1]}: {done.stderr[-2000:]}"
    return "\n".join(lines[next(i for i, line in enumerate(lines) if line.endswith(" convolutions")) + 1 :])


# A minute and more each, so that they are for `make slow`: with all instructions of the machine, and with AVX2 alone.
@pytest.mark.slow
@pytest.mark.parametrize("limits", SETS)
@pytest.mark.parametrize("which", ["quick", "large"])
def test_every_convolution_of_every_network_is_right(which, limits):
    assert verdict(run(str(Path(convolutions.__file__)), which, limits=limits)) == "all right"


def test_a_crash_names_the_layer():
    crash = (
        "import os, signal; print('Conv2d of 4x14x14, in residual D', flush=True); os.kill(os.getpid(), signal.SIGABRT)"
    )
    assert verdict(run("-c", crash, limits={})).startswith("the process died (SIGABRT) in Conv2d of 4x14x14, in resid")


# -- nothing is forgotten ------------------------------------------------------------------------------------------


def calls(*folders: str):
    """(file, name of the function, call) for every call in these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    yield path.relative_to(ROOT).as_posix(), name, node


def test_every_module_with_a_convolution_is_known():
    builders = {
        path for path, name, _ in calls("gancourse") if name in ("Conv2d", "ConvTranspose2d", "StridedPointwise")
    }
    known = {
        *(f"gancourse/models/{name}.py" for name in ("dcgan", "residual", "clusters", "critics", "unet", "cyclegan")),
        *(f"gancourse/models/{name}.py" for name in ("efficientnet", "srgan", "projected", "biggan", "factors")),
        *(f"gancourse/evaluation/{name}.py" for name in ("church_reader", "features", "mnist_classifier", "segmenter")),
        "gancourse/evaluation/window_reader.py",
        "gancourse/evaluation/smuggling.py",  # 3x3 convolutions on the spot, in float32
        "gancourse/course/studies/small_dcgan.py",
        *(f"gancourse/exercises/lesson{number:02}.py" for number in range(1, 100)),
        *(
            f"gancourse/exercises/checking/{name}.py"
            for name in ("bugs", "critics", "discriminator", "layers", "same_network")
        ),
        *(
            f"gancourse/exercises/checking/{name}.py"
            for name in (
                "cycles",
                "instance_norm",
                "orthogonality",
                "painting",
                "patches",
                "pix2pix_scene",
                "shortcuts",
                "srgan_listing",
                "standing_statistics",
                "watching",
            )
        ),
        "gancourse/course/studies/lesson04/church_predictions.py",
    }
    assert builders <= known, "add their networks to tests/models/convolutions.py, then their files here"


def test_every_width_that_is_written_anywhere_is_computed():
    from gancourse.course import profiles
    from gancourse.course.studies import runner

    asked: dict[str, set[Any]] = {}
    for path, function, call in calls("gancourse", "tests", "notebooks/src"):
        keywords = [k.value for k in call.keywords if k.arg == "width"]
        numbers = [
            n.value for n in [*call.args, *keywords] if isinstance(n, ast.Constant) and type(n.value) in (int, float)
        ]
        if function == "networks" or (function in ("pair", "dcgan") and "convolutions" not in path):
            asked.setdefault(path, set()).update(numbers[:1])  # the width comes first
    studies = {
        job["width"] for n in runner.names() for q in (True, False) for job in runner.find(n).jobs(q) if "width" in job
    }
    widths = {
        *convolutions.TRANSLATORS,
        *convolutions.RESIDUAL,
        *convolutions.P4,
        *convolutions.CRITIC,
        *convolutions.DCGAN,
        *convolutions.DCGAN64,
        *convolutions.STYLEGAN,
        *convolutions.BIGGAN,
    }
    missing = {path: numbers - widths for path, numbers in asked.items() if numbers - widths}
    assert not missing and studies <= widths, "add them to the widths of tests/models/convolutions.py"
    assert set(profiles.CHURCH_WIDTH.values()) <= set(convolutions.P4)
    assert set(convolutions.names()) >= {"dcgan", "residual", "critic", "dcgan128"}


# -- the way round the faulty kernel -------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [2, 3, (1, 2), (2, 1)])
@pytest.mark.parametrize("more", [{}, {"padding": 1}, {"padding": (0, 2), "padding_mode": "reflect"}, {"groups": 2}])
@pytest.mark.parametrize("side", [5, 14])
def test_the_safe_way_is_the_same_convolution(stride, more, side):
    torch.manual_seed(0)
    plain: Any = nn.Conv2d(4, 6, 1, stride, **more)
    safe: Any = pointwise.StridedPointwise(4, 6, 1, stride, **more)
    safe.load_state_dict(plain.state_dict())
    assert repr(safe) == repr(plain) and list(safe.state_dict()) == list(plain.state_dict())
    x = torch.randn(2, 4, side, side + 1)
    found = []
    for layer in (plain, safe):
        x_ = x.clone().requires_grad_()
        y = layer(x_)
        y.square().sum().backward()
        found.append([y, x_.grad, layer.weight.grad, layer.bias.grad])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a)


class Mine(models.Discriminator):
    """A student's: a strided 1x1 convolution, also inside a block."""

    image_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        block = nn.Sequential(nn.Conv2d(4, 4, 1, 2), nn.LeakyReLU(0.2))
        first = [nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*first, block, nn.Conv2d(4, 2, 1, 2), nn.Flatten(), nn.Linear(32, 1), nn.Sigmoid())


def test_the_fast_path_takes_the_safe_way_for_layers_of_a_student():
    torch.manual_seed(0)
    D = Mine()
    x = torch.randn(3, 1, 28, 28)
    keys, said, before = list(D.state_dict()), repr(D), D(x)
    quick = fast.Plan("float32", True, True, "cpu").prepare(D)
    strided = [layer for layer in D.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert [type(layer) for layer in strided] == 2 * [pointwise.StridedPointwise]
    assert list(D.state_dict()) == keys and repr(D) == said and type(D.net[0]) is nn.Conv2d
    torch.testing.assert_close(quick(x), before)


STUDENT = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from test_convolutions import Mine, fast
D = Mine()
quick = fast.Plan("float32", True, True, "cpu").prepare(D)
for _ in range(20):
    print("a layer of a student", flush=True)
    quick(torch.randn(6, 1, 28, 28)).sum().backward()
print("1 convolutions\\nall right")
"""


@on_x86
def test_a_students_layer_does_not_crash_under_avx2():
    assert verdict(run("-c", STUDENT, str(Path(__file__).parent), limits=AVX2)) == "all right"
