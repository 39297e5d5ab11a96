"""The clinic's six patients have the mistakes that their file says, and the exercise's answers are theirs."""

import copy

import pytest
import torch

from gancourse.course.studies.lesson02 import clinic
from gancourse.data import Images
from gancourse.exercises.checking import bugs


@pytest.fixture
def images():
    return Images(torch.randint(0, 256, (256, 1, 28, 28), dtype=torch.uint8))


def patient(cause, images):
    return clinic._patient(cause, images, {"epochs": 1, "batch_size": 32})


def trained(cause, images):
    trainer = patient(cause, images)
    before = copy.deepcopy(trainer.G.state_dict())
    (row,) = trainer.fit(progress=False)
    same = all(torch.equal(value, before[key]) for key, value in trainer.G.state_dict().items())
    return row, same


def test_the_exercise_knows_what_was_done():
    words = {
        "standardised": "data range",
        "P2's networks": "mode collapse",
        "detached": "G is detached",
        "sigmoid twice": "sigmoid twice",
        "learning rate": "learning rate too high",
        "target": "target swapped in G's step",
    }
    assert {number: words[cause] for number, cause in clinic.CAUSES.items()} == bugs.DIAGNOSES
    assert set(bugs.DIAGNOSES) == set(bugs.EVIDENCE) == set(bugs.CAUSES) and set(bugs.DIAGNOSES.values()) < set(
        bugs.CHOICES
    )


def test_no_patients_file_tells_its_cause():
    assert all(set(job) == {"key", "epochs", "images"} for job in clinic.jobs(False))
    assert [job["key"] for job in clinic.jobs(False)] == [f"patient-{n}" for n in range(1, 7)]


def test_standardised_images_leave_the_reach_of_tanh(images):
    x = next(patient("standardised", images).images.batches(256, torch.Generator().manual_seed(0)))
    assert x.min().item() == pytest.approx(-0.4242, abs=1e-3) and x.max().item() == pytest.approx(2.8215, abs=1e-3)


def test_detached_fakes_leave_g_as_it_was(images):
    row, same = trained("detached", images)
    assert same and row["grad_norm_g"] == 0 and row["loss_d"] > 0
    assert not trained("P2's networks", images)[1]


def test_two_sigmoids_keep_the_answers_between_a_half_and_three_quarters(images):
    trainer = patient("sigmoid twice", images)
    with torch.no_grad():
        answers = trainer.D(torch.randn(50, 1, 28, 28) * 100).sigmoid()
    assert answers.min() >= 0.5 and answers.max() <= 0.7311


def test_the_swapped_target_rewards_a_recognised_fake(images):
    row, same = trained("target", images)
    assert not same and row["loss_g"] == pytest.approx(
        -torch.log(torch.tensor(1 - row["d_fake_after"])).item(), rel=0.2
    )


def test_the_learning_rate_is_a_hundred_times_p1s(images):
    assert patient("learning rate", images).config.lr == pytest.approx(100 * 2e-4)


@pytest.mark.slow
def test_quick_clinic_runs_from_end_to_end(tmp_path):
    from gancourse.course.studies import runner
    from gancourse.data import sheets

    found = runner.reproduce("clinic", tmp_path / "c.json", True, 0, tmp_path, report=lambda line: None)
    assert [sheets.unpack(row["strip"]).shape for row in found["rows"]] == [(32, 1, 28, 28)] * 6
