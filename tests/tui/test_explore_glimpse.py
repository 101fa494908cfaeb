"""The open row of a text is seen before its table is there, and never after a newer one."""

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring

OTHER = "A fat cat sat on the mat"


def prediction(ex: Exploration, text: str, step: int = 0) -> m.Prediction:
    request = m.Score(text=text)
    return ex.engine._q.table(request, ex.engine._ids(request), step).predictions[-1]


async def glimpsed(ex: Exploration, text: str, row: m.Prediction) -> None:
    ex.engine._emit(m.Glimpsed(text=text, step=0, position=7, prediction=row))
    await ex.settled()


async def test_the_next_token_of_an_edited_text_is_seen_before_its_table() -> None:
    async with exploring() as ex:
        before = ex.words("entropy")
        ex.engine.stall()
        await ex.write(OTHER)
        row = prediction(ex, OTHER + " dog", 30)
        await glimpsed(ex, OTHER, row)
        assert ex.candidates.prediction == row
        assert OTHER in ex.title("candidates-pane")
        assert ex.words("entropy") != before and "H(q)" in ex.words("entropy")
        assert ex.table.text == PROMPT
        ex.engine.go_on()
        await ex.settled()
        assert ex.table.text == OTHER
        assert ex.candidates.prediction == ex.table.predictions[-1] != row


async def test_what_is_told_of_another_text_than_the_prompts_is_not_shown() -> None:
    async with exploring() as ex:
        ex.engine.stall()
        await ex.write(OTHER)
        shown = ex.candidates.prediction
        await glimpsed(ex, PROMPT + " and", prediction(ex, "dog", 30))
        assert ex.candidates.prediction == shown


async def test_what_comes_after_the_texts_own_table_is_not_shown() -> None:
    async with exploring() as ex:
        await glimpsed(ex, PROMPT, prediction(ex, "dog", 30))
        assert ex.candidates.prediction == ex.table.predictions[-1]


async def test_another_row_that_is_looked_at_stays() -> None:
    async with exploring() as ex:
        ex.rows.select(2)
        await ex.settled()
        ex.engine.stall()
        await ex.write(OTHER)
        await glimpsed(ex, OTHER, prediction(ex, "dog", 30))
        assert ex.candidates.prediction == ex.table.predictions[2]
