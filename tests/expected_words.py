"""What may follow a few prompts in English: words to hold a list of candidates against.

Written down before any list was seen, by what the grammar and the sense of the prompt ask for; a token counts
with the space in front of it taken off.
"""

from collections.abc import Sequence

ENOUGH = 6  # of the first ten

EXPECTED: dict[str, frozenset[str]] = {
    prompt: frozenset(words.split())
    for prompt, words in {
        # things that one sits on
        "The fat cat sat on the": """
            mat rug carpet floor ground grass table desk chair bench stool seat sofa couch bed cushion pillow
            step steps stairs doorstep threshold porch hearth sill window bank shore beach rock rocks stone
            sand log wall fence roof edge bottom corner top deck box chest shelf counter bridge hill lawn lap
            arm verandah balcony platform snow straw earth foot brink side
        """,
        # what a story begins with
        "Once upon a": """
            time day night morning evening afternoon summer winter spring year week month moment while season
            Christmas Sunday Monday Saturday fine cold dark certain sunny
        """,
        # what can be opened
        "She opened the": """
            door doors window windows gate gates letter letters book books box drawer drawers envelope parcel
            packet package bag lid shutters shutter curtain curtains paper papers note case chest trunk
            cupboard closet wardrobe basket oven piano lock house front little old great big garden
        """,
        # verbs as they stand
        "I do not": """
            know think believe understand want wish see mean like care remember say feel suppose love intend
            doubt ask need blame hear pretend deny expect wonder fear trust speak go even quite
        """,
        # verbs as they stand, and what may come before them
        "He said that he would": """
            be have go come take give do make see not never like say tell get try find let send stay return
            leave speak keep wait rather always write show bring pay ask call
        """,
    }.items()
}


def expected_among(prompt: str, candidates: Sequence[str]) -> list[str]:
    """Those of the candidates that may follow a prompt."""
    return [word for word in (candidate.strip() for candidate in candidates) if word in EXPECTED[prompt]]
