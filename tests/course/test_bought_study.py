"""The closing table: what its jobs are, what a row is made of, how lines are counted; and one pass against many."""

import json
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn

from gancourse import pretrained
from gancourse.course.studies.lesson12 import bought, ideas, one_pass
from gancourse.course.studies.lesson12.ideas import IDEAS, Idea, Shown
from gancourse.course.studies.runner import StudyError, names, results
from gancourse.data.churches import procedural_churches
from gancourse.data.mnist_digits import mnist
from gancourse.models import networks
from gancourse.models.unet import UNet

pytestmark = pytest.mark.filterwarnings("ignore:.*too few for the covariance")

SOURCE = '''"""A module
of two lines."""

import os  # said why


class A:
    """One line."""

    text = """not
a docstring"""  # three lines of code with the next

    def f(self):
        "short"
        # alone
        return (
            1,

            2,
        )


async def g(): "on its line"
'''


def test_lines_of_code_leave_out_blanks_comments_and_docstrings(tmp_path, monkeypatch):
    # import; class; text (2); def; return, 1, 2 and the bracket; async def
    assert ideas.code_lines(SOURCE) == 1 + 1 + 2 + 1 + 4 + 1
    assert ideas.code_lines("") == ideas.code_lines('"""Only said."""\n') == 0
    for name in ("a", "b"):
        (tmp_path / name).write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(ideas, "_path", lambda module: tmp_path / module)
    assert ideas.lines_of(("a", "b")) == 20


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ImportError, match=r"models\.nothing does not exist"):
        ideas.lines_of(("models.nothing",))


def test_every_idea_has_modules_that_exist_and_a_name_that_fits():
    assert len({idea.name for idea in IDEAS}) == len(IDEAS) and [i.lesson for i in IDEAS] == sorted(
        i.lesson for i in IDEAS
    )
    for idea in IDEAS:
        assert len(idea.name) < 23 and idea.modules and len(set(idea.modules)) == len(idea.modules)
        if idea.shown is None or idea.shown.study in names():  # a row may wait for its study
            assert all(find_spec(f"gancourse.{module}") for module in idea.modules), idea.name
        assert (idea.shown is None) == bool(idea.model), f"{idea.name}: shown by weights or by a study"


def test_every_shipped_generator_that_has_scores_belongs_to_an_idea():
    scored = [
        card["model"]
        for card in map(pretrained.card, pretrained.names())
        if any("scores" in files for files in card["files"].values())
    ]
    assert set(scored) <= {idea.model for idea in IDEAS}


@pytest.mark.parametrize("quick", [False, True])
def test_jobs_are_plain_and_every_kind_has_its_control(quick):
    jobs = bought.jobs(quick)
    assert json.loads(json.dumps(jobs)) == jobs and len({job["key"] for job in jobs}) == len(jobs)
    made = [job for job in jobs if "weights" in job]
    controls = {(job["of"], job["samples"]) for job in jobs if job["idea"] == bought.REAL}
    assert {(job["of"], job["samples"]) for job in made} == controls and len(made) >= 2
    assert {job["of"].split()[0] for job in made} == {"digits", "churches"}
    assert {job["read_from"] for job in jobs if "read_from" in job} >= {"critics", "pix2pix", "cyclegan", "srgan"}
    if not quick:
        assert {job["idea"] for job in made} >= {"P1's MLP", "P1's DCGAN", "StyleGAN", "R3GAN's loss"}
        assert all(job["samples"] == (10_000 if job["of"] == "digits" else 1_000) for job in made)


CARDS: dict[str, Any] = {
    "far": {"model": "m", "files": {"1": {"scores": {"distance": 3.0}}, "2": {"scores": {"distance": 2.0}}}},
    "near": {"model": "m", "files": {"5": {"scores": {"distance": 1.0}}, "7": {"scores": {"distance": 4.0}}}},
    "others": {"model": "n", "files": {"1": {"scores": {"classifier_fid": 0.1}}}},
    "no truth": {"model": "p", "files": {"1": {}}},
}


def test_the_best_weights_are_those_nearest_to_real_images_by_their_cards(monkeypatch):
    monkeypatch.setattr(pretrained, "names", lambda: sorted(CARDS))
    monkeypatch.setattr(pretrained, "card", CARDS.__getitem__)
    assert bought.best("m") == ("near", 5) and bought.best("n") == ("others", 1)
    assert bought.best("p") is bought.best("q") is None


def test_a_card_says_images_and_minutes_up_to_the_epoch_and_of_stages():
    card: dict[str, Any] = {"device": "cpu", "threads": 2, "torch": "2", "data": {"count": 100}}
    card |= {"history": [{"epoch": epoch, "seconds": 60.0} for epoch in (1, 2, 3)]}
    found = bought.of_card(card, 2)
    assert (found["images"], found["minutes"], found["on"]) == (200, 2.0, "CPU x2")
    stages = [{"images": 1_000, "seconds": 120}, {"images": 300, "seconds": 180}]
    grown = bought.of_card(card | {"stages": stages, "device": "cuda"}, 3)
    assert (grown["images"], grown["minutes"], grown["on"]) == (1_300, 5.0, "GPU")


def test_digits_score_as_they_are():
    real = bought.scores(mnist("train").sample(300), "digits")
    noise = bought.scores(torch.rand(300, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1, "digits")
    assert real["distance"] < noise["distance"] and real["coverage"] > 0.5 > noise["coverage"]
    assert real["kinds"] == 1 > noise["kinds"]


def test_churches_score_as_they_are():
    renders = procedural_churches(60, 64, bought.SEED_OTHER)[0]
    real = bought.scores(renders, "churches 64")
    same = bought.scores(renders.subset(1).pixels.expand(60, 3, 64, 64) / 127.5 - 1, "churches 64")
    assert real["distance"] < same["distance"] and real["recall"] > same["recall"] == 0
    assert real["kinds"] > 0.8 and same["kinds"] < 0.03


def test_a_row_of_weights_and_one_of_real_images_are_complete():
    jobs = bought.jobs(True)
    real, made = (next(job for job in jobs if job["of"] == "digits" and key in job["key"]) for key in ("real", "mlp"))
    rows = [{**job, **bought.run(job)} for job in (real, made)]
    measured = {"lesson", "of", "distance", "precision", "recall", "coverage", "kinds"}
    assert measured <= set(rows[0]) and rows[0]["lesson"] == 0
    assert measured | {"images", "minutes", "on", "machine", "parameters", "lines"} <= set(rows[1])
    G = networks("mlp")[0]
    assert rows[1]["parameters"] == sum(p.numel() for p in G.parameters()) and rows[1]["lesson"] == 2
    assert rows[0]["distance"] < rows[1]["distance"] and json.loads(json.dumps(rows)) == rows


def _row(key: str, arm: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "arm": arm, "epochs": 2, "images": 10, "seconds": 60.0, **more}


MADE_UP: dict[str, Any] = {
    "commit": "c",
    "machine": "a machine",
    "rows": [
        _row("a-0", "a", score={"x": 1.0}, start={"key": "start"}),
        _row("a-1", "a", score={"x": 5.0}),
        _row("a-2", "a", score={"x": 2.0}, seconds=120.0),
        _row("a-3", "a", diverged="nan"),
        _row("b-0", "b", score={"x": 9.0}),
        _row("start", "s", images=500, seconds=600.0),
        _row("curve", "c", curve={"images": [64, 128], "seconds": [30.0, 90.0], "d": [4.0, 3.0]}, device="cuda"),
        _row("alone", "t", score={"x": 1.0}, training_seconds=24.0),
    ],
}
SHOWN = Shown("s", {"arm": "a"}, {"value": ("score", "x")}, lambda row: nn.Linear(2, 3), "x", "b", {"arm": "b"})


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(bought, "results", lambda name: MADE_UP)


def test_a_study_is_read_by_the_median_of_its_seeds(made_up):
    found = bought.of_study(SHOWN)
    assert (found["value"], found["control"], found["control_value"]) == (2.0, "b", 9.0)
    assert (found["seeds"], found["images"], found["minutes"], found["judging"]) == (3, 20, 2.0, True)
    assert (found["parameters"], found["on"], found["machine"]) == (9, "CPU x1", "a machine")
    digits = bought.of_study(Shown("s", {"arm": "b"}, {"distance": ("score", "x"), "digits": ("epochs",)}))
    assert (digits["distance"], digits["of"], digits["kinds"]) == (9.0, "digits", 0.2)
    assert "parameters" not in digits and "control" not in digits


def test_a_run_that_begins_with_another_saw_the_images_of_both(made_up, monkeypatch):
    monkeypatch.setitem(MADE_UP, "rows", [row for row in MADE_UP["rows"] if row["key"] not in ("a-1", "a-2")])
    found = bought.of_study(SHOWN)
    assert (found["images"], found["minutes"]) == (2 * 10 + 2 * 500, 11.0)


def test_of_a_curve_its_end_is_read_and_its_own_seconds(made_up):
    found = bought.of_study(Shown("s", {"arm": "c"}, {"value": ("curve", "d")}))
    assert (found["value"], found["images"], found["minutes"]) == (3.0, 128, 1.5)
    assert not found["judging"] and found["on"] == "GPU"
    alone = bought.of_study(Shown("s", {"arm": "t"}, {"value": ("score", "x")}))
    assert alone["minutes"] == 0.4 and not alone["judging"]


def test_a_study_without_results_has_no_row_and_one_without_the_arm_is_told(made_up, monkeypatch):
    monkeypatch.setattr(bought, "IDEAS", (Idea(3, "an idea", ("files",), shown=SHOWN),))
    (job,) = bought.jobs(False)
    assert (job["idea"], job["read_from"], job["measured_at"]) == ("an idea", "s", "c")
    assert bought.run(job)["lines"] == ideas.lines_of(("files",))
    with pytest.raises(StudyError, match=r"'s' have no row with \{'arm': 'z'\}"):
        bought.of_study(Shown("s", {"arm": "z"}, {}))

    def none(name):
        raise StudyError("none")

    monkeypatch.setattr(bought, "results", none)
    assert bought.jobs(False) == []
    with pytest.raises(StudyError, match="no results of 's'"):
        bought.of_study(SHOWN)


def test_every_study_that_has_results_makes_a_row():
    for idea in IDEAS:
        if idea.shown is None or not _has_results(idea.shown.study):
            continue
        found = bought.of_study(idea.shown)
        measured = {"value", "measure", "control", "control_value"} if idea.shown.measure else {"distance", "kinds"}
        assert measured | {"images", "minutes", "on", "machine"} <= set(found), idea.name
        assert found["images"] > 0 < found["minutes"]


def _has_results(name: str) -> bool:
    try:
        return bool(results(name))
    except StudyError:
        return False


def rows_of_all() -> list[dict[str, Any]]:
    """A row for every idea, of the largest figures that are likely, last lesson first, and a control."""
    cost = {"images": 999_999_999, "minutes": 1234.5, "on": "CPU x16", "parameters": 99_000_000, "lines": 1234}
    rows: list[dict[str, Any]] = []
    for idea in reversed(IDEAS):
        row = {"lesson": idea.lesson, "idea": idea.name, **cost}
        if idea.shown is None or not idea.shown.measure:
            row |= {"of": "churches 128", "distance": 1234.5, "coverage": 1.0, "kinds": 1.0}
        else:
            measure = {"measure": idea.shown.measure, "value": 0.0123, "control": idea.shown.beside}
            row |= {**measure, "control_value": 0.0123, "judging": True}
        rows.append(row)
    return [*rows, {"lesson": 0, "idea": bought.REAL, "of": "digits", "distance": 0.1, "coverage": 1.0, "kinds": 1.0}]


def test_the_table_is_sorted_narrow_and_in_columns():
    rows = rows_of_all()
    lines = bought.table(rows).splitlines()
    assert max(map(len, lines)) <= bought.WIDTH == 105
    shown = lines[2 : 2 + len(rows)]
    assert shown[0].split()[:2] == ["real", "images"] and lines[2 + len(rows)] == ""
    assert [int(line[:2]) for line in shown[1:]] == [idea.lesson for idea in IDEAS]
    assert all(any(line[3:].startswith(idea.name) for line in shown) for idea in IDEAS)
    ends = {line.index("CPU x16") for line in shown[1:]}
    assert len(ends) == 1, "a measure's name is too long for its columns"
    marked = [line for line in shown if "1234.5*" in line]
    assert len(marked) == sum("measure" in row for row in rows)


def test_the_table_goes_on_without_optional_rows():
    few = [row for row in rows_of_all() if row["lesson"] < 3]
    few[0].pop("parameters")
    lines = bought.table(few).splitlines()
    assert sum(line[:2] in (" 2", "  ") and bool(line.strip()) for line in lines[1:]) == len(few)
    assert next(line for line in lines if few[0]["idea"] in line).split()[-2] == "-"


@pytest.mark.parametrize(("n", "text"), [(12_000_000, "12.0 M"), (71_424, "71 k"), (1_200, "1.2 k")])
def test_large_numbers_are_short(n, text):
    assert bought._short(n) == text


# --- one pass against many --------------------------------------------------------------------------------------------


def test_the_unet_has_about_as_many_parameters():
    G = networks("dcgan64", width=8)[0]
    before = torch.get_rng_state()
    unet = one_pass.unet_like(G)
    assert torch.equal(torch.get_rng_state(), before) and not unet.training
    count = one_pass._parameters
    width = unet.options["width"]
    gap = {one: abs(count(UNet(one, 64)) - count(G)) for one in (width - 1, width, width + 1)}
    assert gap[width] == min(gap.values()) and gap[width] < 0.25 * count(G)


def test_one_pass_takes_medians_of_turns_and_multiplies_many(monkeypatch):
    G: Any = networks("dcgan64", width=2)[0]
    clock, order = [0.0], []

    def passes(name: str, seconds: list[float]) -> Any:
        def forward(x):
            order.append(name)
            clock[0] += seconds[order.count(name) - 1]
            return x

        return forward

    unet = one_pass.unet_like(G)
    monkeypatch.setattr(one_pass, "unet_like", lambda G: unet)
    monkeypatch.setattr(one_pass, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(G, "forward", passes("g", [50.0, 1.0, 90.0, 1.0, 3.0, 2.0]))  # the first one warms up
    monkeypatch.setattr(unet, "forward", passes("u", [70.0, 4.0, 4.0, 80.0, 4.0, 8.0]))
    found = one_pass.one_pass(G, 0.0, batch=2)
    assert order == ["g", "u"] * 6 and found.turns == one_pass.TURNS == 5
    assert (found.seconds_g, found.seconds_unet) == (2.0 / 2, 4.0 / 2)
    assert found.parameters_g == one_pass._parameters(G) and found.parameters_unet == one_pass._parameters(unet)
    lines = one_pass.passes_table(found).splitlines()
    assert max(map(len, lines)) <= 105
    said = {line[:4]: line.split()[-3:] for line in lines[1:-1]}
    assert said["a ge"] == ["1", "1", "1.0"] and said["the "] == ["1", "0.5", "2.0"]
    assert said["DDIM"] == ["50", "0.01", "100.0"] and said["DDPM"] == ["1,000", "0.0005", "2,000.0"]


def test_one_pass_goes_on_while_there_is_time(monkeypatch):
    G: Any = networks("dcgan64", width=2)[0]
    ticks = iter(range(10_000))
    monkeypatch.setattr(one_pass, "perf_counter", lambda: float(next(ticks)))
    assert one_pass.one_pass(G, 40.0, batch=1).turns == 11  # the sixth to eleventh look four times at the clock
