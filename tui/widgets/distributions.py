"""p and q over the same outcomes, as a table, and how their entropies add up."""

import math

from textual.app import ComposeResult
from textual.containers import Vertical

from tui import formats
from tui.formats import Unit
from tui.labs.entropy import LONGEST_NAME, Pair
from tui.labs.entropy_words import PLACES, amount, of_divergence, of_entropy, verdict
from tui.labs.weights import share
from tui.widgets.pane import Pane
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sums import LIGHT, NOTHING, SOLID, Sum, Sums
from tui.widgets.words import Words

_SHARE = 9  # cells of p and q, brackets included


class Distributions(Vertical):
    """Shows a `Pair`. The cell to be edited stands in brackets."""

    DEFAULT_CSS = """
    Distributions { height: auto; }
    Distributions Pane { height: auto; }
    Distributions #sums { margin-top: 1; }
    Distributions #verdict { height: 1; margin-top: 1; color: $foreground; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        yield Pane("", Rows(id="outcomes"), id="outcomes-pane")
        yield Sums(id="sums")
        yield Words(id="verdict")

    @property
    def rows(self) -> Rows:
        return self.query_one("#outcomes", Rows)

    def show(self, pair: Pair, unit: Unit) -> None:
        self.query_one(Pane).title = f"p: the world · q: the model · surprise −log in {unit.value}"
        self.rows.say(_columns(pair), _rows(pair, unit, self.rows.cursor))
        self.query_one(Sums).say(_sums(pair, unit))
        self.query_one("#verdict", Words).say(*(f" {words}" for words in verdict(pair, unit)))


def _columns(pair: Pair) -> list[Column]:
    shares = [Column(title=f"›{x} " if x == pair.edited else f"{x} ", width=_SHARE) for x in ("p", "q")]
    figures = [Column(title=title, width=8) for title in ("−log p", "−log q")]
    return [
        Column(title="outcome", width=LONGEST_NAME, figures=False),
        *shares,
        *figures,
        Column(title="p·(−log q)", width=10),
    ]


def _rows(pair: Pair, unit: Unit, cursor: int) -> list[Row]:
    full = max(math.log(len(pair.names)), _finite(pair.cross_entropy))
    surprise_of_p, surprise_of_q = pair.surprises
    rows = []
    for x, term in enumerate(pair.terms):
        here = pair.edited if x == cursor else None
        figures = (surprise_of_p[x], surprise_of_q[x], term)
        rows.append(
            Row(
                texts=(
                    pair.name(x),
                    *(f"[{share(p)}]" if here == which else f"{share(p)} "
                      for which, p in (("p", pair.p[x]), ("q", pair.q[x]))),
                    *(formats.information(nats, unit, PLACES) for nats in figures),
                ),
                share=term / full if math.isfinite(term) else 1.0,
                mark="∞" if math.isinf(term) else "",
            )
        )  # fmt: skip
    return rows


def _sums(pair: Pair, unit: Unit) -> list[Sum]:
    """The five of them on one scale: H(p) and KL(p‖q) are drawn again as what H(p, q) is made of."""
    figures = (pair.cross_entropy, pair.entropy_of_p, pair.kl, pair.entropy_of_q, pair.kl_of_q)
    full = max(math.log(len(pair.names)), *map(_finite, figures))
    own, cost, of_q, cost_of_q = (
        min(nats, full) / full for nats in (pair.entropy_of_p, pair.kl, pair.entropy_of_q, pair.kl_of_q)
    )
    return [
        Sum(
            name="H(p, q)",
            figure=amount(pair.cross_entropy, unit),
            pieces=((SOLID, own), (LIGHT, cost)),
            words="q's mean surprise where p holds",
            strong=True,
        ),
        Sum(
            name="H(p)",
            figure=amount(pair.entropy_of_p, unit),
            pieces=((SOLID, own),),
            words=of_entropy(pair.p, unit, "that of one who knows p"),
        ),
        Sum(
            name="KL(p‖q)",
            figure=amount(pair.kl, unit),
            pieces=((NOTHING, own), (LIGHT, cost)),
            words=of_divergence(pair.kl, "q", "p", "what believing q costs more"),
        ),
        Sum(
            name="H(q)",
            figure=amount(pair.entropy_of_q, unit),
            pieces=((SOLID, of_q),),
            words=of_entropy(pair.q, unit, "what q itself expects"),
        ),
        Sum(
            name="KL(q‖p)",
            figure=amount(pair.kl_of_q, unit),
            pieces=((LIGHT, cost_of_q),),
            words=of_divergence(pair.kl_of_q, "p", "q", "the cost the other way round"),
        ),
    ]


def _finite(nats: float) -> float:
    return nats if math.isfinite(nats) else 0.0
