// The month by keyboard: arrows walk, Enter opens the day beside the grid, Esc closes it and returns.
"use strict";

(() => {
  const panel = document.getElementById("panel");
  let opener = null;

  const grid = () => document.querySelector("[data-grid]");
  const cells = (row) => row.querySelectorAll("td.d > a");

  // One stop for Tab in the whole grid; the arrows do the rest.
  function rove(target) {
    const table = grid();
    if (!table) return;
    table.querySelectorAll('td.d > a[tabindex="0"]').forEach((cell) => cell.setAttribute("tabindex", "-1"));
    target.setAttribute("tabindex", "0");
  }

  function prepare() {
    const table = grid();
    if (!table) return;
    table.querySelectorAll("td.d > a").forEach((cell) => cell.setAttribute("tabindex", "-1"));
    const first = table.querySelector("td.d.today > a") || table.querySelector("td.d > a");
    if (first) first.setAttribute("tabindex", "0");
  }

  function go(cell, event) {
    if (!cell) return;
    event.preventDefault();
    rove(cell);
    cell.focus();
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!panel.hidden) open(cell, false);
  }

  function walk(event, cell) {
    const row = cell.closest("tr");
    const place = Array.from(cells(row)).indexOf(cell);
    const rows = Array.from(row.parentElement.rows);
    const at = rows.indexOf(row);
    const inRow = (n) => cells(row)[Math.min(Math.max(n, 0), cells(row).length - 1)];
    const inColumn = (n) => cells(rows[Math.min(Math.max(n, 0), rows.length - 1)])[place];
    const moves = {
      ArrowLeft: () => inRow(place - 1),
      ArrowRight: () => inRow(place + 1),
      ArrowUp: () => inColumn(at - 1),
      ArrowDown: () => inColumn(at + 1),
      PageUp: () => inColumn(at - 10),
      PageDown: () => inColumn(at + 10),
      Home: () => inRow(0),
      End: () => inRow(Infinity),
    };
    const move = moves[event.key];
    if (move && !event.ctrlKey && !event.metaKey && !event.altKey) go(move(), event);
  }

  let asked = 0;
  function open(cell, focus) {
    opener = cell;
    document.querySelectorAll("a.chosen").forEach((other) => other.classList.remove("chosen"));
    cell.classList.add("chosen");
    const mine = ++asked;
    window.setTimeout(() => {
      if (mine !== asked) return;
      panel.hidden = false;
      window.htmx.ajax("GET", cell.getAttribute("href"), { target: "#panel", swap: "innerHTML" }).then(() => {
        if (mine !== asked) return;
        panel.scrollTop = 0;
        if (focus) panel.focus({ preventScroll: true });
        cell.scrollIntoView({ block: "nearest", inline: "nearest" });
      });
    }, focus ? 0 : 120);
  }

  function close() {
    if (!panel || panel.hidden) return;
    asked += 1;
    panel.hidden = true;
    panel.replaceChildren();
    document.querySelectorAll("a.chosen").forEach((cell) => cell.classList.remove("chosen"));
    if (opener && opener.isConnected) opener.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      return;
    }
    const cell = event.target.closest && event.target.closest("[data-grid] td.d > a");
    if (cell) walk(event, cell);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      close();
    }
    const cell = event.target.closest("[data-grid] td.d > a");
    if (!cell || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || !window.htmx) return;
    event.preventDefault();
    rove(cell);
    // From the keyboard the place in the grid is kept; a mouse click is followed by reading.
    open(cell, event.detail === 0 ? false : window.matchMedia("(max-width: 1100px)").matches);
  });

  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest && event.target.closest("[data-grid] td.d > a");
    if (cell) rove(cell);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "month") prepare();
  });

  prepare();
})();
