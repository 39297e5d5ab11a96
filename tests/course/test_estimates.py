"""Estimated minutes: a line through what was measured, scaled by the ratio of training speeds."""

import pytest
import torch

from gancourse.course import estimates, profiles
from gancourse.course.estimates import minutes, words
from gancourse.course.lessons import Lesson

LENGTHS = {"smoke": (2, 500), "laptop": (10, 1_000), "paper": (100, 1_000)}
LESSON = Lesson("A lesson", "", LENGTHS, timed_as="mlp")


@pytest.fixture
def speeds(monkeypatch):
    table = {"cpu-bf16": 1_000.0, "cpu": 500.0, "cuda": 10_000.0}
    monkeypatch.setattr(estimates, "speed_of", lambda model, kind: table.get(kind))


def estimated(kind, measured):
    return minutes(LESSON, kind, measured)


def test_a_line_through_the_measured_minutes(speeds):
    assert estimated("cpu-bf16", {"cpu-bf16": {"smoke": 1.0, "laptop": 10.0}}) == {"paper": pytest.approx(100.0)}


def test_other_devices_by_the_ratio_of_speeds(speeds):
    measured = {"cpu-bf16": {"smoke": 1.0, "laptop": 10.0}}
    assert estimated("cpu", measured) == pytest.approx({"smoke": 1.0, "laptop": 19.0, "paper": 199.0})
    assert estimated("cuda", measured) == pytest.approx({"smoke": 1.0, "laptop": 1.9, "paper": 10.9})


def test_what_was_measured_here_is_not_estimated(speeds):
    measured = {"cpu-bf16": {"smoke": 1.0, "laptop": 10.0}, "cpu": {"smoke": 2.0, "laptop": 11.0}}
    assert estimated("cpu", measured) == {"paper": pytest.approx(101.0)}
    measured["cpu"] = {"laptop": 15.0}
    assert estimated("cpu", measured) == pytest.approx({"smoke": 1.0, "paper": 199.0})
    measured["cpu-bf16"]["paper"] = 60.0
    assert estimated("cpu-bf16", measured) == {}
    assert estimated("cpu", measured)["paper"] == pytest.approx(119.0)


def test_nothing_to_start_from(speeds):
    assert estimated("cpu-bf16", {}) == {}
    assert estimated("cpu", {"cpu-bf16": {"laptop": 10.0}}) == {}
    assert estimated("mps", {"cpu-bf16": {"smoke": 1.0, "laptop": 10.0}}) == {}  # a speed that could not be timed


def test_the_churches_agree_with_what_lesson_04_says():
    """Both start from the measured seconds an image; the lesson prints days for P4's whole run on two cores."""
    days = profiles.estimated_minutes("04_dcgan_lsun128", "cpu-bf16")["paper"] / 24 / 60
    rate = {row["width"]: row["cpu_seconds_per_image"] for row in estimates.results("church_speed")["rows"]}
    assert days == pytest.approx(126_227 * 100 * rate[64] / 2 / 86_400, rel=0.01)


def test_processors_have_speeds_from_the_benchmark(monkeypatch):
    monkeypatch.setattr(estimates, "timed", lambda *args: pytest.fail("a processor is not timed"))
    for lesson in profiles.LESSONS:
        for kind in ("cpu", "cpu-bf16"):
            found = profiles.estimated_minutes(lesson, kind) | profiles.measured_minutes()[lesson].get(kind, {})
            assert found.keys() == set(profiles.PROFILES)
            assert 0 < found["smoke"] <= found["laptop"] <= found["paper"]


@pytest.mark.parametrize("model", ["mlp"])
def test_a_device_is_timed_without_touching_random_state(model, monkeypatch):
    monkeypatch.setattr(estimates, "SECONDS", 0.0)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    speed = estimates.timed.__wrapped__(model, "cpu")
    assert speed and speed > 10
    assert torch.equal(torch.get_rng_state(), before)
    assert estimates.timed.__wrapped__(model, "meta") is None  # a device that trains nothing


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.42, "0.4 minutes"), (9.96, "10 minutes"), (13.3, "13 minutes"), (144, "2.4 hours"), (13_800, "9.6 days")],
)
def test_words(number, text):
    assert words(number) == text
