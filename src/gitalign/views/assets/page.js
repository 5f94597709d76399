// What every page needs: elements made of text, the address, links, sortable tables, keys, the theme. No markup is ever made from data.
const DATA = JSON.parse(document.getElementById("data").textContent);
const DAY = 86400;
const IS_NARROW = matchMedia("(max-width: 640px)");

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

function name(text, cls = "") { return el("bdi", { class: ("name " + cls).trim() }, text); }

function fill(place, ...children) { place.replaceChildren(...children.flat(Infinity).filter(one => one !== null && one !== undefined && one !== false)); }

function plural(count, one, many = one + "s") { return count.toLocaleString("en") + " " + (count === 1 ? one : many); }

function branchesOf(count) { return plural(count, "branch", "branches"); }

const BY_TEXT = new Intl.Collator("en", { numeric: true }).compare;

/* The address after #: key=value, percent-encoded. What is looked at lives there, so that a link to it can be sent. */
function asked() {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    const value = part.slice(at + 1);
    try { found[part.slice(0, at)] = decodeURIComponent(value); } catch { found[part.slice(0, at)] = value; }
  }
  return found;
}

function encoded(text) { return encodeURIComponent(text).replaceAll("%2F", "/").replace(/[!'()*]/g, sign => "%" + sign.charCodeAt(0).toString(16).toUpperCase()); }

function addressOf(values) {
  return "#" + Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([key, value]) => key + "=" + encoded(String(value))).join("&");
}

/* Pages of the hosting service; plain text where it has none. */
function outside(href, ...children) {
  return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children) : el("span", {}, ...children);
}

function pageOf(what, values) {
  const made = DATA.links[what];
  return made ? made.replace(/\{(\w+)\}/g, (_, key) => encoded(values[key])) : null;
}

function commitId(id, isHosted, digits = 10) {
  return id ? outside(isHosted ? pageOf("commit", { id }) : null, el("code", {}, id.slice(0, digits))) : "";
}

function person(at) {
  if (at === null || at === undefined || !DATA.authors[at]) return "";
  const [called, address, href] = DATA.authors[at];
  const made = outside(href, name(called || address));
  made.setAttribute("title", address);
  return made;
}

function people(numbers, most = 1) {
  return numbers.length ? [numbers.slice(0, most).map((one, at) => [at ? ", " : "", person(one)]), numbers.length > most ? el("span", { class: "soft" }, ` +${numbers.length - most}`) : null] : "";
}

function authorName(numbers) { return numbers.length ? DATA.authors[numbers[0]][0] || DATA.authors[numbers[0]][1] : ""; }

function days(at) { return at ? Math.max(0, Math.floor((DATA.as_of - at) / DAY)) : -1; }

function age(at) {
  const count = days(at);
  if (count < 0) return "";
  const text = count === 0 ? "today" : count < 60 ? plural(count, "day") : count < 730 ? plural(Math.floor(count / 30.44), "month") : plural(Math.floor(count / 365.25), "year");
  return el("time", { datetime: new Date(at * 1000).toISOString(), title: new Date(at * 1000).toISOString().slice(0, 10) }, text);
}

function day(seconds) { return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC"; }

/* What resolves the conflict of a branch, to be pasted into a shell; nothing for names that cannot be typed. */
function toResolve(branch) {
  if (/\\x|\\u/.test(branch.name)) return null;
  const word = text => /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
  const on = words => words + (branch.name.startsWith("-") ? " -- " : " ") + word(branch.name);
  return commandLine((branch.remote ? on("git branch --track") + " " + word(branch.remote + "/" + branch.name) + " && " : "") + on("git align resolve"));
}

function commandLine(text) { return el("code", { class: "command" }, text); }

/* columns: {title, key(row) -> number or string, show(row) -> node or string, number, wide}. On a narrow screen each row is a card. */
function table(columns, rows, { sort, onSort, most = 2000, label = "" } = {}) {
  let by = sort || { column: 0, down: false };
  const body = el("tbody", { role: "rowgroup" });
  const heads = columns.map((column, at) => el("th", { scope: "col", role: "columnheader", class: column.number ? "number" : null },
    el("button", { type: "button", onclick: () => order({ column: at, down: by.column === at ? !by.down : Boolean(column.number) }) }, column.title)));
  const choice = el("select", { onchange: event => order({ column: Number(event.target.value), down: Boolean(columns[Number(event.target.value)].number) }) },
    columns.map((column, at) => column.title ? el("option", { value: at }, column.title) : null));
  const turn = el("button", { type: "button", "aria-label": "Turn the order round", onclick: () => order({ column: by.column, down: !by.down }) });
  function order(wanted) {
    by = wanted;
    heads.forEach((head, at) => at === by.column ? head.setAttribute("aria-sort", by.down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
    choice.value = String(by.column);
    turn.textContent = by.down ? "\u2193" : "\u2191";
    const key = columns[by.column]?.key || (() => 0);
    const keyed = rows.map((row, at) => [key(row), at, row]);
    keyed.sort((a, b) => {
      const found = typeof a[0] === "number" ? a[0] - b[0] : BY_TEXT(a[0], b[0]);
      return (by.down ? -found : found) || a[1] - b[1];
    });
    const cell = (column, row, at) => {
      const shown = column.show(row);
      const isEmpty = shown === "" || shown === null || shown === undefined;
      return el("td", { role: "cell", "data-label": column.title, class: [column.number ? "number" : "", isEmpty ? "empty" : "", at === 0 ? "first" : "", column.wide ? "wide" : ""].join(" ").trim() || null }, el("span", { class: "value" }, shown));
    };
    fill(body, keyed.slice(0, most).map(([, , row]) => el("tr", { role: "row" }, columns.map((column, at) => cell(column, row, at)))));
    const note = text => body.append(el("tr", { role: "row", class: "note" }, el("td", { role: "cell", colspan: columns.length, class: "soft first" }, text)));
    if (keyed.length > most) note(`and ${keyed.length - most} more; filters narrow the list`);
    if (!keyed.length) note("none");
    if (onSort) onSort(by);
  }
  order(by);
  return el("div", {}, rows.length > 1 ? el("div", { class: "sortby" }, el("label", {}, "Sort by ", choice), turn) : null,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label || "Table" }, el("table", { role: "table", "aria-label": label || null }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)), body)));
}

/* What is searched for most stands alone on a narrow screen; the rest is folded away there. */
function filterBar(search, others) {
  return el("div", { class: "filters", role: "search" }, search, IS_NARROW.matches ? el("details", {}, el("summary", {}, "Filters"), el("div", { class: "filters" }, others)) : others);
}

function tile(number, text, cls, press, isPressed) {
  const shown = [el("b", { class: cls }, typeof number === "number" ? number.toLocaleString("en") : number), text];
  return el("li", {}, press ? el("button", { type: "button", "aria-pressed": String(Boolean(isPressed)), onclick: press }, shown) : el("div", {}, shown));
}

function tabBar(tabs, current, hrefOf) {
  return el("nav", { class: "tabs", "aria-label": "Views" }, tabs.map(([id, text]) => el("a", { href: hrefOf(id), "aria-current": id === current ? "page" : null }, text)));
}

/* What is drawn again keeps the focus: who works with the keyboard stays where they are. */
function keepingFocus(redraw) {
  const active = document.activeElement, tiles = [...document.querySelectorAll(".tiles button")].indexOf(active);
  const find = active.id ? () => document.getElementById(active.id) : active.closest(".tabs") ? () => document.querySelector(".tabs a[aria-current]") : tiles >= 0 ? () => document.querySelectorAll(".tiles button")[tiles] : null;
  redraw();
  if (find && !active.isConnected) find()?.focus({ preventScroll: true });
}

function themeButton() {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = el("button", { type: "button", onclick: () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); } });
  function show() { button.textContent = isDark() ? "Light" : "Dark"; document.dispatchEvent(new Event("theme")); }
  show();
  return button;
}

/* Keys: / search, j and k through the rows, Escape back, digits for the views. */
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, select, textarea");
  const press = action => { event.preventDefault(); action(); };
  if (typing) {
    if (event.key === "Escape") press(() => typing.blur());
    return;
  }
  const links = () => [...document.querySelectorAll("main tbody td.first a")];
  const step = by => { const all = links(); const at = all.indexOf(document.activeElement); all[Math.min(all.length - 1, Math.max(0, at + (at < 0 && by < 0 ? 0 : by)))]?.focus(); };
  const tabs = document.querySelectorAll("nav.tabs a");
  if (event.key === "/") press(() => (document.getElementById("by-find") || document.querySelector("a.back"))?.focus());
  else if (event.key === "j" && links().length) press(() => step(1));
  else if (event.key === "k" && links().length) press(() => step(-1));
  else if (event.key === "Escape" && document.querySelector("a.back")) press(() => document.querySelector("a.back").click());
  else if (/^[1-9]$/.test(event.key) && tabs[Number(event.key) - 1]) press(() => tabs[Number(event.key) - 1].click());
}
addEventListener("keydown", keys);
