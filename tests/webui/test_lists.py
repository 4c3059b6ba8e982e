"""What the WebUI lists: every name, once, in order, behind its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.latent import LATENT_MODES
from tests.webui import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.webui.conftest import Bare
    from tests.webui.host import WebUI


def test_our_networks_come_after_the_hosts_own(webui: WebUI, bare: Bare) -> None:
    """What other tests put into the host's own folder is listed among the host's own."""
    names = webui.names()
    assert [name for name in names if name in bare.upscalers] == bare.upscalers
    added = names[names.index(bare.upscalers[-1]) + 1 :]
    assert jobs.OWN in added
    assert jobs.FOUR in added
    assert len(names) == len(set(names))


def test_a_file_that_the_host_lists_is_not_listed_again(webui: WebUI, bare: Bare) -> None:
    assert [name for name in webui.names() if jobs.TWO in name] == [jobs.TWO]
    items = {item["name"]: item for item in webui.get("/sdapi/v1/upscalers").body}
    paths = [item["model_path"] for item in items.values() if item["model_path"]]
    assert len(paths) == len(set(paths))


def test_our_latent_modes_come_after_the_hosts_own(webui: WebUI, bare: Bare) -> None:
    names = webui.names("latent-upscale-modes")
    assert names[: len(bare.modes)] == bare.modes
    added = names[len(bare.modes) :]
    assert added == [name for name in LATENT_MODES if name in added]
    assert {"Latent (area)", "Latent (Mitchell)", "Latent (Lanczos3)"} <= set(added)


def test_bad_files_are_left_out_without_a_traceback(webui: WebUI) -> None:
    assert not [name for name in webui.names() if "broken" in name or "cut" in name]
    assert webui.complaints(until=webui.log.index("Running on local URL")) == []


def test_settings_are_known_to_the_api(webui: WebUI, needs: Callable[[str], None]) -> None:
    needs("settings in the API")
    settings = webui.get("/sdapi/v1/options").body
    for key in ("folders", "tile", "overlap", "precision", "cache", "unload", "kernel"):
        assert f"upscaler_lab_{key}" in settings
    assert settings["upscaler_lab_host_networks"] is False


def test_scripts_are_known_to_the_api(webui: WebUI) -> None:
    assert jobs.RESIZE.lower() in webui.get("/sdapi/v1/scripts").body["img2img"]
    assert jobs.RESIZE.lower() not in webui.get("/sdapi/v1/scripts").body["txt2img"]
