const AGES = [["", "any"], ["<30", "under 30 days"], [">30", "over 30 days"], [">60", "over 60 days"], [">90", "over 90 days"]];
const CLEAN = 0, OPEN = 1, CLASH = 2, DAY = 86400;
const BASES = {
  aligned: "both once aligned",
  partial: "as far as git merges each with the target",
  as_they_stand: "their tips, as they share commits",
};
const NOW = Date.now() / 1000;

// Who meets whom: per branch, its clashes, and the contests it is part of.
const clashesOf = DATA.branches.map(() => []);
const contestsOf = DATA.branches.map(() => []);
DATA.clashes.forEach((clash, at) => { clashesOf[clash.one].push(at); clashesOf[clash.other].push(at); });
DATA.contests.forEach((contest, at) => contest.stopping.concat(contest.changing).forEach(one => contestsOf[one].push(at)));
const openWith = DATA.branches.map((_, at) => {
  const found = new Set();
  for (const number of contestsOf[at]) {
    const contest = DATA.contests[number];
    const stops = contest.stopping.includes(at);
    for (const other of contest.stopping) if (other !== at) found.add(other);
    if (stops) for (const other of contest.changing) found.add(other);
  }
  return found;
});

const targetOf = {};
DATA.targets.forEach((target, at) => { targetOf[target.name] = at; });
const first = DATA.targets.reduce((best, target, at) => {
  const size = DATA.branches.filter(one => one.target === target.name).length;
  return size > best.size ? { at, size } : best;
}, { at: 0, size: -1 }).at;

/* What is looked at lives in the address, so that it can be sent to somebody. */
function state() {
  const asked = new URLSearchParams(location.hash.slice(1));
  return {
    tab: asked.get("tab") || (DATA.with_pairs ? "map" : "branches"),
    branch: asked.get("branch"),
    target: asked.has("target") ? asked.get("target") : DATA.targets.length ? String(first) : "",
    prospect: asked.get("prospect") || "", author: asked.get("author") || "", age: asked.get("age") || "",
    path: asked.get("path") || "", find: asked.get("find") || "", sort: asked.get("sort") || "clashes",
  };
}

function link(changed, keep = state()) {
  const wanted = { ...keep, branch: null, ...changed };
  const asked = new URLSearchParams();
  for (const [key, value] of Object.entries(wanted)) if (value) asked.set(key, value);
  if (wanted.target === "") asked.set("target", "");
  return "#" + asked;
}

function go(changed) { history.replaceState(null, "", link(changed)); draw(true); }

function toBranch(at, cls = "") { return el("a", { href: link({ branch: String(at) }) }, name(DATA.branches[at].name, cls)); }

function person(at) {
  const [called, address] = DATA.authors[at];
  return el("span", { title: address }, name(called || address));
}

function days(branch) { return branch.at ? Math.max(0, Math.floor((NOW - branch.at) / DAY)) : -1; }

function chosen(wanted) {
  const path = wanted.path.toLowerCase(), find = wanted.find.toLowerCase();
  const touching = path && new Set(DATA.paths.flatMap((one, at) => one.toLowerCase().includes(path) ? [at] : []));
  return DATA.branches.flatMap((branch, at) => {
    if (wanted.target !== "" && targetOf[branch.target] !== Number(wanted.target)) return [];
    if (wanted.prospect && branch.prospect !== wanted.prospect) return [];
    if (wanted.author && !branch.authors.includes(Number(wanted.author))) return [];
    if (find && !branch.name.toLowerCase().includes(find)) return [];
    if (wanted.age && branch.at) {
      const over = days(branch) > Number(wanted.age.slice(1));
      if (over !== (wanted.age[0] === ">")) return [];
    }
    if (touching && !pathsOf(at).some(one => touching.has(one))) return [];
    return [at];
  });
}

function pathsOf(at) {
  const found = [...DATA.branches[at].paths];
  for (const number of clashesOf[at]) found.push(...DATA.clashes[number].paths);
  for (const number of contestsOf[at]) found.push(DATA.contests[number].path);
  return found;
}

function filters(wanted) {
  const select = (key, title, options) => el("label", {}, title, el("select", { id: "by-" + key, onchange: event => go({ [key]: event.target.value }) },
    options.map(([value, text]) => el("option", { value, selected: String(value) === wanted[key] }, text))));
  const text = (key, title, hint) => el("label", {}, title, el("input", { id: "by-" + key, type: "search", value: wanted[key], placeholder: hint, oninput: event => go({ [key]: event.target.value }) }));
  const seen = [...new Set(DATA.branches.map(one => one.prospect))];
  const people = DATA.authors.map(([called, address], at) => [at, called ? `${called} <${address}>` : address]).sort((a, b) => BY_TEXT(a[1], b[1]));
  return el("div", { class: "filters" },
    select("target", "Target", [["", "all"], ...DATA.targets.map((target, at) => [at, target.shown])]),
    select("prospect", "Foreseen", [["", "all"], ...seen.map(one => [one, one])]),
    select("author", "Author", [["", "anybody"], ...people]),
    select("age", "Last commit", AGES),
    text("path", "Path", "src/"), text("find", "Branch", "feature/"),
    el("button", { type: "button", onclick: () => go({ target: String(first), prospect: "", author: "", age: "", path: "", find: "" }) }, "Reset"));
}

function tiles(shown) {
  const count = prospect => shown.filter(at => DATA.branches[at].prospect === prospect).length;
  const inside = new Set(shown);
  const clashing = DATA.clashes.filter(one => inside.has(one.one) && inside.has(one.other)).length;
  let open = 0;
  for (const at of shown) for (const other of openWith[at]) if (other > at && inside.has(other)) open++;
  const others = shown.length - count("clean") - count("conflict") - count("unchanged");
  const tile = (number, text, cls) => el("li", {}, el("b", { class: cls }, number.toLocaleString("en")), text);
  return el("ul", { class: "tiles" }, tile(shown.length, "branches"), tile(count("clean"), "would align", "clean"),
    tile(count("conflict"), "stop", "conflict"), tile(count("unchanged"), "unchanged", "unchanged"),
    others ? tile(others, "refused or failed", "failed") : null,
    DATA.with_pairs ? [tile(clashing, "pairs clash", "conflict"), tile(open, "pairs undecided", "refused")] : null);
}

const COLUMNS = [
  { id: "name", title: "branch", key: at => DATA.branches[at].name, show: at => toBranch(at) },
  { id: "target", title: "target", key: at => DATA.branches[at].target, show: at => name(DATA.targets[targetOf[DATA.branches[at].target]].shown) },
  { id: "foreseen", title: "foreseen", key: at => DATA.branches[at].prospect, show: at => el("span", { class: DATA.branches[at].prospect }, DATA.branches[at].prospect) },
  { id: "author", title: "author", key: at => DATA.authors[DATA.branches[at].authors[0]]?.[0] || "", show: at => authorsShown(at) },
  { id: "age", title: "days", number: true, key: at => days(DATA.branches[at]), show: at => DATA.branches[at].at ? String(days(DATA.branches[at])) : "" },
  { id: "own", title: "own", number: true, key: at => DATA.branches[at].own, show: at => String(DATA.branches[at].own) },
  { id: "behind", title: "behind", number: true, key: at => DATA.branches[at].behind, show: at => String(DATA.branches[at].behind) },
  { id: "clashes", title: "clashes", number: true, key: at => clashesOf[at].length * 10000 + openWith[at].size, show: at => String(clashesOf[at].length) },
  { id: "undecided", title: "undecided", number: true, key: at => openWith[at].size, show: at => String(openWith[at].size) },
  { id: "why", title: "why", key: at => DATA.branches[at].reason, show: at => name(DATA.branches[at].reason) },
];

function authorsShown(at) {
  const all = DATA.branches[at].authors;
  return all.length ? el("span", {}, person(all[0]), all.length > 1 ? el("span", { class: "soft" }, ` +${all.length - 1}`) : null) : "";
}

function branchTable(shown, wanted) {
  const column = Math.max(0, COLUMNS.findIndex(one => one.id === wanted.sort.replace("-", "")));
  const sort = { column, down: wanted.sort.startsWith("-") !== Boolean(COLUMNS[column].number) };
  return table(COLUMNS, shown, {
    sort,
    onSort: by => history.replaceState(null, "", link({ sort: (by.down !== Boolean(COLUMNS[by.column].number) ? "-" : "") + COLUMNS[by.column].id })),
  });
}

function ordered(shown, sort) {
  const column = COLUMNS.find(one => one.id === sort.replace("-", "")) || COLUMNS[0];
  const down = sort.startsWith("-") !== Boolean(column.number);
  return [...shown].sort((a, b) => {
    const [x, y] = [column.key(a), column.key(b)];
    const found = typeof x === "number" ? x - y : BY_TEXT(x, y);
    return (down ? -found : found) || a - b;
  });
}

function heatMap(shown, wanted) {
  const all = ordered(shown, wanted.sort);
  // A branch that meets nobody has an empty row; it is counted, not drawn.
  const inside = new Set(all);
  const met = all.filter(at => [...openWith[at]].some(other => inside.has(other)) || clashesOf[at].some(number => inside.has(DATA.clashes[number].one) && inside.has(DATA.clashes[number].other)));
  const place = new Map(met.map((at, number) => [at, number]));
  const size = met.length;
  const cells = new Uint8Array(size * size), clashAt = new Map();
  met.forEach((at, row) => { for (const other of openWith[at]) { const column = place.get(other); if (column !== undefined) cells[row * size + column] = OPEN; } });
  DATA.clashes.forEach((clash, number) => {
    const [row, column] = [place.get(clash.one), place.get(clash.other)];
    if (row === undefined || column === undefined) return;
    cells[row * size + column] = cells[column * size + row] = CLASH;
    clashAt.set(Math.min(row, column) * size + Math.max(row, column), number);
  });
  const aside = el("aside", {}, el("p", { class: "soft" }, "Point at a cell to see the two branches; click to keep it."));
  const canvas = el("canvas", { role: "img", tabindex: "0", "aria-label": `Clash map of ${size} branches; the tables say the same in words` });
  const scroll = el("div", { class: "scroll" }, canvas);
  let side = 4, margin = 0, kept = null;

  function paint() {
    const style = getComputedStyle(document.documentElement), colour = key => style.getPropertyValue(key).trim();
    const room = Math.max(300, (scroll.clientWidth || 840) - 4);
    const named = size <= 60;
    const context = canvas.getContext("2d");
    context.font = "12px system-ui, sans-serif";
    const widest = named ? Math.min(220, Math.max(0, ...met.map(at => context.measureText(DATA.branches[at].name).width)) + 12) : 0;
    margin = Math.ceil(widest);
    side = Math.max(named ? 15 : 2, Math.min(26, Math.floor((room - margin) / Math.max(1, size))));
    const extent = margin + side * size, ratio = window.devicePixelRatio || 1;
    canvas.width = Math.ceil(extent * ratio); canvas.height = Math.ceil((named ? extent : side * size) * ratio);
    canvas.style.width = extent + "px"; canvas.style.height = (named ? extent : side * size) + "px";
    context.scale(ratio, ratio);
    const top = named ? margin : 0, gap = side > 6 ? 1 : 0;
    const colours = [colour("--cell-clean"), colour("--cell-open"), colour("--cell-clash")];
    context.fillStyle = colours[CLEAN];
    context.fillRect(margin, top, side * size, side * size);
    if (gap) {
      context.fillStyle = colour("--card");
      for (let line = 0; line <= size; line++) { context.fillRect(margin + line * side - 1, top, 1, side * size); context.fillRect(margin, top + line * side - 1, side * size, 1); }
    }
    for (const what of [OPEN, CLASH]) {
      context.fillStyle = colours[what];
      for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) {
        if (cells[row * size + column] === what) context.fillRect(margin + column * side, top + row * side, side - gap, side - gap);
      }
    }
    context.fillStyle = colour("--cell-self");
    for (let row = 0; row < size; row++) context.fillRect(margin + row * side, top + row * side, side - gap, side - gap);
    if (named) {
      context.fillStyle = colour("--ink");
      context.font = "12px system-ui, sans-serif";
      context.textBaseline = "middle";
      const fitted = text => { let cut = text; while (cut.length > 4 && context.measureText(cut).width > margin - 12) cut = cut.slice(0, -2); return cut === text ? text : cut + "\u2026"; };
      met.forEach((at, row) => {
        const text = fitted(DATA.branches[at].name);
        context.textAlign = "right";
        context.fillText(text, margin - 6, top + row * side + side / 2);
        context.save();
        context.translate(margin + row * side + side / 2, margin - 6);
        context.rotate(-Math.PI / 2);
        context.textAlign = "left";
        context.fillText(text, 0, 0);
        context.restore();
      });
    }
    canvas.dataset.side = side; canvas.dataset.margin = margin; canvas.dataset.top = top;
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - margin) / side);
    const row = Math.floor((event.clientY - box.top - (size <= 60 ? margin : 0)) / side);
    return row >= 0 && column >= 0 && row < size && column < size && row !== column ? [row, column] : null;
  }
  function tell(cell) {
    if (!cell) return;
    const [row, column] = cell;
    const one = met[row], other = met[column];
    const number = clashAt.get(Math.min(row, column) * size + Math.max(row, column));
    const verdict = cells[row * size + column];
    const parts = [el("p", {}, toBranch(one), el("span", { class: "soft" }, " and "), toBranch(other))];
    if (verdict === CLASH) {
      const clash = DATA.clashes[number];
      parts.push(el("p", { class: "conflict" }, "clash at " + plural(clash.paths.length, "path")), pathList(clash.paths),
        el("p", { class: "soft" }, BASES[clash.basis]), el("p", {}, el("a", { href: link({ branch: String(one) }) + "&with=" + other }, "hunks and commits")));
    } else if (verdict === OPEN) {
      const shared = contestsOf[one].map(index => DATA.contests[index]).filter(contest => contest.stopping.includes(other) || (contest.changing.includes(other) && contest.stopping.includes(one)));
      parts.push(el("p", { class: "refused" }, "undecided: one of them stops on the target where both change " + plural(shared.length, "path")), pathList(shared.map(contest => contest.path)));
    } else parts.push(el("p", { class: "clean" }, "do not clash"));
    fill(aside, parts);
  }
  canvas.addEventListener("mousemove", event => { if (!kept) tell(at(event)); });
  canvas.addEventListener("click", event => { const cell = at(event); kept = kept ? null : cell; tell(cell); });
  const sorts = [["clashes", "most clashes"], ["undecided", "most undecided"], ["name", "name"], ["author", "author"], ["age", "oldest"], ["-age", "newest"], ["foreseen", "foreseen"]];
  const bar = el("div", { class: "filters" }, el("label", {}, "Order", el("select", { id: "by-sort", onchange: event => go({ sort: event.target.value }) },
    sorts.map(([value, text]) => el("option", { value, selected: value === wanted.sort }, text)))));
  const key = (cls, text) => el("span", {}, el("i", { style: `background: var(${cls})` }), text);
  const legend = el("div", { class: "legend" }, key("--cell-clash", "clash"), key("--cell-open", "undecided: one of them stops there on the target"), key("--cell-clean", "no clash"));
  const alone = all.length - size;
  const note = el("p", { class: "soft" }, size ? `${plural(size, "branch", "branches")} shown` + (alone ? `; ${alone} more meet nobody and have no row` : "") : "No two of these branches clash.");
  drawMap = paint;
  requestAnimationFrame(paint);
  return [bar, legend, note, size ? el("div", { class: "map" }, scroll, aside) : null];
}
let drawMap = null;

function pathList(numbers, most = 12) {
  const shown = numbers.slice(0, most);
  return el("ul", { class: "plain mono" }, shown.map(at => el("li", {}, name(DATA.paths[at]))), numbers.length > most ? el("li", { class: "soft" }, `and ${numbers.length - most} more`) : null);
}

function people(shown) {
  const inside = new Set(shown.flatMap(at => DATA.branches[at].authors));
  const rows = DATA.talks.filter(talk => inside.has(talk.one) || inside.has(talk.other));
  return table([
    { title: "who", key: talk => DATA.authors[talk.one][0], show: talk => person(talk.one) },
    { title: "must talk to", key: talk => DATA.authors[talk.other][0], show: talk => talk.one === talk.other ? el("span", { class: "soft" }, "both branches are theirs") : person(talk.other) },
    { title: "clashes", number: true, key: talk => talk.clashes, show: talk => String(talk.clashes) },
    { title: "at", key: talk => DATA.paths[talk.paths[0]] || "", show: talk => pathList(talk.paths, 3) },
  ], rows, { sort: { column: 2, down: true } });
}

function contested(shown, wanted) {
  const inside = new Set(shown), found = new Map();
  const row = at => { if (!found.has(at)) found.set(at, { path: at, stops: new Set(), clash: new Set(), change: new Set() }); return found.get(at); };
  for (const at of shown) for (const path of DATA.branches[at].paths) row(path).stops.add(at);
  for (const clash of DATA.clashes) if (inside.has(clash.one) && inside.has(clash.other)) for (const path of clash.paths) row(path).clash.add(clash.one).add(clash.other);
  for (const contest of DATA.contests) {
    for (const at of contest.stopping) if (inside.has(at)) row(contest.path).stops.add(at);
    for (const at of contest.changing) if (inside.has(at)) row(contest.path).change.add(at);
  }
  const rows = [...found.values()].filter(one => !wanted.path || DATA.paths[one.path].toLowerCase().includes(wanted.path.toLowerCase()));
  return table([
    { title: "path", key: one => DATA.paths[one.path], show: one => el("a", { href: link({ path: DATA.paths[one.path], tab: "branches" }) }, name(DATA.paths[one.path], "mono")) },
    { title: "stop there", number: true, key: one => one.stops.size, show: one => String(one.stops.size) },
    { title: "clash there", number: true, key: one => one.clash.size, show: one => String(one.clash.size) },
    { title: "change it, too", number: true, key: one => one.change.size, show: one => String(one.change.size) },
  ], rows, { sort: { column: 1, down: true } });
}

function conflictList(conflicts) {
  return el("ul", { class: "plain" }, conflicts.map(([kind, paths]) => el("li", {}, DATA.kinds[kind].replace(/^CONFLICT \((.*)\)$/, "$1"), ": ", paths.map((path, at) => [at ? ", " : "", name(DATA.paths[path], "mono")]))));
}

function commitList(ids) {
  if (!ids.length) return el("p", { class: "soft" }, "no own commit touches these paths by itself");
  return el("ul", { class: "plain" }, ids.map(id => {
    const [subject, author] = DATA.commits[id] || ["", 0];
    return el("li", {}, el("code", {}, id.slice(0, 10)), " ", name(subject), " ", el("span", { class: "soft" }, person(author)));
  }));
}

function hunkSide(title, [from, to, text]) {
  const where = from === null ? "" : to < from ? `nothing, at line ${from}` : from === to ? `line ${from}` : `lines ${from} to ${to}`;
  const more = from !== null && to - from + 1 > text.length ? "\n\u2026" : "";
  return el("div", {}, name(title), " ", el("span", { class: "soft" }, where), el("pre", {}, text.join("\n") + more));
}

function branchPage(at) {
  const branch = DATA.branches[at];
  const asked = new URLSearchParams(location.hash.slice(1)).get("with");
  const parts = [
    el("p", {}, el("a", { href: link({}) }, "\u2190 all branches")),
    el("h2", {}, name(branch.name)),
    el("p", {}, el("span", { class: branch.prospect }, branch.prospect), " on ", name(DATA.targets[targetOf[branch.target]].shown), branch.reason ? [": ", name(branch.reason)] : ""),
    el("p", { class: "soft" }, el("code", {}, branch.tip.slice(0, 12)), ` \u00b7 ${plural(branch.own, "own commit")} \u00b7 ${branch.behind} behind`,
      branch.at ? ` \u00b7 last commit ${new Date(branch.at * 1000).toISOString().slice(0, 10)}` : ""),
    branch.authors.length ? el("p", {}, "By ", branch.authors.map((one, number) => [number ? ", " : "", person(one)])) : null,
  ];
  if (branch.prospect === "conflict") {
    parts.push(el("h3", {}, branch.commit ? `Stops at commit ${branch.position} of ${branch.total}` : "Stops while the target is merged in"));
    if (branch.commit) parts.push(el("p", {}, el("code", {}, branch.commit.slice(0, 10)), " ", name(branch.subject)));
    parts.push(conflictList(branch.conflicts));
  }
  if (DATA.with_pairs) {
    parts.push(el("h3", {}, `Clashes with ${plural(clashesOf[at].length, "branch", "branches")}`));
    for (const number of clashesOf[at]) {
      const clash = DATA.clashes[number], isOne = clash.one === at, other = isOne ? clash.other : clash.one;
      const details = el("details", { open: String(other) === asked || clashesOf[at].length === 1 },
        el("summary", {}, name(DATA.branches[other].name), " ", el("span", { class: "soft" }, `at ${plural(clash.paths.length, "path")}, ${BASES[clash.basis]}`)));
      details.append(el("p", {}, toBranch(other), " ", el("span", { class: "soft" }, "by "), authorsShown(other)), conflictList(clash.conflicts));
      for (const [path, one, second] of clash.hunks) {
        details.append(name(DATA.paths[path], "mono"), el("div", { class: "sides" }, hunkSide(branch.name, isOne ? one : second), hunkSide(DATA.branches[other].name, isOne ? second : one)));
      }
      if (clash.left_out) details.append(el("p", { class: "soft" }, `and ${plural(clash.left_out, "more hunk")}`));
      details.append(el("div", { class: "sides" }, el("div", {}, el("b", {}, "commits here"), commitList(clash.commits[isOne ? 0 : 1])), el("div", {}, el("b", {}, "commits there"), commitList(clash.commits[isOne ? 1 : 0]))));
      parts.push(details);
    }
    parts.push(el("h3", {}, `Undecided with ${plural(openWith[at].size, "branch", "branches")}`));
    for (const number of contestsOf[at]) {
      const contest = DATA.contests[number], stops = contest.stopping.includes(at);
      const others = (stops ? contest.stopping.concat(contest.changing) : contest.stopping).filter(one => one !== at);
      if (!others.length) continue;
      parts.push(el("details", {}, el("summary", {}, name(DATA.paths[contest.path], "mono"), el("span", { class: "soft" }, stops ? ` it stops here; ${plural(others.length, "other branch", "other branches")} stop or change it, too` : ` it changes this; ${plural(others.length, "other branch stops", "other branches stop")}`)),
        el("ul", { class: "plain" }, others.slice(0, 200).map(one => el("li", {}, toBranch(one))), others.length > 200 ? el("li", { class: "soft" }, `and ${others.length - 200} more`) : null)));
    }
  }
  return parts;
}

function draw(typing = false) {
  const wanted = state(), main = document.getElementById("main");
  drawMap = null;
  if (wanted.branch !== null && DATA.branches[Number(wanted.branch)]) { fill(main, branchPage(Number(wanted.branch))); scrollTo(0, 0); return; }
  const shown = chosen(wanted);
  const tabs = [["map", "Clash map"], ["branches", "Branches"], ["people", "Who must talk to whom"], ["paths", "Paths"]].filter(([id]) => DATA.with_pairs || (id !== "map" && id !== "people"));
  const content = { map: () => heatMap(shown, wanted), branches: () => branchTable(shown, wanted), people: () => people(shown), paths: () => contested(shown, wanted) }[wanted.tab] || (() => branchTable(shown, wanted));
  const count = DATA.counts.find(one => wanted.target !== "" && one.target === DATA.targets[Number(wanted.target)]?.name);
  const body = [tiles(shown),
    count ? el("p", { class: "soft" }, `${count.pairs.toLocaleString("en")} pairs: ${count.pruned.toLocaleString("en")} proved clean without a merge, ${count.merged.toLocaleString("en")} merged by git (${count.clashing.toLocaleString("en")} clash), ${count.undecided.toLocaleString("en")} undecided` + (count.failed ? `, ${count.failed} could not be merged` : "") + (count.left_out ? `; ${plural(count.left_out, "branch", "branches")} compared with nobody` : "")) : null,
    DATA.complete ? null : el("p", { class: "conflict" }, "The forecast was stopped before it was done."),
    el("nav", { class: "tabs" }, tabs.map(([id, text]) => el("a", { href: link({ tab: id }), "aria-current": id === wanted.tab ? "page" : null }, text))),
    content()];
  if (typing && document.getElementById("filters")) fill(document.getElementById("body"), body);
  else fill(main, el("div", { id: "filters" }, filters(wanted)), el("div", { id: "body" }, body));
}

fill(document.getElementById("title"), name(DATA.name));
fill(document.getElementById("targets"), DATA.targets.map((target, at) => [at ? " \u00b7 " : "", name(target.shown), " ", el("code", {}, target.tip.slice(0, 10))]));
fill(document.getElementById("theme"), themeButton());
addEventListener("hashchange", () => draw());
addEventListener("resize", () => drawMap && drawMap());
document.addEventListener("theme", () => drawMap && drawMap());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawMap && drawMap());
draw();
