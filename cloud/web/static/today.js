// Live rows: the server sends a person's row as it changes; it moves to the top.
"use strict";

(() => {
  const rows = document.getElementById("rows");
  const light = document.querySelector("[data-live]");
  if (!rows || !window.EventSource) return;
  const state = rows.dataset.state;
  const department = rows.dataset.department;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let recount = 0;

  function show(on) {
    light.removeAttribute("hidden");
    light.textContent = on ? light.dataset.on : light.dataset.off;
    light.classList.toggle("off", !on);
  }

  function place(change) {
    const old = document.getElementById("row-" + change.person);
    const wanted = (!department || change.department === department) && (!state || change.states.includes(state));
    if (!wanted) {
      if (old) old.remove();
      return;
    }
    const holder = document.createElement("template");
    holder.innerHTML = change.html.trim();
    const row = holder.content.querySelector("tr");
    if (!change.punched && old) {
      old.replaceWith(row);
      return;
    }
    if (old) old.remove();
    if (!calm) row.classList.add("slid");
    rows.prepend(row);
  }

  const source = new EventSource("/live");
  source.addEventListener("open", () => show(true));
  source.addEventListener("error", () => show(false));
  source.addEventListener("rows", (event) => {
    JSON.parse(event.data).forEach(place);
    window.clearTimeout(recount);
    recount = window.setTimeout(() => document.body.dispatchEvent(new Event("recount")), 1000);
  });
  window.addEventListener("pagehide", () => source.close());
})();
