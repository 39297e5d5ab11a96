"""A picture is packed smaller with the very same pixels, or stays as it was."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from gancourse.publishing import notebooks
from gancourse.publishing.lighter import lighter, lighter_text


def png(array, mode=None, **more):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG", **more)
    return buffer.getvalue()


def pixels(code):
    with Image.open(io.BytesIO(code)) as image:
        return np.asarray(image.convert("RGBA"))


def smooth(h=60, w=90, channels=3):
    y, x = np.mgrid[:h, :w]
    return np.stack([(x * 2 + y * k) % 256 for k in range(1, channels + 1)], 2).astype(np.uint8)


def noise(h=40, w=50, colours=200):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (colours, 3), np.uint8)[rng.integers(0, colours, (h, w))]


@pytest.mark.parametrize(
    "code",
    [
        png(smooth()),
        png(smooth(), "P"),
        png(smooth(), "RGBA", dpi=(80, 80)),
        png(noise()),
        png(noise(colours=1000)),
        png(noise(1, 1)),
        png(np.repeat(noise(1, 7), 30, 0)),
        png(np.repeat(noise(7, 1), 30, 1)),
    ],
    ids=["smooth", "palette", "opaque RGBA", "200 colours", "1000 colours", "one pixel", "stripes", "bars"],
)
def test_the_pixels_stay_and_the_bytes_do_not_grow(code):
    made = lighter(code)
    assert np.array_equal(pixels(made), pixels(code)) and len(made) <= len(code)
    assert lighter(made) is made or len(lighter(made)) == len(made)


def test_rows_as_differences_save_much_of_a_smooth_picture():
    ramp = np.add.outer(2 * np.arange(100), np.random.default_rng(0).integers(0, 3, 120)).astype(np.uint8)
    code = png(ramp, "P", optimize=True)
    assert len(lighter(code)) < 0.5 * len(code)


def test_what_is_no_opaque_png_of_eight_bits_stays_as_it_is():
    clear = smooth(channels=4)
    clear[0, 0, 3] = 254
    frames, webp = io.BytesIO(), io.BytesIO()
    first, second = Image.fromarray(smooth()), Image.fromarray(noise(60, 90))
    first.save(frames, "PNG", save_all=True, append_images=[second])
    first.save(webp, "WEBP", lossless=True)
    deep = png((np.arange(600, dtype=np.uint16) * 100).reshape(20, 30))
    whole = png(smooth(), compress_level=0)
    for code in (png(clear), frames.getvalue(), webp.getvalue(), deep, whole[: len(whole) // 2], b"", b"no picture"):
        assert lighter(code) is code
    assert lighter_text("no base64!") == "no base64!"


def test_a_refresh_packs_what_it_copies_and_keeps_the_alternative_text():
    code = png(smooth(), compress_level=1)
    data = {"image/png": base64.encodebytes(code).decode(), "text/plain": "Figure"}  # in lines, as some kernels send it
    output = nbformat.v4.new_output("display_data", data, metadata={"image/png": {"alt": "A ramp."}})
    cell = nbformat.v4.new_code_cell("draw()", outputs=[output], execution_count=1)
    executed = nbformat.v4.new_notebook(cells=[cell])
    built = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("draw()", id=cell["id"])])
    (found,) = notebooks.copy_outputs(executed, built).cells[0].outputs
    again = base64.b64decode(found.data["image/png"])
    assert len(again) < len(code) and np.array_equal(pixels(again), pixels(code))
    assert found.metadata["image/png"]["alt"] == "A ramp." and found.data["text/plain"] == "Figure"


def test_the_committed_notebooks_hold_light_pictures(pytestconfig):
    """The smallest of each, for it takes a second a picture; one that was not packed would become a tenth smaller.

    If so: `notebooks.write(notebooks.lighten(notebooks.read(path)), path)`.
    """
    for path in sorted((pytestconfig.rootpath / "notebooks").glob("*.ipynb")):
        data = [o.data for c in notebooks.read(path).cells for o in c.get("outputs", []) if "data" in o]
        pictures = [one["image/png"] for one in data if "image/png" in one]
        smallest = min(pictures, key=len)
        assert len(lighter_text(smallest)) > 0.97 * len(smallest), path.name
