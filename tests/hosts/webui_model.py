"""A small model of the WebUIs' `modules`: facts seen on the real hosts, each with its place.

File and line are of A1111 v1.10.1 (82a973c) unless another host is named. It is no WebUI, only
what an extension of ours meets; tests/webui has the real thing.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

Kind = Literal["a1111", "forge", "reforge", "neo"]
KINDS: tuple[Kind, ...] = ("a1111", "forge", "reforge", "neo")
LANCZOS = Image.Resampling.LANCZOS


def module(name: str, **contents: Any) -> ModuleType:  # noqa: ANN401
    made = ModuleType(name)
    vars(made).update(contents)
    return made


class State:
    """shared_state.py:12-28, 103-122."""

    def __init__(self) -> None:
        self.interrupted = self.skipped = False
        self.job, self.job_no, self.job_count = "", 0, 0
        self.sampling_step = self.sampling_steps = 0
        self.textinfo: str | None = None
        self.seen: list[str] = []

    def begin(self, job: str) -> None:
        self.job, self.job_count, self.job_no, self.sampling_step = job, -1, 0, 0
        self.interrupted = self.skipped = False
        self.textinfo = None

    def end(self) -> None:
        self.job, self.job_count = "", 0


class Options:
    """options.py:82-260: values and their declarations are kept apart."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.data_labels: dict[str, OptionInfo] = {}

    def add_option(self, key: str, info: OptionInfo) -> None:
        self.data_labels[key] = info
        self.data.setdefault(key, info.default)

    def set(self, key: str, value: object) -> None:
        self.data[key] = value
        if self.data_labels[key].onchange is not None:
            self.data_labels[key].onchange()


@dataclass
class OptionInfo:
    """options.py:13-46."""

    default: Any = None
    label: str = ""
    component: Any = None
    component_args: Any = None
    onchange: Any = None
    section: Any = None
    refresh: Any = None
    comment_before: str = ""
    comment_after: str = ""
    infotext: str | None = None
    category_id: str | None = None

    def info(self, text: str) -> OptionInfo:
        self.comment_after += text
        return self


class Upscaler:
    """upscaler.py:13-75."""

    model_name: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    def upscale(self, img: Image.Image, scale: float, selected_model: str | None = None) -> Any:  # noqa: ANN401
        del selected_model
        self.calls += 1
        # upscaler.py:56: sizes are cut to multiples of 8.
        size = int(img.width * scale) // 8 * 8, int(img.height * scale) // 8 * 8
        return img.resize(size, LANCZOS)


@dataclass
class UpscalerData:
    """upscaler.py:92-110; Neo's has no local_data_path (its upscaler.py:72-101)."""

    name: str
    data_path: str | None
    scaler: Any = None
    scale: int = 4
    model: Any = None
    local_data_path: str | None = field(default=None, init=False)


class Patches(ModuleType):
    """patches.py:4-64."""

    def __init__(self) -> None:
        super().__init__("modules.patches")
        self.originals: defaultdict[str, dict[Any, Any]] = defaultdict(dict)

    def patch(self, key: str, obj: Any, field: str, replacement: Any) -> Any:  # noqa: ANN401
        if (obj, field) in self.originals[key]:
            raise RuntimeError(f"patch for {field} is already applied")
        self.originals[key][obj, field] = getattr(obj, field)
        setattr(obj, field, replacement)

    def undo(self, key: str, obj: Any, field: str) -> None:  # noqa: ANN401
        if (obj, field) not in self.originals[key]:
            raise RuntimeError(f"there is no patch for {field} to undo")
        setattr(obj, field, self.originals[key].pop((obj, field)))


def make_txt2img(kind: Kind, shared: ModuleType) -> type:
    """Return the class of txt2img jobs, as far as latents go: processing.py:1364-1385."""

    class StableDiffusionProcessingTxt2Img:
        def __init__(self, hr_upscaler: str, size: tuple[int, int]) -> None:
            # As processing.py has it in line 1283.
            self.latent_scale_mode = shared.latent_upscale_modes.get(hr_upscaler)
            self.hr_upscale_to_x, self.hr_upscale_to_y = size
            self.width, self.height = 64, 64
            self.extra_generation_params: dict[str, Any] = {}
            self.comments: dict[str, int] = {}
            self.saved: list[torch.Tensor] = []
            self.firstpass_image: Any = None
            self.encoded_bands = ""

        def sample(
            self,
            conditioning: Any,  # noqa: ANN401
            unconditional_conditioning: Any,  # noqa: ANN401
            seeds: list[int],
            subseeds: list[int],
            subseed_strength: float,
            prompts: list[str],
        ) -> None:
            del conditioning, unconditional_conditioning, seeds, subseeds, subseed_strength, prompts
            # Forge's processing.py:1356-1364 encodes the picture with all of its bands.
            self.encoded_bands = self.firstpass_image.mode

        def sample_hr_pass(
            self,
            samples: torch.Tensor,
            decoded_samples: Any,  # noqa: ANN401
            seeds: list[int],
            subseeds: list[int],
            subseed_strength: float,
            prompts: list[str],
        ) -> torch.Tensor:
            del decoded_samples, seeds, subseeds, subseed_strength, prompts
            if shared.state.interrupted:  # processing.py:1365
                return samples
            for i in range(samples.shape[0]):
                self.saved.append(samples[i] * 1.0)  # save_intermediate decodes the small latent
            # Neo's processing.py:1563-1569 takes the frames' dimension away for a while.
            video = kind == "neo" and len(samples.shape) == 5
            if video:
                samples = samples.squeeze(2)
            samples = torch.nn.functional.interpolate(
                samples,
                size=(self.hr_upscale_to_y // 8, self.hr_upscale_to_x // 8),
                mode=self.latent_scale_mode["mode"],
                antialias=self.latent_scale_mode["antialias"],
            )
            # processing.py:1400: without the size, so that of the first pass is taken.
            self.conditioned = self.txt2img_image_conditioning(samples)
            return samples.unsqueeze(2) if video else samples

        def txt2img_image_conditioning(
            self,
            x: torch.Tensor,
            width: int | None = None,
            height: int | None = None,
        ) -> tuple[int, int]:
            del x
            return width or self.width, height or self.height

        def comment(self, text: str) -> None:  # processing.py:296
            self.comments[text] = 1

    return StableDiffusionProcessingTxt2Img


class StableDiffusionProcessingImg2Img:
    """processing.py:1725-1734."""

    def __init__(self, latent: torch.Tensor, size: tuple[int, int], resize_mode: int = 3) -> None:
        self.encoded = latent
        self.width, self.height = size
        self.resize_mode = resize_mode
        self.extra_generation_params: dict[str, Any] = {}
        self.comments: dict[str, int] = {}

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        del all_prompts, all_seeds, all_subseeds
        interpolate = torch.nn.functional.interpolate
        # What a VAE's layers do must not be answered by us.
        self.other = interpolate(self.encoded, scale_factor=2.0, mode="nearest")
        self.init_latent = self.encoded * 1.0
        if self.resize_mode == 3:
            size = (self.height // 8, self.width // 8)
            self.init_latent = interpolate(self.init_latent, size=size, mode="bilinear")


# shared.py:55-62; Neo's shared.py:47-48 has none.
MODES = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest", "antialias": False},
    "Latent (nearest-exact)": {"mode": "nearest-exact", "antialias": False},
}


@dataclass
class WebUI:
    """One host's modules, and what a user or the program around them does."""

    kind: Kind
    models: Path
    prepared: list[str] = field(default_factory=list)
    fetched: dict[str, tuple[str, Path]] = field(default_factory=dict)
    callbacks: defaultdict[str, list[Callable[..., Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    # sd_samplers.py:34: what a job asks for a sampler.
    sampler_factory: Callable[[Any, Any], Any] = field(default=lambda _name, _model: None)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.opts, self.patches = State(), Options(), Patches()
        self.shared = module(
            "modules.shared",
            opts=self.opts,
            state=self.state,
            cmd_opts=self._flags(),
            models_path=str(self.models),
            sd_upscalers=[],
            latent_upscale_modes={}
            if self.kind == "neo"
            else {k: dict(v) for k, v in MODES.items()},
            sd_model=SimpleNamespace(is_sd1=True),
            listfiles=lambda folder: sorted(str(each) for each in Path(folder).iterdir()),
        )
        self.modelloader = module("modules.modelloader", load_upscalers=self._load_upscalers)
        self.processing = module(
            "modules.processing",
            opt_f=8,
            StableDiffusionProcessingTxt2Img=make_txt2img(self.kind, self.shared),
            StableDiffusionProcessingImg2Img=type(
                "Img2Img", (StableDiffusionProcessingImg2Img,), {"init": _copy_of_init()}
            ),
        )
        self.script_loading = module("modules.script_loading", loaded_scripts={})
        if self.kind == "neo":
            # Its scripts/postprocessing_upscale.py:8.
            held = module("postprocessing_upscale", load_upscalers=self._load_upscalers)
            self.script_loading.loaded_scripts["postprocessing_upscale.py"] = held
        parts = [
            module("modules"),
            self.shared,
            self.modelloader,
            self.processing,
            self.script_loading,
            self.patches,
            module("modules.options", OptionInfo=OptionInfo),
            module("modules.upscaler", Upscaler=Upscaler, UpscalerData=UpscalerData),
            module(
                "modules.devices",
                device=torch.device("cpu"),
                device_esrgan=torch.device("cpu"),
                torch_gc=lambda: None,
                autocast=nullcontext,
            ),
            module("modules.script_callbacks", **self._callback_modules()),
            module("modules.scripts", scripts_data=[]),
            module("modules.call_queue", queue_lock=Lock()),
            module("modules.hashes", sha256_from_cache=lambda *_: None),
            module("modules.paths_internal", data_path=str(self.models.parent)),
            module("modules.sd_vae", loaded_vae_file=None, get_loaded_vae_name=self._vae_name),
            module(
                "modules.images",
                fix_image=lambda image: image,
                read=Image.open,
                # As images.py has it in line 777, without other programs' texts.
                read_info_from_image=lambda image: (image.info.get("parameters"), {}),
            ),
            module(
                "modules.infotext_utils",
                parse_generation_parameters=parse_generation_parameters,
                get_override_settings=lambda values: [
                    ("Clip skip", "CLIP_stop_at_last_layers", int(values["Clip skip"])),
                    ("Model hash", "sd_model_checkpoint", values.get("Model hash")),
                ],
                image_from_url_text=lambda value: value,
            ),
            self._postprocessing(),
            module(
                "modules.sd_samplers",
                create_sampler=self._create_sampler,
                all_samplers_map={"Euler": None, "Euler a": None},
                # sd_samplers.py:106: an unknown one becomes the first.
                get_sampler_and_scheduler=lambda name, scheduler: (
                    name if name in ("Euler", "Euler a") else "Euler",
                    scheduler or "Automatic",
                ),
            ),
            self._sd_models(),
            module(
                "modules.sd_samplers_common",
                images_tensor_to_samples=lambda pixels, _index, _model: encode(pixels),
                samples_to_images_tensor=lambda samples, _index, _model: decode(samples) * 2 - 1,
            ),
            *self._memory_modules(),
        ]
        for part in parts:
            monkeypatch.setitem(sys.modules, part.__name__, part)
        self.modelloader.load_upscalers()

    def _postprocessing(self) -> ModuleType:
        """postprocessing.py:10-65: a file of a folder that cannot be read is left out."""

        def run_postprocessing(
            mode: int,
            image: Any,  # noqa: ANN401
            folder: Any,  # noqa: ANN401
            input_dir: str,
            *_rest: object,
            save_output: bool = True,
        ) -> tuple[list[Image.Image], str, str]:
            del mode, image, folder, save_output
            outputs: list[Image.Image] = []
            for name in self.shared.listfiles(input_dir):
                try:
                    outputs.append(sys.modules["modules.images"].fix_image(Image.open(name)))
                except (OSError, SyntaxError):
                    continue
            return [each.convert("RGB") for each in outputs], "", ""

        return module("modules.postprocessing", run_postprocessing=run_postprocessing)

    def _sd_models(self) -> ModuleType:
        """sd_models.py:633; Forge begins with a model that can do nothing (its line 385)."""
        model = SimpleNamespace(is_sd1=True, decode_first_stage=decode)
        return module("modules.sd_models", model_data=SimpleNamespace(sd_model=model))

    def _vae_name(self) -> str | None:
        file = sys.modules["modules.sd_vae"].loaded_vae_file
        return None if file is None else Path(file).name

    def _create_sampler(self, name: str, model: Any) -> Any:  # noqa: ANN401
        return self.sampler_factory(name, model)

    def _flags(self) -> SimpleNamespace:
        return SimpleNamespace(
            no_half=True, api=True, nowebui=False, api_auth=None, esrgan_models_path=None
        )

    def _memory_modules(self) -> list[ModuleType]:
        """A1111: lowvram.py. Forge, Neo: modules_forge/utils.py. reForge: forge_util.py."""
        if self.kind == "a1111":
            return [module("modules.lowvram", is_enabled=lambda _model: False)]
        name = "modules_forge.forge_util" if self.kind == "reforge" else "modules_forge.utils"

        def prepare_free_memory(aggressive: bool = False) -> None:
            self.prepared.append(str(aggressive))

        package = module("modules_forge", __path__=[])
        return [package, module(name, prepare_free_memory=prepare_free_memory)]

    def _callback_modules(self) -> dict[str, Any]:
        """script_callbacks.py:456, 581, 588."""
        names = ("on_before_ui", "on_app_started", "on_infotext_pasted", "on_script_unloaded")

        def adder(name: str) -> Callable[[Callable[..., Any]], None]:
            def add(callback: Callable[..., Any]) -> None:
                # A reload forgets the lists, too.
                self.callbacks[name].append(callback)

            return add

        return {name: adder(name) for name in names}

    def _load_upscalers(self) -> None:
        """modelloader.py:102-140: the list is made anew; Neo and reForge replace it likewise."""
        # esrgan_model.py:18 knows .pt and .pth; the others' also .safetensors.
        endings = {".pt", ".pth"} | ({".safetensors"} if self.kind != "a1111" else set())
        scaler = Upscaler("ESRGAN")
        files = sorted((self.models / "ESRGAN").glob("**/*"))
        entries = [
            UpscalerData(path.stem, str(path), scaler) for path in files if path.suffix in endings
        ]
        first = ["None"] if self.kind == "neo" else ["None", "Lanczos", "Nearest"]
        self.shared.sd_upscalers = [
            *(UpscalerData(name, None, Upscaler(name)) for name in first),
            *entries,
        ]
        for name, (address, path) in self.fetched.items():
            entry = UpscalerData(name, address, Upscaler("RealESRGAN"))
            entry.local_data_path = str(path)  # realesrgan_model.py:24
            self.shared.sd_upscalers.append(entry)

    def unload(self) -> None:
        """What "Reload UI" does first: script_callbacks.py:386, then scripts.py:491."""
        self.state.interrupted = True  # shared_state.py:62: request_restart interrupts
        for callback in self.callbacks.pop("on_script_unloaded", []):
            callback()
        self.callbacks.clear()

    def names(self) -> list[str]:
        return [entry.name for entry in self.shared.sd_upscalers]

    def resize(self, image: Image.Image, width: int, height: int, name: str) -> Image.Image:
        """images.py:269-288."""
        scale = max(width / image.width, height / image.height)
        entry = next(entry for entry in self.shared.sd_upscalers if entry.name == name)
        if scale > 1:
            image = entry.scaler.upscale(image, scale, entry.data_path)
        if image.size != (width, height):
            image = image.resize((width, height), LANCZOS)
        return image


def parse_generation_parameters(text: str) -> dict[str, Any]:
    """infotext_utils.py:234, without styles and the like."""
    *lines, last = text.strip().split("\n")
    found = dict(re.findall(r"([\w ]+): ([^,]+)(?:, |$)", last))
    if len(found) < 3:
        return {"Prompt": text, "Negative prompt": "", "Clip skip": "1"}
    width, _, height = found.pop("Size", "").partition("x")
    sizes = {"Size-1": width, "Size-2": height} if height else {}
    prompt = "\n".join(lines)
    return {"Clip skip": "1", **found, **sizes, "Prompt": prompt, "Negative prompt": ""}


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """Stand in for a VAE: the colours of 8x8 pixels, and their mean."""
    mean = torch.nn.functional.avg_pool2d(pixels, 8)
    return torch.cat([mean, mean.mean(dim=1, keepdim=True)], dim=1)


def decode(samples: torch.Tensor) -> torch.Tensor:
    """Stand in for a VAE the other way."""
    return torch.nn.functional.interpolate(samples[:, :3], scale_factor=8.0, mode="nearest")


def _copy_of_init() -> Any:  # noqa: ANN401
    """Return a function of its own, so that patching one test's class leaves others alone."""

    def init(self: Any, all_prompts: Any, all_seeds: Any, all_subseeds: Any) -> None:  # noqa: ANN401
        StableDiffusionProcessingImg2Img.init(self, all_prompts, all_seeds, all_subseeds)

    return init
