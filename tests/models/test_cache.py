"""The cache: what is lent, kept and let go."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.cache import NetworkCache
from lib_upscalers.models.checksum import sha256_of
from lib_upscalers.network import MemoryUse
from tests.models.networks import compact_file, entry_for

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.models.loader import LoadedNetwork

CPU = torch.device("cpu")
PLENTY = 1 << 30
WAIT = 30


@pytest.fixture
def entries(tmp_path: Path) -> list[ModelEntry]:
    return [entry_for(compact_file(tmp_path / f"{name}.pth", name)) for name in range(3)]


def size_of(entry: ModelEntry) -> int:
    cache = NetworkCache(PLENTY)
    with cache.borrow(entry) as network:
        return network.size_bytes


def use(cache: NetworkCache, entry: ModelEntry) -> int:
    """Borrow a network and tell which one it is; networks in memory have different ones."""
    with cache.borrow(entry) as network:
        return id(network)


def stays(cache: NetworkCache, entry: ModelEntry) -> bool:
    """Tell whether a network is the same as at its last use, so that nothing is loaded."""
    with cache.borrow(entry) as network:
        known = getattr(network, "seen_by_the_test", False)
        vars(network)["seen_by_the_test"] = True
        return known


def test_the_second_use_loads_nothing(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    assert not stays(cache, entries[0])
    entries[0].path.write_bytes(entries[0].path.read_bytes()[:100])
    os.utime(entries[0].path, ns=(0, 0))
    with pytest.raises(ModelFileError):
        use(cache, entries[0])


def test_what_is_loaded_is_known_by_its_name(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    with cache.borrow(replace(entries[0], name="Fine")) as network:
        assert network.traits == replace(entries[0].traits, name="Fine")


def test_the_least_recently_used_leaves(entries: list[ModelEntry]) -> None:
    size = size_of(entries[0])
    cache = NetworkCache(size * 2 + size // 2 + entries[0].size_bytes - size)
    assert [stays(cache, entries[i]) for i in (0, 1, 0)] == [False, False, True]
    assert not stays(cache, entries[2])
    assert stays(cache, entries[0])
    assert not stays(cache, entries[1])


def test_the_budget_holds(entries: list[ModelEntry]) -> None:
    size = size_of(entries[0])
    for count in (0, 1, 2):
        cache = NetworkCache(size * count + size // 2)
        for entry in entries * 2:
            use(cache, entry)
            assert cache.loaded_bytes() <= size * count + size // 2


def test_room_is_made_before_loading(entries: list[ModelEntry]) -> None:
    size = size_of(entries[0])
    cache = NetworkCache(size + size // 2)
    with cache.borrow(entries[0]) as network:
        gone = weakref.ref(network)
        del network
    with cache.borrow(entries[1]):
        assert gone() is None


def test_a_network_in_lower_precision_counts_in_full(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    with cache.borrow(entries[0]) as network:
        exact = network.size_bytes
        network.place(CPU, torch.bfloat16, channels_last=False)
    assert cache.loaded_bytes() == exact * 3 // 2


def test_a_network_in_use_is_not_let_go(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(0)
    batch = torch.rand(1, 3, 8, 8)
    with cache.borrow(entries[0]) as first, cache.borrow(entries[1]) as second:
        use(cache, entries[2])
        assert cache.loaded_bytes() == first.size_bytes + second.size_bytes
        assert first(batch).shape == second(batch).shape
    assert cache.loaded_bytes() == 0


def test_release_lets_everything_go(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    gone = []
    for entry in entries:
        with cache.borrow(entry) as network:
            gone.append(weakref.ref(network))
        del network
    cache.release()
    assert cache.loaded_bytes() == 0
    assert [ref() for ref in gone] == [None] * 3
    assert not stays(cache, entries[0])
    assert stays(cache, entries[0])


def test_release_during_use_takes_effect_afterwards(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    with cache.borrow(entries[0]) as network:
        cache.release()
        assert network(torch.rand(1, 3, 8, 8)).shape == (1, 3, 16, 16)
        assert cache.loaded_bytes() == network.size_bytes
    assert cache.loaded_bytes() == 0
    assert not stays(cache, entries[0])
    assert stays(cache, entries[0])


def test_what_was_measured_outlives_the_network(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(0)
    with cache.borrow(entries[0]) as network:
        network.profile.memory["cpu/float32"] = MemoryUse(1.0, 2.0)
        network.profile.unstable.add("cpu/float16")
    with cache.borrow(entries[0]) as network:
        assert network.profile.memory == {"cpu/float32": MemoryUse(1.0, 2.0)}
        assert network.profile.unstable == {"cpu/float16"}
    cache.release()
    with cache.borrow(entries[0]) as network:
        assert network.profile.memory


def test_a_replaced_file_is_loaded_anew(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    batch = torch.rand(1, 3, 8, 8)
    with cache.borrow(entries[0]) as network:
        before = network(batch)
        network.profile.unstable.add("cpu/float16")
    size = cache.loaded_bytes()
    for seed in range(7, 10):
        compact_file(entries[0].path, seed)
        os.utime(entries[0].path, ns=(seed, seed))
        with cache.borrow(entries[0]) as network:
            assert not torch.equal(network(batch), before)
            assert not network.profile.unstable
    assert cache.loaded_bytes() == size
    assert len(cache._slots) == 1


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_failure_leaves_the_cache_usable(damage: str, entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    path = entries[0].path
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.raises(ModelFileError, match="Expected"):
            use(cache, entries[0])
    assert cache.loaded_bytes() == 0
    path.write_bytes(whole)
    use(cache, entries[0])
    use(cache, entries[1])


def test_an_exception_gives_the_network_back(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), cache.borrow(entries[0]):
            raise ZeroDivisionError
    assert cache.loaded_bytes() == 0


def test_a_file_of_another_hash_is_refused(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    found = sha256_of(entries[0].path)
    use(cache, replace(entries[0], sha256=found.upper()))
    wrong = replace(entries[1], name="Ours", sha256=found)
    with pytest.raises(ModelFileError, match=f"SHA-256 {found} for Ours"):
        use(cache, wrong)
    entries[2].path.unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        use(cache, replace(entries[2], sha256=found))


def test_one_network_is_lent_to_one_at_a_time_and_loaded_once(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    batch = torch.rand(1, 3, 16, 16)
    inside: list[int] = []
    most: list[int] = []
    networks: list[LoadedNetwork] = []
    start = threading.Barrier(4)

    def count(model: torch.nn.Module, _: object) -> None:
        inside.append(1)
        most.append(len(inside))

    def borrow(_: int) -> None:
        start.wait(WAIT)
        for _ in range(5):
            with cache.borrow(entries[0]) as network:
                if not any(network is known for known in networks):
                    networks.append(network)
                    network._descriptor.model.register_forward_pre_hook(count)
                network(batch)
                most.append(len(inside))
                inside.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(borrow, range(4)))
    assert len(networks) == 1
    assert len(most) == 2 * 4 * 5
    assert max(most) == 1


def test_different_networks_are_lent_at_once(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    both = threading.Barrier(2)

    def meet(entry: ModelEntry) -> int:
        with cache.borrow(entry):
            return both.wait(WAIT)

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(meet, entries[:2])) == {0, 1}


def test_release_while_others_wait_and_load_leaves_nothing_behind(
    entries: list[ModelEntry],
) -> None:
    cache = NetworkCache(PLENTY)
    batch = torch.rand(1, 3, 8, 8)
    stop = threading.Event()

    def work(index: int) -> int:
        runs = 0
        while not stop.is_set():
            with cache.borrow(entries[index % 3]) as network:
                assert network(batch).isfinite().all()
                runs += 1
        return runs

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, index) for index in range(4)]
        for _ in range(20):
            cache.release()
        stop.set()
        assert all(each.result(WAIT) >= 0 for each in working)
    cache.release()
    assert cache.loaded_bytes() == 0


def test_a_network_borrowed_in_inference_mode_serves_others_too(entries: list[ModelEntry]) -> None:
    cache = NetworkCache(PLENTY)
    with torch.inference_mode():
        use(cache, entries[0])
    with cache.borrow(entries[0]) as network:
        network.place(CPU, torch.bfloat16, channels_last=False)
        network.place(CPU, torch.float32, channels_last=False)
        assert network(torch.rand(1, 3, 8, 8)).isfinite().all()
