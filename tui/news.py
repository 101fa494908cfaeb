"""What there is to tell the screen of the engine: one message a kind."""

from textual.message import Message

from core import messages as m


class StateChanged(Message):
    def __init__(self, state: m.State) -> None:
        super().__init__()
        self.state = state


class TableChanged(Message):
    def __init__(self, table: m.Table) -> None:
        super().__init__()
        self.table = table


class TableRecalled(Message):
    """What a look back has brought; None where it came to nothing."""

    def __init__(self, request: m.Recall, table: m.Table | None) -> None:
        super().__init__()
        self.request = request
        self.table = table


class TableRetraced(Message):
    """What a replay to a step of the past has brought; None where it came to nothing."""

    def __init__(self, request: m.Retrace, table: m.Table | None) -> None:
        super().__init__()
        self.request = request
        self.table = table


class OpenRowGlimpsed(Message):
    """What comes after the whole text, known before the rest of its table is."""

    def __init__(self, text: str, prediction: m.Prediction) -> None:
        super().__init__()
        self.text = text
        self.prediction = prediction


class StepsDone(Message):
    """New steps, or with `anew` all there are, also of the future that the run left."""

    def __init__(
        self, results: tuple[m.StepResult, ...], *, anew: bool, ghost: tuple[m.StepResult, ...] = ()
    ) -> None:
        super().__init__()
        self.results = results
        self.anew = anew
        self.ghost = ghost


class TextsSampled(Message):
    """What the model wrote at steps of its run; new ones, or with `anew` all there are."""

    def __init__(self, samples: tuple[m.SampleText, ...], *, anew: bool) -> None:
        super().__init__()
        self.samples = samples
        self.anew = anew


class TextContinued(Message):
    """What a request has brought so far, all of it with `done`; None where it came to nothing."""

    def __init__(self, request: m.Generate, generated: m.Generated | None) -> None:
        super().__init__()
        self.request = request
        self.generated = generated


class ControlsApplied(Message):
    """What the sampling controls leave of a prediction."""

    def __init__(self, request: m.Control, controlled: m.Controlled) -> None:
        super().__init__()
        self.request = request
        self.controlled = controlled


class StepDissected(Message):
    """A step taken apart, as it was asked for; None where it came to nothing."""

    def __init__(self, request: m.Dissect, dissected: m.Dissected | None) -> None:
        super().__init__()
        self.request = request
        self.dissected = dissected


class CellInspected(Message):
    """One prediction of the step that was taken apart."""

    def __init__(self, inspected: m.Inspected) -> None:
        super().__init__()
        self.inspected = inspected


class Audited(Message):
    """The arithmetic of a row."""

    def __init__(self, arithmetic: m.Arithmetic) -> None:
        super().__init__()
        self.arithmetic = arithmetic


class ModelCompared(Message):
    """A text as the pinned model sees it."""

    def __init__(self, compared: m.Compared) -> None:
        super().__init__()
        self.compared = compared


class ModelExpected(Message):
    """With which p the pinned model expects some tokens in a text."""

    def __init__(self, text: str, request: m.Expect, expected: m.Expected) -> None:
        super().__init__()
        self.text = text
        self.request = request
        self.expected = expected


class TargetWeighed(Message):
    """A target of the person's own, held against the prediction."""

    def __init__(self, request: m.Weigh, weighed: m.Weighed) -> None:
        super().__init__()
        self.request = request
        self.weighed = weighed


class TextLookedUp(Message):
    """What the training text says where the model makes a prediction."""

    def __init__(self, request: m.World, followed: m.Followed) -> None:
        super().__init__()
        self.request = request
        self.followed = followed


class TextIndexed(Message):
    """The training text is being made ready to be looked up in, or is so now."""

    def __init__(self, indexed: m.Indexed) -> None:
        super().__init__()
        self.indexed = indexed


class WorkGoesOn(Message):
    def __init__(self, progress: m.Progress) -> None:
        super().__init__()
        self.progress = progress


class Said(Message):
    """One sentence for the person."""

    def __init__(self, text: str, *, error: bool) -> None:
        super().__init__()
        self.text = text
        self.error = error


class EngineLost(Message):
    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
