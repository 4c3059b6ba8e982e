"""What an API call may give the accordion "Latent resize", and what it is told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import InputError, UnknownNameError
from lib_upscalers.hosts.webui.latent_resize import HOST_MODE
from lib_upscalers.hosts.webui.latents import AXIS, RESIZE
from lib_upscalers.latent import LATENT_MODES, Finishers
from lib_upscalers.ui import webui_controls
from tests.cases import each_case
from tests.hosts.test_contract import apply, img2img

if TYPE_CHECKING:
    from tests.hosts.webui_model import WebUI

# The values have nothing to do with what kind of host it is.
one_host = pytest.mark.parametrize("bare", ["a1111"], indirect=True)
AREA = "Latent (area)"


def test_the_pages_name_for_the_hosts_way_is_the_one_that_is_known() -> None:
    assert HOST_MODE == webui_controls.HOST_MODE
    assert "smooth, loses contrast" in webui_controls.explain(HOST_MODE)
    assert all(map(webui_controls.explain, LATENT_MODES))


@one_host
@each_case("values", [(), (None,), ("",), (HOST_MODE,), (HOST_MODE, "abc", [1])])
def test_the_hosts_own_way_is_left_alone(webui: WebUI, values: tuple[object, ...]) -> None:
    job = img2img(webui, values)
    plain = torch.nn.functional.interpolate(job.encoded, size=(16, 12), mode="bilinear")
    assert torch.equal(job.init_latent, plain)
    assert job.extra_generation_params == {}


@one_host
@each_case(
    "values, texts",
    [
        ((5,), ["for mode", "5", "name of a latent mode"]),
        ((0,), ["for mode", "0"]),
        ((False,), ["for mode", "False"]),
        (([],), ["for mode", "[]"]),
        (([AREA],), ["for mode", "['Latent (area)']"]),
        (({"mode": AREA},), ["for mode"]),
        ((AREA, [1]), ["for sharpen", "[1]", "a number from 0 to 2"]),
        ((AREA, "abc"), ["for sharpen", "'abc'", "a number from 0 to 2"]),
        ((AREA, True), ["for sharpen", "True"]),
        ((AREA, 2.5), ["for sharpen", "2.5"]),
        ((AREA, float("nan")), ["for sharpen", "nan"]),
        ((AREA, 10**400), ["for sharpen"]),
        ((AREA, {}), ["for sharpen", "{}"]),
        ((AREA, 0, "False"), ["for match", "'False'", "true or false"]),
        ((AREA, 0, 2), ["for match", "2"]),
        ((AREA, 0, []), ["for match", "[]"]),
        ((AREA, 0, False, -1), ["for renoise", "-1", "a number from 0 to 2"]),
        ((AREA, 0, False, "much"), ["for renoise", "'much'"]),
        ((AREA, 0, False, 0, 7), ["for blend with", "7", "name of a latent mode"]),
        ((AREA, 0, False, 0, ["None"]), ["for blend with"]),
        ((AREA, 0, False, 0, AREA, "half"), ["the share of the blend", "'half'", "from 0 to 1"]),
        ((AREA, 0, False, 0, AREA, 1.5), ["the share of the blend", "1.5"]),
        ((AREA, 0, False, 0, "None", [0.5]), ["the share of the blend", "[0.5]"]),
    ],
)
def test_a_bad_value_fails_with_its_name(
    webui: WebUI, values: tuple[object, ...], texts: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        img2img(webui, values)
    said = str(caught.value)
    assert said.startswith("Expected ")
    missing = [text for text in texts if text not in said]
    assert not missing, f"expected {missing} in: {said}"


@one_host
@each_case(
    "values, text",
    [
        (("The WebUI xyz",), "for mode of Latent resize"),
        ((HOST_MODE.lower(),), "for mode of Latent resize"),
        (("Latent (aria)",), "'Latent (area)'"),
        ((AREA, 0, False, 0, "Latent (aria)", 0.5), "for blend with of Latent resize"),
    ],
)
def test_an_unknown_name_fails_with_the_nearest(
    webui: WebUI, values: tuple[object, ...], text: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        img2img(webui, values)
    assert text in str(caught.value)


@one_host
def test_nothing_is_raised_where_the_host_would_only_log_it(webui: WebUI) -> None:
    job = img2img(webui, ())
    apply(job, [1], [1], [1], [1], [1], [1])
    assert isinstance(getattr(job, RESIZE), InputError)
    assert job.extra_generation_params == {}


@one_host
@each_case(
    "values, expected",
    [
        ((), Finishers()),
        ((None, None, None, None, None), Finishers()),
        (("", "", "", "", ""), Finishers()),
        ((0, False, 0, "None", 0.5), Finishers()),
        ((1, True, "0.75"), Finishers(sharpen=1.0, match=True, renoise=0.75)),
        ((0, 1), Finishers(match=True)),
        ((0, False, 0, "Latent (bislerp)", 1), Finishers("Latent (bislerp)", 1.0)),
        ((0, False, 0, "Latent (bislerp)"), Finishers("Latent (bislerp)", 0.0)),
    ],
)
def test_good_values_are_taken(
    webui: WebUI, values: tuple[object, ...], expected: Finishers
) -> None:
    wanted = getattr(img2img(webui, (AREA, *values)), RESIZE)
    assert (wanted.mode, wanted.finishers) == (AREA, expected)


@one_host
def test_an_axis_goes_before_the_accordion(webui: WebUI) -> None:
    job = img2img(webui, ())
    setattr(job, AXIS, "Latent (bislerp)")
    apply(job, HOST_MODE)
    assert getattr(job, RESIZE).mode == "Latent (bislerp)"
