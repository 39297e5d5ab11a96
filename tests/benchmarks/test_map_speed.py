"""How fast pictures become a map, and an epoch's batches come from it; against torchvision's LSUN and transforms.

`pytest -m benchmark -s tests/benchmarks/test_map_speed.py` prints the figures and holds them to what was promised.
"""

import io
import os
import resource
import time

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.data.photographs import decode, lsun_churches, mapmaker

pytestmark = pytest.mark.benchmark
N, BATCH = 4_096, 128  # enough for the start of the workers, half a second each, to weigh little


def record(i: int) -> bytes:
    """A made picture of LSUN's sizes (shorter side 256) with a photograph's detail: some 20 kB of JPEG or WebP."""
    rng = np.random.default_rng(i)
    size = (256, 256 + 4 * (i % 40)) if i % 3 else (256 + 4 * (i % 40), 256)
    smooth = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noisy = np.asarray(smooth) + rng.normal(0, 9, (size[1], size[0], 1))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "WEBP" if i % 2 else "JPEG", quality=75)
    return file.getvalue()


@pytest.fixture(scope="module")
def lsun(tmp_path_factory):
    import lmdb

    root = tmp_path_factory.mktemp("lsun")
    some = [record(i) for i in range(256)]
    folder = root / "church_outdoor_train_lmdb"
    folder.mkdir()
    with lmdb.open(str(folder), map_size=1 << 30) as database, database.begin(write=True) as writing:
        for i in range(N):
            writing.put(b"%040x" % i, some[i % len(some)])
    print(f"\n{N} records of {sum(map(len, some)) / len(some) / 1e3:.0f} kB, JPEG and WebP in turn")
    return root


def cpu_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def test_making_uses_every_core(lsun, tmp_path):
    """On a machine with other work the wall clock says little: then what counts is processor time a picture."""
    read = decode.reader({"kind": "lmdb", "path": str(lsun / "church_outdoor_train_lmdb")})
    names = [f"{i:040x}" for i in range(N)]
    wall, cpu = time.perf_counter(), cpu_seconds()
    for start in range(0, N, 64):
        decode.chunk(read, names[start : start + 64], 128)
    single_wall, single_cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    del read  # and with it the open LMDB
    wall, cpu = time.perf_counter(), cpu_seconds()
    lsun_churches(lsun, 128, tmp_path / "map")
    made_wall, made_cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    cores = mapmaker._cores()
    full = 126_227 / N  # what is done once, starting workers, weighs less in the whole set
    for what, by_clock, by_cpu in (("one process", single_wall, single_cpu), (f"{cores} cores", made_wall, made_cpu)):
        print(f"{what}: {N / by_clock:,.0f} pictures/s by the clock, {N / by_cpu:,.0f} a processor second")
    shares = single_wall / made_wall / cores, single_cpu / made_cpu
    print(f"share of {cores} x one process: {shares[0]:.0%} by the clock, {shares[1]:.0%} by processor time")
    print(f"the 126,227 of LSUN: about {full * made_wall / 60:.1f} minutes at this rate; load {os.getloadavg()[0]:.1f}")
    assert max(shares) > 0.85


def test_batches_against_torchvision(lsun, tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")
    transforms = pytest.importorskip("torchvision.transforms")
    monkeypatch.chdir(tmp_path)  # torchvision writes a cache file where it is
    steps = [transforms.Resize(128), transforms.CenterCrop(128), transforms.ToTensor()]
    chain = transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    ours = lsun_churches(lsun, 128, tmp_path / "map")
    theirs = datasets.LSUN(str(lsun), classes=["church_outdoor_train"], transform=chain)
    loader = torch.utils.data.DataLoader(theirs, BATCH, shuffle=True, num_workers=2, drop_last=True)
    rates: dict[str, list[float]] = {"torchvision": [], "gancourse": []}
    for _ in range(3):  # in turns
        for name, batches in (("torchvision", loader), ("gancourse", ours.batches(BATCH, torch.Generator()))):
            start = time.perf_counter()
            n = sum(len(batch[0] if isinstance(batch, list) else batch) for batch in batches)
            rates[name].append(n / (time.perf_counter() - start))
    a, b = (sorted(rates[name])[1] for name in ("torchvision", "gancourse"))
    print(
        f"images/s in batches of {BATCH}: torchvision, 2 workers {a:,.0f}; the map {b:,.0f}, {b / a:.0f} times as many"
    )
    assert b > 10 * a
