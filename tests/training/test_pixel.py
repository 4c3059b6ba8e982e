from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import spandrel
import torch

from lib_upscalers.errors import DiskFullError, InputError
from lib_upscalers.training import measure, pixel
from lib_upscalers.training.autoencoder_trip import load_round_trip
from lib_upscalers.training.compact import Compact
from lib_upscalers.training.crops import batch
from lib_upscalers.training.drawing import synthetic
from lib_upscalers.training.drawing.damage import DAMAGES
from lib_upscalers.training.export import Card, Origin, export, shipped
from lib_upscalers.training.losses import (
    charbonnier,
    colour_error,
    contrast_error,
    flat_peak_error,
)
from lib_upscalers.training.pairs import Pairs, draw_pairs, stored_pairs
from lib_upscalers.training.recipe import Recipe
from lib_upscalers.training.warm_start import grow

if TYPE_CHECKING:
    from pathlib import Path

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
    return draw_pairs(TOY)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def weights(training: pixel.Training) -> list[torch.Tensor]:
    return [*training.model.parameters(), *training.average.parameters()]


@pytest.mark.slow
def test_pairs_are_kept_and_read_again(tmp_path: Path, pairs: Pairs) -> None:
    first, again = (stored_pairs(tmp_path, TOY) for _ in range(2))

    for found in (first, again):
        assert torch.equal(found.large, pairs.large)
        assert torch.equal(found.small, pairs.small)


@pytest.mark.slow
@pytest.mark.parametrize(
    "other", [replace(TOY, material="drawings"), replace(TOY, damaged=1.0), replace(TOY, seed=2)]
)
def test_another_recipe_has_other_pairs(tmp_path: Path, pairs: Pairs, other: Recipe) -> None:
    stored_pairs(tmp_path, TOY)

    assert not torch.equal(stored_pairs(tmp_path, other).small, pairs.small)


def test_crops_belong_together_and_depend_on_the_step(pairs: Pairs) -> None:
    small, large, _ = batch(pairs, TOY, 7)

    assert small.shape == (4, 3, 12, 12)
    assert large.shape == (4, 3, 24, 24)
    assert torch.equal(small, batch(pairs, TOY, 7)[0])
    assert not torch.equal(small, batch(pairs, TOY, 8)[0])
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert float((shrunk - small).abs().mean()) < 0.05


def test_flat_crops_are_flat(pairs: Pairs) -> None:
    for recipe, step in ((replace(TOY, flat=1.0), 0), (replace(TOY, settle_flat=1.0), TOY.steps)):
        small, large, _ = batch(pairs, recipe, step)

        assert torch.equal(large, small[..., :1, :1].expand_as(large))


@pytest.mark.parametrize("scale", [2, 4])
def test_shaded_crops_are_gradients_that_belong_together(pairs: Pairs, scale: int) -> None:
    recipe = replace(TOY, settle_flat=1.0, settle_shaded=1.0, batch=16, crop=8, scale=scale)
    alike = Pairs(pairs.large, pairs.large[..., ::scale, ::scale])

    small, large, _ = batch(alike, recipe, TOY.steps)

    assert float((torch.nn.functional.avg_pool2d(large, scale) - small).abs().max()) < 3 / 255
    assert float(large.amax((1, 2, 3)).sub(large.amin((1, 2, 3))).max()) > 8 / 255
    assert float(large.diff(n=2, dim=3).abs().median()) <= 1.01 / 255


def test_smooth_crops_count_more_while_settling(pairs: Pairs) -> None:
    recipe = replace(TOY, flat=0.5, settle_flat=0.5, settle_weight=7.0, batch=32)

    early, late = batch(pairs, recipe, 0)[2], batch(pairs, recipe, TOY.steps)
    plain = (late[1].amax((2, 3)) > late[1].amin((2, 3))).any(1)

    assert early.tolist() == [1.0] * 32
    assert set(late[2][plain].tolist()) == {1.0}
    assert set(late[2][~plain].tolist()) == {7.0}
    output, target = torch.full((2, 3, 4, 4), 0.5), torch.zeros(2, 3, 4, 4)
    weighted = charbonnier(output, target, torch.tensor([7.0, 1.0]))
    assert float(weighted) == pytest.approx(4 * float(charbonnier(output, target)))


@pytest.mark.slow
def test_bfloat16_learns_as_well_and_keeps_weights_in_float32(pairs: Pairs) -> None:
    errors: dict[str, float] = {}
    small, large, _ = batch(pairs, replace(TOY, batch=32), 999)
    for arithmetic in ("fp32", "bf16"):
        training = pixel.Training(replace(TOY, arithmetic=arithmetic))
        for _ in range(TOY.steps):
            training.advance(pairs)
        with torch.inference_mode():
            errors[arithmetic] = float(charbonnier(training.average(small), large))
        assert {each.dtype for each in training.model.parameters()} == {torch.float32}

    assert errors["bf16"] == pytest.approx(errors["fp32"], rel=0.1)
    with pytest.raises(InputError, match="fp32"):
        replace(TOY, arithmetic="fp8")


def test_a_round_trip_needs_one_encoder_and_one_decoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="encoder"):
        load_round_trip(tmp_path)


@pytest.mark.slow
def test_a_real_round_trip_softens_a_drawing_and_keeps_its_colours(shared_data: Path) -> None:
    small = synthetic.draw("painting", 60, 3, crisp=True)

    made = load_round_trip(shared_data / "taef2")(np.random.default_rng(1), small)

    error = made.astype(float) - small
    assert made.shape == small.shape
    assert np.abs(error.mean((0, 1))).max() < 4
    assert 0.5 < np.abs(error).mean() < 20


@pytest.mark.slow
def test_the_loss_falls(pairs: Pairs) -> None:
    training = pixel.Training(TOY)
    small, large, _ = batch(pairs, replace(TOY, batch=32), 999)
    before = charbonnier(training.average(small), large)
    for _ in range(TOY.steps):
        training.advance(pairs)

    assert charbonnier(training.average(small), large) < 0.9 * before


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

    with pytest.raises(InputError, match="another folder"):
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
    with pytest.raises(DiskFullError, match="No space"):
        training.save(path)

    assert path.read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"batch": 0}, "batch"),
        ({"side": 22}, "24"),
        ({"side": 49}, "multiple"),
        ({"material": "photographs"}, "drawings"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(settings: dict[str, Any], text: str) -> None:
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


def test_a_training_that_ends_early_has_the_rates_of_a_longer_one() -> None:
    longer, early = replace(TOY, steps=90), replace(TOY, decay=90)

    for step in range(TOY.steps):
        assert pixel.learning_rate(early, step) == pixel.learning_rate(longer, step)
    assert pixel.learning_rate(early, TOY.steps) == TOY.settle_rate


def test_the_network_is_what_spandrel_makes_of_its_weights() -> None:
    ours = Compact(8, 2, 3)

    found = spandrel.ModelLoader().load_from_state_dict(dict(ours.state_dict()))

    assert (found.architecture.id, found.scale) == ("Compact", 3)
    x = torch.rand(1, 3, 9, 13)
    with torch.inference_mode():
        assert torch.allclose(found.model(x), ours(x), atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_grown_network_computes_what_the_small_one_does(scale: int) -> None:
    small, grown = Compact(8, 2, 2), Compact(12, 4, scale)
    x = torch.rand(1, 3, 9, 13)

    grow(grown, small.state_dict())

    with torch.inference_mode():
        wanted = torch.nn.functional.interpolate(small(x), scale_factor=scale / 2, mode="area")
        assert torch.allclose(grown(x), wanted, atol=1e-5)


def test_all_of_a_grown_network_learns(pairs: Pairs) -> None:
    training = pixel.Training(replace(TOY, features=12, layers=3))
    grow(training.model, Compact(8, 2, 2).state_dict())
    before = [each.detach().clone() for each in training.model.parameters()]
    for _ in range(3):
        training.advance(pairs)

    after = training.model.parameters()
    assert all((old != new).any() for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("settings", [(4, 2, 2), (8, 1, 2), (8, 2, 3)])
def test_a_network_does_not_grow_from_one_that_does_not_fit(settings: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="8 features and 2 layers"):
        grow(Compact(*settings), Compact(8, 2, 2).state_dict())


def test_a_training_begins_with_the_network_that_was_named(pairs: Pairs) -> None:
    named = replace(TOY, features=32, layers=8, start="Lab Fast 2x")
    small, large, _ = batch(pairs, TOY, 0)

    error = charbonnier(pixel.Training(named).average(small), large)

    assert error < 0.9 * charbonnier(pixel.Training(replace(named, start="")).average(small), large)
    with pytest.raises(InputError, match="Lab Fast 2x"):
        pixel.Training(replace(named, start="Lab Slow 2x"))


def test_a_training_can_begin_with_the_mean_of_several() -> None:
    fine, anime = shipped("Lab Fine 2x"), shipped("Lab Anime 2x")

    mean = shipped("Lab Fine 2x + Lab Anime 2x")

    assert all(torch.allclose(mean[key], (fine[key] + anime[key]) / 2) for key in fine)
    shared = shipped("3 Lab Fine 2x + 1 Lab Anime 2x")
    assert all(torch.allclose(shared[key], 0.75 * fine[key] + anime[key] / 4) for key in fine)
    with pytest.raises(InputError, match="same layers"):
        shipped("Lab Fine 2x + Lab Fast 2x")


def test_the_colour_error_is_of_shifts_and_not_of_edges() -> None:
    noise = torch.randn(2, 3, 32, 48, generator=torch.manual_seed(0))
    noise -= noise.mean((2, 3), keepdim=True)
    picture = torch.rand(2, 3, 32, 48)

    assert colour_error(picture + 0.01, picture) == pytest.approx(0.01, rel=1e-3)
    assert colour_error(picture[..., :8, :8] + 0.01, picture[..., :8, :8]) > 0.009
    assert colour_error(picture + 0.01 * noise, picture) < 0.002


def test_the_peak_error_is_of_one_pixel_of_a_flat_picture() -> None:
    flat, wrong = torch.full((2, 3, 16, 16), 0.5), torch.full((2, 3, 16, 16), 0.5)
    wrong[0, 1, 0, 0] += 2.5 / 255
    shaded = flat + torch.linspace(0, 0.1, 16)

    assert flat_peak_error(wrong, flat) == pytest.approx(1 / 255, rel=1e-3)
    assert flat_peak_error(flat + 0.4 / 255, flat) == 0
    assert flat_peak_error(shaded + 0.1, shaded) == 0


def test_the_contrast_error_is_of_edges_that_are_too_soft_or_too_many() -> None:
    edge = torch.zeros(1, 3, 24, 24)
    edge[..., 12:] = 1
    flat = torch.full_like(edge, 0.5)
    soft = torch.nn.functional.avg_pool2d(edge, 5, 1, 2, count_include_pad=False)

    assert contrast_error(edge, edge) == 0
    assert contrast_error(flat, flat + 0.2) == pytest.approx(0, abs=1e-3)
    assert contrast_error(soft, edge) > 0.01
    assert contrast_error(edge, flat) > contrast_error(soft, flat) > 0.01


@pytest.mark.slow
def test_the_contrast_term_makes_results_of_more_contrast(pairs: Pairs) -> None:
    small, large, _ = batch(pairs, replace(TOY, batch=16), 999)
    errors: list[torch.Tensor] = []
    for weight in (0.0, 2.0):
        training = pixel.Training(replace(TOY, contrast=weight))
        for _ in range(TOY.steps):
            training.advance(pairs)
        errors.append(contrast_error(training.average(small), large))

    assert errors[1] < errors[0]


@pytest.mark.slow
def test_the_command_stops_at_its_budget_goes_on_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = measure.held_out(2, each=1, side=32)
    monkeypatch.setattr(measure, "held_out", lambda *_, **__: few)
    settings = (
        "--pictures 2 --side 32 --steps 2 --settle 1 --batch 2 --crop 8 --features 4 --layers 1 "
        "--material drawings --damaged 0.5 --contrast 0.5"
    )
    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    words = ["Toy 2x", *settings.split(), *folders]

    assert pixel.main([*words, "--minutes", "0"]) == 1
    assert not (tmp_path / "out").exists()
    assert pixel.main(words) == 0

    entry = json.loads((tmp_path / "out" / "weights.json").read_text())["networks"][0]
    assert (entry["name"], entry["training"]["steps"]) == ("Toy 2x", 3)
    assert "--features 4" in entry["training"]["command"]
    assert entry["material"] == "drawings"
    damaged = {f"{name}_gain_db" for name in DAMAGES}
    lines = {f"lines_{name}_percent" for name in ("hollow", "doubled", "beaded")}
    assert {"heldout_drawings_gain_db", *damaged, *lines} == set(entry["figures"])
    found = spandrel.ModelLoader().load_from_file(tmp_path / "out" / entry["file"])
    assert (found.architecture.id, found.scale) == ("Compact", 2)


def test_a_network_that_is_exported_again_keeps_its_place(tmp_path: Path) -> None:
    state = Compact(4, 1, 2).state_dict()
    origin = Origin("command", seed=1, steps=1, device="cpu", hours=0.1)
    for name, figure in (("Second", 1.0), ("First", 2.0), ("Second", 3.0)):
        export(Card(name, "Compact", 2, 3, "all", origin, {"figure": figure}), state, tmp_path)

    listed = json.loads((tmp_path / "weights.json").read_text())["networks"]
    assert [(each["name"], each["figures"]["figure"]) for each in listed] == [
        ("Second", 3.0),
        ("First", 2.0),
    ]
    assert shipped("First", tmp_path).keys() == state.keys()
