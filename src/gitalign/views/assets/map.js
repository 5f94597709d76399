// The clash map: drawn for the part that is in sight alone, with names at both edges, zoom, and a cell to walk with the arrow keys.
const OPEN = 1, CLASH = 2, NAMED_FROM = 12, LARGEST = 40;
let drawMap = null;

function clashesAmong(inside) { return DATA.clashes.filter(one => inside.has(one.one) && inside.has(one.other)); }

/* The branches that are looked for, and all they clash with. */
function withPartners(shown, wanted) {
  if (!wanted.find) return { all: shown, sought: new Set() };
  const sought = new Set(shown), everybody = new Set(chosen({ ...wanted, find: "" })), found = new Set(shown);
  for (const at of shown) {
    for (const number of clashesOf[at]) { const clash = DATA.clashes[number]; found.add(clash.one === at ? clash.other : clash.one); }
    if (wanted.undecided) for (const other of openWith(at)) found.add(other);
  }
  return { all: [...found].filter(at => everybody.has(at)), sought };
}

function heatMap(shown, wanted) {
  const { all, sought } = withPartners(shown, wanted);
  const ranked = ordered(all, wanted.sort), inside = new Set(ranked);
  const clashes = clashesAmong(inside);
  const clashing = new Set(clashes.flatMap(one => [one.one, one.other]));
  const met = ranked.filter(at => clashing.has(at) || (wanted.undecided && [...openWith(at)].some(other => inside.has(other))));
  const place = new Map(met.map((at, number) => [at, number])), size = met.length;
  const cells = new Uint8Array(size * size), clashAt = new Map();
  if (wanted.undecided) met.forEach((at, row) => { for (const other of openWith(at)) { const column = place.get(other); if (column !== undefined) cells[row * size + column] = OPEN; } });
  clashes.forEach(clash => {
    const row = place.get(clash.one), column = place.get(clash.other);
    cells[row * size + column] = cells[column * size + row] = CLASH;
    clashAt.set(Math.min(row, column) * size + Math.max(row, column), clash);
  });
  const aside = el("aside", { "aria-live": "polite" }, el("p", { class: "soft" }, "Point at a cell, or walk with the arrow keys, to see the two branches. Click to keep it."));
  const canvas = el("canvas", { role: "application", tabindex: "0", "aria-label": `Clash map of ${branchesOf(size)}, ${plural(clashes.length, "clash", "clashes")}; arrow keys walk through it, Enter opens; the view Branches has the same as a table` });
  const spacer = el("div", { class: "spacer" }, canvas), frame = el("div", { class: "scroll mapframe" }, spacer);
  let side = 0, left = 0, top = 0, kept = null, hovered = null, wasFitted = false;

  const fitting = () => Math.max(2, Math.min(26, Math.floor((frame.clientWidth - left) / Math.max(1, size))));

  function measure() {
    const context = canvas.getContext("2d");
    context.font = "12px system-ui, sans-serif";
    const widest = Math.max(40, ...met.map(at => context.measureText(DATA.branches[at].name).width)) + 14;
    left = Math.ceil(Math.min(widest, 220, frame.clientWidth * 0.36));
    if (!side) side = Math.max(NAMED_FROM + 2, fitting());
    if (wasFitted) side = fitting();
    top = side < NAMED_FROM ? 0 : Math.min(left, 150);
    if (side < NAMED_FROM) left = 0;
  }

  function paint() {
    if (!frame.clientWidth) return;
    measure();
    const extent = side * size;
    frame.style.height = Math.min(extent + top + 18, Math.max(260, innerHeight * 0.75)) + "px";
    const width = frame.clientWidth, height = frame.clientHeight, ratio = window.devicePixelRatio || 1;
    spacer.style.width = left + extent + "px"; spacer.style.height = top + extent + "px";
    canvas.style.width = width + "px"; canvas.style.height = height + "px";
    canvas.width = Math.ceil(width * ratio); canvas.height = Math.ceil(height * ratio);
    const style = getComputedStyle(document.documentElement), colour = key => style.getPropertyValue(key).trim();
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const fromX = frame.scrollLeft, fromY = frame.scrollTop, gap = side > 6 ? 1 : 0;
    const span = (from, room) => [Math.max(0, Math.floor(from / side)), Math.min(size, Math.ceil((from + room) / side))];
    const [row0, row1] = span(fromY, height - top), [column0, column1] = span(fromX, width - left);
    context.fillStyle = colour("--card");
    context.fillRect(0, 0, width, height);
    const colours = { 0: colour("--cell-clean"), [OPEN]: colour("--cell-open"), [CLASH]: colour("--cell-clash") }, own = colour("--cell-self");
    for (let row = row0; row < row1; row++) for (let column = column0; column < column1; column++) {
      context.fillStyle = row === column ? own : colours[cells[row * size + column]];
      context.fillRect(left + column * side - fromX, top + row * side - fromY, side - gap, side - gap);
    }
    const marked = kept || hovered;
    if (marked) {
      context.strokeStyle = colour("--ink");
      context.lineWidth = 2;
      context.strokeRect(left + marked[1] * side - fromX, top + marked[0] * side - fromY, Math.max(4, side - gap), Math.max(4, side - gap));
    }
    if (left) names(context, { colour, width, height, fromX, fromY, row0, row1, column0, column1, marked });
    Object.assign(canvas.dataset, { side, margin: left, top, size });
  }

  function names(context, { colour, width, height, fromX, fromY, row0, row1, column0, column1, marked }) {
    const fitted = (text, room) => { let cut = text; while (cut.length > 3 && context.measureText(cut === text ? cut : cut + "\u2026").width > room) cut = cut.slice(0, -2); return cut === text ? text : cut + "\u2026"; };
    const write = (at, isMarked) => { context.fillStyle = colour(isMarked || sought.has(at) ? "--link" : "--ink"); context.font = (isMarked || sought.has(at) ? "600 " : "") + "12px system-ui, sans-serif"; };
    context.textBaseline = "middle";
    context.fillStyle = colour("--card");
    context.fillRect(0, 0, left, height);
    context.fillRect(0, 0, width, top);
    context.save();
    context.beginPath(); context.rect(0, top, left, height); context.clip();
    context.textAlign = "right";
    for (let row = row0; row < row1; row++) {
      write(met[row], marked && marked[0] === row);
      context.fillText(fitted(DATA.branches[met[row]].name, left - 14), left - 6, top + row * side + side / 2 - fromY);
    }
    context.restore();
    context.save();
    context.beginPath(); context.rect(left, 0, width, top); context.clip();
    context.textAlign = "left";
    for (let column = column0; column < column1; column++) {
      write(met[column], marked && marked[1] === column);
      context.save();
      context.translate(left + column * side + side / 2 - fromX, top - 6);
      context.rotate(-Math.PI / 2);
      context.fillText(fitted(DATA.branches[met[column]].name, top - 14), 0, 0);
      context.restore();
    }
    context.restore();
  }

  function cellAt(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    if (x < left || y < top) return null;
    const column = Math.floor((x - left + frame.scrollLeft) / side), row = Math.floor((y - top + frame.scrollTop) / side);
    return row >= 0 && column >= 0 && row < size && column < size && row !== column ? [row, column] : null;
  }

  function tell(cell) {
    if (!cell) return;
    const [row, column] = cell, one = met[row], other = met[column];
    const verdict = cells[row * size + column];
    const who = at => el("p", {}, toBranch(at), el("br"), el("span", { class: "soft" }, people(DATA.branches[at].authors), " \u00b7 ", age(DATA.branches[at].at)));
    const parts = [who(one), who(other)];
    if (row === column) parts.splice(1, 1);
    else if (verdict === CLASH) {
      const clash = clashAt.get(Math.min(row, column) * size + Math.max(row, column));
      parts.push(el("p", { class: "conflict" }, "clash at " + plural(clash.paths.length, "path")), pathList(clash.paths),
        el("p", { class: "soft" }, BASES[clash.basis]), el("p", {}, el("a", { href: pairLink(one, other) }, "hunks and commits")));
    } else if (verdict === OPEN) {
      const shared = contestsOf[one].map(index => DATA.contests[index]).filter(([, stopping, changing]) => DATA.sets[stopping].includes(other) || (DATA.sets[changing].includes(other) && DATA.sets[stopping].includes(one)));
      parts.push(el("p", { class: "refused" }, "undecided: one of them stops on the target where both change " + plural(shared.length, "path")), pathList(shared.map(contest => contest[0])));
    } else parts.push(el("p", { class: "clean" }, openWith(one).has(other) ? "no clash is known; undecided" : "do not clash"));
    fill(aside, parts);
  }

  function walk(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Enter" && kept && kept[0] !== kept[1]) { location.hash = pairLink(met[kept[0]], met[kept[1]]); return; }
    if (event.key === "+" || event.key === "-") { zoom(event.key === "+" ? 1.5 : 1 / 1.5); return; }
    if (!step || !size) return;
    event.preventDefault();
    const [row, column] = kept || [0, -step[1]];
    kept = [Math.min(size - 1, Math.max(0, row + step[0])), Math.min(size - 1, Math.max(0, column + step[1]))];
    const into = (from, at, room) => at * side < from ? at * side : (at + 1) * side > from + room ? (at + 1) * side - room : from;
    frame.scrollTop = into(frame.scrollTop, kept[0], frame.clientHeight - top);
    frame.scrollLeft = into(frame.scrollLeft, kept[1], frame.clientWidth - left);
    tell(kept);
    paint();
  }

  function zoom(by) {
    const middle = [(frame.scrollLeft + frame.clientWidth / 2) / side, (frame.scrollTop + frame.clientHeight / 2) / side];
    wasFitted = by === 0;
    if (by) side = Math.max(2, Math.min(LARGEST, by > 1 ? Math.max(side + 1, Math.round(side * by)) : Math.min(side - 1, Math.round(side * by))));
    paint();
    frame.scrollLeft = middle[0] * side - frame.clientWidth / 2;
    frame.scrollTop = middle[1] * side - frame.clientHeight / 2;
    paint();
  }

  canvas.addEventListener("mousemove", event => { if (kept) return; const cell = cellAt(event); if (String(cell) === String(hovered)) return; hovered = cell; tell(cell); paint(); });
  canvas.addEventListener("click", event => { const cell = cellAt(event); kept = kept && String(kept) === String(cell) ? null : cell; tell(cell); paint(); });
  canvas.addEventListener("keydown", walk);
  frame.addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
  frame.addEventListener("wheel", event => { if (event.ctrlKey) { event.preventDefault(); zoom(event.deltaY < 0 ? 1.25 : 0.8); } }, { passive: false });

  const sorts = [["clashes", "most clashes"], ["undecided", "most undecided"], ["name", "name"], ["author", "author"], ["age", "oldest"], ["-age", "newest"], ["foreseen", "foreseen"]];
  const button = (label, text, action) => el("button", { type: "button", "aria-label": label, onclick: action }, text);
  const bar = el("div", { class: "filters" },
    el("label", {}, "Order", el("select", { id: "by-sort", onchange: event => go({ sort: event.target.value }) }, sorts.map(([value, text]) => el("option", { value, selected: value === wanted.sort }, text)))),
    el("div", { class: "group", role: "group", "aria-label": "Zoom" }, button("Zoom out", "\u2212", () => zoom(1 / 1.5)), button("Zoom in", "+", () => zoom(1.5)), button("Show the whole map", "whole map", () => zoom(0))),
    undecidedAmong(inside) ? el("button", { type: "button", id: "undecided", "aria-pressed": String(Boolean(wanted.undecided)), onclick: () => go({ undecided: wanted.undecided ? "" : "1" }) }, wanted.undecided ? "Hide undecided pairs" : `Show ${undecidedAmong(inside).toLocaleString("en")} undecided pairs`) : null);
  const key = (cls, text) => el("span", {}, el("i", { class: cls }), text);
  const legend = el("div", { class: "legend" }, key("is-clash", "clash"), wanted.undecided ? key("is-open", "undecided: one of them stops there on the target") : null, key("is-clean", "no clash known"));
  const alone = all.length - size;
  const note = el("p", { class: "soft", role: "status" }, size ? `${branchesOf(size)} shown` + (alone ? `; ${alone.toLocaleString("en")} without a clash have no row` : "") : "No two of these branches are known to clash.");
  drawMap = paint;
  requestAnimationFrame(paint);
  return [bar, legend, note, size ? el("div", { class: "map" }, frame, aside) : null];
}

function undecidedAmong(inside) {
  let count = 0;
  for (const at of inside) for (const other of openWith(at)) if (other > at && inside.has(other)) count++;
  return count;
}

addEventListener("resize", () => drawMap && drawMap());
document.addEventListener("theme", () => drawMap && drawMap());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawMap && drawMap());
