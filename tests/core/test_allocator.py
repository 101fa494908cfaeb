"""That freed memory stays: seen in the page faults of a process of its own, as the setting is for good."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import resource, sys
import torch
from core.allocator import keep_freed_memory

if sys.argv[1] == "kept" and not keep_freed_memory():
    print("other")
    raise SystemExit

def faults():
    for _ in range(20):  # until the heap has found its size
        torch.ones(12_000_000)  # 48 MB, 11,700 pages: above the 32 MiB from which glibc always maps
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults())
"""


def page_faults(how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_tensor_that_was_freed_is_not_mapped_anew() -> None:
    kept = page_faults("kept")
    if kept == "other":
        pytest.skip("only glibc's allocator is set up; this is another C library")
    assert int(kept) < 1_000 < int(page_faults("as it is"))
