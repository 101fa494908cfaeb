"""Benches: each claim of speed, memory or exactness has a script that measures it against a peer.

    python -m tests.bench [--quick] [--out FILE]        all of them in order, then a Markdown table
    python -m tests.bench [--quick] NAME [WORDS]        one of them, with words of its own

A bench is a module here with an `if __name__ == "__main__"`. It is run as a process of its own and prints
JSON records, one a line, each with a "name"; what else it prints goes to stderr. In a record

    ratio       the median of the peer's time (or memory) over ours, round by round: above 1 we are ahead
    spread      the quartiles of those ratios; `lowest` is their minimum
    ours_ms     our median, and peer_ms the peer's
    spin        how much of its time a busy loop lost to others meanwhile; far above 0, distrust the line

Contenders are processes of their own that take turns (contest.py), ours set up as the engine is (ours.py).
`--quick` is for seeing that everything runs: its numbers say nothing. Peers come with the extra `bench`; the
book's code wants `pip install --no-deps llms-from-scratch`, as it would bring a notebook server along.
"""
