"""Our own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.webui import jobs
from tests.webui.host import decoded, encoded, named_by_environment

if TYPE_CHECKING:
    from tests.webui.host import WebUI

V1 = "/upscaler-lab/v1"


def _upscale(upscaler: str, **more: object) -> dict[str, object]:
    image = encoded(jobs.sample(24, 16))
    return {"image": image, "upscaler": upscaler, **({"scale": 2} | more)}


def test_the_list(webui: WebUI) -> None:
    items = {item["name"]: item for item in webui.get(f"{V1}/upscalers").body}
    assert items[jobs.FOUR]["scale"] == 4
    assert "ESRGAN" in items[jobs.FOUR]["architecture"]
    assert items[jobs.FOUR]["size_bytes"] > 1000
    assert items[jobs.OWN]["licence"] == "MIT"
    assert "Lanczos" in items


@pytest.mark.parametrize("upscaler", ["Lanczos", jobs.OWN, jobs.FOUR])
def test_upscale(webui: WebUI, upscaler: str) -> None:
    answer = webui.post(f"{V1}/upscale", _upscale(upscaler))
    assert answer.status == 200, answer.text[:500]
    assert decoded(answer.body["image"]).size == (48, 32)
    exact = _upscale(upscaler, scale=None, width=33, height=17)
    assert decoded(webui.post(f"{V1}/upscale", exact).body["image"]).size == (33, 17)


def _several(way: str, *upscalers: str, **more: object) -> dict[str, object]:
    image = encoded(jobs.sample(24, 16))
    return {"image": image, "upscalers": list(upscalers), "way": way, **({"scale": 2} | more)}


@pytest.mark.parametrize("way", ["chain", "blend"])
def test_several_upscalers(webui: WebUI, way: str) -> None:
    answer = webui.post(f"{V1}/upscale", _several(way, jobs.OWN, jobs.FOUR, scale=3))
    assert answer.status == 200, answer.text[:500]
    assert decoded(answer.body["image"]).size == (72, 48)
    assert answer.body["passes"] >= 2
    alone = webui.post(f"{V1}/upscale", _upscale(jobs.OWN, scale=3))
    assert answer.body["image"] != alone.body["image"]


def test_the_longest_side_and_all_details(webui: WebUI) -> None:
    details = {"seamless": True, "alpha_by_network": False, "match_colours": True}
    more = {"scale": None, "longest_side": 60, "kernel": "Mitchell", "precision": "fp32"}
    answer = webui.post(f"{V1}/upscale", _upscale(jobs.OWN, **more, **details))
    assert answer.status == 200, answer.text[:500]
    assert decoded(answer.body["image"]).size == (60, 40)


def test_several_pictures(webui: WebUI) -> None:
    images = [encoded(jobs.sample(24, 16)), encoded(jobs.sample(10, 30))]
    request = {"images": images, "upscaler": jobs.OWN, "scale": 2}
    answer = webui.post(f"{V1}/upscale", request)
    assert answer.status == 200, answer.text[:500]
    sizes = [decoded(each["image"]).size for each in answer.body["images"]]
    assert sizes == [(48, 32), (20, 60)]


def test_a_second_run_loads_nothing(webui: WebUI) -> None:
    webui.post(f"{V1}/upscale", _upscale(jobs.FOUR))
    before = webui.loads(jobs.FOUR)
    assert webui.post(f"{V1}/upscale", _upscale(jobs.FOUR)).status == 200
    assert webui.loads(jobs.FOUR) == before


def test_an_unknown_name_is_answered_with_names(webui: WebUI) -> None:
    answer = webui.post(f"{V1}/upscale", _upscale("Lanczoz"))
    assert answer.status == 404
    assert "Lanczos" in answer.text


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/passwd", "C:\\x.pth", "a\x00b", "", "x" * 5000, "../" * 400]
)
def test_hostile_names(webui: WebUI, name: str) -> None:
    answer = webui.post(f"{V1}/upscale", _upscale(name))
    assert 400 <= answer.status < 500
    assert "root:" not in answer.text
    assert len(answer.text) < 20_000


def test_a_path_is_no_name(webui: WebUI) -> None:
    """Not even the path of a network that is there, nor of one outside the folders."""
    path = webui.data / "models" / "upscale_models" / f"{jobs.FOUR}.safetensors"
    assert webui.post(f"{V1}/upscale", _upscale(str(path))).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"image": "no base64 at all"},
        {"image": encoded(jobs.sample(8, 8))[:60]},
        {"image": "file:///etc/passwd"},
        {"image": "http://127.0.0.1/"},
        {"scale": 0},
        {"scale": -3},
        {"scale": 1e9},
        {"scale": None},
        {"width": 10},
        {"precision": "fp7"},
        {"tile": -1},
        {"scale": "two"},
    ],
)
def test_bad_requests(webui: WebUI, change: dict[str, object]) -> None:
    said = len(webui.log)
    answer = webui.post(f"{V1}/upscale", _upscale(jobs.OWN, **change))
    assert 400 <= answer.status < 500, answer.text[:300]
    assert webui.complaints(said) == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"upscaler": jobs.OWN}, 422),
        ({"upscalers": []}, 422),
        ({"upscalers": [jobs.OWN] * 4}, 422),
        ({"upscalers": [jobs.OWN, "Lanczoz"]}, 404),
        ({"way": "sideways"}, 422),
        ({"way": "blend", "upscalers": [jobs.OWN]}, 422),
        ({"share": 0.5}, 422),
        ({"way": "blend", "share": 2}, 422),
        ({"longest_side": 50}, 422),
        ({"scale": None}, 422),
        ({"scale": None, "longest_side": 0}, 422),
        ({"images": [encoded(jobs.sample(8, 8))]}, 422),
        ({"image": None}, 422),
        ({"kernel": "Lanczoz"}, 404),
    ],
)
def test_fields_that_contradict_each_other(
    webui: WebUI, change: dict[str, object], status: int
) -> None:
    said = len(webui.log)
    request = _several("chain", jobs.OWN, jobs.FOUR) | change
    answer = webui.post(f"{V1}/upscale", request)
    assert answer.status == status, answer.text[:300]
    assert "Expected" in answer.text
    assert webui.complaints(said) == []


def test_they_are_documented(webui: WebUI) -> None:
    paths = webui.get("/openapi.json").body["paths"]
    assert {f"{V1}/upscalers", f"{V1}/upscale", f"{V1}/refresh"} <= set(paths)


def test_login_without_a_page(webui: WebUI, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With --nowebui and --api-auth, ours ask for the same password as the WebUI's own."""
    webui.stop()
    other = named_by_environment(tmp_path_factory.mktemp("nowebui"), "cat:mouse")
    other.install()
    try:
        other.start("--nowebui", "--api-auth", "dog:bone,cat:mouse")
        assert jobs.OWN in other.names()
        assert "Latent (Mitchell)" in other.names("latent-upscale-modes")
        assert other.get(f"{V1}/upscalers").status == 200
        assert other.post(f"{V1}/upscale", _upscale(jobs.OWN)).status == 200
        pictures, _ = jobs.generate(other, "txt2img", jobs.txt2img(other, "Latent (Mitchell)"))
        assert pictures[0].shape == (128, 128, 3)
        for login in ("", "cat:bone", "mouse:cat"):
            other.login = login
            for path in ("/sdapi/v1/upscalers", f"{V1}/upscalers"):
                assert other.get(path).status == 401
            assert other.post(f"{V1}/upscale", _upscale(jobs.OWN)).status == 401
            assert other.post(f"{V1}/refresh").status == 401
    finally:
        other.stop()
        webui.start()
