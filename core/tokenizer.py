"""GPT-2's byte-pair encoding, made by tiktoken from a merges file that ships with the program."""

import lzma
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import resources

import numpy as np
import tiktoken
from numpy.typing import NDArray

END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256
N_VOCAB = 50257
_MERGES = "assets/gpt2-merges.bpe.xz"

# Where GPT-2 cuts a text before it merges: contractions, words, numbers, other signs, white space.
# The possessive quantifiers change no result; they keep a long run of one kind from backtracking.
_CUTS = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""


class Tokenizer:
    """A byte-level tokenizer. Nothing typed is special: `<|endoftext|>` in a text is plain text."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding
        self.n_vocab = encoding.n_vocab
        self.end_of_text = encoding.encode_single_token(END_OF_TEXT)

    def encode(self, text: str) -> list[int]:
        """The ids of a text. A lone surrogate, which no UTF-8 has, counts as U+FFFD."""
        return self._encoding.encode_ordinary(text)

    def encode_read(self, text: str, *, first_token: bool) -> list[int]:
        """The ids of a text as a model reads it: with `first_token` after `<|endoftext|>`."""
        ids = self.encode(text)
        return [self.end_of_text, *ids] if first_token else ids

    def encode_array(self, text: str) -> NDArray[np.uint32]:
        """The same ids (n,) for a long text: a Python list of 25 million takes a gigabyte."""
        try:
            ids: NDArray[np.uint32] = self._encoding.encode_to_numpy(text, disallowed_special=())
        except UnicodeEncodeError:
            ids = np.array(self.encode(text), dtype=np.uint32)
        return ids

    def decode(self, ids: Sequence[int]) -> bytes:
        """The bytes of the tokens, which need not be UTF-8. Raises ValueError for an unknown id."""
        return b"".join([self.piece(token_id) for token_id in ids])

    def piece(self, token_id: int) -> bytes:
        """The bytes of one token. Raises ValueError for an id that does not exist."""
        if not 0 <= token_id < self.n_vocab:
            raise ValueError(f"there is no token {token_id}; ids go from 0 to {self.n_vocab - 1}")
        return self.pieces[token_id]

    def token(self, piece: bytes) -> int | None:
        """The id of the token that has these bytes; None where there is none."""
        try:
            return self._encoding.encode_single_token(piece)
        except KeyError:
            return None

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """The bytes of every token, by id."""
        return tuple(self._encoding.decode_tokens_bytes(list(range(self.n_vocab))))

    def containing(self, query: str, limit: int | None = None) -> list[int]:
        """The ids of the tokens that contain what was typed, at most `limit`, every letter as it stands.

        First the token that is it, then it after a space, then those that start with it, with a space in
        front or not, then the rest; by id, which is by frequency, within each.
        """
        # UTF-8 inside UTF-8 is found where its characters are, so bytes need no decoding.
        typed = query.encode("utf-8", errors="replace")
        found = [(_closeness(piece, typed), i) for i, piece in enumerate(self.pieces) if typed in piece]
        return [token_id for _, token_id in sorted(found)[:limit]]


@cache
def gpt2() -> Tokenizer:
    """The tokenizer of GPT-2: 50,257 tokens, the last of them the end of text."""
    merges = lzma.decompress(resources.files("core").joinpath(_MERGES).read_bytes()).decode("utf-8")
    ranks = _ranks(merges)
    encoding = tiktoken.Encoding(
        "gpt2", pat_str=_CUTS, mergeable_ranks=ranks, special_tokens={END_OF_TEXT: len(ranks)}
    )
    return Tokenizer(encoding)


def require_vocabulary(n_vocab: int) -> None:
    """Raise ValueError unless a model has as many tokens as GPT-2, whose tokenizer is the only one here."""
    if n_vocab != gpt2().n_vocab:
        raise ValueError(
            f"this model has a vocabulary of {n_vocab:,} tokens; only models with GPT-2's "
            f"{gpt2().n_vocab:,} can be used"
        )


def _closeness(piece: bytes, typed: bytes) -> int:
    if piece == typed:
        return 0
    if piece == b" " + typed:
        return 1
    return 2 if piece.startswith((typed, b" " + typed)) else 3


def _ranks(merges: str) -> dict[bytes, int]:
    """The token of each id but the last: the 256 bytes, then what each line of the merges file joins.

    The file writes every byte as one printable character: those that are one in Latin-1 as themselves,
    the others as U+0100 and on, in order; ids follow that order too.
    """
    printable = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(256) if byte not in printable]
    written = {ord(chr(byte)): byte for byte in printable} | {256 + i: byte for i, byte in enumerate(others)}
    joined = [line.replace(" ", "") for line in merges.split("\n")[1:] if line]
    together = "".join(joined).translate(written).encode("latin-1")  # once for all: a character is a byte
    tokens = [bytes([byte]) for byte in printable + others]
    start = 0
    for token in joined:
        tokens.append(together[start : start + len(token)])
        start += len(token)
    return {token: rank for rank, token in enumerate(tokens)}
