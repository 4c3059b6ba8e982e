from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import spandrel
import torch

from lib_upscalers.errors import InputError
from lib_upscalers.training import measure, pixel
from lib_upscalers.training.compact import Compact
from lib_upscalers.training.crops import batch
from lib_upscalers.training.files import replacing
from lib_upscalers.training.pairs import draw_pairs, kept_pairs
from lib_upscalers.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.training.pairs import Pairs

TOY = Recipe(
    features=8,
    layers=1,
    pictures=4,
    side=48,
    steps=60,
    batch=4,
    crop=12,
    warm_up=5,
    rate=5e-3,
    settle=10,
)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return draw_pairs(TOY.pictures, TOY.side, TOY.scale, TOY.seed)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def weights(training: pixel.Training) -> list[torch.Tensor]:
    return [*training.model.parameters(), *training.average.parameters()]


def test_pairs_are_kept_and_read_again(tmp_path: Path, pairs: Pairs) -> None:
    path = tmp_path / "pairs.pt"
    first = kept_pairs(path, TOY.pictures, TOY.side, TOY.scale, TOY.seed)
    again = kept_pairs(path, TOY.pictures, TOY.side, TOY.scale, TOY.seed)

    for found in (first, again):
        assert torch.equal(found.large, pairs.large)
        assert torch.equal(found.small, pairs.small)


def test_crops_belong_together_and_depend_on_the_step(pairs: Pairs) -> None:
    small, large = batch(pairs, TOY, 7)

    assert small.shape == (4, 3, 12, 12)
    assert large.shape == (4, 3, 24, 24)
    assert torch.equal(small, batch(pairs, TOY, 7)[0])
    assert not torch.equal(small, batch(pairs, TOY, 8)[0])
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert float((shrunk - small).abs().mean()) < 0.05


def test_flat_crops_are_flat(pairs: Pairs) -> None:
    for recipe, step in ((replace(TOY, flat=1.0), 0), (replace(TOY, settle_flat=1.0), TOY.steps)):
        small, large = batch(pairs, recipe, step)

        assert torch.equal(large, small[..., :1, :1].expand_as(large))


def test_the_loss_falls(pairs: Pairs) -> None:
    training = pixel.Training(TOY)
    small, large = batch(pairs, replace(TOY, batch=32), 999)
    before = pixel.charbonnier(training.average(small), large)
    for _ in range(TOY.steps):
        training.advance(pairs)

    assert pixel.charbonnier(training.average(small), large) < 0.9 * before


def test_going_on_gives_the_same_weights_as_no_pause(tmp_path: Path, pairs: Pairs) -> None:
    recipe = replace(TOY, steps=8, settle=4)
    whole, first, second = (pixel.Training(recipe) for _ in range(3))
    for _ in range(recipe.total):
        whole.advance(pairs)
    for _ in range(5):
        first.advance(pairs)
    first.save(tmp_path / "state.pt")
    second.load(tmp_path / "state.pt")
    for _ in range(recipe.total - 5):
        second.advance(pairs)

    assert second.step == whole.step
    assert all(map(torch.equal, weights(whole), weights(second)))


def test_another_recipe_does_not_go_on_with_a_state(tmp_path: Path) -> None:
    pixel.Training(TOY).save(tmp_path / "state.pt")

    with pytest.raises(InputError, match="--work"):
        pixel.Training(replace(TOY, seed=2)).load(tmp_path / "state.pt")


def test_a_save_that_breaks_off_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, path = pixel.Training(TOY), tmp_path / "state.pt"
    training.save(path)
    good = path.read_bytes()

    def full(_: object, scratch: Path) -> None:
        scratch.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        training.save(path)

    assert path.read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_replacing_writes_the_whole_file_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with replacing(path) as scratch:
        scratch.write_text("new")
        assert not path.exists()

    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"batch": 0}, "batch"), ({"side": 22}, "24"), ({"side": 49}, "multiple")],
)
def test_a_recipe_that_cannot_be_trained_is_refused(settings: dict[str, int], text: str) -> None:
    with pytest.raises(InputError, match=text):
        replace(TOY, **settings)


def test_the_learning_rate_rises_falls_and_settles() -> None:
    rates = [pixel.learning_rate(TOY, step) for step in range(TOY.total + 1)]
    falling, settling = rates[TOY.warm_up : TOY.steps], rates[TOY.steps :]

    assert rates[0] < rates[TOY.warm_up] == max(rates)
    assert falling == sorted(falling, reverse=True)
    assert 0 < falling[-1] < 0.01 * max(rates)
    assert settling == sorted(settling, reverse=True)
    assert (settling[0], settling[-1]) == (TOY.settle_rate, 0)


def test_the_network_is_what_spandrel_makes_of_its_weights() -> None:
    ours = Compact(8, 2, 3)

    found = spandrel.ModelLoader().load_from_state_dict(dict(ours.state_dict()))

    assert (found.architecture.id, found.scale) == ("Compact", 3)
    x = torch.rand(1, 3, 9, 13)
    with torch.inference_mode():
        assert torch.allclose(found.model(x), ours(x), atol=1e-6)


def test_the_command_stops_at_its_budget_goes_on_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = measure.held_out(2, each=1, side=32)
    monkeypatch.setattr(measure, "held_out", lambda _: few)
    settings = (
        "--pictures 2 --side 32 --steps 2 --settle 1 --batch 2 --crop 8 --features 4 --layers 1"
    )
    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    words = ["Toy 2x", *settings.split(), *folders]

    assert pixel.main([*words, "--minutes", "0"]) == 1
    assert not (tmp_path / "out").exists()
    assert pixel.main(words) == 0

    entry = json.loads((tmp_path / "out" / "weights.json").read_text())["networks"][0]
    assert (entry["name"], entry["training"]["steps"]) == ("Toy 2x", 3)
    assert "--features 4" in entry["training"]["command"]
    found = spandrel.ModelLoader().load_from_file(tmp_path / "out" / entry["file"])
    assert (found.architecture.id, found.scale) == ("Compact", 2)
