// Show what a word of the glossary means while the pointer or the focus is on it.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "hl-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let on = null;

  const hide = () => {
    tip.hidden = true;
    on?.removeAttribute("aria-describedby");
    on = null;
  };

  const place = () => {
    const word = on.getClientRects()[0], box = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth - box.width - 8;
    const below = word.bottom + box.height + 8 < innerHeight;
    tip.style.left = `${Math.max(8, Math.min(word.left, room))}px`;
    tip.style.top = `${below ? word.bottom : word.top - box.height}px`;
  };

  const show = (link) => {
    hide();
    on = link;
    tip.textContent = link.dataset.tip;
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    place();
  };

  const start = () => {
    const links = document.querySelectorAll("a.hl-term");
    if (!links.length) return;
    document.body.append(tip);
    for (const link of links) {
      link.addEventListener("pointerenter", () => show(link));
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
      // the pointer may move onto the explanation, which touches its word
      link.addEventListener("pointerleave", (event) => { if (event.relatedTarget !== tip) hide(); });
    }
    tip.addEventListener("pointerleave", hide);
    addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    // a focus may have scrolled the page: the explanation goes along with its word
    addEventListener("scroll", () => { if (on) place(); }, { passive: true });
  };

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
