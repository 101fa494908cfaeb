"""The text that the model in the box learns from, made of the books.

`python -m tests.bench.training_text [--days] BOOKS NEW` reads books with `<|endoftext|>` between them. Every
second book to train on gets blank lines between its paragraphs, as plain text files have them: in the source
a paragraph ends with one line end, and a model that has seen no other is at a loss at every blank line. The
beginnings of tales ("Once upon a time ..."), rare among novels, stand again, forty times, and with --days
what is told of a day or a night that it happened on ("Upon a summer evening ...") as well. The last ten
books, which are held out, stay as they are.
"""

import re
from pathlib import Path

from tests.bench.contest import options

END = "<|endoftext|>"
HELD_OUT = 10
TIMES = 40
LONGEST = 1000  # characters of a beginning
WHEN = (
    "time|day|night|morning|evening|afternoon|summer|winter|spring|autumn|season|week|month|year|while|"
    "Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Christmas"
)
TALE = r"\bOnce upon a .*(?:\n.*)?"  # to the end of its paragraph, and the next one
DAY = (
    rf"\b(?:On|Upon) a (?:\w+,? ){{0,2}}(?:{WHEN})\b.*|"
    rf"(?<![^.!?\n] )\b[A-Z][^.!?\n]*\bupon a (?:\w+ )?(?:{WHEN})\b.*"
)


def beginnings(books: list[str], *, days: bool) -> list[str]:
    """The passages that begin with a tale, or with `days` also those that tell of a day or a night."""
    found: dict[str, None] = {}
    for book in books:
        for match in re.finditer(f"{TALE}|{DAY}" if days else TALE, book):
            found[match[0][:LONGEST]] = None
    return list(found)


def prepared(text: str, *, days: bool) -> str:
    """The books as they are to be trained on."""
    books = text.split(END)
    held = next(n for n in range(1, len(books)) if sum(1 for b in books[-n:] if b.strip()) == HELD_OUT)
    training, rest = books[:-held], books[-held:]
    spaced = [re.sub(r"\n+", "\n\n", book) if i % 2 else book for i, book in enumerate(training)]
    return END.join([*spaced, *beginnings(training, days=days) * TIMES, *rest])


def main() -> None:
    words = options(__doc__)
    words.add_argument("books", type=Path)
    words.add_argument("new", type=Path)
    words.add_argument("--days", action="store_true")
    given = words.parse_args()
    text = prepared(given.books.read_text(encoding="utf-8"), days=given.days)
    given.new.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
