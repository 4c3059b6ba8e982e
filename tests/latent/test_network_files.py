"""What a fit is worth, where its network lies then, and its way to others as one file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from lib_upscalers.cli.main import main
from lib_upscalers.errors import AlreadyExistsError, InputError, ModelFileError, OutputError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import LatentSpace
from lib_upscalers.latent.autoencoder_hash import autoencoder_hash
from lib_upscalers.latent.learned import find_weights, fit_name, load_network
from lib_upscalers.latent.network_card import Figures, NetworkCard, card_tensor, read_card
from lib_upscalers.latent.network_files import (
    UNDECIDED,
    accept,
    add_network,
    share_network,
    write_network,
)
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.resampling.resample import resample
from lib_upscalers.training.latent.fit import fit
from lib_upscalers.training.latent.judging import judge
from lib_upscalers.training.latent.teacher import Teacher
from tests.cases import each_case
from tests.latent.fakes import ToyCodec, toy_network
from tests.latent.test_fit import CPU, HASH, SETTINGS, SPACE

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Figures(25.0, 18.0, 30.0, 32.0, 24.0, 1.02, 6)
BAD = replace(GOOD, network=23.0)
CARD = NetworkCard(SPACE, HASH[:16], 700, 9.5, GOOD)
PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def bilinear(samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(samples, size, mode="bilinear")


def perfect(samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    codec = ToyCodec(12)
    pixels = codec.decode(samples)
    return codec.encode(resample(pixels, Size(2 * size[1], 2 * size[0]), "Lanczos"))


# What a network is worth


@pytest.mark.slow
def test_a_network_is_measured_against_what_would_be_used_without_it() -> None:
    codec = ToyCodec(12)
    teacher = Teacher(codec, CPU, tiny=codec)
    plain = judge(bilinear, teacher, 32)
    assert plain is not None
    figures = plain.figures
    assert figures.network == pytest.approx(figures.bilinear)
    assert figures.original == pytest.approx(100, abs=60), "this codec loses nothing"
    assert figures.round_trip == pytest.approx(figures.pixels, abs=0.1)
    assert figures.loses
    assert figures.rival[0] == "the round trip"
    assert plain.picture.shape == (32, 5 * 32, 3)

    better = judge(perfect, teacher, 32)
    assert better is not None
    assert better.figures.network > figures.network + 1

    alone = judge(bilinear, replace(teacher, tiny=None), 32)
    assert alone is not None
    assert alone.figures.round_trip is None
    assert alone.figures.rival[0] == "bilinear"
    assert alone.picture.shape == (32, 4 * 32, 3)


def test_a_round_trip_that_fails_is_left_out() -> None:
    """And does not end a training whose network is made."""

    class Failing(ToyCodec):
        def decode(self, samples: torch.Tensor) -> torch.Tensor:
            raise TypeError(samples.shape)

    made = judge(bilinear, Teacher(ToyCodec(12), CPU, tiny=Failing(12)), 32)
    assert made is not None
    assert made.figures.round_trip is None


@pytest.mark.slow
def test_seams_show_at_the_borders_of_latent_values() -> None:
    codec = ToyCodec(12)

    def chequered(samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        columns = (-1.0) ** torch.arange(size[1]).repeat_interleave(2)
        pixels = codec.decode(perfect(samples, size))
        return codec.encode((pixels + 0.1 * columns).clamp(0, 1))

    smooth, rough = (judge(way, Teacher(codec, CPU), 32) for way in (perfect, chequered))
    assert smooth is not None
    assert rough is not None
    assert rough.figures.seams > smooth.figures.seams + 0.2


@pytest.mark.slow
def test_a_network_that_loses_waits_for_its_user(tmp_path: Path) -> None:
    """A network of 16 steps is no better than the round trip of a codec without losses."""
    codec, space = ToyCodec(12), LatentSpace("toy", 12, 2)
    out, folders = tmp_path / "out", (tmp_path / "out", tmp_path / "work")
    last = list(fit(Teacher(codec, CPU, tiny=codec), space, *folders, SETTINGS))[-1]
    assert last.path is not None
    assert last.figures is not None
    assert last.figures.loses
    assert last.path.parent == out / UNDECIDED
    with pytest.raises(ModelFileError, match="none yet"):
        find_weights(space, [HASH], [out])
    card = read_card(load_file(last.path))
    assert card is not None
    assert (card.space, card.vae_hash, card.figures) == (space, HASH[:16], last.figures)

    path = accept(last.path)
    assert find_weights(space, [HASH], [out]) == path == accept(path)
    assert load_network(path, space).channels == 12
    assert read_picture(path.with_suffix(".png")).pixels.shape == (32, 5 * 32, 3)
    assert not list((out / UNDECIDED).iterdir())


def test_a_card_says_what_went_in() -> None:
    for card in (CARD, NetworkCard(LatentSpace("moon-2", 7, 4)), replace(CARD, figures=BAD)):
        assert read_card({"card": card_tensor(card)}) == card
    assert read_card({}) is None
    assert GOOD.sentence().startswith("6 held-out drawings, enlarged twofold: 25.0 dB; bilinear")


def test_every_odd_card_is_refused() -> None:
    text = bytes(card_tensor(CARD).tolist()).decode()
    changes = {
        '"toy"': '"../up"',
        '"channels": 4': '"channels": -4',
        '"factor": 2': '"factor": 1e400',
        '"minutes": 9.5': f'"minutes": {"9" * 400}',
        HASH[:16]: "<script>",
        "25.0": "NaN",
        "18.0": '"18"',
        '"steps": 700': '"steps": true',
        "{": "[",
        '"figures"': '"worth"',
    }
    odd = [text.replace(old, new) for old, new in changes.items()]
    odd += [text[:-9], "7", '"text"', "[" * 9000, text + " " * (20 << 10)]
    for each in odd:
        assert each != text
        held = torch.frombuffer(bytearray(each.encode()), dtype=torch.uint8)
        with pytest.raises(ModelFileError, match="card"):
            read_card({"card": held})
    for held in (torch.ones(4), torch.zeros(2, 2, dtype=torch.uint8)):
        with pytest.raises(ModelFileError, match="card"):
            read_card({"card": held})


# Share and add


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / fit_name(SPACE, HASH)
    write_network(path, toy_network(4).state_dict(), CARD, PICTURE)
    return path


def test_a_network_goes_to_another_folder_as_one_file(made: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.safetensors"
    assert share_network(made, shared) == CARD
    path, card = add_network(shared, tmp_path / "theirs")
    assert card == CARD
    assert path.name == made.name
    assert path.read_bytes() == made.read_bytes()
    assert (read_picture(path.with_suffix(".png")).pixels == PICTURE).all()
    assert find_weights(SPACE, [HASH], [path.parent]) == path
    # One that is put into the folder by hand works, too.
    assert load_network(shared, SPACE).channels == 4

    with pytest.raises(AlreadyExistsError, match="--overwrite"):
        add_network(shared, tmp_path / "theirs")
    add_network(shared, tmp_path / "theirs", overwrite=True)
    with pytest.raises(AlreadyExistsError):
        share_network(made, shared)
    with pytest.raises(OutputError):
        share_network(made, made, overwrite=True)
    with pytest.raises(InputError, match="ends in"):
        share_network(made, tmp_path / "shared.zip")


def test_a_network_without_card_or_picture_is_shared_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "sdxl.safetensors"
    save_file(toy_network(4).state_dict(), path)
    card = share_network(path, tmp_path / "out" / "sdxl.safetensors")
    assert (card.space.name, card.space.factor, card.vae_hash) == ("sdxl", 8, "")
    added, _ = add_network(tmp_path / "out" / "sdxl.safetensors", tmp_path / "theirs")
    assert not added.with_suffix(".png").exists()
    path = path.rename(tmp_path / "moon.safetensors")
    with pytest.raises(ModelFileError, match="named like its latent space"):
        share_network(path, tmp_path / "moon-2.safetensors")


def test_one_that_loses_is_added_only_if_its_user_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "latent"
    path = folder / UNDECIDED / fit_name(SPACE, HASH)
    write_network(path, toy_network(4).state_dict(), replace(CARD, figures=BAD), PICTURE)
    with pytest.raises(InputError, match=r"23\.0 dB and the round trip 24\.0 dB.*--anyway"):
        add_network(path, folder)
    added, _ = add_network(path, folder, anyway=True)
    assert added.parent == folder
    assert not list((folder / UNDECIDED).iterdir())


STRANGE = {
    "a pickle": ({}, "evil.pt"),
    "no network": ({"head.weight": torch.ones(2, 2)}, "x.safetensors"),
    "NaN": ({"up.bias": torch.full((16,), float("nan"))}, "x.safetensors"),
    "a deviation of nothing": ({"deviation": torch.full((4,), float("inf"))}, "x.safetensors"),
    "a vast layer": ({"head.weight": torch.zeros(60_000, 1, 1, 1)}, "x.safetensors"),
    "an empty layer": ({"head.weight": torch.zeros(0, 6, 3, 3)}, "x.safetensors"),
    "one layer more": ({"tail.extra": torch.zeros(3)}, "x.safetensors"),
    "no card": ({"card": None}, "x.safetensors"),
    "a card for other latents": (
        {"card": card_tensor(NetworkCard(LatentSpace("flux2", 4, 8)))},
        "x.safetensors",
    ),
    "a card of other channels": (
        {"card": card_tensor(NetworkCard(LatentSpace("moon", 5, 8)))},
        "x.safetensors",
    ),
    "a picture of floats": ({"picture": torch.zeros(4, 4, 3)}, "x.safetensors"),
    "a picture of one row": ({"picture": torch.zeros(9, dtype=torch.uint8)}, "x.safetensors"),
}


@each_case("what", STRANGE)
def test_a_strangers_file_is_refused(what: str, tmp_path: Path) -> None:
    change, name = STRANGE[what]
    state = {**toy_network(4).state_dict(), "card": card_tensor(CARD), **change}
    save_file({key: value for key, value in state.items() if value is not None}, tmp_path / name)
    with pytest.raises(ModelFileError):
        add_network(tmp_path / name, tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()


def test_nothing_else_of_a_file_reaches_the_folder(tmp_path: Path) -> None:
    spare = torch.zeros(1 << 16, dtype=torch.uint8)
    state = {**toy_network(4).state_dict(), "card": card_tensor(CARD), "spare": spare}
    save_file(state, tmp_path / "x.safetensors", {"note": "<script>"})
    path, _ = add_network(tmp_path / "x.safetensors", tmp_path / "theirs")
    assert "spare" not in load_file(path)
    assert b"script" not in path.read_bytes()


def test_the_commands(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = tmp_path / "shared.safetensors"
    assert main(["latent", "share", str(made), "--out", str(shared)]) == 0
    assert "25.0 dB" in capsys.readouterr().err
    assert main(["latent", "add", str(shared), "--into", str(tmp_path / "theirs")]) == 0
    assert "4 channels at 1/2" in capsys.readouterr().err
    assert main(["latent", "add", str(shared), "--into", str(tmp_path / "theirs")]) == 1
    assert "--overwrite" in capsys.readouterr().err


# The hash of an autoencoder


def test_an_autoencoder_has_one_hash_whatever_names_order_and_precision_it_has() -> None:
    generator = torch.Generator().manual_seed(0)
    half = [torch.randn(40, 30, generator=generator).half(), torch.randn(9, generator=generator)]
    half = [each.half() for each in half]
    expected = autoencoder_hash(half)
    assert len(expected) == 64
    for same in (
        [each.float() for each in half],
        half[::-1],
        [half[0].reshape(40, 30, 1, 1), half[1]],
        [*half, torch.tensor(3), torch.zeros(0)],
    ):
        assert autoencoder_hash(same) == expected
    for other in ([half[0]], [half[0] + 0.01, half[1]], [half[0], half[1].clone().fill_(0)]):
        assert autoencoder_hash(other) != expected
