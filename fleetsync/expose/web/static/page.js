// A page left open on a second screen follows the newest snapshot. Without this script it stays as it was.
"use strict";
const MINUTE = 60_000;
const TEN_SECONDS = 10_000;
const shown = document.body.dataset.snapshot;

function isBusy() {
  const isFileChosen = [...document.querySelectorAll("input[type=file]")].some((field) => field.files.length);
  return document.hidden || isFileChosen || document.activeElement?.matches("input, select, textarea");
}

async function follow() {
  if (isBusy() || new URLSearchParams(location.search).has("as_of")) return;
  try {
    const answer = await fetch("/api/v1/now", { redirect: "error" });
    if (answer.status === 401 || answer.ok && (await answer.json()).snapshot_at !== shown) location.reload();
  } catch {
    // The daemon restarts or the network is away: what is on the screen carries its time.
  }
}

if (shown) setInterval(follow, MINUTE);
// A page that says how far a pull is.
if (document.querySelector("[data-under-way]")) setInterval(() => isBusy() || location.reload(), TEN_SECONDS);

for (const button of document.querySelectorAll("[data-copies]")) {
  if (!navigator.clipboard) break; // then the lines are selected by hand
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = button.dataset.copied;
  });
}

for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Rows that can be ticked: the arrow keys lead from row to row, with Shift they tick on the way, Enter opens
// the row, and Escape leads to the buttons.
for (const form of document.querySelectorAll("form.ticked")) {
  const boxes = [...form.querySelectorAll("tbody .tick input")];
  const all = form.querySelector("[data-ticks-all]");
  const told = form.querySelector("[data-ticked]");
  const untouched = told.textContent;

  function count() {
    const ticked = boxes.filter((box) => box.checked).length;
    told.textContent = ticked ? told.dataset.ticked.replace("#", ticked) : untouched;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = boxes.indexOf(event.target);
    if (place < 0) return;
    if (event.key === "Enter") {
      event.preventDefault();
      const row = event.target.closest("tr");
      (row.querySelector("a[href^='/people/'], a[href^='/devices/']") ?? row.querySelector("a"))?.click();
    }
    if (event.key === "Escape") form.querySelector(".with-ticked input").focus();
    const next = step && boxes[place + step];
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) event.target.checked = next.checked = true;
    next.focus();
    count();
  }

  form.querySelector("[data-keys]").hidden = false;
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  form.addEventListener("change", count);
  form.addEventListener("keydown", move);
  count();
}
