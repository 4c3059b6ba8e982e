"""Scripts that scroll a page to where something happens, for buttons far below it."""

from __future__ import annotations

TO_VIEWER = """() => {
    document.querySelector("upscaler-lab-viewer")?.scrollIntoView({ block: "start" });
    return [];
}"""
"""Shows the viewer."""

TO_OUTCOME = """() => {
    const regain = (tries) => {
        if (document.activeElement !== document.body || !tries) return;
        document.querySelector("#upscaler-lab-compare")?.focus({ preventScroll: true });
        setTimeout(regain, 100, tries - 1);
    };
    setTimeout(() => {
        const said = document.querySelector("#upscaler-lab-said .lab-alert");
        said?.scrollIntoView({ block: "nearest" });
        regain(30);
    }, 100);
    return [];
}"""
"""Shows the alert of the comparison, if there is one, once the page has it.

A button that was pressed loses the focus while it is not active, and gets it back.
"""
