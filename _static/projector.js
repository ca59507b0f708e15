// Projector mode: ?projector in the address, or the button in the page's header. Large type, no code,
// and the number keys press the presets of the explorer in view. It lasts until it is switched off
// or the tab is closed.
(() => {
  const KEY = "hl-projector", NAME = "projector", SCALE = 1.4;
  const root = document.documentElement;
  const remember = (on) => {
    try {
      if (on) sessionStorage.setItem(KEY, "1");
      else sessionStorage.removeItem(KEY);
    } catch { /* storage is switched off: the address alone decides */ }
  };
  const remembered = () => {
    try { return sessionStorage.getItem(KEY) === "1"; } catch { return false; }
  };
  const asked = new URL(location.href).searchParams.has(NAME);
  const on = asked || remembered();
  if (on) {
    remember(true);
    root.classList.add("hl-projector");
    // Charts write on a canvas, which no style sheet reaches.
    const font = Object.getOwnPropertyDescriptor(CanvasRenderingContext2D.prototype, "font");
    Object.defineProperty(CanvasRenderingContext2D.prototype, "font", {
      ...font,
      set(text) {
        font.set.call(this, text.replace(/([\d.]+)px/, (_, size) => `${size * SCALE}px`));
      },
    });
  }

  // The charts are drawn for one size, so the page is loaded anew.
  const turn = () => {
    const url = new URL(location.href);
    remember(!on);
    if (on) url.searchParams.delete(NAME);
    else url.searchParams.set(NAME, "");
    if (url.href === location.href) location.reload();
    else location.assign(url.href.replace(/projector=(?=&|#|$)/, NAME));
  };

  // The explorer with most of itself in the window.
  const inView = () => {
    let best = null, most = 0;
    for (const explorer of document.querySelectorAll("[data-explorer][data-state='ready']")) {
      const { top, bottom } = explorer.getBoundingClientRect();
      const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
      if (seen > most) [best, most] = [explorer, seen];
    }
    return best;
  };

  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    const button = inView()?.querySelectorAll("[data-preset]")[event.key - 1];
    if (!button) return;
    event.preventDefault();
    button.click();
  };

  addEventListener("DOMContentLoaded", () => {
    const place = document.querySelector(".article-header-buttons");
    if (place) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm hl-projector-button";
      button.title = on ? "Leave projector mode" : "Projector mode: large type, no code";
      button.setAttribute("aria-label", "Projector mode");
      button.setAttribute("aria-pressed", String(on));
      button.innerHTML = '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="none"'
        + ' stroke="currentColor" stroke-width="2"><path d="M2 4h20M4 4v11h16V4M12 15v3m-4 3 4-3 4 3"/></svg>';
      button.addEventListener("click", turn);
      place.prepend(button);
    }
    if (on) addEventListener("keydown", press);
  });
})();
