"""A run's curve in words."""

from core.messages import StepResult
from tui.headless.curve import told


def test_a_loss_that_was_measured_nowhere_has_no_column() -> None:
    results = [StepResult(step=0, validation=4.0), StepResult(step=1, loss=3.5, validation=3.25)]
    lines = told(results).splitlines()
    assert lines[1].split() == ["step", "training", "validation"]
    assert lines[3].split() == ["1", "3.500", "3.250"]
    assert "evaluation" not in lines[-1] and "prompt" not in lines[-1]


def test_evaluations_stand_between_training_and_validation() -> None:
    results = [
        StepResult(step=0, evaluation=10.9876, validation=10.9811),
        StepResult(step=1, loss=11.0, evaluation=9.781, validation=9.933),
        StepResult(step=2, loss=9.857),
    ]
    lines = told(results).splitlines()
    assert lines[1].split() == ["step", "training", "evaluation", "validation"]
    assert lines[3].split() == ["1", "11.000", "9.781", "9.933"]
    assert "evaluation loss 10.988 at step 0, 9.781 (perplexity 17,694) at step 1" in lines[-1]
