// What every page needs: elements made of text, sortable tables, the theme. No markup is ever made from data.
const DATA = JSON.parse(document.getElementById("data").textContent);

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

function name(text, cls = "") { return el("bdi", { class: ("name " + cls).trim() }, text); }

function fill(place, ...children) { place.replaceChildren(...children.flat(Infinity).filter(one => one !== null && one !== undefined)); }

function plural(count, one, many = one + "s") { return count + " " + (count === 1 ? one : many); }

const BY_TEXT = new Intl.Collator("en", { numeric: true }).compare;

/* columns: {title, key(row) -> number or string, show(row) -> node or string, number, descending} */
function table(columns, rows, { sort, onSort, most = 2000 } = {}) {
  let by = sort || { column: 0, down: false };
  const body = el("tbody");
  const heads = columns.map((column, at) => el("th", { scope: "col", class: column.number ? "number" : null },
    el("button", { type: "button", onclick: () => order({ column: at, down: by.column === at ? !by.down : Boolean(column.number) }) }, column.title)));
  function order(wanted) {
    by = wanted;
    heads.forEach((head, at) => at === by.column ? head.setAttribute("aria-sort", by.down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
    const key = columns[by.column]?.key || (() => 0);
    const keyed = rows.map((row, at) => [key(row), at, row]);
    keyed.sort((a, b) => {
      const found = typeof a[0] === "number" ? a[0] - b[0] : BY_TEXT(a[0], b[0]);
      return (by.down ? -found : found) || a[1] - b[1];
    });
    fill(body, keyed.slice(0, most).map(([, , row]) => el("tr", {}, columns.map(column => el("td", { class: column.number ? "number" : null }, column.show(row))))));
    if (keyed.length > most) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "soft" }, `and ${keyed.length - most} more; filters narrow the list`)));
    if (!keyed.length) body.append(el("tr", {}, el("td", { colspan: columns.length, class: "soft" }, "none")));
    if (onSort) onSort(by, keyed.map(([, , row]) => row));
  }
  order(by);
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
}

function themeButton() {
  const root = document.documentElement;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = el("button", { type: "button", onclick: () => { root.dataset.theme = isDark() ? "light" : "dark"; told(); } });
  function told() { button.textContent = isDark() ? "Light" : "Dark"; document.dispatchEvent(new Event("theme")); }
  told();
  return button;
}
