"""The small table of the labs: its bars, its foot, its cursor, and what columns leave to the bars."""

from textual.app import App, ComposeResult

from tests.tui.exploring import text_of
from tui.widgets.rows import Column, Row, Rows

COLUMNS = (
    Column(title="name", width=6, figures=False),
    Column(title="p", width=6),
    Column(title="more", width=10),
)
ROWS = [
    Row(texts=("a", "0.5000", "x"), share=0.5, mark="◀ target"),
    Row(texts=("b", "0.5000", "y"), share=0.5),
]


class Host(App[None]):
    CSS = "Rows { width: 50; }"

    def compose(self) -> ComposeResult:
        yield Rows(id="rows")


def bars(rows: Rows) -> list[int]:
    return [line.text.count("█") for line in rows.lines if "█" in line.text]


async def test_equal_shares_have_equal_bars_whatever_is_marked() -> None:
    app = Host()
    async with app.run_test():
        rows = app.query_one(Rows)
        rows.say(COLUMNS, ROWS)
        one, other = bars(rows)
        assert one == other > 0
        assert "◀ target" in rows.lines[1].text
        rows.say(COLUMNS, [Row(texts=("a", "1.0000", "x"), share=1.0, mark="◀ target")])
        assert bars(rows) == [50 - 2 - 7 - 7 - 11 - len(" ◀ target") - 1]


async def test_columns_leave_to_the_bars_what_is_asked_for_them() -> None:
    app = Host()
    async with app.run_test():
        rows = app.query_one(Rows)
        rows.say(COLUMNS, ROWS, bar=23)
        assert "more" in rows.lines[0].text
        rows.say(COLUMNS, ROWS, bar=24)
        assert "more" not in rows.lines[0].text and "x" not in rows.lines[1].text
        assert "0.5000" in rows.lines[1].text


async def test_a_foot_stands_below_its_columns_and_the_cursor_never_goes_there() -> None:
    app = Host()
    async with app.run_test() as pilot:
        rows = app.query_one(Rows)
        rows.say(COLUMNS, ROWS, foot=("sum", "1.0000", ""))
        await pilot.pause()
        assert text_of(rows).splitlines()[-1].split() == ["sum", "1.0000"]
        assert rows.lines[-1].text.index("1.0000") == rows.lines[1].text.index("0.5000")
        await pilot.press("end", "down", "down")
        assert rows.cursor == 1
        await pilot.click(rows, offset=(3, 3))
        assert rows.cursor == 1
        await pilot.click(rows, offset=(3, 1))
        assert rows.cursor == 0
        assert rows.size.height == 4, "as high as its lines"


async def test_a_stroke_stands_where_a_bar_of_its_share_would_end_and_the_bars_have_a_heading() -> None:
    app = Host()
    async with app.run_test():
        rows = app.query_one(Rows)
        shares = ((0.5, 0.5), (0.25, 0.75), (0.75, 0.25), (None, 0.5), (1.0, 1.0), (0.5, None))
        rows.say(
            COLUMNS, [Row(texts=("a", "1", "x"), share=a, tick=b) for a, b in shares], bar_title="█ q, │ p"
        )
        start, most = 2 + 7 + 7 + 11, 50 - 2 - 7 - 7 - 11 - 1
        assert rows.lines[0].text[start:].strip() == "█ q, │ p"
        drawn = [line.text[start:].rstrip() for line in rows.lines[1:]]
        half = most // 2
        assert drawn[0] == "█" * half + "│"
        assert drawn[1].startswith("█" * (most // 4)) and drawn[1][int(0.75 * most) :] == "│"
        assert drawn[2][int(0.25 * most)] == "│" and drawn[2].count("█") >= int(0.75 * most) - 1
        assert drawn[3] == " " * half + "│"
        assert drawn[4] == "█" * (most - 1) + "│", "it stays within the row"
        assert drawn[5] == "█" * half
