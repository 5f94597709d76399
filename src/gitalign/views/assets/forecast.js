const AGES = [["", "any"], ["<30", "under 30 days"], [">30", "over 30 days"], [">60", "over 60 days"], [">90", "over 90 days"]];
const BASES = {
  aligned: "both once aligned",
  partial: "as far as git merges each with the target",
  as_they_stand: "their tips, as they share commits",
};

// Each branch with its clashes, and the contests it is part of.
const clashesOf = DATA.branches.map(() => []), contestsOf = DATA.branches.map(() => []), numbersOf = new Map();
DATA.clashes.forEach((clash, at) => { clashesOf[clash.one].push(at); clashesOf[clash.other].push(at); });
DATA.contests.forEach(([, stopping, changing], at) => DATA.sets[stopping].concat(DATA.sets[changing]).forEach(one => contestsOf[one].push(at)));
DATA.branches.forEach((branch, at) => {
  if (!numbersOf.has(branch.name)) numbersOf.set(branch.name, []);
  numbersOf.get(branch.name).push(at);
  branch.paths ??= [...new Set((branch.conflicts || []).flatMap(([, found]) => found.flat()))];
  if (branch.prospect === "conflict") branch.reason = `conflicts ${branch.commit ? `at commit ${branch.position} of ${branch.total}` : "merging branch and target"}: ${branch.paths.slice(0, 3).map(one => DATA.paths[one]).join(", ")}` + (branch.paths.length > 3 ? ` and ${branch.paths.length - 3} more` : "");
});
const openSets = [];
/* Those with which a branch is undecided. */
function openWith(at) {
  if (openSets[at]) return openSets[at];
  const found = openSets[at] = new Set();
  for (const number of contestsOf[at]) {
    const [, stopping, changing] = DATA.contests[number];
    for (const other of DATA.sets[stopping]) if (other !== at) found.add(other);
    if (DATA.sets[stopping].includes(at)) for (const other of DATA.sets[changing]) found.add(other);
  }
  return found;
}

const DEFAULTS = { tab: DATA.with_pairs && DATA.clashes.length && !IS_NARROW.matches ? "map" : "branches", sort: "clashes" };

function state() {
  return { tab: "", target: "", prospect: "", author: "", age: "", path: "", find: "", sort: "", undecided: "", ...DEFAULTS, ...asked() };
}

function link(changed, keep = state()) {
  const wanted = { ...keep, branch: null, on: null, with: null, ...changed };
  for (const [key, value] of Object.entries(DEFAULTS)) if (wanted[key] === value) wanted[key] = "";
  return addressOf(wanted);
}

/* As a link would do it: what was looked at before is one step back. */
function jump(changed) { const to = link(changed); if (to === location.hash) draw(); else location.hash = to; }

function go(changed) { history.replaceState(null, "", link(changed)); draw(true); }

function branchLink(at) {
  const branch = DATA.branches[at];
  return link({ branch: branch.name, on: numbersOf.get(branch.name).length > 1 ? branch.target : null });
}

function pairLink(one, other) { return branchLink(one) + "&with=" + encoded(DATA.branches[other].name); }

function toBranch(at) { return el("a", { href: branchLink(at) }, name(DATA.branches[at].name)); }

function numberOf(wanted) {
  const found = numbersOf.get(wanted.branch) || [];
  return found.find(at => DATA.branches[at].target === wanted.on) ?? found.find(at => DATA.branches[at].assigned) ?? found[0];
}

function branchNamed(text) {
  const at = numberOf({ branch: text });
  return at === undefined ? name(text) : toBranch(at);
}

/* A branch into which the target is merged has itself on the first side. */
function stopHunks(at, most) {
  const branch = DATA.branches[at];
  return hunkList(branch.hunks, branch.commit ? "target" : "branch", branch.commit ? "branch" : "target", { most });
}

function hunksOfBranch(text) {
  const at = numberOf({ branch: text });
  return at === undefined ? null : stopHunks(at, 1);
}

function chosen(wanted) {
  const path = wanted.path.toLowerCase(), find = wanted.find.toLowerCase();
  const touching = path && new Set(DATA.paths.flatMap((one, at) => one.toLowerCase().includes(path) ? [at] : []));
  const author = wanted.author && DATA.authors.findIndex(([called, address]) => (address || called) === wanted.author);
  return DATA.branches.flatMap((branch, at) => {
    if (wanted.target !== "" && branch.target !== wanted.target) return [];
    if (wanted.prospect === "merged" ? !branch.merged : wanted.prospect && branch.prospect !== wanted.prospect) return [];
    if (wanted.author && !branch.authors.includes(author)) return [];
    if (find && !branch.name.toLowerCase().includes(find)) return [];
    if (wanted.age && branch.at && (days(branch.at) > Number(wanted.age.slice(1))) !== (wanted.age[0] === ">")) return [];
    if (touching && !pathsOf(at).some(one => touching.has(one))) return [];
    return [at];
  });
}

function pathsOf(at) {
  const found = [...DATA.branches[at].paths];
  for (const number of clashesOf[at]) found.push(...DATA.clashes[number].paths);
  for (const number of contestsOf[at]) found.push(DATA.contests[number][0]);
  return found;
}

function filters(wanted) {
  const select = (key, title, options) => el("label", {}, title, el("select", { id: "by-" + key, onchange: event => go({ [key]: event.target.value }) },
    options.map(([value, text]) => el("option", { value, selected: value === wanted[key] }, text))));
  const text = (key, title, hint) => el("label", {}, title, el("input", { id: "by-" + key, type: "search", value: wanted[key], placeholder: hint, oninput: event => go({ [key]: event.target.value }) }));
  const seen = [...new Set(DATA.branches.map(one => one.prospect))];
  const writers = new Set(DATA.branches.flatMap(one => one.authors));
  const everybody = [...writers].map(at => [DATA.authors[at][1] || DATA.authors[at][0], DATA.authors[at][0] ? `${DATA.authors[at][0]} <${DATA.authors[at][1]}>` : DATA.authors[at][1]]).sort((a, b) => BY_TEXT(a[1], b[1]));
  return filterBar(text("find", "Branch", "feature/"), [
    select("target", "Target", [["", "all"], ...DATA.targets.map(target => [target.name, target.name])]),
    select("prospect", "Foreseen", [["", "all"], ...seen.map(one => [one, one]), ...DATA.branches.some(one => one.merged) ? [["merged", "merged"]] : []]),
    select("author", "Author", [["", "all"], ...everybody]),
    select("age", "Last commit", AGES),
    text("path", "Path", "src/"),
    el("button", { type: "button", onclick: () => jump({ target: "", prospect: "", author: "", age: "", path: "", find: "", undecided: "" }) }, "Reset")]);
}

function tiles(shown, wanted) {
  const inside = new Set(shown), count = what => shown.filter(at => what(DATA.branches[at])).length;
  const others = count(one => !["clean", "conflict", "unchanged"].includes(one.prospect));
  const by = prospect => [() => jump({ prospect: wanted.prospect === prospect ? "" : prospect, tab: "branches" }), wanted.prospect === prospect];
  const undecided = DATA.with_pairs ? undecidedAmong(inside) : 0;
  return el("ul", { class: "tiles" }, tile(shown.length, "branches", "", () => jump({ prospect: "", tab: "branches" }), wanted.tab === "branches" && !wanted.prospect),
    tile(count(one => one.prospect === "clean"), "would align", "clean", ...by("clean")), tile(count(one => one.prospect === "conflict"), "stop", "conflict", ...by("conflict")),
    tile(count(one => one.prospect === "unchanged"), "unchanged", "unchanged", ...by("unchanged")),
    DATA.branches.some(one => one.merged) ? tile(count(one => one.merged), "merged", "unchanged", ...by("merged")) : null,
    others ? tile(others, "other", "refused") : null,
    DATA.with_pairs ? [tile(clashesAmong(inside).length, "pairs clash", "conflict", () => jump({ tab: "map", undecided: "" }), wanted.tab === "map" && !wanted.undecided),
      tile(undecided, "pairs undecided", "refused", () => jump({ tab: "map", undecided: "1" }), wanted.tab === "map" && wanted.undecided)] : null);
}

const COLUMNS = [
  { id: "name", title: "branch", key: at => DATA.branches[at].name, show: at => toBranch(at) },
  { id: "target", title: "target", key: at => DATA.branches[at].target, show: at => name(DATA.branches[at].target) },
  { id: "foreseen", title: "foreseen", key: at => DATA.branches[at].prospect, show: at => el("span", { class: DATA.branches[at].prospect }, DATA.branches[at].prospect) },
  { id: "author", title: "author", key: at => authorName(DATA.branches[at].authors), show: at => people(DATA.branches[at].authors) },
  { id: "age", title: "age", number: true, key: at => days(DATA.branches[at].at), show: at => age(DATA.branches[at].at) },
  { id: "own", title: "own", number: true, key: at => DATA.branches[at].own, show: at => String(DATA.branches[at].own) },
  { id: "behind", title: "behind", number: true, key: at => DATA.branches[at].behind, show: at => String(DATA.branches[at].behind) },
  { id: "clashes", title: "clashes", number: true, key: at => clashesOf[at].length * 10000 + openWith(at).size, show: at => clashesOf[at].length ? String(clashesOf[at].length) : "" },
  { id: "undecided", title: "undecided", number: true, key: at => openWith(at).size, show: at => openWith(at).size ? String(openWith(at).size) : "" },
  { id: "why", title: "why", wide: true, key: at => DATA.branches[at].reason, show: at => DATA.branches[at].reason ? name(DATA.branches[at].reason) : "" },
];

function columnOf(sort) { return Math.max(0, COLUMNS.findIndex(one => one.id === sort.replace("-", ""))); }

function branchTable(shown, wanted) {
  const column = columnOf(wanted.sort);
  return table(COLUMNS, shown, {
    sort: { column, down: wanted.sort.startsWith("-") !== Boolean(COLUMNS[column].number) },
    onSort: by => history.replaceState(null, "", link({ sort: (by.down !== Boolean(COLUMNS[by.column].number) ? "-" : "") + COLUMNS[by.column].id })),
    label: "Branches",
  });
}

function ordered(shown, sort) {
  const column = COLUMNS[columnOf(sort)], down = sort.startsWith("-") !== Boolean(column.number);
  const keyed = shown.map(at => [column.key(at), at]);
  return keyed.sort(([x, a], [y, b]) => { const found = typeof x === "number" ? x - y : BY_TEXT(x, y); return (down ? -found : found) || a - b; }).map(([, at]) => at);
}

function talks(shown) {
  const inside = new Set(shown.flatMap(at => DATA.branches[at].authors));
  const rows = DATA.talks.filter(talk => inside.has(talk.one) || inside.has(talk.other));
  return table([
    { title: "who", key: talk => DATA.authors[talk.one][0], show: talk => person(talk.one) },
    { title: "must talk to", key: talk => DATA.authors[talk.other][0], show: talk => talk.one === talk.other ? el("span", { class: "soft" }, "both branches are theirs") : person(talk.other) },
    { title: "clashes", number: true, key: talk => talk.clashes, show: talk => String(talk.clashes) },
    { title: "at", wide: true, key: talk => DATA.paths[talk.paths[0]] || "", show: talk => pathList(talk.paths, 3) },
  ], rows, { sort: { column: 2, down: true }, label: "Who must talk to whom" });
}

function contested(shown, wanted) {
  const inside = new Set(shown), found = new Map();
  const row = at => { if (!found.has(at)) found.set(at, { path: at, stops: new Set(), clash: new Set(), change: new Set() }); return found.get(at); };
  for (const at of shown) for (const path of DATA.branches[at].paths) row(path).stops.add(at);
  for (const clash of clashesAmong(inside)) for (const path of clash.paths) row(path).clash.add(clash.one).add(clash.other);
  for (const [path, stopping, changing] of DATA.contests) {
    for (const at of DATA.sets[stopping]) if (inside.has(at)) row(path).stops.add(at);
    for (const at of DATA.sets[changing]) if (inside.has(at)) row(path).change.add(at);
  }
  const rows = [...found.values()].filter(one => !wanted.path || DATA.paths[one.path].toLowerCase().includes(wanted.path.toLowerCase()));
  const count = (title, what) => ({ title, number: true, key: one => one[what].size, show: one => one[what].size ? String(one[what].size) : "" });
  return table([
    { title: "path", key: one => DATA.paths[one.path], show: one => el("a", { href: link({ path: DATA.paths[one.path], tab: "branches" }) }, name(DATA.paths[one.path], "mono")) },
    count("stop there", "stops"), count("clash there", "clash"), count("change it, too", "change"),
  ], rows, { sort: { column: 1, down: true }, most: 500, label: "Paths" });
}

function commitList(numbers, isHosted) {
  if (!numbers.length) return el("p", { class: "soft" }, "no own commit touches these paths by itself");
  return el("ul", { class: "plain" }, numbers.slice(0, 30).map(number => {
    const [id, subject, author] = DATA.commits[number];
    return el("li", {}, commitId(id, isHosted), " ", name(subject), " ", el("span", { class: "soft" }, person(author)));
  }), numbers.length > 30 ? el("li", { class: "soft" }, `and ${numbers.length - 30} more`) : null);
}

function clashDetails(at, number, isOpen) {
  const branch = DATA.branches[at], clash = DATA.clashes[number], isOne = clash.one === at, other = isOne ? clash.other : clash.one;
  const details = el("details", {}, el("summary", {}, name(DATA.branches[other].name), " ", el("span", { class: "soft" }, `at ${plural(clash.paths.length, "path")}, ${BASES[clash.basis]}`)));
  const show = () => {
    if (details.children.length > 1) return;
    details.append(el("p", {}, toBranch(other), " ", el("span", { class: "soft" }, "by ", people(DATA.branches[other].authors, 3), " \u00b7 ", age(DATA.branches[other].at))), conflictList(clash.conflicts),
      ...hunkList(clash.hunks, branch.name, DATA.branches[other].name, { isTurned: !isOne }).flat(Infinity).filter(Boolean),
      el("div", { class: "sides" }, el("div", {}, el("b", {}, "commits here"), commitList(clash.commits[isOne ? 0 : 1], branch.hosted === 2)), el("div", {}, el("b", {}, "commits there"), commitList(clash.commits[isOne ? 1 : 0], DATA.branches[other].hosted === 2))));
  };
  details.addEventListener("toggle", show);
  if (isOpen) { show(); details.open = true; }
  return details;
}

function openDetails(at, number) {
  const [path, stopping, changing] = DATA.contests[number], stops = DATA.sets[stopping].includes(at);
  const others = (stops ? DATA.sets[stopping].concat(DATA.sets[changing]) : DATA.sets[stopping]).filter(one => one !== at);
  if (!others.length) return null;
  const details = el("details", {}, el("summary", {}, name(DATA.paths[path], "mono"), el("span", { class: "soft" }, stops ? ` it stops here; ${plural(others.length, "other branch stops or changes it, too", "other branches stop or change it, too")}` : ` it changes this; ${plural(others.length, "other branch stops", "other branches stop")}`)));
  details.addEventListener("toggle", () => { if (details.children.length < 2) details.append(nameList("Branches", others.map(one => el("li", {}, toBranch(one))))); });
  return details;
}

function branchPage(at, wanted) {
  const branch = DATA.branches[at];
  const parts = [
    el("p", {}, el("a", { class: "back", href: link({}) }, "\u2190 all branches")),
    heading(branch),
    el("p", {}, el("span", { class: branch.prospect }, branch.prospect), " on ", name(branch.target), branch.reason ? [": ", name(branch.reason)] : "", branch.merged ? "; everything of it is in the target" : ""),
    facts(branch, { tip: branch.tip, base: branch.target }),
  ];
  if (branch.prospect === "conflict") {
    parts.push(el("h3", {}, branch.commit ? `Stops at commit ${branch.position} of ${branch.total}` : "Stops while the target is merged in"));
    if (branch.commit) parts.push(el("p", {}, commitId(branch.commit, branch.hosted === 2), " ", name(branch.subject)));
    parts.push(conflictList(branch.conflicts), stopHunks(at));
    const others = branch.mates === undefined ? [] : DATA.sets[branch.mates].filter(one => one !== at);
    if (others.length) parts.push(el("details", {}, el("summary", {}, `${plural(others.length, "other branch stops", "other branches stop")} at the same clash`), nameList("Branches", others.map(one => el("li", {}, toBranch(one))))));
    parts.push(el("p", {}, toResolve(branch)));
  }
  if (DATA.with_pairs) {
    parts.push(el("h3", {}, `Clashes with ${branchesOf(clashesOf[at].length)}`));
    for (const number of clashesOf[at]) {
      const clash = DATA.clashes[number], other = DATA.branches[clash.one === at ? clash.other : clash.one];
      parts.push(clashDetails(at, number, wanted.with ? other.name === wanted.with : clashesOf[at].length < 3));
    }
    if (openWith(at).size) parts.push(el("h3", {}, `Undecided with ${branchesOf(openWith(at).size)}`), ...contestsOf[at].map(number => openDetails(at, number)));
  }
  return parts;
}

function pairsLine(wanted) {
  const counts = DATA.counts.filter(one => !wanted.target || one.target === wanted.target);
  if (!counts.length) return null;
  const sum = key => counts.reduce((total, one) => total + one[key], 0), text = key => sum(key).toLocaleString("en");
  return el("p", { class: "soft" }, `${text("pairs")} pairs: ${text("pruned")} proved clean without a merge, ${text("merged")} merged by git (${text("clashing")} clash), ${text("undecided")} undecided` + (sum("failed") ? `, ${text("failed")} could not be merged` : "") + (sum("left_out") ? `; ${branchesOf(sum("left_out"))} not compared` : ""));
}

// Drawn once, so that what a reader opened stays open.
let firstSteps = null;

function draw(typing = false) {
  const wanted = state(), main = document.getElementById("main");
  drawMap = null;
  document.title = (wanted.branch ? wanted.branch + " - " : "") + DATA.name + " - forecast";
  if (wanted.branch) {
    const at = numberOf(wanted);
    fill(main, at === undefined ? missing(wanted.branch) : branchPage(at, wanted));
    scrollTo(0, 0);
    document.getElementById("branch-name")?.focus({ preventScroll: true });
    return;
  }
  const shown = chosen(wanted);
  const tabs = [["map", "Clash map"], ["branches", "Branches"], ["people", "Who must talk to whom"], ["paths", "Paths"]].filter(([id]) => DATA.with_pairs || (id !== "map" && id !== "people"));
  const content = { map: () => heatMap(shown, wanted), branches: () => branchTable(shown, wanted), people: () => talks(shown), paths: () => contested(shown, wanted) }[wanted.tab] || (() => branchTable(shown, wanted));
  const body = [tiles(shown, wanted), DATA.complete ? null : el("p", { class: "conflict" }, "The forecast was stopped before it was done."), tabBar(tabs, wanted.tab, id => link({ tab: id })), pairsLine(wanted), content()];
  keepingFocus(() => {
    if (typing && document.getElementById("body")) fill(document.getElementById("body"), body);
    else fill(main, firstSteps ??= steps(DATA.steps), filters(wanted), el("div", { id: "body" }, body), el("p", { class: "soft keys" }, KEYS_HINT));
  });
}

fill(document.getElementById("title"), name(DATA.name));
fill(document.getElementById("targets"), "Forecast of ", el("time", {}, day(DATA.as_of)), DATA.targets.map(target => [" \u00b7 ", name(target.name), " ", commitId(target.tip, target.hosted === 2)]));
fill(document.getElementById("theme"), themeButton());
addEventListener("hashchange", () => draw());
draw();
