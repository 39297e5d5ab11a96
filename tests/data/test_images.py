"""MNIST is read, checked and dealt out in batches as gancourse.data says."""

import gzip
import hashlib
import json
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from gancourse import data
from gancourse.data import DataError, Images, mnist, mnist_digits, scale, tile, unscale, untile

IDX = {
    "train-images-idx3-ubyte": (2051, (60_000, 28, 28)),
    "train-labels-idx1-ubyte": (2049, (60_000,)),
    "t10k-images-idx3-ubyte": (2051, (10_000, 28, 28)),
    "t10k-labels-idx1-ubyte": (2049, (10_000,)),
}
LAST = "t10k-labels-idx1-ubyte"  # small and read last: the file that the tests below damage


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def labels(images):
    assert images.labels is not None
    return images.labels


@pytest.fixture(scope="module")
def everything():
    return mnist("all")


@pytest.fixture(scope="module")
def numbered():
    """23 one-pixel images, each with a grey value of its own."""
    return Images(torch.arange(23, dtype=torch.uint8).view(23, 1, 1, 1), name="numbered")


@pytest.fixture(scope="module")
def idx_files(everything, tmp_path_factory):
    """MNIST as torchvision keeps it, made from the embedded copy."""
    folder = tmp_path_factory.mktemp("idx")
    parts = {"train": slice(0, 60_000), "t10k": slice(60_000, None)}
    for name, (magic, shape) in IDX.items():
        part = parts[name.split("-")[0]]
        content = everything.pixels[part] if "images" in name else everything.labels[part].to(torch.uint8)
        header = struct.pack(f">{1 + len(shape)}i", magic, *shape)
        (folder / name).write_bytes(header + content.numpy().tobytes())
    yield folder
    shutil.rmtree(folder)  # 55 MB, which pytest would keep through three sessions


@pytest.fixture
def root(idx_files, tmp_path):
    """A folder of links to those files, to be damaged."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in IDX:
        (raw / name).symlink_to(idx_files / name)
    return tmp_path


def damage(root, name, content):
    path = root / "MNIST" / "raw" / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


# -------------------------------------------------------------------------------- the embedded copy


@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000), ("all", 70_000)])
def test_the_splits_of_the_embedded_mnist(everything, split, n):
    images = mnist(split)
    assert len(images) == n
    assert images.shape == (1, 28, 28)
    assert images.pixels.dtype == torch.uint8
    assert labels(images).dtype == torch.int64
    assert images.name == f"mnist-{split}"
    start = 60_000 if split == "test" else 0
    assert torch.equal(images.pixels, everything.pixels[start : start + n])
    assert torch.equal(labels(images), everything.labels[start : start + n])


def test_the_embedded_mnist_is_mnist(everything):
    # the counts of the ten classes in the official training and test files
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert everything.labels[:60_000].bincount().tolist() == train
    assert everything.labels[60_000:].bincount().tolist() == test
    assert everything.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    mean = everything.pixels[:60_000].sum().item() / (60_000 * 28 * 28 * 255)
    assert mean == pytest.approx(0.1307, abs=5e-5)  # the constant of every tutorial


def test_an_unknown_split_is_refused():
    with pytest.raises(DataError, match='split is \'validation\', expected "train", "test" or "all"'):
        mnist("validation")


def test_the_images_may_be_written_to(everything):
    mnist("test").pixels[0, 0, 0, 0] = 7  # one's own copy, not the cache's
    assert torch.equal(mnist("test").pixels, everything.pixels[60_000:])


def test_the_cache_is_used_and_a_damaged_one_decoded_again(monkeypatch, tmp_path, everything):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    name = f"mnist-{mnist_digits._MNIST_SHA256[:12]}.bin"
    (tmp_path / name).write_bytes(b"damaged")
    assert torch.equal(mnist("all").pixels, everything.pixels)
    cached = (tmp_path / name).read_bytes()
    assert hashlib.sha256(cached).hexdigest() == mnist_digits._MNIST_SHA256

    def not_again(*_):
        raise AssertionError("decoded although the cache is whole")

    monkeypatch.setattr(mnist_digits.lzma, "decompress", not_again)
    assert torch.equal(labels(mnist("all")), everything.labels)


@pytest.fixture
def other_asset(monkeypatch, tmp_path):
    """Puts another file, or none, in the place of assets/mnist.xz, with an empty cache."""
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist_digits, "resources", SimpleNamespace(files=lambda package: tmp_path))
    (tmp_path / "assets").mkdir()
    return lambda content: (tmp_path / "assets" / "mnist.xz").write_bytes(content)


def test_a_wrong_hash_of_the_embedded_file(other_asset, tmp_path):
    other_asset(mnist_digits.lzma.compress(b"something else"))
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(
        DataError, match=f"SHA-256 {found}, expected {mnist_digits._MNIST_SHA256}; install gancourse again"
    ):
        mnist()
    assert not (tmp_path / "cache").exists()  # nothing wrong is cached


@pytest.mark.parametrize("content", [mnist_digits.lzma.compress(bytes(1000))[:-9], b"no xz at all", b""])
def test_a_truncated_or_foreign_embedded_file(other_asset, content):
    other_asset(content)
    with pytest.raises(DataError, match=r"mnist\.xz .*; install gancourse again"):
        mnist()


def test_a_missing_embedded_file(other_asset):
    with pytest.raises(DataError, match=r"mnist\.xz .*; install gancourse again"):
        mnist()


def test_a_cache_that_cannot_be_written_costs_a_line(monkeypatch, capsys, everything, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    raw = everything.pixels.numpy().tobytes() + everything.labels.to(torch.uint8).numpy().tobytes()
    monkeypatch.setattr(mnist_digits.lzma, "decompress", lambda packed: raw)  # decoding is tested above
    assert torch.equal(labels(mnist("test")), everything.labels[60_000:])
    assert "MNIST could not be cached in" in capsys.readouterr().err


# -------------------------------------------------------------------------------- a torchvision folder


@pytest.mark.parametrize("layout", ["MNIST/raw", "raw", "."])
def test_a_folder_is_read_in_each_layout_plain_or_gz(layout, idx_files, everything, tmp_path):
    folder = tmp_path / layout
    folder.mkdir(parents=True, exist_ok=True)
    for name in IDX:
        if "t10k" in name:
            (folder / f"{name}.gz").write_bytes(gzip.compress((idx_files / name).read_bytes(), 1))
        else:
            (folder / name).symlink_to(idx_files / name)
    images = mnist("all", tmp_path)
    assert torch.equal(images.pixels, everything.pixels)
    assert torch.equal(labels(images), everything.labels)
    assert images.fingerprint == everything.fingerprint  # a run may go on with either copy


@pytest.mark.parametrize("name", list(IDX))
def test_a_missing_file_is_named(root, name):
    (root / "MNIST" / "raw" / name).unlink()
    with pytest.raises(DataError, match=rf"{name} \(or {name}\.gz\) was not found in .*root=None uses"):
        mnist("train", root)


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(DataError, match="was not found in"):
        mnist("train", tmp_path / "nowhere")


HEADER = struct.pack(">2i", 2049, 10_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + bytes(9_999), "has 10007 bytes, expected 10008: it was cut short"),
        (HEADER + bytes(10_001), "has 10009 bytes, expected 10008: it was cut short or added to"),
        (HEADER[:5], "has 5 bytes, fewer than its 8-byte header"),
        (b"", "has 0 bytes, fewer than its 8-byte header"),
        (struct.pack(">2i", 2051, 10_000) + bytes(10_000), "magic number 2051, expected 2049"),
        (struct.pack("<2i", 2049, 10_000) + bytes(10_000), "magic number 17301504, expected 2049"),
        (struct.pack(">2i", 2049, 60_000) + bytes(60_000), r"says it holds \(60000,\), expected \(10000,\)"),
    ],
    ids=["short", "long", "header", "empty", "magic", "endianness", "size"],
)
def test_a_damaged_idx_file(root, content, message):
    path = damage(root, LAST, content)
    with pytest.raises(DataError, match=f"{path}.*{message}"):
        mnist("train", root)


@pytest.mark.parametrize("damaged", ["cut", "not gzip", "altered"])
def test_a_damaged_gz_file(root, damaged):
    packed = gzip.compress(HEADER + bytes(range(100)) * 100)
    content = {"cut": packed[:-20], "not gzip": HEADER + bytes(10_000), "altered": packed[:30] + b"\xff" * 90}
    (root / "MNIST" / "raw" / LAST).unlink()
    path = damage(root, f"{LAST}.gz", content[damaged])
    with pytest.raises(DataError, match=rf"{path} cannot be read .*copy it again, or use root=None"):
        mnist("train", root)


def test_pack_mnist_packs_what_is_decoded_again(root, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist_digits.lzma, "compress", lambda raw, preset: raw)  # compressing takes half a minute
    assert mnist_digits.pack_mnist(root, tmp_path / "out" / "mnist.xz") == mnist_digits._MNIST_SHA256
    written = (tmp_path / "out" / "mnist.xz").read_bytes()
    assert hashlib.sha256(written).hexdigest() == mnist_digits._MNIST_SHA256


# -------------------------------------------------------------------------------- Images


@pytest.mark.parametrize("shape", [(4, 28, 28), (28, 28), (4, 2, 28, 28), (4, 28, 28, 1), (1, 4, 1, 28, 28)], ids=str)
def test_pixels_that_are_no_images_are_refused(shape):
    pixels = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(DataError) as caught:
        Images(pixels, name="mine")
    assert f"mine: pixels have shape {shape}, expected (N, C, H, W) with C = 1 or 3" in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_pixels_that_are_not_uint8_are_refused(dtype):
    with pytest.raises(DataError, match=rf"mine: pixels are {dtype}, expected torch\.uint8 .*unscale"):
        Images(torch.zeros(4, 1, 2, 2, dtype=dtype), name="mine")


def test_labels_must_be_as_many_as_images():
    with pytest.raises(DataError, match="4 images but 3 labels"):
        Images(torch.zeros(4, 1, 2, 2, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))


def test_subset_is_the_first_n(everything):
    few = everything.subset(7)
    assert len(few) == 7
    assert torch.equal(few.pixels, everything.pixels[:7])
    assert torch.equal(labels(few), everything.labels[:7])
    for n in (0, -1, 70_001):
        with pytest.raises(DataError, match=f"asked for {n} images of 70000; choose 1 to 70000"):
            everything.subset(n)


def test_to_moves_pixels_and_labels(everything):
    moved = everything.subset(3).to("meta")
    assert moved.device.type == moved.labels.device.type == "meta"
    assert moved.name == everything.name


def test_the_fingerprint_depends_on_pixels_and_shape_alone(everything):
    few = everything.subset(4)
    assert few.fingerprint == Images(few.pixels.clone(), name="other").fingerprint
    changed = few.pixels.clone()
    changed[3, 0, 27, 27] += 1
    reshaped = few.pixels.reshape(4, 1, 14, 56)
    assert len({few.fingerprint, Images(changed).fingerprint, Images(reshaped).fingerprint}) == 3


def test_repr_says_what_it_is(everything):
    assert repr(everything) == "Images('mnist-all', 70,000 of 1x28x28, uint8, on cpu)"


# -------------------------------------------------------------------------------- pixels and batches


def test_scale_maps_0_to_minus_1_and_255_to_1():
    grey = torch.arange(256, dtype=torch.uint8)
    x = scale(grey)
    assert x.dtype == torch.float32
    assert (x[0].item(), x[255].item()) == (-1.0, 1.0)
    assert torch.allclose(x.double(), (grey.double() / 255 - 0.5) / 0.5, atol=1e-6)  # Normalize(0.5, 0.5)
    assert torch.equal(grey, torch.arange(256, dtype=torch.uint8))  # the images stay as they were


def test_unscale_undoes_scale_rounds_and_clips():
    grey = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(unscale(scale(grey)), grey)
    assert torch.equal(unscale(scale(grey).bfloat16().requires_grad_())[[0, 255]], grey[[0, 255]])
    x = torch.tensor([-1.5, 1.5, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1])
    assert unscale(x).tolist() == [0, 255, 0, 1]


@pytest.mark.parametrize(("n", "sheet"), [(3, (1, 28, 88)), (8, (1, 28, 238)), (9, (1, 58, 238))])
def test_tile_sets_images_row_by_row_and_untile_cuts_them_out(everything, n, sheet):
    images = everything.pixels[:n]
    tiled = tile(images)
    assert tiled.shape == sheet
    assert torch.equal(tiled[:, :28, 30:58], images[1])
    assert (tiled[:, :28, 28:30] == 255).all()
    assert torch.equal(untile(tiled, (28, 28), n), images)


def test_a_batch_is_float_in_minus_1_to_1(everything):
    x = next(everything.batches(128, generator()))
    assert x.shape == (128, 1, 28, 28)
    assert x.dtype == torch.float32
    assert (x.min().item(), x.max().item()) == (-1.0, 1.0)


def test_an_epoch_holds_every_image_once_like_a_dataloader(numbered):
    batches = list(numbered.batches(5, generator(), drop_last=False))
    assert [len(x) for x in batches] == [5, 5, 5, 5, 3]
    loader = DataLoader(TensorDataset((numbered.pixels / 255 - 0.5) / 0.5), batch_size=5, shuffle=True)
    theirs = torch.cat([x for (x,) in loader]).flatten().sort().values
    assert torch.allclose(torch.cat(batches).flatten().sort().values, theirs, atol=1e-6)
    assert torch.equal(unscale(torch.cat(batches)).flatten().sort().values, numbered.pixels.flatten())


def test_the_last_smaller_batch_is_dropped_by_default(numbered):
    batches = list(numbered.batches(5, generator()))
    assert [len(x) for x in batches] == [5, 5, 5, 5]
    assert len(torch.cat(batches).unique()) == 20
    as_many_as_mnist = Images(torch.zeros(60_000, 1, 1, 1, dtype=torch.uint8))
    assert len(list(as_many_as_mnist.batches(128, generator()))) == 468  # 96 of the 60,000 are left out
    whole = torch.cat(list(numbered.batches(5, generator(), drop_last=False)))
    assert torch.equal(torch.cat(batches), whole[:20])


def test_the_order_comes_from_the_generator_alone(numbered):
    def epoch(rng):
        return torch.cat(list(numbered.batches(5, rng))).flatten()

    torch.manual_seed(1)
    first = epoch(generator(3))
    torch.manual_seed(2)
    rng = generator(3)
    again, next_epoch = epoch(rng), epoch(rng)
    assert torch.equal(first, again)
    assert not torch.equal(again, next_epoch)  # a new order in every epoch
    assert not torch.equal(first, epoch(generator(4)))
    assert not torch.equal(first, first.sort().values)


@pytest.mark.parametrize("size", [0, -1, 24])
def test_a_batch_size_that_does_not_fit_is_refused(numbered, size):
    with pytest.raises(DataError, match=f"batch_size is {size}, but numbered has 23 images; choose 1 to 23"):
        next(numbered.batches(size, generator()))


def test_one_batch_may_be_the_whole_data(numbered):
    (x,) = numbered.batches(23, generator())
    assert len(x) == 23


def test_the_card_of_the_embedded_mnist_is_true():
    assets = Path(data.__file__).parents[1] / "assets"
    card = json.loads((assets / "mnist.json").read_text(encoding="utf-8"))
    assert hashlib.sha256((assets / card["file"]).read_bytes()).hexdigest() == card["sha256"]
    assert card["sha256_decoded"] == mnist_digits._MNIST_SHA256
