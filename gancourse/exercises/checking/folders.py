"""The check of lesson 12's labels, which are read off the folders that pictures lie in."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong

_CASES = (
    # root, paths; in none of them does the order of the paths agree with that of the names
    ("data/flowers", ["rose/1.png", "aster/3.png", "rose/2.png", "lily/1.png", "aster/1.png"]),
    ("data/ImageNet", ["train/tench/9.jpg", "train/goldfish/2.jpg", "train/shark/1.jpg", "train/goldfish/7.jpg"]),
    ("ImageNet", ["train/shark/1.jpg", "val/ray/5.jpg", "val/shark/1.jpg", "train/ray/3.jpg", "train/hen/2.jpg"]),
    ("x", ["a/b/train/9/1.png", "a/b/train/10/1.png", "a/b/val/9/2.png", "a/b/val/2/2.png"]),
    ("x/train", ["dog/1.png", "train/1.png", "cat/dog.png"]),
)


def check_labels_of(call: StudentFunction) -> str:
    """The check of `lesson12.labels_of`: labels_of(paths, root) -> a label for each path, a list of ints."""
    for root, names in _CASES:
        paths = [f"{root}/{name}" for name in names]
        given = list(paths)
        value = call(given, root)
        if given != paths:
            raise Wrong("It changes the list `paths`: its order is that of the pictures, so sort a copy.")
        _judge_labels(_numbers(value, len(paths)), paths, root)
    return (
        "Nothing had stopped: with one label for all, G and D train on, and class accuracy is that of guessing. This "
        "is what happened in BigGAN-PyTorch's issue 26, where ImageNet's folders lay one level too deep. After "
        "reading a data set, look at `len(set(labels))`: it costs a line."
    )


def _numbers(value: Any, n: int) -> list[int]:
    found = value.tolist() if isinstance(value, Tensor) else value
    if not isinstance(found, list | tuple):
        raise Wrong(f"It returned {describe((value,))}: a list of {n} whole numbers is expected.")
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in found):
        raise Wrong(f"It returned {describe((value,))}: labels are whole numbers, from 0.")
    if len(found) != n:
        raise Wrong(f"For {n} paths it returned {len(found)} labels: one for each path, in the order of the paths.")
    return list(found)


def _judge_labels(found: list[int], paths: list[str], root: str) -> None:
    pure = [PurePosixPath(path) for path in paths]
    classes = [path.parent.name for path in pure]
    right = _ranked(classes)
    if found == right:
        return
    below = [path.relative_to(root).parts for path in pure]
    first = list(dict.fromkeys(classes))
    told = ", ".join(f"`{path}`" for path in paths[:4])
    mistakes = [
        (
            _ranked([parts[0] for parts in below]),
            f"For {told} the labels are {found}: the first folder below the root is taken, which is `train` for all of "
            "them, or another level that says nothing of the class. The class is the folder that the picture lies in.",
        ),
        (
            _ranked([str(path.parent) for path in pure]),
            f"For {told} the labels are {found}: the whole path counts, so that a class in `train` and the same class "
            "in `val` are two. Only the name of the folder is the class.",
        ),
        (_ranked([path.name for path in pure]), "The pictures' own names are numbered: the class is their folder."),
        (_ranked([path.stem for path in pure]), "The pictures' own names are numbered: the class is their folder."),
        (list(range(len(paths))), "Every picture has a label of its own: pictures in one folder have the same."),
        (
            [first.index(name) for name in classes],
            f"Classes are numbered as they come, so that another order of the files would give other labels: for "
            f"{told} the names of the classes are to be sorted.",
        ),
        ([label + 1 for label in right], "Labels begin at 1: they begin at 0, as rows of the embedding do."),
        (
            [sorted(set(classes), reverse=True).index(name) for name in classes],
            "Names are sorted backwards: the first one in the alphabet is 0.",
        ),
        ([sorted(classes).index(name) for name in classes], "Labels have gaps: number each name once, `set` first."),
        (sorted(right), "The labels are sorted: they stand in the order of the paths."),
    ]
    for labels, message in mistakes:
        if found == labels:
            raise Wrong(message)
    if len(set(found)) == 1:
        raise Wrong(f"For {told} all labels are {found[0]}: there are {len(set(classes))} classes.")
    raise Wrong(
        f"For {told} the labels are {found}, and {right} are right: the number of the picture's own folder among the "
        "sorted names of all such folders, each once."
    )


def _ranked(names: list[str]) -> list[int]:
    """The number of each name among all of them, sorted."""
    order = sorted(set(names))
    return [order.index(name) for name in names]
