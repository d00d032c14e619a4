// Shortcuts, the pause of live parts, and what is said aloud. Every act works without this file.
"use strict";
(() => {
  const body = document.body;
  const byId = (id) => document.getElementById(id);
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

  // ---- live parts -------------------------------------------------------------------------------
  const pause = byId("pause");
  const stale = byId("stale");
  let paused = false;
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Resume updates" : "Pause updates";
    });
  }
  const isLive = (event) => event.detail.elt?.hasAttribute("data-live");
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isLive(event) && (paused || document.hidden)) event.preventDefault();
  });
  const failed = (event) => { if (stale && isLive(event)) stale.hidden = false; };
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);

  // What was unfolded stays so.
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    unfolded = [...event.detail.target.querySelectorAll("details[open][id]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) byId(id)?.setAttribute("open", "");
  });

  // Only what changed is said, not every number of every refresh.
  let said = document.querySelector("[data-announce]")?.dataset.announce;
  document.addEventListener("htmx:afterSettle", (event) => {
    const news = document.querySelector("[data-announce]")?.dataset.announce;
    if (news && news !== said) { byId("announce").textContent = news; said = news; }
    if (stale && event.detail.elt) stale.hidden = true;
  });

  // ---- shortcuts --------------------------------------------------------------------------------
  if (body.dataset.shortcuts === "off") return;

  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
  }

  function decide(verdict) {
    const choice = document.querySelector(`input[name="verdict"][value="${verdict}"]`);
    if (!choice) return;
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    byId("reason").focus();
    byId("decide").scrollIntoView({ block: "nearest" });
  }

  const focus = (id) => { const field = byId(id); if (field) { field.focus(); field.select?.(); } };
  const go = (address) => { location.href = address; };
  const keys = {
    j: () => step(1), k: () => step(-1),
    r: () => decide("reinstate"), c: () => decide("confirm"), f: () => decide("false_positive"),
    n: () => focus("comment"), "/": () => focus("search"), "?": () => byId("help").showModal(),
  };
  const places = { o: "/", c: "/cases", i: "/incidents", k: "/keys", s: "/silences", p: "/policy",
    d: "/detectors", a: "/audit" };
  let going = false;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target) && event.target.type !== "radio") return;
    if (byId("help").open) return;
    const act = going && places[event.key] ? () => go(places[event.key]) : keys[event.key];
    going = event.key === "g";
    if (act) { event.preventDefault(); act(); }
  });
})();
