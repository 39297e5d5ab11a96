"""Training from a map needs no more memory when there are more images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc"),
]

# The map is a sparse file: zeros that take no disk. The peak is that of the process, over what it was with torch alone.
PROGRAM = """
import json, sys
from pathlib import Path
import torch

def peak():
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

torch.randn(64, 64) @ torch.randn(64, 64)
before = peak()
from gancourse.data.photographs.maps import open_map
from gancourse.models import networks
from gancourse.training import Config, Minimax, Trainer
images = open_map(sys.argv[1])
read = sum(1 for _ in zip(images.batches(128, torch.Generator().manual_seed(0)), range(100)))
G, D = networks("dcgan128", width=2)
trainer = Trainer(Minimax(G, D), images, Config(model="dcgan128", batch_size=128), sys.argv[2], "cpu")
rounds = [r for _, r in zip(range(2), trainer.rounds())]
print(json.dumps({"bytes": peak() - before, "batches": read, "images": len(trainer.data), "rounds": len(rounds)}))
"""


def grown(folder: Path, count: int) -> int:
    folder.mkdir()
    with (folder / "pixels.u8").open("wb") as file:
        file.truncate(count * 3 * 128 * 128)
    about = {"format": 1, "name": "nothing", "count": count, "shape": [3, 128, 128], "sha256": "0" * 64}
    (folder / "about.json").write_text(json.dumps(about | {"crop": "", "source": "", "left_out": []}))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(folder / "run")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["batches"], said["images"], said["rounds"]) == (100, count, 2)
    return said["bytes"]


def test_memory_does_not_grow_with_the_images(tmp_path):
    few, many = grown(tmp_path / "few", 12_800), grown(tmp_path / "many", 1_000_000)  # 0.6 GB, 49 GB
    print(f"peak over torch alone: {few / 1e6:,.0f} MB with 12,800 images, {many / 1e6:,.0f} MB with 1,000,000")
    assert many < 3e9
    assert many < few + 100e6
