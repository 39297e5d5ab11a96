"""gancourse/README.md is a map: what it names exists, it names every room, and the rooms are those of the tests."""

import re

import pytest
from import_graph import arrows, drawing, floors
from test_structure import LAYERS, ROOT, imports, layer_of

PACKAGE = ROOT / "gancourse"
TEXT = (PACKAGE / "README.md").read_text(encoding="utf-8")
ROOMS = [name for names in LAYERS.values() for name in names.split()]
LISTED = re.findall(r"^- `([\w/]+?)(?:\.py|/)`", TEXT.split("## The rooms")[1].split("\n## ")[0], re.MULTILINE)


def test_every_file_and_folder_that_the_map_names_exists():
    named = re.findall(r"`([\w/.]+(?:\.py|/))`", TEXT)
    named = [re.sub("NN|NN_name", "02_mlp_gan_mnist" if "src" in name else "02", name) for name in named]
    named = [name.replace("02_mlp_gan_mnist_name", "02_mlp_gan_mnist") for name in named]
    lost = [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()]
    assert len(named) > 60 and set(lost) <= {"__init__.py"}


def test_the_list_of_rooms_is_that_of_the_layers_from_the_bottom_up():
    assert sorted(LISTED) == sorted(ROOMS)
    assert [layer_of(room) for room in LISTED] == sorted(layer_of(room) for room in LISTED)
    words = {15: "Fifteen", 16: "Sixteen", 17: "Seventeen"}
    assert TEXT.split("\n\n")[1].startswith(f"{words[len(ROOMS)]} rooms.")


def test_every_folder_of_the_package_is_on_the_map():
    folders = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.is_dir()}
    folders = {name for name in folders if "__pycache__" not in name and not re.search(r"/lesson\d\d$", name)}
    assert sorted(name for name in folders if f"`{name}/`" not in TEXT) == []


def test_the_rooms_form_no_circle_and_the_drawing_counts_them():
    graph = arrows(imports(PACKAGE))
    floor = floors(graph)
    assert all(floor[other] < floor[room] for room, others in graph.items() for other in others)
    text = drawing(graph)
    print(f"\n{text}")  # pytest -s, or `make graph`
    assert text.splitlines()[0].startswith(f"{max(floor.values())}  __main__")
    assert text.endswith(
        f"{len(ROOMS)} rooms, {max(floor.values())} floors, {sum(map(len, graph.values()))} arrows; no circle"
    )


def test_a_circle_of_rooms_is_named():
    assert floors({"a": {"b"}, "b": set(), "c": {"a", "b"}}) == {"b": 1, "a": 2, "c": 3}
    with pytest.raises(ValueError, match=r"circle: a, b$"):
        floors({"a": {"b"}, "b": {"a"}, "c": set()})
