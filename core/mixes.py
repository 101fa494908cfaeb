"""A target as a person types it: `mat`, or a mix of tokens such as `mat 0.7, dog 0.2, lap 0.1`.

Commas part the tokens; a number behind one is its share, also as 70%. Without any numbers all shares are
equal. A word is meant as the token that would follow, with a space in front, if there is such a token. In
quotes a token is meant exactly; \\n, \\t, \\" and \\\\ can stand there. #262 is the token with that id.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.close_records import Share, require_mix
from core.text import visible
from core.tokenizer import Tokenizer

_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*([^,]*)(,|$)', re.DOTALL)
_BARE = re.compile(r"([^,]*)(,|$)", re.DOTALL)
_SHARE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)")
_WITH_SHARE = re.compile(rf"(.*\S)\s+{_SHARE.pattern}", re.DOTALL)
_ID = re.compile(r"#(\d{1,9})")
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
_AS_ESCAPES = {character: escape for escape, character in _ESCAPES.items()}


class Part(NamedTuple):
    """What stands between two commas: a word, whether it is meant exactly, and its share if it has one."""

    word: str
    exact: bool
    share: float | None


def parsed(typed: str, tokenizer: Tokenizer) -> tuple[Share, ...]:
    """The mix that was typed, summing to 1; an empty one of nothing. Raises ValueError."""
    parts = list(_parts(typed))
    if not parts:
        return ()
    ids = [_token(part, tokenizer) for part in parts]
    shares = [part.share for part in parts if part.share is not None]
    if shares and len(shares) < len(parts):
        without = next(part.word for part in parts if part.share is None)
        raise ValueError(f"{without!r} has no share: give each token one, or none for equal shares")
    shares = shares or [1 / len(parts)] * len(parts)
    mix = [Share(token_id=i, share=share) for i, share in zip(ids, shares, strict=True)]
    require_mix(mix, lambda token_id: visible(tokenizer.piece(token_id)))
    total = math.fsum(shares)  # 1 but for rounding, also of what was typed
    return tuple(Share(token_id=i, share=share / total) for i, share in zip(ids, shares, strict=True))


def written(mix: Sequence[Share], tokenizer: Tokenizer) -> str:
    """The mix as a person would type it; `parsed` reads it back, the shares to eight digits."""
    words = [_word(tokenizer.piece(each.token_id), each.token_id, tokenizer) for each in mix]
    if len({each.share for each in mix}) == 1:
        return ", ".join(words)
    return ", ".join(f"{word} {float(each.share):.8g}" for word, each in zip(words, mix, strict=True))


def _parts(typed: str) -> Iterator[Part]:
    """What stands between the commas; one at the end has nothing to part yet."""
    at = 0
    while typed[at:].strip():
        quoted = _QUOTED.match(typed, at)
        if quoted is not None:
            word = re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), quoted[1], flags=re.DOTALL)
            if not word:
                raise ValueError("nothing stands between the quotes: put a token there")
            yield Part(word, True, _share_behind(quoted[1], quoted[2].strip()))
            at = quoted.end()
            continue
        if typed[at:].lstrip().startswith('"'):
            raise ValueError('a quote is opened and not closed: put a " behind the token')
        bare = _BARE.match(typed, at)
        assert bare is not None  # it matches anything
        word = bare[1].strip()
        if not word:
            raise ValueError('a comma parts two tokens, and one is missing: the token "," stands in quotes')
        with_share = _WITH_SHARE.fullmatch(word)
        if with_share is None:
            yield Part(word, False, None)
        else:
            yield Part(with_share[1], False, _share(with_share[2], with_share[3]))
        at = bare.end()


def _share_behind(word: str, text: str) -> float | None:
    """The share that stands behind a quoted token."""
    if not text:
        return None
    share = _SHARE.fullmatch(text)
    if share is None:
        raise ValueError(f'behind "{word}" stands {text!r}: put a share such as 0.7 there, or a comma')
    return _share(share[1], share[2])


def _share(number: str, percent: str) -> float:
    return float(number) / (100 if percent else 1)


def _token(part: Part, tokenizer: Tokenizer) -> int:
    """The one token that is meant. Raises ValueError where there is none."""
    by_id = None if part.exact else _ID.fullmatch(part.word)
    if by_id is not None:
        tokenizer.piece(int(by_id[1]))  # refuses one that does not exist
        return int(by_id[1])
    follows = not part.exact and part.word[0].isalnum()
    spellings = [" " + part.word, part.word] if follows else [part.word]
    for spelling in spellings:
        token_id = tokenizer.token(spelling.encode())
        if token_id is not None:
            return token_id
    ids = tokenizer.encode(spellings[0])
    pieces = " ".join(visible(tokenizer.piece(i)) for i in ids)
    first = _word(tokenizer.piece(ids[0]), ids[0], tokenizer)
    raise ValueError(
        f"{part.word!r} is {len(ids)} tokens: {pieces}; a target is one, so type the first, {first}, "
        "or another"
    )


def _word(piece: bytes, token_id: int, tokenizer: Tokenizer) -> str:
    """A token as a person would type it: bare if it is read back so, else in quotes, else by its id."""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return f"#{token_id}"
    bare = text.removeprefix(" ")
    if not set(bare) & {",", '"'} and not any(map(str.isspace, bare)) and bare.isprintable() and bare:
        part = Part(bare, False, None)
        if _is(part, token_id, tokenizer):
            return bare
    if any(not character.isprintable() and character not in _AS_ESCAPES for character in text):
        return f"#{token_id}"
    return '"' + "".join(_AS_ESCAPES.get(character, character) for character in text) + '"'


def _is(part: Part, token_id: int, tokenizer: Tokenizer) -> bool:
    try:
        return _token(part, tokenizer) == token_id
    except ValueError:
        return False
