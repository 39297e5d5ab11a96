"""What a comparison says of a training that was stopped."""

from types import SimpleNamespace

import pytest

from gancourse.training import TrainingStopped, need_all, note_stops


def run(epoch, epochs):
    """What is read of a trainer."""
    return SimpleNamespace(epoch=epoch, config=SimpleNamespace(epochs=epochs))


@pytest.mark.parametrize(("have", "said"), [({}, "none"), ({"a": 1}, "1")])
def test_what_lacks_a_training_is_one_line(have, said):
    with pytest.raises(TrainingStopped, match=f"compares 2 trainings, of which {said} came to the end. Run") as stopped:
        need_all(have, 2)
    assert stopped.value._render_traceback_() == [f"stopped: {stopped.value}"]


def test_what_lacks_none_goes_on():
    need_all({"a": 1, "b": 2}, 2)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (run(1, 3), run(3, 3), "one has 1 of its 3 epochs, two has 3 of its 3 epochs"),
        (run(1, 3), run(1, 1), "one has 1 of its 3 epochs, two has 1 of its 1 epochs"),  # and a part of the second
        (run(2, 2), run(3, 3), "one has 2 of its 2 epochs, two has 3 of its 3 epochs"),
    ],
)
def test_runs_that_are_not_trained_alike_have_their_line(capsys, first, second, said):
    note_stops({"one": first, "two": second})
    assert capsys.readouterr().out == f"note: these were not trained alike: {said}\n"


def test_whole_runs_have_none(capsys):
    note_stops({"one": run(3, 3), "two": run(3, 3)})
    assert capsys.readouterr().out == ""
