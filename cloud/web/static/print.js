// Print buttons show themselves only where there is something to run them.
"use strict";

document.querySelectorAll("[data-print]").forEach((button) => {
  button.removeAttribute("hidden");
  button.addEventListener("click", () => window.print());
});
