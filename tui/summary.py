"""What is said below the table: the mean, which is the loss, and what it comes to; or why there is none."""

from core.messages import Table
from tui import formats
from tui.formats import Unit


def wordings(table: Table | None, unit: Unit) -> tuple[str, ...]:
    """The same in a longer and in shorter wordings; of None, which is no prompt at all."""
    if table is None:
        return (
            "The prompt is empty: type a sentence, and every next token in it is scored.",
            "The prompt is empty: type a sentence.",
        )
    summary = table.summary
    if summary.mean is None and table.first_token:
        return ("The prompt is empty: the list shows what may begin a text.", "The prompt is empty.")
    if summary.mean is None:
        return (
            "One token so far, and nothing before it to predict it from: type on.",
            "One token, and nothing before it to predict it from.",
        )
    mean = formats.amount(summary.mean, unit, 4)
    perplexity = f"perplexity {formats.count(summary.perplexity)}"
    per_byte = formats.bits(summary.bits_per_byte)
    if summary.without_first is None:
        return (
            f"mean −log p = {mean} = loss · {perplexity} · {per_byte} bits/byte",
            f"loss {mean} · {perplexity} · {per_byte} bits/byte",
            f"loss {mean} · {perplexity} · {per_byte} bit/B",
        )
    without = f"{formats.information(summary.without_first, unit, 4)} without row 0"
    return (
        f"mean −log p = {mean} = loss, {without} · {perplexity} · {per_byte} bits/byte",
        f"loss {mean}, {without} · {perplexity} · {per_byte} bits/byte",
        f"loss {mean}, {without} · {perplexity} · {per_byte} bit/B",
        f"loss {mean}, {without} · {perplexity}",
        f"loss {mean}, {without}",
    )
