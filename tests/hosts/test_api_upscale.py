"""What our route "upscale" can be asked for: all that the script of the Extras tab does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lib_upscalers.hosts.webui import options, start
from lib_upscalers.hosts.webui.extras import SIZES, WAYS
from lib_upscalers.hosts.webui.host_progress import HostProgress
from tests.cases import each_case
from tests.hosts.test_contract import photo
from tests.hosts.test_extras import client, decoded, encoded, run

if TYPE_CHECKING:
    from httpx import Response
    from PIL import Image

    from tests.hosts.webui_model import WebUI

# What a request says has nothing to do with what kind of host it is.
pytestmark = pytest.mark.parametrize("bare", ["a1111"], indirect=True)
# Neither their order nor their number is without effect.
NAMES = ["Ours 2x", "Nearest"]
PATH = "/upscaler-lab/v1/upscale"


def post(webui: WebUI, **fields: object) -> Response:
    """Send fields; None for those that are to be left out."""
    body: dict[str, object] = {"image": encoded(photo()), **fields}
    given = {name: value for name, value in body.items() if value is not None}
    return client(webui).post(PATH, json=given)


def answered(webui: WebUI, **fields: object) -> dict[str, Any]:
    answer = post(webui, **fields)
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


def same(text: str, expected: Image.Image) -> bool:
    return np.array_equal(np.asarray(decoded(text)), np.asarray(expected))


# Several upscalers


def test_a_chain_is_the_scripts(webui: WebUI) -> None:
    answer = answered(webui, upscalers=NAMES, scale=5)
    expected, _ = run(photo(), upscaler_1=NAMES[0], upscaler_2=NAMES[1], scale=5)
    assert same(answer["image"], expected)
    for other in (NAMES[::-1], NAMES[:1], NAMES[1:]):
        assert not same(answered(webui, upscalers=other, scale=5)["image"], expected)


@each_case("share", [None, 0.25])
def test_a_blend_is_the_scripts(webui: WebUI, share: float | None) -> None:
    answer = answered(webui, upscalers=NAMES, way="blend", share=share, scale=3)
    names = {"upscaler_1": NAMES[0], "upscaler_2": NAMES[1]}
    expected, _ = run(photo(), way=WAYS[1], share=share, scale=3, **names)
    assert same(answer["image"], expected)
    other = answered(webui, upscalers=NAMES, way="blend", share=0.75, scale=3)
    assert not same(other["image"], expected)


def test_a_list_of_one_is_that_one(webui: WebUI) -> None:
    alone = answered(webui, upscaler="Ours 2x", scale=2)["image"]
    assert answered(webui, upscalers=["Ours 2x"], scale=2)["image"] == alone


def test_the_cost_is_that_of_all(webui: WebUI) -> None:
    one = answered(webui, upscaler="Ours 2x", scale=2)
    two = answered(webui, upscalers=["Ours 2x", "Theirs 2x", "Lanczos"], scale=4)
    assert (one["passes"], one["tiles"], one["device"]) == (1, 1, "cpu")
    assert (two["passes"], two["tiles"], two["device"]) == (2, 2, "cpu")
    assert two["precision"] == one["precision"] == "fp32"
    assert min(two["load_seconds"], two["run_seconds"]) >= 0
    kernel = answered(webui, upscaler="Lanczos", scale=2)
    assert (kernel["passes"], kernel["tiles"], kernel["precision"]) == (0, 0, "")


# How


def test_the_longest_side(webui: WebUI) -> None:
    answer = answered(webui, upscaler="Ours 2x", longest_side=100)
    assert (answer["width"], answer["height"]) == (100, 83)
    expected, _ = run(photo(), upscaler_1="Ours 2x", size_by=SIZES[2], longest=100)
    assert same(answer["image"], expected)


@pytest.mark.slow
@each_case(
    "more",
    [
        {"seamless": True},
        {"alpha_by_network": False},
        {"kernel": "Nearest"},
        {"match_colours": True},
        {"precision": "bf16"},
    ],
)
def test_every_detail_is_the_scripts(webui: WebUI, more: dict[str, object]) -> None:
    image = photo(mode="RGBA")
    fields = {"image": encoded(image), "upscaler": "Ours 2x", "scale": 2.5}
    expected, _ = run(image, upscaler_1="Ours 2x", scale=2.5, **more)
    assert same(answered(webui, **fields, **more)["image"], expected)
    assert not same(answered(webui, **fields)["image"], expected)


def test_tiles_are_no_larger_than_asked_for(webui: WebUI) -> None:
    fields = {"image": encoded(photo(96, 64)), "upscaler": "Ours 2x", "scale": 2}
    assert answered(webui, **fields, tile=32)["tiles"] > answered(webui, **fields)["tiles"]


def test_a_kernel_that_is_left_out_is_the_settings_pages(webui: WebUI) -> None:
    fields = {"upscaler": "Ours 2x", "scale": 2.5}
    asked = answered(webui, **fields, kernel="Nearest")["image"]
    webui.opts.data[options.ENGINE["kernel"].key] = "Nearest"
    assert answered(webui, **fields)["image"] == asked


# Several pictures


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """How far the work was, and the text, whenever the host was told."""
    seen: list[tuple[float, str]] = []
    update = HostProgress.update

    def watched(self: HostProgress, step: int, total: int, text: str = "") -> None:
        update(self, step, total, text)
        seen.append((step / total, str(self._state.textinfo)))

    monkeypatch.setattr(HostProgress, "update", watched)
    return seen


@pytest.fixture
def begun(webui: WebUI, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that the host began."""
    jobs: list[str] = []
    begin = webui.state.begin
    monkeypatch.setattr(webui.state, "begin", lambda job: jobs.append(job) or begin(job))
    return jobs


def test_several_pictures_are_one_job(
    webui: WebUI, begun: list[str], told: list[tuple[float, str]]
) -> None:
    images = [encoded(photo()), "data:image/png;base64," + encoded(photo(9, 31, "RGBA"))]
    answer = answered(webui, image=None, images=images, upscaler="Ours 2x", scale=2)
    assert begun == ["Upscaler Lab"]
    done = [fraction for fraction, _ in told]
    assert done == sorted(done)
    assert done[-1] == 1
    assert {text.partition(", ")[2].partition(", ")[0] for _, text in told} == {
        "picture 1 of 2",
        "picture 2 of 2",
    }
    assert set(answer) == {"images"}
    for got, image in zip(answer["images"], images, strict=True):
        alone = answered(webui, image=image, upscaler="Ours 2x", scale=2)
        assert set(got) == set(alone)
        assert (got["image"], got["width"]) == (alone["image"], alone["width"])


def test_a_list_of_one_picture_is_answered_with_a_list(webui: WebUI) -> None:
    fields = {"upscalers": NAMES, "way": "blend", "longest_side": 50}
    alone = answered(webui, **fields)
    images = answered(webui, image=None, images=[encoded(photo())], **fields)["images"]
    assert [each["image"] for each in images] == [alone["image"]]


def test_a_damaged_picture_is_named(webui: WebUI, begun: list[str]) -> None:
    for text in ("no base64", encoded(photo())[:60]):
        images = [encoded(photo()), text]
        answer = post(webui, image=None, images=images, upscaler="Ours 2x", scale=2)
        assert answer.status_code == 422
        assert "images[1]" in answer.json()["detail"]
    assert begun == []


@each_case("upscalers", [["Ours 2x"], NAMES])
def test_an_interrupt_stops_all_of_them(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, upscalers: list[str]
) -> None:
    upscaler = start.extension().engine.upscaler
    original, runs = upscaler.run, list[int]()

    def interrupted(*values: Any) -> Any:  # noqa: ANN401
        runs.append(1)
        result = original(*values)
        webui.state.interrupted = True
        return result

    monkeypatch.setattr(upscaler, "run", interrupted)
    images = [encoded(photo())] * 3
    answer = post(webui, image=None, images=images, upscalers=upscalers, scale=4)
    assert answer.status_code == 409
    assert len(runs) == 2, "the second run finds the interrupt before it does anything"
    assert webui.state.job == ""
    assert not sys.modules["modules.call_queue"].queue_lock.locked()


def test_what_does_not_fit_into_memory_is_said(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = start.extension().engine.host
    monkeypatch.setattr(host, "free_memory", lambda _device: 10)
    answer = post(webui, upscalers=NAMES, longest_side=100)
    assert answer.status_code == 507
    assert "memory" in answer.json()["detail"]


# What makes no sense


@pytest.mark.slow
@each_case(
    "fields, status, texts",
    [
        ({"upscaler": None}, 422, ["upscaler or upscalers", "neither"]),
        ({"upscalers": NAMES}, 422, ["upscaler or upscalers", "both"]),
        ({"upscaler": None, "upscalers": []}, 422, ["upscaler or upscalers", "an empty list"]),
        ({"upscaler": None, "upscalers": NAMES * 2}, 422, ["at most 3", "4"]),
        ({"upscaler": None, "upscalers": ["Ours 2x", "Ours 3x"]}, 404, ["'Ours 3x'", "Ours 2x"]),
        ({"upscaler": None, "upscalers": ["Ours 2x", "None"]}, 404, ["'None'"]),
        ({"upscaler": ""}, 404, ["''"]),
        ({"image": None}, 422, ["image or images", "neither"]),
        ({"images": ["x"]}, 422, ["image or images", "both"]),
        ({"image": None, "images": []}, 422, ["image or images", "an empty list"]),
        ({"way": "sideways"}, 422, ["chain, blend", "'sideways'"]),
        ({"way": WAYS[0]}, 422, ["chain, blend"]),
        ({"way": "blend"}, 422, ["two names", "1"]),
        ({"upscaler": None, "upscalers": [*NAMES, "Box"], "way": "blend"}, 422, ["two", "3"]),
        ({"upscaler": None, "upscalers": NAMES, "share": 0.5}, 422, ["share", "chain"]),
        (
            {"upscaler": None, "upscalers": NAMES, "way": "blend", "share": 1.5},
            422,
            ["share", "1.5"],
        ),
        ({"longest_side": 100}, 422, ["scale 2", "longest_side 100"]),
        ({"scale": None}, 422, ["scale None", "longest_side None"]),
        ({"scale": None, "width": 10}, 422, ["width 10", "height None"]),
        ({"scale": None, "width": 10, "height": 9, "longest_side": 8}, 422, ["longest_side 8"]),
        ({"scale": None, "longest_side": 0}, 422, ["size"]),
        ({"scale": None, "longest_side": -5}, 422, ["size"]),
        ({"scale": None, "longest_side": 24 * 65}, 422, ["64 times"]),
        ({"kernel": "Lanczos9"}, 404, ["'Lanczos9'", "'Lanczos'"]),
        ({"precision": "fp7"}, 422, ["'fp7'"]),
        ({"tile": -1}, 422, ["tile", "-1"]),
    ],
)
def test_what_makes_no_sense_is_said(
    webui: WebUI, fields: dict[str, object], status: int, texts: list[str]
) -> None:
    answer = post(webui, **{"upscaler": "Ours 2x", "scale": 2, **fields})
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    missing = [text for text in texts if text not in detail]
    assert not missing, f"expected {missing} in: {detail}"


@each_case(
    "fields",
    [{"scale": None, "longest_side": 10**400}, {"seamless": "perhaps"}, {"upscalers": "Ours 2x"}],
)
def test_values_of_another_kind_are_refused(webui: WebUI, fields: dict[str, object]) -> None:
    name = None if "upscalers" in fields else "Ours 2x"
    assert post(webui, **{"upscaler": name, "scale": 2, **fields}).status_code == 422


def test_who_asks_for_what_makes_no_sense_does_not_wait(webui: WebUI, begun: list[str]) -> None:
    for fields in ({"scale": 1000}, {"longest_side": -1}, {"upscaler": "Ours 3x", "scale": 2}):
        assert post(webui, **{"upscaler": "Ours 2x", **fields}).status_code in {404, 422}
    assert begun == []


def test_every_field_is_documented(webui: WebUI) -> None:
    schemas = client(webui).get("/openapi.json").json()["components"]["schemas"]
    ours = {
        name: schema["properties"]
        for name, schema in schemas.items()
        if name.startswith(("Upscale", "Refresh"))
    }
    assert {"upscalers", "way", "share", "longest_side", "images"} <= set(ours["UpscaleRequest"])
    silent = [
        (name, field)
        for name, fields in ours.items()
        for field, said in fields.items()
        if not said.get("description")
    ]
    assert not silent
