"""A session's part that takes a step of the run apart and leaves the run where it is."""

from contextlib import nullcontext

from core import messages as m
from core.session.retraces import Retraces
from core.trainer import Diverged


class Dissects(Retraces):
    """The anatomy of a step, and of one prediction in it."""

    def dissect(self, request: m.Dissect) -> m.Dissected:
        """Take a step apart, replayed where it is not the next one.

        Raises ValueError for a step that was never reached or cannot be made, Stopped where that was wished.
        """
        trainer, furthest = self.at.trainer, max(self.at.results, default=0)
        step = trainer.step_count + 1 if request.step is None else request.step
        if not 1 <= step <= max(furthest, trainer.step_count) + 1:
            raise ValueError(f"step {step} is not there yet: choose one from 1 to {furthest + 1}")
        if trainer.interventions.on_row(step) is not None:
            raise ValueError(f"step {step} was made on one row: it has no batch to take apart")
        is_next = step == trainer.step_count + 1
        try:
            with nullcontext() if is_next else trainer.aside():
                for _ in self._replay(step - 1):
                    pass
                anatomy = trainer.anatomy()
        except Diverged as error:
            raise ValueError(str(error)) from error
        self.at.anatomy = anatomy
        return anatomy.record(self._tokenizer)

    def inspect(self, request: m.Inspect) -> m.Inspected:
        """One prediction of the step that was last taken apart. Raises ValueError for one of another step."""
        anatomy = self.at.anatomy
        if anatomy is None or anatomy.step != request.step:
            raise ValueError(f"step {request.step} is not the one that was taken apart")
        return anatomy.cell(request.row, request.column, self._tokenizer)
