"""GPT-2's tokenizer, from the merges file that ships."""

import hashlib
import lzma
import subprocess
import sys
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tokenizer import gpt2


def test_the_merges_file_is_gpt2s_byte_for_byte() -> None:
    raw = lzma.decompress(resources.files("core").joinpath("assets/gpt2-merges.bpe.xz").read_bytes())
    assert len(raw) == 456_318
    assert (
        hashlib.sha256(raw).hexdigest() == "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
    )


@pytest.mark.parametrize(
    ("text", "ids"),
    [  # published GPT-2 ids
        ("Every effort moves", [6109, 3626, 6100]),
        (" effort moves you", [3626, 6100, 345]),
        ("I really like", [40, 1107, 588]),
        (" really like chocolate", [1107, 588, 11311]),
        ("Hello, world!", [15496, 11, 995, 0]),
    ],
)
def test_known_texts_have_gpt2s_ids(text: str, ids: list[int]) -> None:
    assert gpt2().encode(text) == ids


def test_the_books_ids_are_the_books_words() -> None:
    assert [gpt2().piece(i) for i in (16657, 339, 42826)] == [b" Armed", b" he", b"Netflix"]
    assert gpt2().decode([16833, 3626, 6100]) == b"every effort moves"


def test_there_are_50257_tokens_and_no_two_are_alike() -> None:
    pieces = gpt2().pieces
    assert gpt2().n_vocab == len(pieces) == len(set(pieces)) == 50257
    assert gpt2().end_of_text == 50256
    assert pieces[50256] == b"<|endoftext|>"
    assert {piece for piece in pieces if len(piece) == 1} == {bytes([byte]) for byte in range(256)}


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_decoding_gives_back_what_was_encoded(text: str) -> None:
    ids = gpt2().encode(text)
    assert gpt2().decode(ids) == text.encode("utf-8")
    assert gpt2().encode_array(text).tolist() == ids


def test_a_typed_end_of_text_is_plain_text() -> None:
    assert gpt2().encode("a<|endoftext|>") == [64, 27, 91, 437, 1659, 5239, 91, 29]
    assert gpt2().encode_array("a<|endoftext|>").tolist() == gpt2().encode("a<|endoftext|>")


def test_a_lone_surrogate_counts_as_the_replacement_character() -> None:
    assert gpt2().encode("a\ud800b") == gpt2().encode("a\ufffdb")
    assert gpt2().encode_array("a\ud800b").tolist() == gpt2().encode("a\ufffdb")


@pytest.mark.parametrize("run", [" ", "\n", "a", "!", "é"])
def test_a_long_run_of_one_character_is_encoded(run: str) -> None:
    text = run * 100_000
    assert gpt2().decode(gpt2().encode(text)) == text.encode()


@pytest.mark.parametrize("token_id", [-1, 50257])
def test_an_unknown_id_is_named(token_id: int) -> None:
    with pytest.raises(ValueError, match=rf"no token {token_id}; ids go from 0 to 50256"):
        gpt2().piece(token_id)
    with pytest.raises(ValueError, match=f"no token {token_id}"):
        gpt2().decode([token_id])


def test_the_closest_tokens_are_found_first() -> None:
    found = [gpt2().piece(i) for i in gpt2().containing("mat")]
    assert found[:2] == [b"mat", b" mat"]
    starting = [piece.startswith((b"mat", b" mat")) for piece in found]
    assert starting == sorted(starting, reverse=True)
    assert not starting[-1]
    assert gpt2().containing("mat", limit=3) == gpt2().containing("mat")[:3]


@settings(deadline=None, max_examples=30)
@given(st.text(min_size=1, max_size=3))
def test_what_is_found_is_what_contains_the_query(query: str) -> None:
    pieces = gpt2().pieces
    expected = {i for i, piece in enumerate(pieces) if query in piece.decode("utf-8", errors="ignore")}
    found = gpt2().containing(query)
    assert len(found) == len(set(found))
    assert expected == set(found)


def test_letters_are_found_as_they_stand() -> None:
    assert b"Mat" not in [gpt2().piece(i) for i in gpt2().containing("mat")]


def test_the_tokenizer_loads_neither_torch_nor_the_network() -> None:
    code = (
        "import sys; from core.tokenizer import gpt2; gpt2().encode('a');"
        "print({'torch', 'requests', 'textual'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
