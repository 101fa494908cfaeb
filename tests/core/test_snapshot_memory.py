"""A snapshot's tensors lie side by side in memory that is given back, and nothing else is written there."""

import gc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.history import History, Snapshot
from core.snapshot_memory import SnapshotMemory

PAGE = 4096
MIB = 2**20
DTYPES = (torch.float32, torch.uint8, torch.int64, torch.bfloat16, torch.bool)

shapes = st.lists(st.integers(0, 5), max_size=3)
kinds = st.lists(st.tuples(st.sampled_from(DTYPES), shapes), max_size=8)


def drawn(kinds: list[tuple[torch.dtype, list[int]]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        f"{n}": torch.randint(0, 2, shape, generator=generator).to(dtype)
        for n, (dtype, shape) in enumerate(kinds)
    }


@settings(max_examples=100, deadline=None)
@given(kinds=kinds)
def test_tensors_of_every_kind_find_room_and_none_lies_in_another(
    kinds: list[tuple[torch.dtype, list[int]]],
) -> None:
    tensors = drawn(kinds)
    room = SnapshotMemory(spares=0).room(tensors)
    for name, tensor in tensors.items():
        room[name].copy_(tensor)
    for name, tensor in tensors.items():
        assert room[name].dtype == tensor.dtype and torch.equal(room[name], tensor)
        assert room[name].data_ptr() % tensor.itemsize == 0


def resident() -> int:
    """Bytes of anonymous memory this process holds."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def test_memory_is_given_back_with_the_last_tensor_in_it() -> None:
    like = {"a": torch.zeros(8 * MIB), "b": torch.zeros(8 * MIB)}  # 64 MiB together
    gc.collect()  # what other tests have left goes now, not while it is measured
    before = resident()
    room = SnapshotMemory(spares=0).room(like)
    for each in room.values():
        each.fill_(1)
    assert resident() - before > 60 * MIB
    last = room["b"][5:7]
    del room
    gc.collect()
    assert resident() - before > 60 * MIB
    assert last.tolist() == [1, 1]
    del each, last
    gc.collect()
    assert resident() - before < 4 * MIB


def test_the_next_of_its_size_lies_where_a_dropped_one_lay_and_never_where_one_is_held() -> None:
    memory = SnapshotMemory(spares=1)
    like = {"a": torch.zeros(PAGE)}
    first, second = memory.room(like), memory.room(like)
    places = {room["a"].data_ptr() for room in (first, second)}
    view = first["a"][3:]
    del first
    third = memory.room(like)
    assert third["a"].data_ptr() not in places
    place = view.data_ptr() - 3 * 4
    del view
    assert memory.room({"a": torch.zeros(PAGE)})["a"].data_ptr() == place
    memory.room({"a": torch.zeros(9 * PAGE)})  # of another size: the spare one is let go


def test_what_no_memory_can_hold_is_told_as_such() -> None:
    with pytest.raises(MemoryError, match="no memory for a snapshot"):
        SnapshotMemory(spares=0).room({"a": torch.empty(1).expand(2**45)})


def test_a_copy_is_whole() -> None:
    live = Snapshot.of(
        7,
        parameters={"w": torch.arange(6.0), "b": torch.arange(2.0)},
        moments={"w.exp_avg": torch.arange(6.0) + 9, "w.step": torch.tensor(7.0)},
        recipe={"generator": torch.arange(9, dtype=torch.uint8)},
    )
    copy = History(1000).copied(live, between=lambda: None)
    assert copy.step == 7 and copy.n_bytes == live.n_bytes == 69
    for name, tensor in live.tensors.items():
        assert torch.equal(copy.tensors[name], tensor)
        tensor.zero_()
    assert copy.parameters["w"].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="has no 'elsewhere/w'"):
        Snapshot(1, {"elsewhere/w": torch.zeros(1)})


def test_while_much_is_copied_who_waits_is_seen_again_and_again() -> None:
    parameters = {f"{n}": torch.zeros(MIB) for n in range(10)}  # 4 MiB each
    parameters |= {f"tiny{n}": torch.zeros(4) for n in range(10)}
    seen = []
    History(1000).copied(Snapshot.of(1, parameters=parameters, moments={}), between=lambda: seen.append(1))
    assert len(seen) == 10
