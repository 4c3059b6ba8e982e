"""Our script of the Extras tab, our routes in the API, and the axes."""

from __future__ import annotations

import base64
import io
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from lib_upscalers.errors import InputError, UnknownNameError
from lib_upscalers.hosts.webui import options, start
from lib_upscalers.hosts.webui.axes import add_axes
from lib_upscalers.hosts.webui.extras import SIZES, WAYS, enlarge, job_of
from lib_upscalers.hosts.webui.latents import AXIS
from lib_upscalers.latent import LATENT_MODES
from tests.cases import each_case
from tests.hosts.conftest import load
from tests.hosts.test_contract import photo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosts.webui_model import WebUI


def run(image: Image.Image, **values: Any) -> tuple[Image.Image, dict[str, str]]:  # noqa: ANN401
    return enlarge(start.extension().engine, image, job_of(values))


# Extras


@each_case(
    "values, size",
    [
        ({"scale": 2.5}, (60, 50)),
        ({"size_by": SIZES[1], "width": 31, "height": 77}, (31, 77)),
        ({"size_by": SIZES[2], "longest": 100}, (100, 83)),
        ({"scale": 0.5}, (12, 10)),
    ],
)
def test_every_way_of_giving_a_size(
    webui: WebUI, values: dict[str, object], size: tuple[int, int]
) -> None:
    assert webui
    for mode in ("RGB", "RGBA"):
        enlarged, said = run(photo(mode=mode), upscaler_1="Ours 2x", **values)
        assert (enlarged.size, enlarged.mode) == (size, mode)
        assert said["Postprocess upscaler"] == "Ours 2x"


def test_nothing_chosen_is_nothing_done(webui: WebUI) -> None:
    assert webui
    image = photo()
    assert run(image, upscaler_1="None") == (image, {})
    assert run(image) == (image, {})


def test_what_was_decided_about_tiles_is_said(webui: WebUI) -> None:
    assert webui
    _, whole = run(photo(), upscaler_1="Ours 2x")
    assert "Postprocess tiles" not in whole
    _, said = run(photo(90, 60), upscaler_1="Ours 2x", tile=40)
    assert said["Postprocess tiles"].startswith("tile ")


def test_a_chain_goes_on_with_the_last_result(webui: WebUI) -> None:
    assert webui
    chained, said = run(photo(), upscaler_1="Ours 2x", upscaler_2="Theirs 2x", scale=4)
    first, _ = run(photo(), upscaler_1="Ours 2x", scale=2)
    second, _ = run(first, upscaler_1="Theirs 2x", scale=2)
    assert np.array_equal(chained, second)
    assert said["Postprocess upscaler 2"] == "Theirs 2x"


@each_case("share", [0.0, 0.25, 1.0])
def test_a_blend_lies_between_its_two(webui: WebUI, share: float) -> None:
    assert webui
    names = {"upscaler_1": "Nearest", "upscaler_2": "Ours 2x"}
    mixed, _ = run(photo(), way=WAYS[1], share=share, scale=2, **names)
    first, second = (
        np.asarray(run(photo(), upscaler_1=name, scale=2)[0], np.float64) for name in names.values()
    )
    expected = first * (1 - share) + second * share
    assert np.abs(np.asarray(mixed, np.float64) - expected).max() <= 0.5 + 1e-4


def test_matched_colours_are_the_originals(webui: WebUI) -> None:
    assert webui
    image = photo(64, 64)
    wanted = np.asarray(image, np.float64).mean(axis=(0, 1))
    plain, matched = (
        np.asarray(run(image, upscaler_1="Ours 2x", match_colours=match)[0], np.float64)
        for match in (False, True)
    )
    off = np.abs(plain.mean(axis=(0, 1)) - wanted).max()
    assert off > 5, "the random network shifts colours"
    assert np.abs(matched.mean(axis=(0, 1)) - wanted).max() < off / 4


@each_case(
    "values, text",
    [
        ({"upscaler_1": "Ours 3x"}, "Ours 2x"),
        ({"upscaler_1": "/etc/passwd"}, "name of an upscaler"),
        ({"upscaler_1": "Ours 2x", "way": "sideways"}, "sideways"),
        ({"upscaler_1": "Ours 2x", "size_by": "feel"}, "feel"),
        ({"upscaler_1": "Ours 2x", "scale": 0}, "scale"),
        ({"upscaler_1": "Ours 2x", "size_by": SIZES[2], "longest": 0}, "size"),
        ({"upscaler_1": "Ours 2x", "kernel": "Lanczos9"}, "Lanczos9"),
        ({"upscaler_1": "Ours 2x", "upscaler_2": "Box", "way": WAYS[1], "share": 7}, "share"),
    ],
)
def test_what_makes_no_sense_is_said(webui: WebUI, values: dict[str, object], text: str) -> None:
    assert webui
    with pytest.raises(InputError, match=text):
        run(photo(), **values)


def test_a_path_is_no_name(webui: WebUI) -> None:
    with pytest.raises(UnknownNameError):
        run(photo(), upscaler_1=str(webui.models / "DAT" / "Ours 2x.pth"))


def test_a_stopped_job_gives_what_the_hosts_own_give(webui: WebUI) -> None:
    webui.state.interrupted = True
    image = photo()
    result, said = run(image, upscaler_1="Ours 2x", scale=1.5)
    assert said == {}
    assert result == image.resize((36, 30), Image.Resampling.LANCZOS)


# Routes


def client(webui: WebUI) -> TestClient:
    app = FastAPI()
    for callback in webui.callbacks["on_app_started"]:
        callback(None, app)
    return TestClient(app)


def encoded(image: Image.Image, kind: str = "PNG") -> str:
    file = io.BytesIO()
    image.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_the_list_says_what_there_is(webui: WebUI) -> None:
    items = {item["name"]: item for item in client(webui).get("/upscaler-lab/v1/upscalers").json()}
    assert items["Lab Fast 2x"]["licence"] == "MIT"
    assert items["Ours 2x"]["scale"] == 2
    assert items["Lanczos"]["kind"] == "pixel"


@each_case("mode", ["RGB", "RGBA", "P"])
def test_a_picture_comes_back_larger(webui: WebUI, mode: str) -> None:
    body = {"image": encoded(photo(mode=mode)), "upscaler": "Ours 2x", "scale": 2.5}
    answer = client(webui).post("/upscaler-lab/v1/upscale", json=body).json()
    assert decoded(answer["image"]).size == (answer["width"], answer["height"]) == (60, 50)
    assert webui.state.job == ""


def test_a_data_url_and_an_exact_size(webui: WebUI) -> None:
    body = {
        "image": "data:image/png;base64," + encoded(photo()),
        "upscaler": "Mitchell",
        "width": 7,
        "height": 9,
    }
    answer = client(webui).post("/upscaler-lab/v1/upscale", json=body).json()
    assert decoded(answer["image"]).size == (7, 9)


@each_case(
    "change, status, text",
    [
        ({"upscaler": "Ours 2"}, 404, "Ours 2x"),
        ({"upscaler": "../ESRGAN/Theirs 2x.pth"}, 404, "name of an upscaler"),
        ({"upscaler": "<img src=x>"}, 404, "name of an upscaler"),
        ({"image": "no picture"}, 422, "base64"),
        ({"image": base64.b64encode(b"text").decode()}, 422, "picture"),
        ({"scale": 1000}, 422, "scale"),
        ({"scale": None}, 422, "scale or a size"),
        ({"width": 3}, 422, "width and height"),
    ],
)
def test_bad_requests_are_answered_with_what_is_wrong(
    webui: WebUI, change: dict[str, object], status: int, text: str
) -> None:
    body = {"image": encoded(photo()), "upscaler": "Ours 2x", "scale": 2, **change}
    answer = client(webui).post("/upscaler-lab/v1/upscale", json=body)
    assert answer.status_code == status
    assert text in answer.json()["detail"]


def test_refresh_finds_a_new_file(webui: WebUI) -> None:
    (webui.models / "DAT" / "Ours 2x.pth").rename(webui.models / "DAT" / "Renamed 2x.pth")
    names = client(webui).post("/upscaler-lab/v1/refresh").json()["upscalers"]
    assert "Renamed 2x" in names
    assert "Ours 2x" not in names
    assert "Renamed 2x" in webui.names()


def test_the_hosts_own_passwords_count(webui: WebUI) -> None:
    webui.shared.cmd_opts.api_auth = "ann:secret:with colon,bob:other"
    web = client(webui)
    path = "/upscaler-lab/v1/upscalers"
    assert web.get(path).status_code == 401
    assert web.get(path, auth=("ann", "other")).status_code == 401
    assert web.get(path, auth=("eve", "")).status_code == 401
    assert web.get(path, auth=("ann", "secret:with colon")).status_code == 200
    assert web.get(path, auth=("bob", "other")).status_code == 200


def test_other_pages_are_refused_unless_the_host_names_them(webui: WebUI) -> None:
    web, own = client(webui), {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    other = "http://evil.example"
    foreign = [{"origin": origin} for origin in (other, "null", "http://testserver:81", "http://[")]
    foreign += [{"sec-fetch-site": "cross-site"}, {**own, "sec-fetch-site": "same-site"}]
    for method, path in (("GET", "upscalers"), ("POST", "refresh"), ("POST", "upscale")):
        for headers in foreign:
            answer = web.request(method, f"/upscaler-lab/v1/{path}", headers=headers)
            assert answer.status_code == 403, (path, headers)
    for flag, value in {
        "cors_allow_origins": f"http://a.example,{other}",
        "cors_allow_origins_regex": "http://evil[.].*",
    }.items():
        setattr(webui.shared.cmd_opts, flag, value)
        allowed = web.get("/upscaler-lab/v1/upscalers", headers={"origin": other})
        assert allowed.status_code == 200, flag
        setattr(webui.shared.cmd_opts, flag, None)
    assert web.get("/upscaler-lab/v1/upscalers", headers=own).status_code == 200
    many = {"images": [""] * 51, "upscaler": "Nearest", "scale": 2}
    answer = web.post("/upscaler-lab/v1/upscale", json=many)
    assert answer.status_code == 422
    assert "at most 50" in answer.text


def test_without_an_api_there_are_no_routes(webui: WebUI) -> None:
    webui.shared.cmd_opts.api = False
    assert client(webui).get("/upscaler-lab/v1/upscalers").status_code == 404


def test_the_routes_are_documented(webui: WebUI) -> None:
    paths = client(webui).get("/openapi.json").json()["paths"]
    assert {path for path in paths if path.startswith("/upscaler-lab/v1/")} == {
        "/upscaler-lab/v1/upscalers",
        "/upscaler-lab/v1/upscale",
        "/upscaler-lab/v1/refresh",
    }


# Axes


class AxisOption:
    """As in the host's scripts/xyz_grid.py:224."""

    def __init__(
        self,
        label: str,
        type: type,  # noqa: A002
        apply: Any,  # noqa: ANN401
        confirm: Any = None,  # noqa: ANN401
        choices: Any = None,  # noqa: ANN401
    ) -> None:
        self.label, self.type, self.apply = label, type, apply
        self.confirm, self.choices = confirm, choices


@pytest.fixture
def axes(webui: WebUI) -> dict[str, AxisOption]:
    import sys

    grid = SimpleNamespace(axis_options=[], AxisOption=AxisOption, AxisOptionImg2Img=AxisOption)
    data = SimpleNamespace(script_class=AxisOption, path="/webui/scripts/xyz_grid.py", module=grid)
    sys.modules["modules.scripts"].scripts_data.append(data)
    assert webui
    add_axes()
    add_axes()
    return {option.label: option for option in grid.axis_options}


def test_axes_are_added_once(axes: dict[str, AxisOption]) -> None:
    assert "[Upscaler Lab] Latent resize" in axes
    assert len(axes) == len({label.casefold() for label in axes})


def test_an_axis_sets_what_it_says(axes: dict[str, AxisOption]) -> None:
    job = SimpleNamespace(override_settings={})
    for option in axes.values():
        choices = option.choices() if option.choices else ["0.5"]
        option.apply(job, option.type(choices[-1]), choices)
    assert getattr(job, AXIS) == list(LATENT_MODES)[-1]
    assert job.override_settings[options.SHARPEN.key] == 0.5
    assert job.override_settings[options.MATCH.key] is False


def test_an_unknown_cell_is_refused(axes: dict[str, AxisOption]) -> None:
    with pytest.raises(UnknownNameError):
        axes["[Upscaler Lab] Latent resize"].confirm(None, ["Latent (nothing)"])
    axis = axes["[Upscaler Lab] Precision"]
    with pytest.raises(RuntimeError, match="fp8"):
        axis.apply(SimpleNamespace(override_settings={}), "fp8", ["fp8"])


# Batch from Directory


def _host_with_batches(bare: WebUI, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Give the host A1111's postprocessing.py:10 and our script's place; return its own calls."""
    calls: list[tuple[object, ...]] = []

    def run_postprocessing(
        extras_mode: int,
        image: object,
        image_folder: object,
        input_dir: str,
        output_dir: str,
        show_extras_results: bool,
        *args: object,
        save_output: bool = True,
    ) -> tuple[list[object], str, str]:
        del image, image_folder, show_extras_results, save_output
        calls.append((extras_mode, input_dir, output_dir, *args))
        return [], "theirs", ""

    controls = dict.fromkeys(("enable", "upscaler_1", "scale", "journal"))
    script = SimpleNamespace(name="Upscaler Lab", args_from=1, args_to=5, controls=controls)
    made = ModuleType("modules.postprocessing")
    monkeypatch.setattr(made, "run_postprocessing", run_postprocessing, raising=False)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    runner = SimpleNamespace(scripts=[script])
    monkeypatch.setattr(sys.modules["modules.scripts"], "scripts_postproc", runner, raising=False)
    bare.shared.cmd_opts.hide_ui_dir_config = False
    for name, value in (("samples_format", "png"), ("outdir_samples", "")):
        setattr(bare.shared.opts, name, value)
    load(bare)
    return calls


def test_a_directory_goes_on_where_it_stopped(
    bare: WebUI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = _host_with_batches(bare, monkeypatch)
    run_postprocessing = sys.modules["modules.postprocessing"].run_postprocessing
    source, results = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a", "b"):
        photo().save(source / f"{name}.png")
    ours = ("other", True, "Nearest", 2, True, "other")
    batch = (2, None, None, str(source), str(results), False)
    for words in ("2 of 2 done.", "2 done before, 0 done now, 0 failed."):
        assert run_postprocessing(*batch, *ours)[1:] == (f"<p>{words}</p>", "")
    with Image.open(results / "a.png") as made:
        assert made.size == (photo().width * 2, photo().height * 2)
        assert "Postprocess upscaler: Nearest" in made.info["postprocessing"]
    (source / "c.png").write_bytes(b"no picture")
    _, summary, faults = run_postprocessing(*batch, *ours)
    assert summary == "<p>2 done before, 0 done now, 1 failed.</p>"
    assert "c.png" in faults
    assert calls == []
    for others in ((0, *batch[1:]), batch):
        unticked = ours if others[0] == 0 else (*ours[:4], False, ours[5])
        assert run_postprocessing(*others, *unticked)[1] == "theirs"
    assert len(calls) == 2
    start.release()
    assert run_postprocessing(*batch, *ours)[1] == "theirs"


def test_a_stopped_picture_is_not_what_the_next_run_gets(
    bare: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The WebUI's script caches what it got (postprocessing_upscale.py of A1111)."""
    _host_with_batches(bare, monkeypatch)
    run_postprocessing = sys.modules["modules.postprocessing"].run_postprocessing
    emptied: list[bool] = []
    runner = sys.modules["modules.scripts"].scripts_postproc
    runner.image_changed = lambda: emptied.append(True)
    one = (0, photo(), None, "", "", False, "other", False, "Nearest", 2, False, "other")
    run_postprocessing(*one)
    assert not emptied
    bare.shared.state.interrupted = True
    entry = next(each for each in bare.shared.sd_upscalers if each.name == "Lab Fast 2x")
    small = entry.scaler.upscale(photo(), 2, entry.data_path)
    assert small.size == (photo().width * 2, photo().height * 2)
    run_postprocessing(*one)
    run_postprocessing(*one)
    assert emptied == [True]
