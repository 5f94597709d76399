"use strict";
// Keys for people who like them: / search, j and k through the rows, ? this list. Everything works without them.
const KEYS = [["/", "search"], ["j", "next row"], ["k", "previous row"], ["g n", "Now"], ["g j", "jobs"], ["?", "this list"], ["Esc", "leave a field, close this list"]];
let isGoing = false;

function helpOf() {
  const known = document.getElementById("keys");
  if (known) return known;
  const dialog = document.createElement("dialog");
  dialog.id = "keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys";
  const list = document.createElement("dl");
  for (const [key, words] of KEYS) {
    const name = document.createElement("dt");
    for (const part of key.split(" ")) {
      const sign = document.createElement("kbd");
      sign.textContent = part;
      name.append(sign, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = words;
    list.append(name, meaning);
  }
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, list, close);
  document.body.append(dialog);
  return dialog;
}

function step(by) {
  const rows = [...document.querySelectorAll("main td.first a")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + (at < 0 && by < 0 ? 0 : by)))]?.focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest?.("input, select, textarea");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (isGoing) {
    isGoing = false;
    const place = { n: "/", j: "/jobs" }[event.key];
    if (place) location.assign(place);
    return;
  }
  if (event.key === "/") { event.preventDefault(); document.getElementById("by-find")?.focus(); }
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "g") isGoing = true;
  else if (event.key === "?" && !document.querySelector("dialog[open]")) helpOf().showModal();
});
