// Live rows: the server sends a person's row as it changes; it moves to the top. What happened before the server
// listened, when the page was drawn or while the line was down, is read again from the page itself.
"use strict";

(() => {
  const rows = document.getElementById("rows");
  const light = document.querySelector("[data-live]");
  if (!rows || !window.EventSource) return;
  const state = rows.dataset.state;
  const department = rows.dataset.department;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let recount = 0;
  let waiting = null; // changes that come while the page is read again

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

  async function readAgain() {
    waiting = waiting || [];
    try {
      const answer = await fetch(window.location.href);
      const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
      const fresh = page.getElementById("rows");
      if (fresh) rows.replaceChildren(...fresh.children);
    } catch {
      // The line is down again; the next listening reads again.
    }
    const came = waiting;
    waiting = null;
    came.forEach(place);
    document.body.dispatchEvent(new Event("recount"));
  }

  const source = new EventSource("/live");
  source.addEventListener("open", () => show(true));
  source.addEventListener("error", () => show(false));
  source.addEventListener("listening", readAgain);
  source.addEventListener("rows", (event) => {
    const changes = JSON.parse(event.data);
    if (waiting) waiting.push(...changes);
    else changes.forEach(place);
    window.clearTimeout(recount);
    recount = window.setTimeout(() => document.body.dispatchEvent(new Event("recount")), 1000);
  });
  window.addEventListener("pagehide", () => source.close());
})();
