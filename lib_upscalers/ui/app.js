() => {
  // Views of one picture show the same part of it, whatever their sizes.
  let leader = null;
  let release = 0;
  const follow = (event) => {
    const view = event.target;
    if (!(view instanceof HTMLElement) || !view.classList.contains("lab-view")) return;
    if (leader && leader !== view) return;
    leader = view;
    clearTimeout(release);
    release = setTimeout(() => { leader = null; }, 150);
    const across = view.scrollLeft / Math.max(1, view.scrollWidth - view.clientWidth);
    const down = view.scrollTop / Math.max(1, view.scrollHeight - view.clientHeight);
    for (const other of document.querySelectorAll(".lab-view")) {
      if (other === view) continue;
      other.scrollLeft = across * (other.scrollWidth - other.clientWidth);
      other.scrollTop = down * (other.scrollHeight - other.clientHeight);
    }
  };
  document.addEventListener("scroll", follow, { capture: true, passive: true });
  window.labShow = (view) => {
    document.querySelector(".lab-row").classList.toggle("lab-fit", view === "Fit");
    return [];
  };
}
