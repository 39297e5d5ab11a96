"""`python -m gancourse enlarge`: a student's own picture, of any kind, and everything that can be wrong with it."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_pictures import encoded, picture
from PIL import Image

from gancourse import __main__ as program
from gancourse.course import enlarging
from gancourse.course.enlarging import Enlarger, chosen, enlarge_file, of_run
from gancourse.data import Images
from gancourse.data.degraded import CropPairs, enlarge_bicubic
from gancourse.data.images import scale, unscale
from gancourse.models.catalogue import enlargers
from gancourse.pretrained import PretrainedError
from gancourse.training import SRGAN, Config, SRRecipe, Trainer
from gancourse.training.checkpoint import RunError
from gancourse.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
BROKEN: Any = lambda x: torch.full((1, 3, 4 * x.shape[2], 4 * x.shape[3]), float("nan"))  # noqa: E731


def run(*words) -> int:
    return program.main(["enlarge", *map(str, words)])


def bicubic(image: Image.Image, out: Path, **settings) -> Image.Image:
    """What the command makes of an image, saved with these settings beside `out`."""
    settings.setdefault("format", "PNG")
    source = out.parent / f"source.{settings['format'].lower()}"
    image.save(source, **settings)
    assert run(source, out, "--model", "bicubic", "--overwrite") == 0
    return opened(out)


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def expected(image: Image.Image) -> np.ndarray:
    """Pixels (4 H, 4 W, 3) of an RGB image, bicubic by torch."""
    x = scale(torch.from_numpy(np.array(image)).permute(2, 0, 1))[None]
    return unscale(enlarge_bicubic(x))[0].permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of SRGAN, of one epoch."""
    folder = tmp_path_factory.mktemp("trained") / "mine"
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    algorithm = SRGAN(**enlargers(4, 1, size=16), recipe=SRRecipe(content="pixels", adversarial=0))
    config = Config(model="srgan", epochs=1, batch_size=2, precision="float32")
    Trainer(algorithm, CropPairs(Images(pixels, name="noise"), crop=16), config, folder, "cpu").fit()
    return folder


# -- pictures of all kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("w", "h"), [(1, 1), (3, 5), (64, 48), (251, 7)])
def test_any_size_is_four_times_as_large_and_as_torch_makes_it(tmp_path, w, h, capsys):
    image = picture(0, w, h)
    made = bicubic(image, tmp_path / "out.png")
    assert made.mode == "RGB" and made.size == (4 * w, 4 * h)
    assert abs(np.asarray(made).astype(int) - expected(image)).max() <= 1
    assert f"out.png: {4 * w}x{4 * h} pixels, from {w}x{h}, by bicubic." in capsys.readouterr().out


@pytest.mark.parametrize("ending", [".png", ".PNG", ".webp", ".tif", ".tiff", ".jpg", ".jpeg"])
def test_the_ending_says_the_format(tmp_path, ending):
    image = picture(1, 20, 16)
    made = bicubic(image, tmp_path / f"out{ending}")
    wanted = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "tiff": "TIFF"}
    with Image.open(tmp_path / f"out{ending}") as again:
        assert again.format == wanted[ending.lower()[1:]]
    lossless = np.asarray(bicubic(image, tmp_path / "same.png")).astype(int)
    away = abs(np.asarray(made).astype(int) - lossless)
    assert away.mean() < 2 if again.format == "JPEG" else away.max() == 0


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_transparency_is_enlarged_beside_the_colours(tmp_path, ending):
    image = picture(2, 12, 10).convert("RGBA")
    alpha = Image.fromarray(np.linspace(0, 255, 120).astype(np.uint8).reshape(10, 12))
    image.putalpha(alpha)
    made = bicubic(image, tmp_path / f"out.{ending}")
    assert made.mode == "RGBA"
    assert (np.asarray(made)[..., 3] == np.asarray(alpha.resize((48, 40), Image.Resampling.BICUBIC))).all()
    seen = np.asarray(made)[12:, :, :3].astype(int)  # far from the one pixel of which nothing is seen
    assert abs(seen - expected(image.convert("RGB"))[12:]).max() <= 1


def test_what_is_hidden_does_not_come_into_the_edge_of_what_is_seen(tmp_path):
    pixels = np.zeros((40, 40, 4), np.uint8)  # black where nothing is seen
    rows, columns = np.ogrid[:40, :40]
    pixels[(rows - 20) ** 2 + (columns - 20) ** 2 < 100] = (200, 30, 30, 255)
    made = np.asarray(bicubic(Image.fromarray(pixels), tmp_path / "out.png"))
    seen = made[made[..., 3] > 0][:, :3]
    assert len(seen) and abs(seen.astype(int) - (200, 30, 30)).max() <= 1
    assert bicubic(Image.new("RGBA", (3, 3), (9, 8, 7, 0)), tmp_path / "out.png").getpixel((5, 5)) == (9, 8, 7, 0)


def test_a_jpeg_has_no_transparency_so_it_is_laid_on_white_and_said(tmp_path, capsys):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, 4:] = (0, 0, 200, 255)
    made = np.asarray(bicubic(Image.fromarray(pixels), tmp_path / "out.jpg")).astype(int)
    assert "no transparency: the picture is laid on white" in capsys.readouterr().out
    assert abs(made[:, :8] - 255).max() < 12 and abs(made[:, 24:] - (0, 0, 200)).max() < 12
    assert bicubic(picture(0, 8, 8).convert("RGBA"), tmp_path / "out.jpg").mode == "RGB"  # all of it is seen
    assert "transparency" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "wanted"), [("L", "L"), ("1", "L"), ("LA", "LA"), ("P", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB")]
)
def test_modes(tmp_path, mode, wanted):
    image = picture(3, 16, 12).convert(mode)
    if mode == "LA":
        image.putalpha(Image.fromarray(np.full((12, 16), 128, np.uint8)))
    made = bicubic(image, tmp_path / "out.png", format="TIFF" if mode in ("CMYK", "YCbCr") else "PNG")
    assert made.mode == wanted and made.size == (64, 48)
    seen = np.asarray(made.convert("RGB")).astype(int)
    assert abs(seen - expected(image.convert("RGB"))).max() <= 3


def test_grey_stays_grey_by_a_network_that_paints_colours(tmp_path, trained):
    picture(3, 16, 12).convert("L").save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--weights", trained) == 0
    assert opened(tmp_path / "out.png").mode == "L"


def test_a_palette_with_a_transparent_entry(tmp_path):
    image = picture(4, 10, 10).quantize(16)
    made = bicubic(image, tmp_path / "out.png", transparency=int(np.asarray(image)[5, 5]))
    assert made.mode == "RGBA" and made.getpixel((22, 22))[3] < 255  # type: ignore[index]


def test_sixteen_bits_become_eight_and_that_is_said(tmp_path, capsys):
    levels = (np.arange(100).reshape(10, 10) * 600).astype(np.uint16)
    made = bicubic(Image.fromarray(levels), tmp_path / "out.png")
    assert made.mode == "L" and "16 bits a channel: they become 8" in capsys.readouterr().out
    eight = Image.fromarray((levels / 257).round().astype(np.uint8)).convert("RGB")
    assert abs(np.asarray(made).astype(int) - expected(eight)[..., 0]).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(tmp_path, orientation):
    image, exif = picture(5, 16, 8), Image.Exif()
    exif[0x0112] = orientation
    made = bicubic(image, tmp_path / "out.png", exif=exif)
    image.getexif()[0x0112] = orientation
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(opened(tmp_path / "source.png"))
    assert made.size == (4 * upright.width, 4 * upright.height)
    assert made.size == ((32, 64) if orientation > 4 else (64, 32))
    assert abs(np.asarray(made).astype(int) - expected(upright)).max() <= 1
    assert 0x0112 not in made.getexif()


def test_of_a_moving_picture_the_first_frame_and_that_is_said(tmp_path, capsys):
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "green", "blue")]
    made = bicubic(frames[0], tmp_path / "out.png", format="GIF", save_all=True, append_images=frames[1:])
    assert made.convert("RGB").getpixel((12, 12)) == (255, 0, 0)
    assert "source.gif has 3 frames or pages: this is the first" in capsys.readouterr().out


def test_the_colour_profile_is_kept(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for ending in ("png", "jpg", "webp", "tif"):
        made = bicubic(picture(6, 8, 8), tmp_path / f"out.{ending}", icc_profile=profile)
        assert made.info["icc_profile"] == profile
    assert "icc_profile" not in bicubic(picture(6, 8, 8).convert("CMYK"), tmp_path / "out.png", format="TIFF").info


# -- networks -------------------------------------------------------------------------------------------------------


def test_a_run_of_yours_enlarges_as_its_generator_does_and_tiles_do_not_show(tmp_path, trained, capsys):
    image = picture(7, 70, 50)
    image.save(tmp_path / "in.png")
    for name, more in {"one": [], "tiles": ["--tile", 27]}.items():
        assert run(tmp_path / "in.png", tmp_path / f"{name}.png", "--weights", trained, *more) == 0
    assert "from 70x50, by mine, epoch 1" in capsys.readouterr().out
    checkpoint = Run(trained).load(1)
    G = enlargers(4, 1)["G"].eval()
    G.load_state_dict(checkpoint.network("ema") or checkpoint.network("G"))
    with torch.no_grad():
        whole = unscale(G(scale(torch.from_numpy(np.array(image)).permute(2, 0, 1))[None]))[0].permute(1, 2, 0).numpy()
    for name in ("one", "tiles"):
        assert abs(np.asarray(opened(tmp_path / f"{name}.png")).astype(int) - whole).max() <= 1


def test_tiles_smaller_than_what_the_network_looks_at_are_refused(tmp_path, trained, capsys):
    picture(0, 8, 8).save(tmp_path / "in.png")
    reach = of_run(trained).reach
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--weights", trained, "--tile", 2 * reach) == 1
    assert f"tile is {2 * reach} pixels, expected at least {2 * reach + 1}" in capsys.readouterr().err
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--model", "bicubic", "--tile", 0) == 1


def test_networks_that_are_not_there(tmp_path, trained, capsys):
    picture(0, 8, 8).save(tmp_path / "in.png")
    for model in ("vgg", "../../secret", ""):
        with pytest.raises(PretrainedError, match=r"expected one of .*bicubic"):
            chosen(model)
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--weights", tmp_path) == 1
    assert "is no run of srgan" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    config = json.loads((trained / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="no checkpoint that can be used: train at least one epoch"):
        of_run(other)
    (other / "checkpoints").mkdir()
    whole = next((trained / "checkpoints").glob("*.safetensors"))
    (other / "checkpoints" / whole.name).write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(RunError, match="no checkpoint that can be used"):
        of_run(other)
    (other / "config.json").write_text(json.dumps(config | {"algorithm": "pix2pix"}))
    with pytest.raises(RunError, match="is no run of srgan"):
        of_run(other)
    assert not (tmp_path / "out.png").exists()


def test_a_network_that_makes_nan_writes_nothing(tmp_path):
    picture(0, 8, 8).save(tmp_path / "in.png")
    with pytest.raises(ValueError, match="broken makes NaN or infinity"):
        enlarge_file(tmp_path / "in.png", tmp_path / "out.png", Enlarger("broken", BROKEN, 4, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


# -- what cannot be enlarged, or written ----------------------------------------------------------------------------


def header(width: int, height: int) -> bytes:
    """A PNG of some bytes that claims to be so large."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"0" * 99)))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


WRONG = {
    "empty": (b"", "no picture that Pillow decodes: begins with nothing"),
    "text": (b"hello there", "no picture that Pillow decodes"),
    "half a PNG": (encoded(picture(0, 64, 64))[:900], "cannot be decoded"),
    "half a JPEG": (encoded(picture(0, 64, 64), "JPEG")[:900], "cannot be decoded"),
    "a header": (encoded(picture(0, 64, 64))[:20], "cannot be decoded"),
    "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 40, "is HEIC"),
    "a bomb": (header(60_000, 60_000), "too large"),
    "too large": (
        header(5_000, 5_001),
        "enlarged 4 times it would have 400,080,000 pixels, expected at most 100,000,0",
    ),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture that Pillow decodes"),
    "floats": (encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "levels that are no whole numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_picture_is_said_and_nothing_is_written(tmp_path, capsys, name):
    data, said = WRONG[name]
    (tmp_path / "in.png").write_bytes(data)
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--model", "bicubic") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and "in.png" in error and error.count("\n") == 1
    assert (tmp_path / "in.png").read_bytes() == data and not (tmp_path / "out.png").exists()


def test_the_size_that_the_error_names_is_accepted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(enlarging, "MOST", 10_000)
    picture(0, 90, 31).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--model", "bicubic") == 1
    said = capsys.readouterr().err.split("such as ")[1].strip(".\n")
    w, h = map(int, said.split("x"))
    assert 0.8 < w * h * 16 / 10_000 <= 1
    picture(0, w, h).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--model", "bicubic") == 0


def test_a_format_that_ends_before_the_picture_does(tmp_path, capsys):
    picture(0, 4_100, 2).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.webp", "--model", "bicubic") == 1
    assert "WEBP ends at 16,383 a side: take .png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "out", "said"),
    [
        ("none.png", "out.png", "none.png is no file"),
        ("folder", "out.png", "folder is a folder; give one picture"),
        ("in.png", "folder.png", "folder.png is a folder; give the name of a file"),
        ("in.png", "out", "out has no ending, expected one of .png"),
        ("in.png", "out.bmp", "out.bmp ends in .bmp, expected one of .png"),
        ("in.png", "there.png", "there.png exists; give another name, or --overwrite"),
        ("in.png", "in.png", "in.png is the picture itself"),
        ("in.png", "link.png", "link.png is the picture itself"),
        ("in.png", "in.png/out.png", "choose another folder"),
    ],
)
def test_places_that_are_none(tmp_path, capsys, source, out, said):
    picture(0, 8, 8).save(tmp_path / "in.png")
    (tmp_path / "there.png").write_bytes(b"mine")
    os.link(tmp_path / "in.png", tmp_path / "link.png")
    for name in ("folder", "folder.png"):
        (tmp_path / name).mkdir()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    overwrite = ["--overwrite"] * (out != "there.png")
    assert run(tmp_path / source, tmp_path / out, "--model", "bicubic", *overwrite) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_overwrite_replaces_and_a_new_folder_is_made(tmp_path):
    picture(0, 8, 8).save(tmp_path / "in.png")
    (tmp_path / "there.png").write_bytes(b"mine")
    assert run(tmp_path / "in.png", tmp_path / "there.png", "--model", "bicubic", "--overwrite") == 0
    assert opened(tmp_path / "there.png").size == (32, 32)
    assert run(tmp_path / "in.png", tmp_path / "new" / "er" / "out.png", "--model", "bicubic") == 0


def test_who_stops_it_keeps_what_was_there(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    picture(0, 8, 8).save(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(b"mine")
    for name in ("enlarge_bicubic", "write_atomically"):
        with monkeypatch.context() as patch:
            patch.setattr(enlarging, name, stop)
            assert run(tmp_path / "in.png", tmp_path / "out.png", "--model", "bicubic", "--overwrite") == 130
    assert (tmp_path / "out.png").read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    def slow(x):
        (tmp_path / "out.png").write_bytes(b"another's")
        return enlarge_bicubic(x)

    picture(0, 8, 8).save(tmp_path / "in.png")
    with pytest.raises(ValueError, match="exists"):
        enlarge_file(tmp_path / "in.png", tmp_path / "out.png", Enlarger("slow", slow, 4, 2))
    assert (tmp_path / "out.png").read_bytes() == b"another's"


def test_a_model_and_weights_at_once_are_a_wrong_command_line(capsys):
    with pytest.raises(SystemExit):
        run("a.png", "b.png", "--model", "bicubic", "--weights", "run")
    assert "not allowed with argument" in capsys.readouterr().err


def test_bytes_are_the_same_again(tmp_path):
    source = io.BytesIO(encoded(picture(9, 33, 21)))
    (tmp_path / "in.png").write_bytes(source.getvalue())
    for name in ("a.png", "b.png"):
        assert run(tmp_path / "in.png", tmp_path / name, "--model", "bicubic", "--tile", 16) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
