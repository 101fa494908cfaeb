"""What the fake engine does that the contract cannot ask of it: which tokens it draws is nobody's choice."""

from core.tokenizer import gpt2
from tests.fake_engine import decode_finished


def test_an_unfinished_character_waits_for_its_last_bytes() -> None:
    ids = gpt2().encode("a 🦤")  # a dodo, several tokens long
    texts = [decode_finished(gpt2(), ids[:n]) for n in range(len(ids) + 1)]
    assert texts[-1] == "a 🦤"
    assert set(texts[:-1]) <= {"", "a", "a "}
