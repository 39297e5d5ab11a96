"""Photographs cropped into a map: decoding, the map's contents, what is refused, and reading from several processes."""

import json
import multiprocessing
import pickle
import shutil
import sys
import threading
import time
from collections import namedtuple
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from filelock import FileLock
from made_pictures import FORMATS, encoded, key, picture, put_checksum, records, write_lmdb
from PIL import Image, features

from gancourse.data import DataError, Images, mnist
from gancourse.data.photographs import decode, image_folder, lsun_churches, mapmaker, maps, open_pictures
from gancourse.models import networks
from gancourse.training import Minimax, Trainer
from gancourse.training.trainer import Config

SIZE = 32


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def values():
    return records(1_000)


@pytest.fixture(scope="module")
def lsun(tmp_path_factory, values):
    """An LMDB of 1,000 records as LSUN lays it out: JPEG, WebP and PNG mixed."""
    return write_lmdb(tmp_path_factory.mktemp("lsun"), values)


@pytest.fixture(scope="module")
def made(tmp_path_factory, lsun):
    """Its map."""
    folder = tmp_path_factory.mktemp("maps") / "map"
    lsun_churches(lsun, SIZE, folder)
    return folder


def in_key_order(values):
    return [value for _, value in sorted((key(i), value) for i, value in enumerate(values))]


# -------------------------------------------------------------------------------- one picture


@pytest.mark.parametrize("kind", FORMATS)
def test_the_first_bytes_decide(kind):
    assert decode.kind(encoded(picture(0, 20, 30), kind)) == kind


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0", b"%PDF-1.7", b"P7\n", b"RIFF\0\0\0\0WAVE", b"\xff\xd8"])
def test_other_bytes_are_no_picture(data):
    with pytest.raises(decode.BadPicture, match="no picture that Pillow decodes: begins with"):
        decode.pixels(data, SIZE)


@pytest.mark.parametrize(
    "size", [(256, 341), (341, 256), (257, 300), (300, 257), (32, 32), (33, 32), (17, 90), (64, 16)]
)
def test_the_same_pixels_as_torchvision(size):
    transforms = pytest.importorskip("torchvision.transforms")
    image = picture(3, *size)
    expected = transforms.CenterCrop(SIZE)(transforms.Resize(SIZE)(image))
    found = decode.pixels(encoded(image), SIZE)
    assert found.shape == (3, SIZE, SIZE) and found.dtype == np.uint8
    assert (found == np.asarray(expected).transpose(2, 0, 1)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation):
    upright = np.zeros((48, 32, 3), np.uint8)
    upright[:24, :16] = 255, 0, 0  # red at the top left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: np.rot90(upright, 2),
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, 3),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    found = decode.pixels(data, SIZE)
    assert found[:, 4, 4].tolist() == [255, 0, 0]
    assert found[:, 4, 28].tolist() == found[:, 28, 4].tolist() == found[:, 28, 28].tolist() == [0, 0, 0]


def test_every_kind_of_colour_becomes_rgb():
    grey = Image.linear_gradient("L").resize((SIZE, SIZE))
    expected = np.asarray(grey)
    clear = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    deep = Image.fromarray(expected.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    for image in (grey, grey.convert("P"), grey.convert("RGBA"), deep):
        assert (decode.pixels(encoded(image), SIZE) == expected).all(), image.mode
    assert abs(decode.pixels(encoded(grey.convert("CMYK"), "JPEG"), SIZE).astype(int) - expected).max() < 16
    assert (decode.pixels(encoded(clear), SIZE) == 255).all()  # transparency lies on white


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_cut_short_is_bad(kind):
    data = encoded(picture(0, 90, 90), kind)
    with pytest.raises(decode.BadPicture, match="cannot be decoded"):
        decode.pixels(data[: len(data) // 2], SIZE)


def test_small_and_monstrous_pictures_are_bad(monkeypatch):
    with pytest.raises(decode.BadPicture, match="is 15x40 pixels, too small: its shorter side must be at least 16"):
        decode.pixels(encoded(picture(0, 15, 40)), SIZE)
    assert decode.pixels(encoded(picture(0, 16, 40)), SIZE).shape == (3, SIZE, SIZE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(decode.BadPicture, match="DecompressionBomb"):
        decode.pixels(encoded(picture(0, 40, 40)), SIZE)


# -------------------------------------------------------------------------------- the map of an LMDB


def test_an_lmdb_of_jpeg_webp_and_png(lsun, made, values):
    images = maps.open_map(made)
    assert images.pixels.shape == (1_000, 3, SIZE, SIZE)
    expected = np.stack([decode.pixels(value, SIZE) for value in in_key_order(values)])
    assert (images.pixels.numpy() == expected).all()
    assert images.fingerprint == Images(torch.from_numpy(expected)).fingerprint
    assert repr(images) == "Images('church_outdoor_train', 1,000 of 3x32x32, uint8, on cpu)"
    images.verify()
    about = json.loads((made / "about.json").read_text())
    assert (about["count"], about["shape"], about["left_out"]) == (1_000, [3, SIZE, SIZE], [])
    assert about["crop"] == "shorter side resized to 32 (bilinear, antialiased), then the centre 32x32"
    assert sorted(path.name for path in made.iterdir() if path.name != ".lock") == ["about.json", "pixels.u8"]


def test_it_is_made_once(lsun, made, monkeypatch, capsys):
    monkeypatch.setattr(mapmaker, "_decoded", None)
    for root in (lsun, lsun / "church_outdoor_train_lmdb", lsun / "church_outdoor_train_lmdb" / "data.mdb"):
        assert len(lsun_churches(root, SIZE, made)) == 1_000
        assert open_pictures(root, SIZE, made).fingerprint == maps.open_map(made).fingerprint
    assert open_pictures(made, SIZE).fingerprint == maps.open_map(made).fingerprint
    assert capsys.readouterr().out == ""


def test_a_cache_of_its_own_for_every_size(lsun, cache):
    a, b = lsun_churches(lsun, 16), lsun_churches(lsun, 24)
    assert (a.shape, b.shape) == ((3, 16, 16), (3, 24, 24))
    assert len(list((cache / "maps").iterdir())) == 2


def test_a_broken_record_in_a_thousand_is_left_out_and_two_are_an_error(tmp_path, values, capsys):
    broken = list(values)
    broken[7] = b"no picture"
    images = lsun_churches(write_lmdb(tmp_path / "one", broken), SIZE)
    assert len(images) == 999
    said = capsys.readouterr().out
    assert "999 pictures" in said and "left out 1" in said
    assert f"{key(7).decode()}: no picture that Pillow decodes: begins with 6e 6f 20" in said
    expected = [v for v in in_key_order(broken) if v != b"no picture"]
    gap = in_key_order(broken).index(b"no picture")
    expected.insert(gap, expected.pop())  # the last one fills the gap
    assert (images.pixels.numpy() == np.stack([decode.pixels(v, SIZE) for v in expected])).all()
    images.verify()

    broken[8] = values[8][:100]
    with pytest.raises(DataError, match=r"2 or more of the 1,000 .* at most 0.1% may be left out") as caught:
        lsun_churches(write_lmdb(tmp_path / "two", broken), SIZE)
    assert key(7).decode() in str(caught.value) and key(8).decode() in str(caught.value)


def test_lmdbs_that_are_refused(tmp_path, lsun, monkeypatch):
    with pytest.raises(DataError, match=r"neither .* was found.*fetch lsun-church"):
        lsun_churches(tmp_path / "nowhere")
    file = tmp_path / "church_outdoor_train_lmdb" / "data.mdb"
    file.parent.mkdir()
    whole = (lsun / "church_outdoor_train_lmdb" / "data.mdb").read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="it was cut short"):
        lsun_churches(tmp_path)
    file.write_bytes(b"something else" * 1_000)
    with pytest.raises(DataError, match="is no LMDB, or a damaged one"):
        lsun_churches(tmp_path)
    import lmdb

    folder = lsun / "church_outdoor_train_lmdb"
    with lmdb.open(str(folder), readonly=True, lock=False):  # as by torchvision's LSUN
        try:
            lmdb.open(str(folder), readonly=True, lock=False).close()
        except lmdb.Error:  # newer ones refuse
            with pytest.raises(DataError, match="is already open in this process"):
                lsun_churches(lsun)
    with pytest.raises(DataError, match="holds no records"):
        lsun_churches(write_lmdb(tmp_path / "empty", []))
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(DataError, match=r'pip install "gancourse\[lsun\]"'):
        lsun_churches(lsun)


def test_a_size_that_makes_no_sense(lsun):
    with pytest.raises(DataError, match="size is 4, expected 8 to 1024"):
        lsun_churches(lsun, 4)


# -------------------------------------------------------------------------------- disks and caches


def test_a_small_disk_is_refused_before_anything_is_decoded(lsun, cache, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(mapmaker.shutil, "disk_usage", lambda path: usage(0, 0, 50_000_000))
    monkeypatch.setattr(mapmaker, "_decoded", None)
    with pytest.raises(DataError, match=r"has 0.05 GB free, but the pixels need 0.07 GB\. Free some space"):
        lsun_churches(lsun, SIZE)


def test_a_cache_that_holds_something_else_is_left_alone(lsun, made, tmp_path):
    before = (made / "about.json").read_bytes()
    with pytest.raises(DataError, match="holds other images than those of"):
        lsun_churches(lsun, 16, made)
    with pytest.raises(DataError, match=r"holds images of \(3, 32, 32\), expected \(3, 64, 64\)"):
        open_pictures(made, 64)
    assert (made / "about.json").read_bytes() == before
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="could not be finished: Not a directory"):
        lsun_churches(lsun, SIZE, tmp_path / "file" / "cache")


def test_a_decoder_that_dies_is_an_error(lsun, tmp_path, monkeypatch):
    real = mapmaker._worker

    def mortal(line):
        worker = real(line)
        worker.kill()
        return worker

    monkeypatch.setattr(mapmaker, "_worker", mortal)
    with pytest.raises(DataError, match=r"could not be finished: a decoding process ended \(status -9\)"):
        lsun_churches(lsun, SIZE, tmp_path / "map")
    assert not maps.is_map(tmp_path / "map")


def test_maps_that_are_damaged(made, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    pixels, about = copy / "pixels.u8", copy / "about.json"
    raw = bytearray(pixels.read_bytes())
    raw[5_000] ^= 1
    pixels.write_bytes(raw)
    with pytest.raises(DataError, match="does not match the hash"):
        maps.open_map(copy).verify()
    images = maps.open_map(copy)
    rng = torch.Generator().manual_seed(0)
    pixels.write_bytes(raw[:-5])
    with pytest.raises(DataError, match="was cut short while it was in use"):
        list(images.batches(100, rng))
    with pytest.raises(DataError, match="has 3,071,995 bytes, expected 3,072,000"):
        maps.open_map(copy)
    pixels.unlink()
    with pytest.raises(DataError, match=r"pixels.u8 is missing"):
        maps.open_map(copy)
    good = json.loads(about.read_text())
    for key_, value in {"count": -1, "shape": [2, 32, 32], "format": 2, "sha256": None, "left_out": "none"}.items():
        about.write_text(json.dumps(good | {key_: value}))
        with pytest.raises(DataError, match="does not describe images of format 1"):
            maps.open_map(copy)
    for text in ("", "[]", "{}", "null", "\0"):
        about.write_text(text)
        with pytest.raises(DataError, match=r"about\.json cannot be read"):
            maps.open_map(copy)


def test_one_process_makes_it_and_the_others_wait(lsun, tmp_path, capsys):
    folder = tmp_path / "map"
    folder.mkdir()
    lock = FileLock(folder / ".lock")
    lock.acquire()
    found = []
    waiting = threading.Thread(target=lambda: found.append(lsun_churches(lsun, SIZE, folder)))
    waiting.start()
    time.sleep(0.3)
    assert found == []
    lock.release()
    waiting.join(30)
    assert len(found[0]) == 1_000
    assert "another process is at work in" in capsys.readouterr().err


# -------------------------------------------------------------------------------- reading it


def test_batches_are_those_of_images_in_memory(made):
    images = maps.open_map(made)
    tensor = Images(images.pixels.clone())
    for batch_size, drop_last in ((128, True), (300, False)):
        ours, theirs = (
            list(i.batches(batch_size, torch.Generator().manual_seed(4), drop_last)) for i in (images, tensor)
        )
        assert [b.shape for b in ours] == [b.shape for b in theirs]
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert images.subset(70).fingerprint == tensor.subset(70).fingerprint
    assert images.subset(1_000).fingerprint == images.fingerprint
    few = next(images.subset(70).batches(70, torch.Generator().manual_seed(1)))
    assert torch.equal(few, next(tensor.subset(70).batches(70, torch.Generator().manual_seed(1))))


def test_batches_go_to_the_device_and_the_pixels_stay(made):
    images = maps.open_map(made).to("meta")
    assert (images.device.type, images.pixels.device.type) == ("meta", "cpu")
    assert images.rows(torch.tensor([1, 2])).device.type == "meta"
    assert images.to("cpu").subset(5).device.type == "cpu"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_are_forked_or_spawned(made, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    images = maps.open_map(made).subset(900).to("cpu")
    pickled = pickle.dumps(images)
    assert len(pickled) < 2_000  # a path, and no pixels
    assert pickle.loads(pickled).fingerprint == images.fingerprint
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    processes = [context.Process(target=put_checksum, args=(images, answers)) for _ in range(1 + (method == "fork"))]
    for process in processes:
        process.start()
    found = {answers.get(timeout=600) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(found) == 1
    mine: SimpleQueue[float] = SimpleQueue()
    put_checksum(images, mine)
    assert found == {mine.get()}


def test_a_map_trains_as_a_tensor_does(tmp_path):
    digits = mnist("test").subset(256)
    digits = Images(digits.pixels, name="digits")
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "pixels.u8").write_bytes(digits.pixels.numpy().tobytes())
    about = {"format": 1, "name": "digits", "count": 256, "shape": [1, 28, 28], "sha256": digits.fingerprint}
    about |= {"crop": "none", "source": "test", "left_out": []}
    (tmp_path / "map" / "about.json").write_text(json.dumps(about))
    runs = []
    for images in (digits, maps.open_map(tmp_path / "map")):
        torch.manual_seed(0)
        G, D = networks("mlp")
        config = Config(epochs=1, batch_size=64, precision="float32", fast=False)
        trainer = Trainer(Minimax(G, D), images, config, device="cpu")
        trainer.fit(progress=False)
        runs.append((trainer._settings(), G.state_dict()))
    assert runs[0][0] == runs[1][0]
    assert all(torch.equal(runs[0][1][name], runs[1][1][name]) for name in runs[0][1])


# -------------------------------------------------------------------------------- a folder of one's own


def test_a_folder_of_pictures(tmp_path, capsys):
    own = tmp_path / "holiday"
    (own / "more").mkdir(parents=True)
    for i, data in enumerate(records(20)):
        (own / ("more" if i % 2 else ".") / f"{i:02}.{['jpg', 'WEBP', 'png'][i % 3]}").write_bytes(data)
    (own / "notes.txt").write_text("not a picture")
    (own / ".hidden.jpg").write_text("not a picture")
    images = image_folder(own, SIZE)
    assert len(images) == 20 and images.name == "holiday"
    first = sorted(p for p in own.rglob("*") if p.suffix in (".jpg", ".WEBP", ".png") and p.name[0] != ".")[0]
    assert (images.pixels[0].numpy() == decode.pixels(first.read_bytes(), SIZE)).all()
    assert open_pictures(own, SIZE).fingerprint == images.fingerprint
    capsys.readouterr()

    (own / "small.png").write_bytes(encoded(picture(0, 9, 9)))
    (own / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    again = image_folder(own, SIZE)
    assert sorted(i.tobytes() for i in again.pixels.numpy()) == sorted(i.tobytes() for i in images.pixels.numpy())
    said = capsys.readouterr().out
    assert "left out 2 that cannot be used" in said
    assert "small.png: is 9x9 pixels, too small: its shorter side must be at least 16" in said
    assert "phone.heic: is HEIC, which Pillow does not decode: export it as JPEG" in said
    assert "not taken for pictures, by their endings: 1 .txt" in said

    (own / "broken.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"3 or more of the 23 pictures .*at most 10.0% may be left out") as caught:
        image_folder(own, SIZE)
    assert "broken.jpg: no picture that Pillow decodes: begins with nothing" in str(caught.value)


EVERY_KIND = ["BMP", "GIF", "TIFF", "JPEG2000", "PPM", "JPEG", "PNG", "WEBP", "AVIF"]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_what_pillow_decodes_is_decoded(kind):
    if not features.check({"JPEG2000": "jpg_2000", "AVIF": "avif", "TIFF": "libtiff"}.get(kind, "zlib")):
        pytest.skip(f"this Pillow has no {kind}")
    image = picture(4, 50, 40)
    data = encoded(image, kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    found = decode.pixels(data, SIZE).astype(int)
    assert decode.kind(data) == kind and abs(found - decode.pixels(encoded(image), SIZE)).mean() < 8


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_counts(kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert abs(decode.pixels(data, SIZE).mean((1, 2)) - [255, 0, 0]).max() < 5


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "I;16", "CMYK"])
def test_a_scanners_modes(mode):
    image = picture(4, 50, 40).convert("L")
    image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    assert decode.pixels(encoded(image, "TIFF"), SIZE).shape == (3, SIZE, SIZE)


def test_a_museums_folder_of_mixed_kinds_is_no_error(tmp_path, capsys):
    for i, kind in enumerate(["BMP", "GIF", "TIFF", "JPEG", "PNG", "WEBP"]):
        (tmp_path / f"{i}.{kind.lower()}").write_bytes(encoded(picture(i, 50, 40), kind))
    (tmp_path / "list.csv").write_text("no picture")
    (tmp_path / "README").write_text("no picture")
    assert len(image_folder(tmp_path, SIZE)) == 6
    said = capsys.readouterr().out
    assert "left out" not in said and "by their endings: 1 .csv, 1 no ending" in said


def test_a_folder_of_tiny_pictures_is_refused(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(encoded(picture(i, 20, 15)))
    with pytest.raises(DataError, match="is 20x15 pixels, too small: its shorter side must be at least 64"):
        image_folder(tmp_path)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no pictures"):
        image_folder(tmp_path)
