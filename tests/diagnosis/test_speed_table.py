"""Every upscaler is measured in the time that there is; one that fails is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lib_upscalers import StandaloneHost, Upscaler
from lib_upscalers.cli.main import main
from lib_upscalers.diagnosis import speed_table
from lib_upscalers.diagnosis.speed_table import Speed, measure_speeds
from lib_upscalers.ui.speed_form import speed_rows

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.upscaling.choices import Choice

FAST = "Lab Fast 2x"


@pytest.fixture
def host(tmp_path: Path) -> StandaloneHost:
    return StandaloneHost(device_name="cpu", own_data_folder=tmp_path)


def choices(upscaler: Upscaler) -> list[Choice]:
    return [upscaler.find(name) for name in ("Lanczos", FAST)]


def test_without_time_the_smallest_picture_is_measured(host: StandaloneHost) -> None:
    upscaler = Upscaler(host)
    kernel, network = measure_speeds(host, upscaler, choices(upscaler), 0.0)
    assert (kernel.name, kernel.side, kernel.precision, kernel.problem) == ("Lanczos", 64, "", "")
    assert (network.scale, network.side, network.precision) == (2, 64, "fp32")
    assert min(kernel.pixels_per_second, network.pixels_per_second) > 0


def test_with_time_the_largest_one_is_and_its_speed_is_stored(
    host: StandaloneHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_table, "_SIDES", (32, 128))
    monkeypatch.setattr(speed_table, "_MOST_TURNS", 2)
    upscaler = Upscaler(host)
    _, network = measure_speeds(host, upscaler, choices(upscaler), 1e9)
    assert network.side == 128
    stored = Upscaler(host).speed(upscaler.find(FAST))
    assert stored == pytest.approx(1e6 / network.pixels_per_second)


def test_one_that_fails_is_named_and_the_others_are_measured(
    host: StandaloneHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscaler = Upscaler(host)
    run = upscaler.run

    def fails(*arguments: object) -> object:
        if arguments[1] == upscaler.find("Lanczos"):
            raise RuntimeError("it is broken")
        return run(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(upscaler, "run", fails)
    broken, sound = measure_speeds(host, upscaler, choices(upscaler), 0.0)
    assert "it is broken" in broken.problem
    assert not sound.problem
    assert tmp_path.is_dir()


@pytest.mark.slow
def test_the_command_writes_what_was_measured_and_on_what(
    capsys: pytest.CaptureFixture[str], own_folders: None
) -> None:
    del own_folders
    command = ["benchmark", FAST, "--seconds", "1", "--device", "cpu", "-q"]
    assert main([*command, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["torch"]
    assert "threads" in made["device"]
    (network,) = made["upscalers"]
    assert (network["name"], network["backend"], network["problem"]) == (FAST, "torch", "")
    assert main(command) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "SCALE", "SPEED", "PICTURE", "MEMORY", "PRECISION", "DEVICE"]
    assert row.startswith(FAST)
    assert "MP/s" in row


def test_a_page_shows_names_as_text() -> None:
    table = speed_rows([Speed("<b>", 2, 1.5e6), Speed("other", 4, problem="<i>")])
    assert "&lt;b&gt;" in table
    assert "1.5 MP/s" in table
    assert "<i>" not in table
