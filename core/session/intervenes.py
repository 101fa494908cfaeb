"""A session's part that does to a run what a person wishes, which makes it another one from there on."""

import msgspec

from core import messages as m
from core.interventions import Interventions, OnRow, Settings, Withdrawn
from core.session.trains import Trains
from core.text import clean
from core.trainer import Diverged


class Intervenes(Trains):
    """Steps on one row, other settings, and runs that go their own way."""

    def train_on_row(self, request: m.TrainOnRow) -> m.State:
        """One step on one row. Raises ValueError while training, and for what is no row, target or rate."""
        if self.running:
            raise ValueError("the run is training: pause it (F3) before a step on one row")
        trainer, ids = self.at.trainer, self._looking.watch.ids
        if not 0 <= request.position < len(ids):
            raise ValueError(f"position {request.position} is outside the text of {len(ids)} tokens")
        config = self.at.model.config
        for each in request.target:
            if not 0 <= each.token_id < config.vocab_size:
                raise ValueError(f"there is no token {each.token_id}; ids go to {config.vocab_size - 1}")
        begins = request.position - request.position % config.n_positions  # of the row's window
        row = OnRow(
            step=trainer.step_count + 1,
            prefix=tuple(ids[begins : request.position + 1]),
            target=request.target,
            learning_rate=request.learning_rate,
        )
        self._warning = None
        self._begin()
        self._fork_where_there_is_a_future()
        self._measure_watch()  # what the rows are compared with
        if trainer.history.keeps:
            trainer.shared_snapshot()  # the way back
        self._recorder.intervene(self.at, row)
        trainer.intervene(row)
        try:
            self._make_step()
        except BaseException as error:
            self._withdraw(row.step)
            trainer.rewind(row.step - 1)
            if isinstance(error, Diverged):
                raise ValueError(str(error)) from error
            raise
        self._goal = max(self._goal, row.step)
        return self.status()

    def change_settings(self, request: m.ChangeSettings) -> m.State:
        """Another configuration from the next step on.

        Raises ValueError while training, and for what only a new run can have.
        """
        trainer = self.at.trainer
        if self.running:
            raise ValueError("the run is training: pause it (F3) before its settings are changed")
        if fixed := trainer.training.fixed_differences(request.training):
            names = ", ".join(fixed).replace("_", " ")
            raise ValueError(f"a run cannot change its {names} on the way: start a new run")
        if request.training == trainer.training:
            return self.status()
        trainer.recipe.configured(request.training)  # what is wrong with it is said before anything is done
        self._warning = None
        self._begin()
        self._fork_where_there_is_a_future()
        settings = Settings(step=trainer.step_count + 1, training=request.training)
        self._recorder.intervene(self.at, settings)
        trainer.intervene(settings)
        self._goal = max(request.training.steps, trainer.step_count)
        return self.status()

    def drop_future(self, request: m.DropFuture) -> m.State:
        """Forget the future that the run left."""
        self._ghost = ()
        self._recorder.drop_future()
        return self.status()

    def rewind(self, request: m.Rewind) -> m.State:
        """As it is, but that a step on one row is taken back for good where nothing followed it."""
        at, step = self.at, self.at.trainer.step_count
        on_row = at.trainer.interventions.on_row(step) is not None
        if not on_row or request.step != step - 1 or step < max(at.results, default=0):
            return super().rewind(request)
        self._until = None
        if self._goal == step:
            self._goal = max(at.trainer.training.steps, step - 1)
        self._withdraw(step)
        state = super().rewind(request)
        self._looking.drop_after(request.step)  # going back has measured it once more
        return state

    def _withdraw(self, step: int) -> None:
        """Have a step on one row, the last one, never been made; where it was, the model is to go back."""
        line = Withdrawn(step=step)
        self._recorder.intervene(self.at, line)
        self.at.trainer.intervene(line)
        self._forget_after(step - 1)
        self._looking.drop_after(step - 1)

    def _fork_where_there_is_a_future(self) -> None:
        """Go on as a new run where steps are known that this one will not come to any more."""
        at, step = self.at, self.at.trainer.step_count
        future = [result for other, result in sorted(at.results.items()) if other > step]
        if future:
            self.fork()

    def fork(self) -> None:
        """Go on as a new run, which has the steps up to here in common with this one."""
        at, step = self.at, self.at.trainer.step_count
        future = [result for other, result in sorted(at.results.items()) if other > step]
        self._ghost = tuple(self._looking.watch.joined(result) for result in future)
        self._recorder.branch(at, self._ghost)
        if at.saved is not None and self._recorder.folder is not None:  # it is called by its run's name
            at.model_info = msgspec.structs.replace(at.model_info, name=clean(self._recorder.folder.name))
        at.trainer.follow(Interventions(at.trainer.interventions.up_to(step)))
        self._forget_after(step)
        self._looking.branch(self._recorder.folder, step)

    def _forget_after(self, step: int) -> None:
        at = self.at
        for later in [other for other in at.results if other > step]:
            del at.results[later]
        at.samples = {at_step: sample for at_step, sample in at.samples.items() if at_step <= step}
        at.trainer.history.drop_after(step)
        if at.anatomy is not None and at.anatomy.step > step:
            at.anatomy = None

    def _make_what_was_begun(self) -> None:
        """The step of an intervention that was written down before a kill came between it and its step."""
        trainer = self.at.trainer
        step = trainer.step_count + 1
        if trainer.interventions.on_row(step) is not None and step not in self.at.results:
            self._make_step()
