// A page left open on a second screen follows the newest snapshot. Without this script it stays as it was.
"use strict";
const MINUTE = 60_000;
const shown = document.body.dataset.snapshot;

async function follow() {
  const isBusy = document.hidden || document.activeElement?.matches("input, select, textarea");
  if (isBusy || new URLSearchParams(location.search).has("as_of")) return;
  try {
    const answer = await fetch("/api/v1/now", { redirect: "error" });
    if (answer.status === 401 || answer.ok && (await answer.json()).snapshot_at !== shown) location.reload();
  } catch {
    // The daemon restarts or the network is away: what is on the screen carries its time.
  }
}

if (shown) setInterval(follow, MINUTE);
