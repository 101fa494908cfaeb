"""All predictions of a step together, phase by phase, in lines as wide as asked for."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core import information
from core.messages import BatchRow, Dissected, Layer
from tui import cells, formats, theme
from tui.anatomy.parts import fact, fine, plain, sentence, size
from tui.widgets.lines import strip

_P = 9  # cells of a norm, of a share


def sentences(phase: int, step: Dissected) -> tuple[str, ...]:
    """What happens in a phase, in a longer and a shorter wording."""
    b, n, count, v = f"{step.batch:,}", f"{step.context:,}", f"{step.predictions:,}", f"{step.vocabulary:,}"
    masks = ", with the same dropout masks" if step.dropout else ""
    return (
        (
            f" The batch: {b} rows of the text, each token to be predicted from those before it in its row.",
            f" {b} rows of {n} tokens, each to be predicted from those before it.",
            f" {b} rows of {n} tokens that are to be predicted.",
        ),
        (
            f" Forward: the model gives {v} logits after every token, and softmax makes them probabilities.",
            f" {v} logits after every token; softmax makes them probabilities.",
            f" {v} logits after every token become probabilities.",
        ),
        (
            f" The loss: −log p of the token that really came, and of all {count} of them the mean.",
            f" −log p of the token that really came; of all {count} the mean.",
            f" −log p of the token that came; of all {count} the mean.",
        ),
        (
            f" Backward: the gradient at the logits is p − 1 for the target, p for the rest, over {count}.",
            f" At the logits: p − 1 for the target, p for the rest, over {count}.",
            f" p − 1 for the target, p for the rest, over {count}.",
        ),
        (
            f" The update: every weight moves a little, then the same batch is predicted again{masks}.",
            " Every weight moves a little, then the same batch is predicted again.",
            " Every weight moves a little, then the same batch again.",
        ),
    )[phase]


def batch(step: Dissected, width: int) -> list[Strip]:
    """Batch: its shape."""
    b, n = step.batch, step.context
    lines = [
        fact(width, "rows b", f"{b:,}"),
        fact(width, "tokens a row n", f"{n:,}"),
        fact(width, "inputs", f"({b}, {n})", more="all but the last"),
        fact(width, "targets", f"({b}, {n})", more="all but the first"),
        fact(width, "predictions b·n", f"{step.predictions:,}", style=theme.STRONG),
    ]
    if step.shown < step.predictions:
        lines += sentence(
            f"Here are the first {step.shown:,} of them; every figure of the step is of all.", width
        )
    return lines


def shapes(step: Dissected, vocabulary: int, width: int) -> list[Strip]:
    """Forward: the shapes on the way from ids to the loss."""
    b, n, v = step.batch, step.context, step.vocabulary
    lines = [
        _shape("token ids", f"({b}, {n})", "(b, n)", width),
        _shape("hidden states", f"({b}, {n}, {step.width})", "(b, n, D)", width),
        _shape("logits", f"({b}, {n}, {v})", "(b, n, V)", width),
        _shape("  → flattened", f"({step.predictions}, {v})", "(b·n, V)", width),
        _shape("targets", f"({step.predictions},)", "(b·n,)", width),
        strip(),
    ]
    if v < vocabulary:
        lines += sentence(f"This run estimates its loss over {v:,} of the {vocabulary:,} tokens.", width)
    dropped = f"Dropout {step.dropout:g}, with this step's own masks." if step.dropout else "No dropout."
    return [*lines, *sentence(dropped, width)]


def mean(step: Dissected, width: int) -> list[Strip]:
    """Loss: the mean of all cells."""
    lines = [
        fact(width, f"sum of {step.predictions:,} −log p", plain(step.summed), "nats"),
        fact(width, f"÷ {step.predictions:,} = loss", fine(step.before), "nats", style=theme.TARGET),
        fact(width, "exp(loss)", formats.count(information.perplexity(float(step.before))), "", "perplexity"),
        strip(),
    ]
    if step.dtype == "float32":
        lines += sentence(f"The run writes {fine(step.loss)} into its curve.", width)
    else:
        lines += sentence(
            f"The run writes {fine(step.loss)} into its curve: it multiplies in "
            f"{step.dtype}, and what is measured here in float32.",
            width,
        )
    return lines


def gradients(step: Dissected, width: int) -> list[Strip]:
    """Backward: the norm of the gradient by layer."""
    most = max(float(layer.gradient) for layer in step.layers)
    name, room = _layer_room(width, _P)
    lines = [
        strip(
            Segment(cells.left(_layer_name(layer, step), name), theme.DIM),
            Segment(cells.right(size(layer.gradient), _P), theme.PLAIN),
            Segment("  " + formats.bar(_share(float(layer.gradient), most), room), theme.LIT),
        )
        for layer in step.layers
    ]
    norm = float(step.whole.gradient)
    clipped = f"clipped to {step.clip:g}" if norm > step.clip else f"below the clip, {step.clip:g}"
    lines.append(
        strip(
            Segment(cells.left("all together", name), theme.DIM),
            Segment(cells.right(size(norm), _P), theme.STRONG),
            Segment(cells.left("  " + clipped, max(0, width - name - _P)), theme.DIM),
        )
    )
    return lines


def updates(step: Dissected, width: int) -> list[Strip]:
    """Update: how far each layer's weights moved, and how far that is for them."""
    most = max(layer.relative for layer in step.layers)
    name, room = _layer_room(width, 2 * _P)

    def line(layer: Layer, label: str, style: Style) -> Strip:
        bar = "" if layer is step.whole else formats.bar(_share(layer.relative, most), room)
        return strip(
            Segment(cells.left(label, name), theme.DIM),
            Segment(cells.right(size(layer.update), _P), theme.PLAIN),
            Segment(cells.right(formats.probability(layer.relative), _P), style),
            Segment("  " + bar, theme.LIT),
        )

    head = cells.left("", name) + cells.right("moved", _P) + cells.right("of θ₀", _P)
    return [
        strip(Segment(cells.left(head, width), theme.DIM)),
        *(line(layer, _layer_name(layer, step), theme.PLAIN) for layer in step.layers),
        line(step.whole, "all together", theme.STRONG),
    ]


def descent(step: Dissected, row: BatchRow, column: int, width: int) -> list[Strip]:
    """Update: the loss of the same batch before and after, against the straight line."""
    moved = theme.GOOD if step.moved < 0 else theme.BAD
    return [
        fact(width, "learning rate", f"{step.learning_rate:.1e}"),
        fact(width, "loss before", fine(step.before), "nats"),
        fact(width, "loss after", fine(step.after), "nats", "with the same masks" if step.dropout else ""),
        fact(width, "it moved by", fine(step.moved), "nats", style=moved + Style(bold=True)),
        fact(width, "foretold Σ g·Δθ", fine(step.predicted), "nats", "to first order", style=theme.STRONG),
        fact(width, "the rest: curvature", fine(step.beyond), "nats"),
        fact(width, "chosen token before", fine(row.surprisals[column]), "nats"),
        fact(width, "chosen token after", fine(row.after[column]), "nats"),
    ]


def _layer_name(layer: Layer, step: Dissected) -> str:
    kind, _, number = layer.name.partition(".")
    if kind == "blocks":
        return f"block {int(number) + 1}"
    tied = all(each.name != "lm_head" for each in step.layers)
    names = {
        "wte": "tokens, head" if tied else "tokens",
        "wpe": "positions",
        "ln_f": "last norm",
        "lm_head": "head",
    }
    return names.get(layer.name, layer.name)


def _layer_room(width: int, figures: int) -> tuple[int, int]:
    """Cells for a layer's name and for its bar."""
    name = 13
    return name, max(0, width - name - figures - 2)


def _share(value: float, most: float) -> float:
    return value / most if most > 0 else 0.0


def _shape(label: str, shape: str, meaning: str, width: int) -> Strip:
    """A tensor's shape, and what its numbers are where there is room for that."""
    words = [Segment(cells.left(label, 15), theme.DIM), Segment(cells.left(shape, 20), theme.STRONG)]
    if 35 + cells.cell_len(meaning) <= width:
        words.append(Segment(meaning, theme.DIM))
    return strip(*words)
