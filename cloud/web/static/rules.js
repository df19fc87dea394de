// Rules: a month that is chosen is tried at once; cells of the roster are dragged over.
"use strict";

(() => {
  document.addEventListener("change", (event) => {
    const address = event.target.dataset && event.target.dataset.submit;
    if (!address) return;
    const form = event.target.form;
    form.action = address;
    form.submit();
  });

  const table = document.querySelector("[data-roster]");
  if (!table) return;
  const form = document.getElementById("roster");
  const told = form.querySelector("[data-chosen]");
  const month = table.dataset.roster;
  let anchor = null;
  let tip = null;
  let dragging = false;

  const bodyRows = () => Array.from(table.tBodies[0].rows);
  const place = (cell) => ({ row: bodyRows().indexOf(cell.parentElement), day: cell.cellIndex - 2 });
  const dateOf = (day) => `${month}-${String(day + 1).padStart(2, "0")}`;
  const cellAt = (at) => {
    const row = bodyRows()[at.row];
    return row && at.day >= 0 ? row.cells[at.day + 2] : null;
  };

  told.textContent = window.matchMedia("(pointer: coarse)").matches ? told.dataset.touch : told.dataset.none;
  bodyRows().forEach((row) => Array.from(row.cells).slice(2).forEach((cell) => cell.setAttribute("tabindex", "-1")));
  if (cellAt({ row: 0, day: 0 })) cellAt({ row: 0, day: 0 }).setAttribute("tabindex", "0");

  function choose(from, to) {
    anchor = from;
    tip = to;
    const rows = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
    const days = [Math.min(from.day, to.day), Math.max(from.day, to.day)];
    bodyRows().forEach((row, n) => {
      const inside = n >= rows[0] && n <= rows[1];
      row.querySelector("input[type=checkbox]").checked = inside;
      Array.from(row.cells).slice(2).forEach((cell, day) => {
        cell.classList.toggle("chosen", inside && day >= days[0] && day <= days[1]);
      });
    });
    form.elements.first.value = dateOf(days[0]);
    form.elements.last.value = dateOf(days[1]);
    told.textContent = told.dataset.some
      .replace("#n", String(rows[1] - rows[0] + 1))
      .replace("#d", String(days[1] - days[0] + 1));
  }

  const dayCell = (target) => target.closest && target.closest("[data-roster] tbody td.d");

  table.addEventListener("pointerdown", (event) => {
    const cell = dayCell(event.target);
    if (!cell || event.button !== 0 || event.pointerType === "touch") return;
    event.preventDefault();
    dragging = true;
    choose(event.shiftKey && anchor ? anchor : place(cell), place(cell));
    cell.focus({ preventScroll: true });
  });
  table.addEventListener("pointerover", (event) => {
    const cell = dragging && dayCell(event.target);
    if (cell) choose(anchor, place(cell));
  });
  document.addEventListener("pointerup", () => {
    dragging = false;
  });
  // A finger scrolls; its taps choose one corner, then the other.
  table.addEventListener("click", (event) => {
    const cell = dayCell(event.target);
    if (!cell || event.pointerType !== "touch") return;
    const single = anchor && tip && anchor.row === tip.row && anchor.day === tip.day;
    choose(single ? anchor : place(cell), place(cell));
  });

  table.addEventListener("keydown", (event) => {
    const cell = dayCell(event.target);
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!cell || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = place(cell);
    const next = { row: at.row + step[0], day: at.day + step[1] };
    const target = next.row < 0 ? null : cellAt(next);
    if (!target) return;
    event.preventDefault();
    cell.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
    target.focus();
    choose(event.shiftKey && anchor ? anchor : next, next);
  });
})();
