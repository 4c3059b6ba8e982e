"""What the comparison tab and the fitting of latent networks ask of a WebUI."""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.errors import DiskFullError, InputError, ModelError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui import comparison_services, options, start
from lib_upscalers.hosts.webui import fitting as fitting_module
from lib_upscalers.hosts.webui.fitting import Fitting
from lib_upscalers.hosts.webui.host_progress import job
from lib_upscalers.latent.network_files import UNDECIDED
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.picture import Picture, from_pil
from lib_upscalers.progress import NULL
from lib_upscalers.targets import Target
from lib_upscalers.training.latent import reports as latent_reports
from lib_upscalers.training.latent.latent_pairs import PairPlan
from lib_upscalers.training.latent.latent_training import LatentRecipe
from lib_upscalers.ui.result_use import Used
from lib_upscalers.ui.webui_uses import Places
from tests.cases import each_case
from tests.hosts.test_contract import photo
from tests.hosts.webui_model import OptionInfo

if TYPE_CHECKING:
    from tests.hosts.webui_model import WebUI


# The training has nothing to do with what kind of host it is.
one_host = pytest.mark.parametrize("bare", ["a1111"], indirect=True)


def unload_model() -> None:
    sys.modules["modules.sd_models"].model_data.sd_model = None


@each_case("loaded", [True, False])
def test_latent_modes_can_be_compared(webui: WebUI, *, loaded: bool) -> None:
    assert webui
    if not loaded:
        unload_model()
    candidates = comparison_services.latent_candidates(start.extension().engine)
    assert [candidate.name for candidate in candidates] == options.modes()


@each_case("mode", ["RGB", "RGBA"])
def test_a_candidate_gives_the_exact_size(webui: WebUI, mode: str) -> None:
    assert webui
    candidates = comparison_services.latent_candidates(start.extension().engine)
    one = next(each for each in candidates if each.name == "Latent (bislerp)")
    picture = from_pil(photo(21, 19, mode))
    result = one.run(picture, Target(scale=2.5), NULL).picture
    assert result.size == Target(scale=2.5).resolve(Size(21, 19))
    assert abs(result.pixels.mean() - flattened(picture).pixels.mean()) < 5
    assert ("white" in " ".join(result.notes)) == (mode == "RGBA")


def test_a_colour_that_is_hidden_is_not_in_the_result(webui: WebUI) -> None:
    assert webui
    one = comparison_services.latent_candidates(start.extension().engine)[0]
    green = Picture(np.full((16, 16, 3), (0, 255, 0), np.uint8), np.zeros((16, 16), np.uint8))
    result = one.run(green, Target(scale=2), NULL).picture
    assert result.pixels.min() > 250


@each_case("way", ["images_tensor_to_samples", "samples_to_images_tensor"])
def test_an_autoencoder_that_gives_nan_is_said(webui: WebUI, way: str) -> None:
    assert webui
    common = sys.modules["modules.sd_samplers_common"]
    right = getattr(common, way)
    setattr(common, way, lambda *given: right(*given) * float("nan"))
    one = comparison_services.latent_candidates(start.extension().engine)[0]
    with pytest.raises(ModelError, match="NaN or Inf"):
        one.run(from_pil(photo()), Target(scale=2), NULL)
    setattr(common, way, right)


def test_a_model_that_left_meanwhile_is_said(webui: WebUI) -> None:
    assert webui
    one = comparison_services.latent_candidates(start.extension().engine)[0]
    unload_model()
    with pytest.raises(InputError, match="generate any picture first"):
        one.run(from_pil(photo()), Target(scale=2), NULL)


def test_a_comparison_is_the_hosts_job(webui: WebUI) -> None:
    lock = sys.modules["modules.call_queue"].queue_lock
    webui.state.interrupted = True
    closing = threading.Event()
    with job(closing.is_set) as stopped:
        assert webui.state.job == "Upscaler Lab"
        assert not stopped(), "what was interrupted before does not count"
        webui.state.interrupted = True
        assert stopped()
        webui.state.interrupted = False
        closing.set()
        assert stopped(), "a reload ends what has begun after it was asked for"
        assert lock.locked()
    assert webui.state.job == ""
    assert not lock.locked()


def test_results_lie_where_the_host_serves_them(webui: WebUI) -> None:
    assert webui.models.parent.resolve() in comparison_services.store().folder.parents


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make fitting as short as can be."""
    real = latent_reports.FitSettings
    recipe = LatentRecipe(channels=1, features=8, blocks=1, fine=8, fine_blocks=1, steps=3, batch=1)
    plan = PairPlan(cells=8, views=1, drawings=2)

    def tiny(minutes: float, folder: Path | None, digest: str | None) -> object:
        return real(minutes, folder, digest, recipe, plan, parts=1)

    monkeypatch.setattr(latent_reports, "FitSettings", tiny)


@pytest.mark.slow
@one_host
@pytest.mark.usefixtures("short")
def test_a_network_that_loses_lies_apart_until_it_is_accepted(webui: WebUI) -> None:
    engine = start.extension().engine
    fitting = Fitting(engine)
    report = list(fitting.run(0.2))[-1]
    assert report.path is not None
    assert report.path.parent == engine.latents() / UNDECIDED, "three steps teach nothing"
    assert report.path.name.startswith("sd1")
    assert webui.state.job == ""
    with pytest.MonkeyPatch.context() as patch:

        def full(_path: Path) -> Path:
            raise DiskFullError("the disk is full")

        patch.setattr(fitting_module, "accept", full)
        with pytest.raises(DiskFullError):
            fitting.accept()
    assert Path(fitting.accept()).parent == engine.latents(), "and again"
    assert not report.path.exists()


@one_host
def test_without_a_model_there_is_nothing_to_learn_from(webui: WebUI) -> None:
    assert webui
    unload_model()
    fitting = Fitting(start.extension().engine)
    for _ in range(2):
        with pytest.raises(InputError, match="choose one"):
            list(fitting.run(1))


@pytest.mark.slow
@one_host
def test_it_can_be_stopped_and_only_one_runs(webui: WebUI) -> None:
    fitting = Fitting(start.extension().engine)
    reports = fitting.run(30)
    next(reports)
    with pytest.raises(InputError, match="cancel"):
        list(fitting.run(30))
    webui.state.interrupted = True
    assert all(report.path is None for report in reports)


@pytest.mark.slow
@one_host
@pytest.mark.usefixtures("short")
@each_case("others, stopped", [(False, True), (True, False)])
def test_an_interrupt_between_two_turns_is_for_the_job_before(
    webui: WebUI, *, others: bool, stopped: bool
) -> None:
    """It stops the training, but not if another job was interrupted meanwhile."""
    state, fitting = webui.state, Fitting(start.extension().engine)
    stamps = itertools.count()
    state.job_timestamp = "before"

    def pause(_seconds: float) -> None:
        state.interrupted = True
        if others:
            state.job_timestamp = f"another's, {next(stamps)}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting_module, "_TURN_SECONDS", -1.0)
        patch.setattr(fitting_module.time, "sleep", pause)
        reports = list(fitting.run(0.2))
    assert (reports[-1].path is None) == stopped


@one_host
def test_a_folder_without_pictures_is_said(webui: WebUI) -> None:
    (webui.models / "empty").mkdir()
    with pytest.raises(InputError, match="picture"):
        list(Fitting(start.extension().engine).run(1, str(webui.models / "empty")))


HIRES = ("txt2img_hr-checkbox", "txt2img_hr_upscaler", "txt2img_hr_scale")
PAGE = (
    *(*HIRES, "txt2img_hr_resize_x", "txt2img_hr_resize_y", "img2img_scale"),
    *("upscaler_lab_extras-checkbox", "extras_upscale-checkbox", "upscaler_lab_size_by"),
    *("txt2img_denoising_strength", "txt2img_hires_steps"),
    *("upscaler_lab_scale", "upscaler_lab_upscaler_1", "upscaler_lab_upscaler_2"),
    "upscaler_lab_upscaler_3",
)


def test_a_result_is_used_where_the_host_lists_its_upscaler(webui: WebUI, tmp_path: Path) -> None:
    """A name that a menu does not list would blank it."""
    saved: list[str] = []
    places = Places(
        *(dict.fromkeys(PAGE, "there"), start.extension().listed),
        *(lambda tab: f"{tab}_image", lambda _component, path: path, saved.append),
    )
    uses = {use.label.split(" (")[0]: use for use in places.uses()}
    picture = tmp_path / "in.png"
    filled = {
        label: dict(zip(use.outputs, use.fill(Used("Ours 2x", 2.5, picture)), strict=False))
        for label, use in uses.items()
    }
    assert filled["Extras"]["extras_image"] == picture
    assert filled["img2img"]["img2img_image"] == picture
    assert saved == ["Ours 2x"]
    assert "sav" in uses["img2img"].label, "the button says that it saves a setting"
    finished = uses["Hires. fix"].fill(Used("Latent (bislerp)", 2, picture, 0.3, 7))
    assert [finished[1], *finished[-2:]] == ["Latent (bislerp)", 0.3, 7]
    for use in uses.values():
        assert len(use.outputs) == len(use.fill(Used("Ours 2x", 2.5, picture)))
        assert not use.refuse("Ours 2x")
    assert uses["Hires. fix"].fill(Used("Latent (bislerp)", 6, picture))[:3] == [
        *(True, "Latent (bislerp)"),
        4.0,
    ]
    refused = {
        "Latent (bislerp)": {"Extras", "img2img"},
        "Mitchell": set[str](),
        "Spline36": {"Hires. fix", "img2img"},
        "Lanczos": set[str](),
        # The WebUI's own, which finished pictures may be made with.
        "Latent": {"Extras", "img2img", *(["Hires. fix"] if webui.kind == "neo" else [])},
        "None": {"Extras"},
    }
    for name, labels in refused.items():
        assert {label for label, use in uses.items() if use.refuse(name)} == labels, name
    assert webui


@one_host
def test_pictures_go_into_inputs_as_those_take_them(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert webui
    canvas, plain = object(), SimpleNamespace(image_mode="RGBA")
    fields = {"img2img": {"init_img": canvas}, "extras": {"init_img": plain}}
    texts = SimpleNamespace(paste_fields=fields)
    monkeypatch.setitem(sys.modules, "modules.infotext_utils", texts)
    read = {"in.png": photo()}
    monkeypatch.setattr(sys.modules["modules.images"], "read", read.get, raising=False)
    path = Path("in.png")
    assert comparison_services.picture_input("txt2img") is None
    assert comparison_services.inputs_of_paths("img2img", "extras", "txt2img") == [plain]
    assert comparison_services.input_value(plain, path) == "in.png"
    assert comparison_services.input_value(canvas, path) is read["in.png"]


@one_host
def test_the_upscaler_of_img2img_is_saved(webui: WebUI, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: dict[str, object] = {}
    webui.opts.add_option("upscaler_for_img2img", OptionInfo())
    monkeypatch.setattr(webui.shared, "config_filename", "config.json", raising=False)
    monkeypatch.setattr(
        webui.opts,
        "save",
        lambda file: saved.update({file: webui.opts.data["upscaler_for_img2img"]}),
        raising=False,
    )
    comparison_services.set_img2img_upscaler("Lanczos")
    assert saved == {"config.json": "Lanczos"}
