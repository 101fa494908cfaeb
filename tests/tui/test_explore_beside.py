"""p beside q: what the training text says in place of the candidates, and what that costs the model."""

import msgspec
from rich.cells import cell_len

from core import messages as m
from core.text import visible
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui import formats
from tui.news import TextLookedUp

LAP = "The fat cat sat on the lap of the"


def followed(ex: Exploration) -> m.Followed:
    """What the list shows."""
    assert ex.followers.followed is not None
    return ex.followers.followed


def lines(ex: Exploration) -> tuple[list[str], list[str]]:
    """The headings and the rest of the list."""
    shown = text_of(ex.followers).splitlines()
    return shown[: ex.followers.pinned], shown[ex.followers.pinned :]


def percent(p: float) -> str:
    return formats.probability(p)


async def test_p_shows_what_followed_in_the_text_beside_what_the_model_expects() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.write(LAP)
        assert not ex.followers.display and not ex.asked(m.World)
        await ex.press("escape", "p")
        assert ex.followers.display and not ex.candidates.display
        assert ex.title("candidates-pane") == f"p beside q after “{LAP}”"
        (estimate, lengths, times, header), rows = lines(ex)
        told = followed(ex)
        assert estimate == "p: estimate from 17 × “of the” in story"
        assert lengths.split() == ["last", "tokens", "1", "2"]
        assert times.split() == ["times", "found", "310", "17"]
        assert header.split() == ["token", "p", "text", "q", "model"]
        assert len(rows) == len(told.followers) == told.different > 10
        for row, each, p in zip(rows, told.followers, told.shares, strict=True):
            assert row.split()[0] == visible(each.candidate.piece)
            assert row.split("%")[0].endswith(percent(p)[:-1])
            assert percent(each.candidate.probability) in row
        bars = [row.count("█") for row in rows]
        assert bars == sorted(bars, reverse=True) and bars[0] > bars[-1]
        assert ex.app.focused is ex.rows, "the rows can be walked through"
        await ex.press("p")
        assert ex.candidates.display and not ex.followers.display
        assert ex.title("candidates-pane") == f"next token after “{LAP}”"


async def test_below_stand_the_divergence_and_what_it_is_the_difference_of_in_nats_or_bits() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.write(LAP)
        await ex.press("escape", "p")
        told = followed(ex)
        kl, cross, entropy = (float(x or 0) for x in (told.kl, told.cross_entropy, told.entropy))
        assert ex.words("divergence") == f"KL(p‖q) {kl:.2f} nats: what believing q costs"
        assert ex.words("terms") == f"= H(p, q) {cross:.2f} nats − H(p) {entropy:.2f} nats"
        await ex.press("n")
        assert f"KL(p‖q) {kl / formats.LN2:.2f} bits" in ex.words("divergence")
        assert f"H(p) {entropy / formats.LN2:.2f} bits" in ex.words("terms")
        impossible = msgspec.structs.replace(told, kl="inf", cross_entropy="inf")
        ex.screen.post_message(TextLookedUp(ex.asked(m.World)[-1], impossible))
        await ex.settled()
        assert ex.words("divergence").startswith("KL(p‖q) ∞ bits")


async def test_it_follows_the_row_the_prompt_and_the_run_which_learns_what_the_text_says() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.press("escape", "p", "home")
        assert ex.asked(m.World)[-1].position == ex.rows.cursor == 0
        assert "“The” in story" in lines(ex)[0][0]
        target = ex.table.predictions[0].target
        marked = [row for row in lines(ex)[1] if "◀" in row]
        assert target is not None and len(marked) == 1 and marked[0].split()[0] == visible(target.piece)
        costs, entropy = [], followed(ex).entropy
        for _ in range(3):
            costs.append(float(followed(ex).kl or 0))
            await ex.press("s", "s", "s", "s", "s")
        assert costs == sorted(costs, reverse=True) and costs[0] > costs[-1] + 0.1
        assert followed(ex).entropy == entropy != 0, "p stays what it is"
        await ex.press("end")
        await ex.write("The dog")
        assert "dog” in story" in lines(ex)[0][0]
        await ex.write("")
        assert text_of(ex.followers) == "" and ex.words("divergence") == ex.words("terms") == ""


async def test_left_and_right_choose_another_length_of_the_context_until_the_row_is_another() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.write(LAP)
        await ex.press("escape", "up", "up", "p", "2")
        assert ex.app.focused is ex.followers
        default = followed(ex)
        assert 1 < default.length < len(default.counts)
        await ex.press("right")
        assert followed(ex).length == default.length + 1 and followed(ex).n == default.counts[default.length]
        await ex.press("s")
        assert followed(ex).length == default.length + 1, "training goes on, the choice stays"
        for _ in range(len(default.counts) + 1):
            await ex.press("left")
        assert followed(ex).length == 1
        asked = len(ex.asked(m.World))
        await ex.press("left")
        assert len(ex.asked(m.World)) == asked, "there is no shorter one"
        await ex.press("1", "up", "down")
        assert followed(ex).length == default.length


async def test_many_lengths_have_the_chosen_one_in_sight() -> None:
    async with exploring(size=(100, 30)) as ex:
        await ex.press("escape", "p", "2")
        told = msgspec.structs.replace(followed(ex), counts=tuple(range(9931, 9900, -1)))
        for length in range(1, 32):
            ex.followers.set_followed(msgspec.structs.replace(told, length=length), "the mat", None)
            (_, lengths, times, _), _ = lines(ex)
            assert str(length) in lengths.split() and f"{9932 - length:,}" in times.split()
            assert len(lengths) == len(times) <= ex.followers.scrollable_content_region.width


async def test_enter_puts_a_token_of_the_text_into_the_prompt() -> None:
    async with exploring() as ex:
        await ex.write(LAP)
        await ex.press("escape", "p", "2", "down", "enter")
        second = ex.asked(m.World)[0]
        assert second.position == 8
        assert ex.prompt.text == ex.table.text == LAP + " year"
        assert ex.app.focused is ex.followers


async def test_the_tokens_that_have_no_line_are_counted() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.write(" the")
        await ex.press("escape", "p")
        told = followed(ex)
        more, share = told.rest
        assert len(told.followers) == 40 and more == told.different - 40 > 0
        assert lines(ex)[1][-1].split("%")[0].split() == ["…", str(more), "more", percent(share).split()[0]]


async def test_what_cannot_be_said_is_said_why() -> None:
    async with exploring() as ex:
        await ex.write("The fat zebra")
        await ex.press("escape", "p")
        words = " ".join(text_of(ex.followers).split())
        assert words == "the last token of the prefix does not stand in the text story"
        assert ex.words("divergence") == ex.words("terms") == ""
        await ex.press("home")
        assert followed(ex).length == 1


async def test_a_text_that_is_still_being_indexed_shows_how_far_it_is_then_what_it_says() -> None:
    def unindexed(engine: object) -> None:
        engine.unindexed = "the text story is being indexed"  # type: ignore[attr-defined]

    async with exploring(prepare=unindexed) as ex:
        await ex.press("escape", "p")
        assert text_of(ex.followers).strip() == "the text story is being indexed"
        ex.engine.index(6_000_000, 24_000_000)
        await ex.settled()
        *words, bar = text_of(ex.followers).splitlines()
        assert " ".join(" ".join(words).split()) == "indexing story: 6,000,000 of 24,000,000 tokens"
        assert 0 < bar.count("█") == len(bar) // 4
        await ex.press("s", "up")
        assert text_of(ex.followers).startswith("indexing story: 6,000,000"), "it is not forgotten"
        ex.engine.index(24_000_000, 24_000_000)
        await ex.settled()
        assert "estimate from" in text_of(ex.followers) and ex.words("divergence")


async def test_of_many_moves_only_the_first_and_the_latest_are_looked_up() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "p")
        asked = len(ex.asked(m.World))
        ex.engine.stall()
        for _ in range(5):
            ex.burst("down")
            await ex.settled()
        assert text_of(ex.followers) == "", "figures of another row are not shown"
        ex.engine.go_on()
        await ex.settled()
        assert [request.position for request in ex.asked(m.World)[asked:]] == [1, 5]
        assert followed(ex).n and "on the”" in lines(ex)[0][0]


async def test_a_search_and_p_beside_q_take_turns() -> None:
    async with exploring() as ex:
        await ex.press("escape", "p", "f")
        await ex.type("mat")
        assert ex.find.display and ex.candidates.display and not ex.followers.display
        await ex.press("enter", "p")
        assert ex.followers.display and not ex.find.display and ex.app.focused is ex.followers
        assert ex.candidates.found is None
        for focused in (ex.candidates, ex.followers, ex.candidates):
            await ex.press("p")
            assert focused.display and ex.app.focused is focused


async def test_it_has_room_at_every_size_and_one_column_shows_its_pane() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.write(LAP)
        await ex.press("escape", "p")
        assert ex.screen.tab == "candidates" and ex.app.focused is ex.followers
        for size in ((80, 24), (60, 15), (100, 30), (120, 40), (200, 60)):
            await ex.resize(*size)
            headings, rows = lines(ex)
            assert headings[0].startswith("p: estimate from 17") and headings[-1].split()[-1] == "model"
            assert len(rows) >= 3 and not any("··" in row for row in rows), size
            height = ex.followers.size.height
            assert len(headings) == (4 if height >= 9 else 2) and height >= len(headings) + 3, size
            width = ex.followers.scrollable_content_region.width
            assert all(cell_len(line) <= width for line in (*headings, *rows)), size
            for id in ("divergence", "terms"):
                assert 0 < len(ex.words(id)) <= ex.screen.query_one(f"#{id}").content_size.width, size
            assert all(cell_len(line) == size[0] for line in ex.painted)


async def test_nothing_raw_is_painted_of_a_text_or_its_name() -> None:
    async with exploring() as ex:
        text, name = "a\x1b[31m b\x07 [/b] " * 40, "\x1b]0;x\x07[/b].txt"
        await ex.screen.live.train_on(name, text, m.Training(text=name, batch=1, context=16))
        await ex.write("a")
        await ex.press("escape", "p")
        assert "␛" in text_of(ex.followers) and raw(ex.painted) == set()
        await ex.write("zebra")
        assert "[/b].txt" in text_of(ex.followers) and raw(ex.painted) == set()


async def test_the_prompt_takes_the_letter_as_a_letter() -> None:
    async with exploring() as ex:
        await ex.type("p")
        assert ex.prompt.text == PROMPT + "p" and not ex.screen.beside
