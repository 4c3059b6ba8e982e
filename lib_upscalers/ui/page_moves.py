"""Scripts that scroll a page to where something happens, for buttons far below it."""

from __future__ import annotations

TO_VIEWER = """() => {
    document.querySelector("upscaler-lab-viewer")?.scrollIntoView({ block: "start" });
    return [];
}"""
"""Shows the viewer."""

TO_OUTCOME = """() => {
    setTimeout(() => {
        const said = document.querySelector("#upscaler-lab-said .lab-alert");
        said?.scrollIntoView({ block: "nearest" });
    }, 100);
    return [];
}"""
"""Shows the alert of the comparison, if there is one, once the page has it."""
