// What HTML alone cannot do. Every page works without it; htmx sends the forms marked hx-boost and hx-get in place.
"use strict";

const say = (words, wrong) => {
  const place = document.getElementById("said");
  if (!place) return;
  const box = document.createElement("div");
  box.className = wrong ? "said wrong" : "said";
  const line = document.createElement("p");
  line.textContent = words;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.dataset.close = "";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "×";
  box.append(line, close);
  place.replaceChildren(box);
};

// A refused change is told where the person is; what they typed stays in the form.
document.addEventListener("htmx:responseError", (event) => {
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  const words = answer.querySelector("[data-says]");
  say(words ? words.textContent.trim() : "This did not work; reload the page and try again.", true);
});
document.addEventListener("htmx:sendError", () => say("The console does not answer; nothing was changed.", true));

// Menus close when something else is clicked, or with Escape; messages close with their button.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.closest("[data-close]")) event.target.closest(".said")?.remove();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  document.querySelector(".said .close")?.click();
});
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.menu[open]")) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== event.target) menu.open = false;
    }
    // Where there is more room above than below, it opens upwards.
    const [panel, button] = [event.target.querySelector(".panel"), event.target.getBoundingClientRect()];
    const below = window.innerHeight - button.bottom;
    panel.classList.toggle("up", panel.offsetHeight > below && button.top > below);
  }
}, true);

// In a menu the arrows lead from entry to entry; down opens it.
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step || event.target.matches("input")) return;
  event.preventDefault();
  menu.open = true;
  const entries = [...menu.querySelectorAll(".panel button:not([disabled]), .panel a")];
  const at = entries.indexOf(document.activeElement);
  entries[at < 0 && step < 0 ? entries.length - 1 : (at + step + entries.length) % entries.length]?.focus();
});

// Rows are chosen with boxes: one for all of the page, Shift for a range; the toolbar shows how many. A box may stand
// outside its form and name it, as each row may have forms of its own.
let last = null;
const boxesOf = (form) => [...form.elements].filter((each) => each.matches("input[type=checkbox][name=chosen]"));
const chosen = (form) => {
  const boxes = boxesOf(form);
  const count = boxes.filter((box) => box.checked).length;
  for (const box of boxes) box.closest("tr")?.setAttribute("aria-selected", box.checked);
  const all = [...form.elements].find((each) => each.matches("[data-all]"));
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  for (const bar of form.querySelectorAll("[data-chosen]")) bar.hidden = count === 0;
  for (const words of form.querySelectorAll("[data-count]")) words.textContent = count;
};
document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches?.("input[type=checkbox]")) return;
  const form = box.form;
  if (!form || !form.matches("[data-choose]")) return;
  const boxes = boxesOf(form);
  if (box.matches("[data-all]")) for (const each of boxes) each.checked = box.checked;
  if (event.shiftKey && last && boxes.includes(last) && boxes.includes(box)) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
  }
  if (boxes.includes(box)) last = box;
  chosen(form);
});

// Keys: an element with data-key is pressed by its key, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
  if (event.key === "/" && document.querySelector("[data-search]")) {
    event.preventDefault();
    document.querySelector("[data-search]").focus();
    return;
  }
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]:not([disabled])`);
  if (wanted) {
    event.preventDefault();
    wanted.click();
  }
});

// After a part of the page was exchanged, boxes are counted anew.
const recount = () => document.querySelectorAll("form[data-choose]").forEach(chosen);
document.addEventListener("htmx:afterSettle", recount);
document.addEventListener("DOMContentLoaded", recount);
window.addEventListener("pageshow", recount);
