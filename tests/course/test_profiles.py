"""Which profile a notebook gets, and why."""

import pytest
import torch

from gancourse.course import profiles
from gancourse.course.profiles import LESSONS, PROFILES, choose
from gancourse.training.threads import Choice

LESSON = "02_mlp_gan_mnist"
SHIPPED = profiles.measured_minutes


@pytest.fixture(autouse=True)
def a_machine(monkeypatch):
    """A CPU without bfloat16, and no GANCOURSE_PROFILE; returns how to say what was measured on it."""
    monkeypatch.delenv("GANCOURSE_PROFILE", raising=False)
    monkeypatch.setattr("gancourse.training.config.pick_device", lambda name: torch.device("cpu"))
    monkeypatch.setattr(profiles, "device_class", lambda device=None: "cpu")
    monkeypatch.setattr(profiles, "estimated_minutes", lambda lesson, kind: {"paper": 144.0})

    monkeypatch.setattr("gancourse.training.threads.choose", lambda convolutions: Choice(2, 2, 0.0))

    def measured(minutes, device_class="cpu"):
        table = {LESSON: {device_class: minutes}}
        monkeypatch.setattr(profiles, "measured_minutes", lambda: table)

    measured({})
    return measured


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_by_name(lesson, name):
    plan = choose(lesson, name)
    assert (plan.lesson, plan.profile, plan.device) == (lesson, name, "cpu")
    assert (plan.epochs, plan.images) == LESSONS[lesson].lengths[name]
    assert "asked for by name" in plan.reason


@pytest.mark.parametrize("lesson", LESSONS)
def test_longer_profiles_are_longer(lesson):
    plans = [choose(lesson, name) for name in PROFILES]
    assert [p.epochs for p in plans] == sorted(p.epochs for p in plans)
    assert [p.images for p in plans] == sorted(p.images for p in plans)
    assert plans[0].epochs * plans[0].images < max(1, plans[1].epochs * plans[1].images)


def test_the_paper_profile_is_p1s_hundred_epochs_of_mnist():
    for lesson in ("02_mlp_gan_mnist", "03_dcgan_mnist"):
        assert LESSONS[lesson].lengths["paper"] == (100, 60_000)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ({}, "laptop"),
        ({"smoke": 0.2}, "smoke"),
        ({"smoke": 0.2, "laptop": 6.0}, "laptop"),
        ({"smoke": 0.2, "laptop": 6.0, "paper": 19.9}, "paper"),
        ({"smoke": 0.2, "laptop": 6.0, "paper": 20.0}, "paper"),
        ({"smoke": 0.2, "laptop": 6.0, "paper": 20.1}, "laptop"),
        ({"smoke": 0.2, "laptop": 45.0, "paper": 300.0}, "smoke"),
        ({"paper": 5.0}, "paper"),
    ],
)
def test_auto_takes_the_longest_profile_under_twenty_minutes(a_machine, minutes, expected):
    a_machine(minutes)
    plan = choose(LESSON, "auto")
    assert plan.profile == expected
    assert plan.minutes == minutes
    assert choose(LESSON) == plan  # auto is the default
    assert ("longest one measured to take at most 20 minutes" in plan.reason) == bool(minutes)


def test_auto_reads_the_minutes_of_this_class_of_device_alone(a_machine):
    a_machine({"smoke": 0.1, "laptop": 0.5, "paper": 3.0}, device_class="cuda")
    plan = choose(LESSON)
    assert (plan.profile, plan.minutes) == ("laptop", {})


def test_the_environment_goes_first(monkeypatch, a_machine):
    a_machine({"paper": 1.0})
    monkeypatch.setenv("GANCOURSE_PROFILE", "smoke")
    plan = choose(LESSON, "paper")
    assert plan.profile == "smoke"
    assert "set by GANCOURSE_PROFILE" in plan.reason
    monkeypatch.setenv("GANCOURSE_PROFILE", "auto")
    assert choose(LESSON, "smoke").profile == "paper"
    monkeypatch.setenv("GANCOURSE_PROFILE", "")  # empty is not set
    assert choose(LESSON, "laptop").profile == "laptop"


def test_unknown_names_are_refused(monkeypatch):
    with pytest.raises(ValueError, match=rf"lesson is '02', expected one of .*{LESSON}"):
        choose("02")
    with pytest.raises(ValueError, match="profile is 'fast', expected auto, smoke, laptop, paper"):
        choose(LESSON, "fast")
    monkeypatch.setenv("GANCOURSE_PROFILE", "huge")
    with pytest.raises(ValueError, match=r"profile is 'huge'.*GANCOURSE_PROFILE goes first"):
        choose(LESSON, "smoke")


def test_a_plan_prints_device_reason_and_minutes(a_machine):
    a_machine({"smoke": 0.25, "laptop": 6.0})
    assert str(choose(LESSON)).splitlines() == [
        "profile laptop on cpu: the longest one measured to take at most 20 minutes.",
        "Measured minutes of this notebook on cpu: smoke 0.2, laptop 6.0.",
        "Estimated, not measured: paper 2.4 hours.",
    ]
    a_machine({})
    assert "on cpu: none yet.\n" in str(choose(LESSON, "smoke"))


def test_a_plan_says_what_it_chose_beside_a_busy_process(monkeypatch):
    monkeypatch.setattr(
        "gancourse.training.threads.choose",
        lambda convolutions: Choice(3, 2, 1.0, True) if convolutions else Choice(1, 2, 0.96),
    )
    monkeypatch.setattr(profiles, "_busy_rows", list)
    assert str(choose("02_mlp_gan_mnist")).splitlines()[-1] == (
        "Other processes keep 1.0 of 2 cores busy: this one computes with 1 thread (OMP_NUM_THREADS=2 keeps 2)."
    )
    row = {"model": "dcgan", "cores": 2, "threads": 3, "before": 0.41, "after": 0.65}
    monkeypatch.setattr(profiles, "_busy_rows", lambda: [row])
    said = str(choose("03_dcgan_mnist")).splitlines()[-1]
    assert said.startswith("Other processes keep 1.0 of 2 cores busy: this one computes with 3 threads, two on one")
    assert said.endswith("beside one process, dcgan: 65% of the quiet rate so, 41% with 2 threads.")
    assert "Measured by" not in choose("02_mlp_gan_mnist").busy  # another kind of network
    monkeypatch.setattr("gancourse.training.config.pick_device", lambda name: torch.device("cuda"))
    assert choose("03_dcgan_mnist").busy == ""  # nor is anything chosen where a card computes


def test_the_shipped_minutes_are_minutes():
    for lesson, classes in SHIPPED().items():
        assert lesson in LESSONS
        for minutes in classes.values():
            assert minutes.keys() <= set(PROFILES)
            assert all(0 < m < 10_000 for m in minutes.values())


def test_environment_names_versions_and_device():
    text = profiles.environment()
    assert f"torch {torch.__version__}" in text
    assert "device: cpu" in text


@pytest.mark.parametrize("seed", ["one", 1.5, -1, True, 2**63])
def test_a_seed_that_is_no_whole_number_is_named(seed):
    with pytest.raises(ValueError, match=rf"^seed is {seed!r}, expected a whole number from 0 to 2\*\*63 - 1\.$"):
        choose(LESSON, "smoke", seed)
