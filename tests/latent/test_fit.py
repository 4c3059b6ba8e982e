"""Making a network for an autoencoder of a few lines, from the first picture to its use."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from lib_upscalers.cli.main import main
from lib_upscalers.errors import (
    Cancelled,
    ImageError,
    InputError,
    MemoryExhaustedError,
    ModelError,
    ModelFileError,
    OutputError,
)
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LatentSpace, upscale_latent
from lib_upscalers.latent.autoencoder_hash import autoencoder_hash
from lib_upscalers.latent.learned import load_network
from lib_upscalers.latent.network_card import NetworkCard
from lib_upscalers.latent.network_files import write_network
from lib_upscalers.training.latent import fit as latent_fit
from lib_upscalers.training.latent import latent_pairs
from lib_upscalers.training.latent.fit import fit
from lib_upscalers.training.latent.latent_metric import decoded_metric, loss_transform
from lib_upscalers.training.latent.latent_pairs import (
    LatentPair,
    PairPlan,
    cut_square,
    load_part,
    make_part,
    save_part,
)
from lib_upscalers.training.latent.latent_training import (
    LatentRecipe,
    LatentTraining,
    Pool,
    decoded_loss,
    latent_loss,
)
from lib_upscalers.training.latent.reports import FitReport, FitSettings
from lib_upscalers.training.latent.teacher import Teacher
from tests.cases import each_case
from tests.latent.fakes import FakeContext, ToyCodec

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
SPACE = LatentSpace("toy", 4, 2)
HASH = "0123456789abcdef" * 4
RECIPE = LatentRecipe(
    4, features=16, blocks=1, fine=8, fine_blocks=1, steps=16, batch=4, rate=3e-3, warm_up=5
)
PLAN = PairPlan(cells=16, factor=2, drawings=2)
SETTINGS = FitSettings(minutes=1e6, recipe=RECIPE, plan=PLAN, parts=1, vae_hash=HASH)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@dataclass
class StopAfter:
    """Cancels at the call of that number."""

    calls: int

    def update(self, step: int, total: int, text: str = "") -> None:
        """Nobody tells it anything."""

    def check_cancelled(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            raise Cancelled


def run(
    tmp_path: Path, settings: FitSettings = SETTINGS, codec: object = None, **_: object
) -> list[FitReport]:
    teacher = codec if isinstance(codec, Teacher) else Teacher(codec or ToyCodec(4), CPU)  # type: ignore[arg-type]
    return list(fit(teacher, SPACE, tmp_path / "out", tmp_path / "work", settings))


def made_state(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_network(path, SPACE).state_dict())  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_network_is_made_found_and_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reports = run(tmp_path)
    last = reports[-1]
    assert [report.stage for report in reports[:1]] == ["pictures"]
    stages = {"pictures", "measuring", "training", "judging", "done"}
    assert {report.stage for report in reports} == stages
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert (last.done, last.seconds_left, last.step) == (1.0, 0.0, RECIPE.steps)
    assert last.path == tmp_path / "out" / f"toy-{HASH[:16]}.safetensors"
    assert not (tmp_path / "work").exists(), "what is finished leaves nothing behind"
    shown = [report.preview for report in reports if report.preview]
    assert shown
    assert all(
        each.shape == (3, 32, 32) and 0 <= each.min() <= each.max() <= 1
        for each in (shown[-1].before, shown[-1].after, shown[-1].original)
    )

    context = FakeContext(SPACE, None, (tmp_path / "out",), HASH)
    samples = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    with caplog.at_level(logging.WARNING, "lib_upscalers"):
        result = upscale_latent(samples, Size(10, 12), "Latent (Lab)", context=context)
    assert not caplog.records
    assert last.path is not None
    torch.testing.assert_close(result, load_network(last.path, SPACE)(samples, (12, 10)))


def test_a_fit_goes_on_from_a_network_and_keeps_its_shape(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = replace(RECIPE, features=12, fine=6, blocks=2).network()
    start = tmp_path / "start.safetensors"
    write_network(start, network.state_dict(), NetworkCard(SPACE, ""))
    settings = replace(SETTINGS, start=start, recipe=replace(RECIPE, steps=2))
    path = run(tmp_path, settings)[-1].path
    assert path is not None
    made, before = made_state(path), network.state_dict()
    assert {name: value.shape for name, value in made.items()} == {
        name: value.shape for name, value in before.items()
    }
    assert 0 < float((made["head.weight"] - before["head.weight"]).abs().max()) < 0.01


def test_a_fit_goes_on_from_no_other_network(tmp_path: Path) -> None:
    wide = tmp_path / "wide.safetensors"
    space = LatentSpace("wide", 6, 2)
    write_network(wide, replace(RECIPE, channels=6).network().state_dict(), NetworkCard(space, ""))
    with pytest.raises(ModelFileError, match="6 channels"):
        run(tmp_path, replace(SETTINGS, start=wide))
    assert not (tmp_path / "work").exists(), "nothing is drawn before the network is read"


@pytest.mark.slow
@pytest.mark.parametrize("decoded", [False, True])
def test_the_loss_falls(*, decoded: bool) -> None:
    pool = Pool(CPU)
    codec = ToyCodec(4)
    for part in range(4):
        pool.add(list(make_part(PLAN, part, codec.encode, CPU)))
    flat = torch.cat([latent.float().flatten(1) for latent in pool.large()], dim=1)
    deviation, mean = torch.std_mean(flat, dim=1)
    transform = loss_transform(None, torch.cov(flat))
    statistics = {"mean": mean, "deviation": deviation, "transform": transform}
    training = LatentTraining(replace(RECIPE, steps=80), statistics, CPU)
    small, large = pool.batch(np.random.default_rng(7), 16)
    size = (large.shape[-2], large.shape[-1])
    before = latent_loss(training.average(small, size), large, transform)
    while training.progress < 1:
        training.advance(pool, 8, decode=codec.decode if decoded else None)
    assert latent_loss(training.average(small, size), large, transform) < 0.9 * before


@pytest.mark.slow
def test_what_is_decoded_counts_at_the_end_where_gradients_pass(tmp_path: Path) -> None:
    with_decoder = Teacher(ToyCodec(4), CPU, differentiable=ToyCodec(4).decode)
    without = replace(with_decoder, differentiable=None)
    made: list[list[float | None]] = []
    for i, teacher in enumerate((with_decoder, without)):
        folders = tmp_path / f"out{i}", tmp_path / f"work{i}"
        reports = list(fit(teacher, SPACE, *folders, SETTINGS))
        made.append([report.loss for report in reports if report.step == RECIPE.steps])
    assert made[0][0] != made[1][0]


def test_the_decoded_loss_is_of_pixels_and_of_colours() -> None:
    codec = ToyCodec(12)
    target = torch.randn(2, 12, 20, 20, generator=torch.Generator().manual_seed(0))
    pixels = codec.decode(target)
    checks = pixels.new_tensor([[0.1, -0.1], [-0.1, 0.1]]).repeat(20, 20)

    def loss(shown: torch.Tensor) -> float:
        rng = np.random.default_rng(0)
        return float(decoded_loss(codec.encode(shown), target, codec.decode, rng))

    assert loss(pixels) < 0.03
    assert loss(pixels + checks) > 0.7
    assert loss(pixels + 0.1) > 2 * loss(pixels + checks), "a shift of all is worse than a pattern"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was made without a pause."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("whole")
    teacher = Teacher(ToyCodec(4), CPU, differentiable=ToyCodec(4).decode)
    path = list(fit(teacher, SPACE, folder / "out", folder / "work", SETTINGS))[-1].path
    assert path is not None
    return path


@pytest.mark.slow
@each_case("calls", [3, 15, 30, 38])
def test_going_on_gives_the_same_weights_as_no_pause(
    calls: int, whole: Path, tmp_path: Path
) -> None:
    """Stopped while pictures are made, while it is measured, and twice while it trains."""
    teacher = Teacher(ToyCodec(4), CPU, differentiable=ToyCodec(4).decode)
    folders = tmp_path / "out", tmp_path / "work"
    with pytest.raises(Cancelled):
        list(fit(teacher, SPACE, *folders, SETTINGS, StopAfter(calls)))
    assert not (tmp_path / "out").exists()
    again = list(fit(teacher, SPACE, *folders, SETTINGS))[-1].path
    assert again is not None
    assert again.read_bytes()[-4000:] == whole.read_bytes()[-4000:]
    first, second = made_state(whole), made_state(again)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@each_case("name", ["autoencoder.pt", "pairs_00000.pt", "state.pt", "*"])
def test_damaged_work_is_made_again(name: str, whole: Path, tmp_path: Path) -> None:
    """As after a loss of power."""
    teacher = Teacher(ToyCodec(4), CPU, differentiable=ToyCodec(4).decode)
    for i, damage in enumerate((b"", b"\0" * 300, b"PK\3\4 and no more")):
        folders = tmp_path / f"out {i}", tmp_path / f"work {i}"
        with pytest.raises(Cancelled):
            list(fit(teacher, SPACE, *folders, SETTINGS, StopAfter(38)))
        damaged = list(folders[1].glob(name))
        assert damaged
        for path in damaged:
            path.write_bytes(damage)
        again = list(fit(teacher, SPACE, *folders, SETTINGS))[-1].path
        assert again is not None
        first, second = made_state(whole), made_state(again)
        assert all(torch.equal(first[key], second[key]) for key in first), damage


def test_a_training_leaves_the_generators_of_the_program_around() -> None:
    before = torch.get_rng_state()
    nothing = torch.ones(4)
    statistics = {"mean": nothing, "deviation": nothing, "transform": torch.diag(nothing)}
    first, second = (LatentTraining(RECIPE, statistics, CPU) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.model.head.weight, second.model.head.weight)


def test_a_step_with_nan_is_left_out(tmp_path: Path) -> None:
    codec, nothing = ToyCodec(4), torch.ones(4)
    statistics = {"mean": nothing, "deviation": nothing, "transform": torch.diag(nothing)}
    training, pool = LatentTraining(RECIPE, statistics, CPU), Pool(CPU)
    pairs = list(make_part(PLAN, 0, codec.encode, CPU))
    pool.add([replace(pair, large=pair.large * float("nan")) for pair in pairs])
    assert np.isnan(training.advance(pool, 2))
    assert all(bool(each.isfinite().all()) for each in training.average.state_dict().values())
    state = {**training.average.state_dict(), "mean": nothing * 1e6}
    with pytest.raises(ModelError, match="too large"):
        write_network(tmp_path / "network.safetensors", state, NetworkCard(SPACE, ""))
    assert not list(tmp_path.iterdir())


def test_work_for_another_autoencoder_is_not_gone_on_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders = tmp_path / "out", tmp_path / "work"
    other = Teacher(Mirrored(4), CPU)
    for teacher, calls in ((other, 30), (other, 0), (Teacher(ToyCodec(4), CPU), 0)):
        with caplog.at_level(logging.WARNING, "lib_upscalers"), pytest.raises(Cancelled):
            list(fit(teacher, SPACE, *folders, SETTINGS, StopAfter(calls)))
    assert caplog.text.count("another autoencoder") == 1
    assert not list((tmp_path / "work").glob("pairs*"))


class Mirrored(ToyCodec):
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return -super().encode(pixels)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        return super().decode(-samples)


def test_closing_the_reports_keeps_what_is_done(tmp_path: Path) -> None:
    reports = fit(Teacher(ToyCodec(4), CPU), SPACE, tmp_path / "out", tmp_path / "work", SETTINGS)
    assert next(report for report in reports if report.stage == "measuring")
    list(zip(range(1), reports, strict=False))
    reports.close()  # type: ignore[attr-defined]
    assert (tmp_path / "work" / "state.pt").exists()


def test_other_work_may_come_between_any_two_pairs(tmp_path: Path) -> None:
    """A WebUI's queue is held from one report to the next, and an encoding takes long on a CPU."""
    encodings = 0

    class Counting(ToyCodec):
        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            nonlocal encodings
            encodings += 1
            return super().encode(pixels)

    reports = fit(Teacher(Counting(4), CPU), SPACE, tmp_path / "out", tmp_path / "work", SETTINGS)
    assert next(reports).stage == "pictures"
    between: list[int] = []
    for report in reports:
        if report.stage != "pictures":
            break
        between.append(encodings - sum(between))
    reports.close()  # type: ignore[attr-defined]

    assert len(between) > 2
    assert max(between[1:]) <= 2


@pytest.mark.slow
def test_time_ends_it_early(tmp_path: Path) -> None:
    settings = replace(SETTINGS, minutes=1 / 60, recipe=replace(RECIPE, steps=10**9), parts=None)
    last = run(tmp_path, settings)[-1]
    assert last.path is not None
    assert 0 < last.step < 10**6


@pytest.mark.slow
def test_a_host_without_gradients(tmp_path: Path) -> None:
    with torch.inference_mode():
        assert run(tmp_path)[-1].path is not None


# Pairs


def test_pairs_are_of_one_picture() -> None:
    codec = ToyCodec(4)
    pairs = list(make_part(PLAN, 0, codec.encode, CPU))
    assert len(pairs) == PLAN.drawings * PLAN.views
    for pair in pairs:
        sides = pair.small.shape[-1], pair.large.shape[-1]
        assert sides == (8, 12) or (sides[1] == 16 and 8 <= sides[0] <= 14)
        means = (
            codec.decode(each[None].float()).mean((0, 2, 3)) for each in (pair.small, pair.large)
        )
        first, second = means
        torch.testing.assert_close(first, second, atol=0.03, rtol=0)


def test_pairs_depend_on_the_part_alone(tmp_path: Path) -> None:
    encode = ToyCodec(4).encode
    first, again = (list(make_part(PLAN, 1, encode, CPU)) for _ in range(2))
    save_part(tmp_path / "part.pt", first)
    for pairs in (again, load_part(tmp_path / "part.pt")):
        assert all(torch.equal(a.large, b.large) for a, b in zip(first, pairs, strict=True))
        assert all(torch.equal(a.small, b.small) for a, b in zip(first, pairs, strict=True))
    other = list(make_part(PLAN, 2, encode, CPU))
    assert not torch.equal(first[0].large, other[0].large)


def test_pictures_keep_their_size_whatever_the_factor() -> None:
    sides = {factor: PairPlan().for_factor(factor).side for factor in (4, 8, 16, 32)}
    assert sides == {4: 256, 8: 256, 16: 256, 32: 256}
    assert PairPlan().for_factor(64).cells == 8


@pytest.mark.slow
def test_pictures_of_the_user(tmp_path: Path) -> None:
    grey = Image.new("RGB", (50, 40), (90, 120, 150))
    grey.save(tmp_path / "grey.png")
    grey.resize((5, 9)).save(tmp_path / "tiny.png")
    rng = np.random.default_rng(0)
    for name in ("grey.png", "tiny.png"):
        cut = cut_square(tmp_path / name, 32, rng)
        assert cut.shape == (32, 32, 3)
        assert (cut == (90, 120, 150)).all()
    hidden = np.full((40, 40, 4), (0, 255, 0, 0), np.uint8)
    Image.fromarray(hidden).save(tmp_path / "hidden.png")
    assert cut_square(tmp_path / "hidden.png", 32, rng).min() > 250, "laid on white"
    Image.fromarray(np.full((40, 40), 30000, np.uint16)).save(tmp_path / "deep.png")
    assert abs(int(cut_square(tmp_path / "deep.png", 32, rng).mean()) - 117) < 2
    (tmp_path / "cut.png").write_bytes((tmp_path / "deep.png").read_bytes()[:-30])
    with pytest.raises(ImageError):
        cut_square(tmp_path / "cut.png", 32, rng)
    Image.new("1", (30000, 20000)).save(tmp_path / "vast.png")
    settings = replace(SETTINGS, pictures=tmp_path)
    assert run(tmp_path / "fit", settings)[-1].path is not None
    (tmp_path / "fit" / "empty").mkdir()
    with pytest.raises(InputError, match="Expected pictures"):
        run(tmp_path / "fit", replace(SETTINGS, pictures=tmp_path / "fit" / "empty"))


# The loss


def test_the_metric_is_that_of_a_linear_decoder() -> None:
    codec = ToyCodec(4)
    latents = [torch.randn(4, 12, 12, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    metric = decoded_metric(codec.decode, latents, torch.ones(4))
    back = torch.linalg.pinv(codec.matrix)
    torch.testing.assert_close(metric, back.T @ back, atol=1e-4, rtol=1e-4)


def test_an_error_as_large_as_the_latents_counts_about_1() -> None:
    scatter = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    covariance = scatter @ scatter.T + torch.eye(4) * 0.1
    error = torch.linalg.cholesky(covariance) @ torch.randn(
        4, 4000, generator=torch.Generator().manual_seed(1)
    )
    for metric in (None, torch.diag(torch.tensor([1.0, 0.1, 0.0, 5.0]))):
        transform = loss_transform(metric, covariance)
        assert float((transform @ error).square().sum(0).mean()) == pytest.approx(1, abs=0.1)


# What can go wrong


@dataclass(frozen=True)
class Odd(ToyCodec):
    """A codec with a fault."""

    fault: str = ""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        latents = super().encode(pixels)
        if self.fault == "nan":
            return latents * float("nan")
        if self.fault == "gone" and pixels.shape[-1] < 64:
            raise AttributeError("'NoneType' object has no attribute 'encode'")
        return latents[:, :3] if self.fault == "channels" else latents

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        if self.fault == "decoder":
            raise RuntimeError("CUDA out of memory")
        return super().decode(samples)


def test_latents_of_another_shape(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'toy' to have 4 channels.*\(1, 3, 64, 64\)"):
        run(tmp_path, codec=Odd(4, "channels"))
    with pytest.raises(InputError, match="7 channels"):
        Teacher(ToyCodec(4), CPU).checked(LatentSpace("toy", 7, 2))
    assert Teacher(ToyCodec(4), CPU).probe() == (4, 2)
    with pytest.raises(InputError, match="cannot be learned"):
        Teacher(_Wrong(), CPU).probe()


class _Wrong(ToyCodec):
    def __init__(self) -> None:
        super().__init__(4)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten()


@pytest.mark.slow
def test_nan_is_tried_again_in_float32(tmp_path: Path) -> None:
    broken = Teacher(Odd(4, "nan"), CPU)
    with pytest.raises(ModelError, match="got NaN"):
        broken.checked(SPACE)
    mended = replace(broken, exact=lambda: ToyCodec(4))
    pixels = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(mended.encode(pixels), ToyCodec(4).encode(pixels))
    assert run(tmp_path / "mended", codec=mended)[-1].path is not None
    with pytest.raises(ModelError, match="got NaN"):
        replace(broken, exact=lambda: Odd(4, "nan")).checked(SPACE)
    with pytest.raises(ModelError, match="got NaN"):
        run(tmp_path, codec=Odd(4, "nan"))


def test_a_model_that_goes_away(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="still loaded"):
        run(tmp_path, codec=Odd(4, "gone"))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_without_a_decoder_all_channels_count_alike(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lib_upscalers"):
        reports = run(tmp_path, codec=Odd(4, "decoder"))
    assert reports[-1].path is not None
    assert not any(report.preview for report in reports)
    assert "count alike" in caplog.text


@pytest.mark.slow
def test_less_memory_means_smaller_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advance, batches = LatentTraining.advance, list[int]()

    def short(self: LatentTraining, pool: Pool, batch: int, budget: float, decode: None) -> float:
        batches.append(batch)
        if batch > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return advance(self, pool, batch, budget, decode)

    monkeypatch.setattr(LatentTraining, "advance", short)
    assert run(tmp_path)[-1].path is not None
    assert batches[:4] == [4, 2, 1, 1]

    def none(self: LatentTraining, pool: Pool, batch: int, budget: float, decode: None) -> float:
        raise MemoryError

    monkeypatch.setattr(LatentTraining, "advance", none)
    with pytest.raises(MemoryExhaustedError, match="one pair"):
        run(tmp_path / "none")


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write = torch.save

    def full(held: object, path: Path) -> None:
        if isinstance(held, dict) and "recipe" in held:  # the state, not the pairs
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        write(held, path)

    monkeypatch.setattr(torch, "save", full)
    with caplog.at_level(logging.WARNING, "lib_upscalers"):
        assert run(tmp_path)[-1].path is not None
    assert "cannot be saved" in caplog.text

    def nowhere(_: object, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", nowhere)
    with pytest.raises(OutputError, match="No space left"):
        run(tmp_path / "again")


@pytest.mark.slow
def test_weights_are_written_whole_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = run(tmp_path)[-1].path
    assert good is not None
    before = good.read_bytes()

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(latent_fit, "write_network", full)
    with pytest.raises(OutputError, match="No space left"):
        run(tmp_path)
    assert good.read_bytes() == before
    names = sorted(path.name for path in good.parent.iterdir())
    assert names == [good.with_suffix(".png").name, good.name]
    monkeypatch.undo()
    assert run(tmp_path)[-1].step == RECIPE.steps, "it goes on from the end"


def test_another_recipe_does_not_go_on_with_a_state(tmp_path: Path) -> None:
    ones = {"mean": torch.zeros(4), "deviation": torch.ones(4), "transform": torch.eye(4)}
    LatentTraining(RECIPE, ones, CPU).save(tmp_path / "state.pt")
    with pytest.raises(InputError, match="another folder"):
        LatentTraining(replace(RECIPE, seed=2), ones, CPU).load(tmp_path / "state.pt")


def test_batches_are_of_one_factor() -> None:
    pool = Pool(CPU)
    for side in (8, 8, 12):
        pool.add([LatentPair(torch.zeros(4, side, side), torch.zeros(4, 16, 16))])
    assert len(pool.large()) == 3
    sizes = {tuple(pool.batch(np.random.default_rng(i), 9)[0].shape) for i in range(20)}
    assert sizes == {(9, 4, 8, 8), (4, 4, 12, 12)}


# The command line


def planned(_plan: PairPlan, _factor: int) -> PairPlan:
    return PLAN


@pytest.mark.slow
def test_the_command_makes_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loader = tmp_path / "vae.py"
    loader.write_text(
        "from tests.latent.fakes import ToyCodec\n"
        "def load(device):\n    return ToyCodec(4).encode, ToyCodec(4).decode\n"
    )
    monkeypatch.setattr(latent_pairs.PairPlan, "for_factor", planned)
    torch.save({"encoder.weight": torch.ones(3)}, tmp_path / "vae.pt")
    words = ["latent", "fit", "--space", "toy", "--out", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--loader", f"{loader}:load", "--minutes", "0.03", "--vae", str(tmp_path / "vae.pt")]
    assert main(words) == 0
    (path,) = (tmp_path / "out").rglob("*.safetensors")
    assert path.name == f"toy-{autoencoder_hash([torch.ones(3)])[:16]}.safetensors"
    assert "dB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--loader", "missing.py:load"], "missing.py"),
        (["--autoencoder", "no.pth", "no.pth"], "no.pth"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["latent", "fit", "--space", "toy", "--out", str(tmp_path), "--device", "cpu"]
    assert main([*common, *words]) in (1, 2)
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--minutes", "0"], ["--minutes", "x"], ["--space", "../up"]])
def test_the_command_refuses_nonsense(words: list[str], tmp_path: Path) -> None:
    common = ["latent", "fit", "--space", "toy", "--out", str(tmp_path), "--loader", "a.py:b"]
    with pytest.raises(SystemExit):
        main([*common, *words])


def test_settings_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SETTINGS.minutes = 3  # type: ignore[misc]
