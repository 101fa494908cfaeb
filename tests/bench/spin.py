"""How much of its time a busy loop loses to others on this machine, the host of a virtual one included.

`python -m tests.bench.spin` prints it. A timing taken while much is lost says little.
"""

import json
import time

GAP = 100_000  # nanoseconds between two readings of the clock; undisturbed it takes about 100


def spin(seconds: float = 0.2) -> float:
    """The share of `seconds` of spinning that went by in gaps of over 0.1 ms: 0 on a machine all ours."""
    start = last = time.perf_counter_ns()
    end = start + int(seconds * 1e9)
    lost = 0
    while last < end:
        now = time.perf_counter_ns()
        if now - last > GAP:
            lost += now - last
        last = now
    return lost / (last - start)


if __name__ == "__main__":
    print(json.dumps({"name": "spin", "spin": round(spin(1.0), 4)}))
