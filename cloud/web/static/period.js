// The checklist empties itself: it is asked for again every ten seconds while nobody reads one of its lists.
"use strict";

const EVERY_MS = 10_000;

setInterval(() => {
  const list = document.querySelector("[data-checklist]");
  const busy = !list || document.hidden || list.querySelector("details[open]") || list.contains(document.activeElement);
  if (!busy) {
    htmx.ajax("GET", window.location.pathname, { target: "#checklist", swap: "outerHTML" });
  }
}, EVERY_MS);
