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
