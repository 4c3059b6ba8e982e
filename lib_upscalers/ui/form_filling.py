"""Fill a form of the app as it was last, when its section is opened.

Imports gradio; import this module only to build a page.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from lib_upscalers.ui.gradio_compat import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradio.components import Component

    from lib_upscalers.ui.folder_actions import FolderForm
    from lib_upscalers.ui.video_values import VideoForm
    from lib_upscalers.upscaling.choices import Choice


# In the browser, once the answer is there: what was typed meanwhile stays.
_FILL = "(last, ...now) => now[0] || now[1] ? now : now.map((value, i) => last[i] || value)"


def fill_when_opened(
    opened: gr.Accordion,
    inputs: Sequence[Component],
    last: Callable[[], FolderForm | VideoForm],
    choices: Callable[[], Sequence[Choice]],
) -> Any:  # noqa: ANN401 - gradio's own type
    """Fill an empty form with what it held last, also in another tab of the browser.

    Args:
        opened: The section.
        inputs: Its fields, in the order of the form's; the first two are where pictures come from
            and where results go.
        last: Returns the form.
        choices: Returns the upscalers that its menu has; one that is gone is left out.

    Returns:
        The step after which it is filled.
    """
    held = gr.JSON(visible=False)

    def read() -> list[Any]:
        form = last()
        if form.upscaler not in {each.name for each in choices()}:
            form = replace(form, upscaler="")
        return list(asdict(form).values())

    asked = listen(opened.expand, read, None, [held])
    return listen(asked.then, None, [held, *inputs], inputs, js=_FILL)
