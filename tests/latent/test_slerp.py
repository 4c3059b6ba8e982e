"""Spherical interpolation against its definition, value by value in double precision."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from lib_upscalers.geometry import Size
from lib_upscalers.latent import upscale_latent
from tests.cases import each_case

Vector = NDArray[np.float64]


def slerp(first: Vector, second: Vector, ratio: float) -> Vector:
    """Interpolate length and direction; straight where there is no great circle."""
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if min(lengths) == 0:
        return (1 - ratio) * first + ratio * second
    cosine = float(first @ second) / (lengths[0] * lengths[1])
    if not -1 + 1e-5 < cosine < 1 - 1e-6:
        return (1 - ratio) * first + ratio * second
    angle = math.acos(cosine)
    near, far = math.sin((1 - ratio) * angle), math.sin(ratio * angle)
    direction = (near * first / lengths[0] + far * second / lengths[1]) / math.sin(angle)
    return direction * ((1 - ratio) * lengths[0] + ratio * lengths[1])


def along(line: list[Vector], target: int) -> list[Vector]:
    """Interpolate a line of vectors."""
    result: list[Vector] = []
    for i in range(target):
        place = min(max((i + 0.5) * len(line) / target - 0.5, 0), len(line) - 1)
        first = min(int(place), max(len(line) - 2, 0))
        second = min(first + 1, len(line) - 1)
        result.append(slerp(line[first], line[second], place - first))
    return result


def reference(samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Interpolate (N, C, H, W), rows first."""
    items: list[Vector] = []
    for item in samples.double().permute(0, 2, 3, 1).numpy():
        wide = [along(list(row), size.width) for row in item]
        columns = [along([row[x] for row in wide], size.height) for x in range(size.width)]
        items.append(np.array(columns).transpose(2, 1, 0))
    return torch.from_numpy(np.array(items))


def bislerp(samples: torch.Tensor, size: Size) -> torch.Tensor:
    return upscale_latent(samples, size, "Latent (bislerp)")


@each_case("channels", [1, 2, 4, 16])
@each_case(
    "shape, size",
    [((5, 7), Size(14, 10)), ((6, 5), Size(8, 40)), ((1, 4), Size(6, 3)), ((9, 8), Size(5, 4))],
)
def test_it_is_what_the_mathematics_say(channels: int, shape: tuple[int, int], size: Size) -> None:
    samples = torch.randn(2, channels, *shape, generator=torch.Generator().manual_seed(1))
    error = (bislerp(samples, size) - reference(samples, size)).abs()
    assert error.median() < 1e-6
    # Between nearly opposite vectors float32 knows the angle only so well.
    assert error.max() < 5e-3


@each_case("dtype", [torch.float16, torch.float32])
def test_between_equal_vectors_nothing_happens(dtype: torch.dtype) -> None:
    row = torch.tensor([0.1, -2.0, 3.0, 0.7]).view(1, 4, 1, 1).expand(1, 4, 6, 6).to(dtype)
    result = bislerp(row, Size(12, 24))
    assert torch.equal(result, row[..., :1, :1].expand_as(result))


def test_between_opposite_vectors_it_is_straight() -> None:
    vector = torch.tensor([0.6, 0.8, 0.0])
    samples = torch.stack([vector, -vector], dim=1).view(1, 3, 1, 2)
    result = bislerp(samples, Size(8, 1))[0, :, 0]
    places = ((torch.arange(8) + 0.5) / 4 - 0.5).clamp(0, 1)
    torch.testing.assert_close(result, vector[:, None] * (1 - 2 * places))


def test_beside_a_vector_of_length_0_it_is_straight() -> None:
    vector = torch.tensor([0.6, 0.8, 0.0])
    samples = torch.stack([vector, 0 * vector], dim=1).view(1, 3, 1, 2)
    result = bislerp(samples, Size(8, 1))[0, :, 0]
    places = ((torch.arange(8) + 0.5) / 4 - 0.5).clamp(0, 1)
    torch.testing.assert_close(result, vector[:, None] * (1 - places))


def test_a_quarter_circle_keeps_its_length() -> None:
    samples = torch.eye(2).view(1, 2, 1, 2)
    result = bislerp(samples, Size(16, 1))[0, :, 0]
    torch.testing.assert_close(result.norm(dim=0), torch.ones(16))
    places = ((torch.arange(16) + 0.5) / 8 - 0.5).clamp(0, 1)
    torch.testing.assert_close(torch.atan2(result[1], result[0]), places * math.pi / 2)


def test_lengths_stay_between_those_around() -> None:
    samples = torch.randn(1, 8, 9, 9, generator=torch.Generator().manual_seed(2))
    lengths = samples.norm(dim=1)
    result = bislerp(samples, Size(27, 27)).norm(dim=1)
    assert result.max() <= lengths.max() * 1.0001
    assert result.min() >= lengths.min() * 0.9999


@each_case("rows", [3, 8, 200])
def test_strips_leave_no_seam(rows: int) -> None:
    samples = torch.randn(1, 4, rows, 5, generator=torch.Generator().manual_seed(3))
    whole = bislerp(samples, Size(5, rows * 3))
    for row, column in product((0, rows // 2, rows - 1), range(5)):
        centre = whole[0, :, 3 * row + 1, column]
        torch.testing.assert_close(centre, samples[0, :, row, column])
