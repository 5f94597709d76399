const GOOD = new Set(["aligned", "unchanged"]);
const CLASS = { aligned: "clean", unchanged: "unchanged", conflicted: "conflict", failed: "failed", push_failed: "failed" };

function cls(verdict) { return CLASS[verdict] || "refused"; }

function words(verdict) { return verdict.replaceAll("_", " "); }

const numberOf = new Map(DATA.branches.map((branch, at) => [branch.name, at]));

const FIRST_TAB = DATA.branches.length || !DATA.moves.length ? "branches" : "moves";

function state() { return { tab: FIRST_TAB, verdict: "", target: "", author: "", find: "", ...asked() }; }

function link(changed, keep = state()) {
  const wanted = { ...keep, branch: null, ...changed };
  return addressOf({ ...wanted, tab: wanted.tab === FIRST_TAB ? "" : wanted.tab });
}

/* As a link would do it: what was looked at before is one step back. */
function jump(changed) { const to = link(changed); if (to === location.hash) draw(); else location.hash = to; }

function go(changed) { history.replaceState(null, "", link(changed)); draw(true); }

function toBranch(at) { return el("a", { href: link({ branch: DATA.branches[at].name }) }, name(DATA.branches[at].name)); }

function branchNamed(text) { return numberOf.has(text) ? toBranch(numberOf.get(text)) : name(text); }

function stopHunks(at, most) {
  const branch = DATA.branches[at], isMerge = branch.kind === "merge";
  return hunkList(branch.hunks, isMerge ? "branch" : "target", isMerge ? "target" : "branch", { most });
}

function hunksOfBranch(text) { return numberOf.has(text) ? stopHunks(numberOf.get(text), 1) : null; }

function chosen(wanted) {
  const find = wanted.find.toLowerCase(), author = wanted.author && DATA.authors.findIndex(([called, address]) => (address || called) === wanted.author);
  return DATA.branches.flatMap((branch, at) => (!wanted.verdict || branch.verdict === wanted.verdict) && (!wanted.target || branch.target === wanted.target)
    && (!wanted.author || branch.authors.includes(author)) && (!find || branch.name.toLowerCase().includes(find)) ? [at] : []);
}

function filters(wanted) {
  const select = (key, title, options) => el("label", {}, title, el("select", { id: "by-" + key, onchange: event => go({ [key]: event.target.value }) },
    [["", "all"], ...options].map(([value, text]) => el("option", { value, selected: value === wanted[key] }, text))));
  const writers = [...new Set(DATA.branches.flatMap(one => one.authors))].map(at => [DATA.authors[at][1] || DATA.authors[at][0], DATA.authors[at][0] || DATA.authors[at][1]]).sort((a, b) => BY_TEXT(a[1], b[1]));
  return filterBar(el("label", {}, "Branch", el("input", { id: "by-find", type: "search", value: wanted.find, placeholder: "feature/", oninput: event => go({ find: event.target.value }) })), [
    select("verdict", "Verdict", Object.keys(DATA.counts).map(one => [one, words(one)])),
    select("target", "Target", DATA.targets.map(one => [one.name, one.name])),
    writers.length ? select("author", "Author", writers) : null,
    el("button", { type: "button", onclick: () => jump({ verdict: "", target: "", author: "", find: "" }) }, "Reset")]);
}

function tiles(wanted) {
  return el("ul", { class: "tiles" }, Object.entries(DATA.counts).map(([verdict, count]) => tile(count, words(verdict), cls(verdict), () => jump({ tab: "branches", verdict: wanted.verdict === verdict ? "" : verdict }), wanted.verdict === verdict)),
    tile(`${DATA.total_s.toFixed(1)} s`, "in all"),
    DATA.memory ? tile(`${Math.round(DATA.memory / 1e6)} MB`, "peak memory") : null);
}

function branches(shown) {
  return table([
    { title: "branch", key: at => DATA.branches[at].name, show: at => toBranch(at) },
    { title: "target", key: at => DATA.branches[at].target, show: at => name(DATA.branches[at].target) },
    { title: "verdict", key: at => (GOOD.has(DATA.branches[at].verdict) ? "z" : "a") + DATA.branches[at].verdict, show: at => el("span", { class: cls(DATA.branches[at].verdict) }, words(DATA.branches[at].verdict)) },
    { title: "author", key: at => authorName(DATA.branches[at].authors), show: at => people(DATA.branches[at].authors) },
    { title: "age", number: true, key: at => days(DATA.branches[at].at), show: at => age(DATA.branches[at].at) },
    { title: "own", number: true, key: at => DATA.branches[at].own, show: at => String(DATA.branches[at].own) },
    { title: "behind", number: true, key: at => DATA.branches[at].behind, show: at => String(DATA.branches[at].behind) },
    { title: "findings", number: true, key: at => DATA.branches[at].findings.length, show: at => DATA.branches[at].findings.length ? String(DATA.branches[at].findings.length) : "" },
    { title: "ms", number: true, key: at => DATA.branches[at].seconds, show: at => (DATA.branches[at].seconds * 1000).toFixed(1) },
    { title: "what happened", wide: true, key: at => DATA.branches[at].detail, show: at => DATA.branches[at].detail ? name(DATA.branches[at].detail) : "" },
  ], shown, { sort: { column: 2, down: false }, label: "Branches" });
}

function findings(shown) {
  const rows = shown.flatMap(at => DATA.branches[at].findings.map(finding => [at, ...finding]));
  const rank = { critical: 0, warning: 1, info: 2 };
  return table([
    { title: "severity", key: row => rank[row[1]], show: row => el("span", { class: row[1] === "critical" ? "conflict" : row[1] === "warning" ? "refused" : "soft" }, row[1]) },
    { title: "code", key: row => row[2], show: row => row[2] },
    { title: "branch", key: row => DATA.branches[row[0]].name, show: row => toBranch(row[0]) },
    { title: "where", key: row => row[3], show: row => name(row[3] + (row[4] ? ":" + row[4] : ""), "mono") },
    { title: "from", key: row => row[5] || "", show: row => row[5] || "" },
    { title: "what", wide: true, key: row => row[6], show: row => name(row[6]) },
  ], rows, { label: "Findings" });
}

function checks(shown) {
  const rows = shown.flatMap(at => DATA.branches[at].checks.map(check => [at, ...check]));
  const clean = new Set(["passed", "skipped"]), soft = new Set(["flaky", "failed_before"]);
  const rank = status => clean.has(status) ? 2 : soft.has(status) ? 1 : 0;
  return table([
    { title: "ended as", key: row => rank(row[2]) + row[2], show: row => el("span", { class: rank(row[2]) === 0 ? "conflict" : rank(row[2]) === 1 ? "refused" : row[2] === "passed" ? "clean" : "soft" }, words(row[2])) },
    { title: "check", key: row => row[1], show: row => el("span", { title: row[5] }, name(row[1])) },
    { title: "branch", key: row => DATA.branches[row[0]].name, show: row => toBranch(row[0]) },
    { title: "s", number: true, key: row => row[4], show: row => row[4].toFixed(2) },
    { title: "why", key: row => row[3], show: row => row[6].length && rank(row[2]) < 2 ? el("details", {}, el("summary", {}, name(row[3] || "output")), el("pre", { class: "scroll mono" }, row[6].join("\n"))) : name(row[3]) },
  ], rows, { sort: { column: 0, down: false } });
}

const DEMANDS = { must: 0, should: 1, may: 2 };
const RULE_CLASS = { passed: "clean", failed: "conflict", unknown: "refused", not_applicable: "soft" };

function houseRules(shown) {
  const rows = shown.flatMap(at => DATA.branches[at].rules ? DATA.branches[at].rules.results.map(row => [at, ...row]) : []);
  return table([
    { title: "branch", key: row => DATA.branches[row[0]].name, show: row => toBranch(row[0]) },
    { title: "", key: row => DEMANDS[row[1]], show: row => row[1].toUpperCase() },
    { title: "rule", key: row => row[2], show: row => name(row[2]) },
    { title: "verdict", key: row => row[3], show: row => el("span", { class: RULE_CLASS[row[3]] }, words(row[3])) },
    { title: "score", number: true, key: row => row[4] ?? -1, show: row => row[4] === null ? "-" : row[4].toFixed(2) },
    { title: "how", key: row => row[5], show: row => [name(row[5]), row[6].length ? el("ul", { class: "plain mono" }, row[6].map(spot => el("li", {}, name(spot)))) : null] },
  ], rows, { sort: { column: 3, down: false } });
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function timeline(shown) {
  const inside = new Set(shown.map(at => DATA.branches[at].name));
  const spans = DATA.timeline.filter(([branch]) => inside.has(branch));
  if (!spans.length) return el("p", { class: "soft" }, "The timeline of this run is not known any more.");
  const workers = [...new Set(spans.map(span => span[1]))].sort((a, b) => a - b);
  const begin = Math.min(...spans.map(span => span[2])), end = Math.max(...spans.map(span => span[2] + span[3]));
  const width = 1200, left = 80, height = 26, scale = (width - left) / Math.max(1e-6, end - begin);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${workers.length * height + 24}`, role: "img", "aria-label": `Timeline of ${workers.length} workers; the table of branches says the same in numbers`, style: "width:100%;min-width:700px" });
  workers.forEach((worker, row) => picture.append(svg("text", { x: 0, y: row * height + 17, fill: "var(--soft)", "font-size": 13 }, `worker ${worker}`)));
  for (const [branch, worker, start, took] of spans) {
    const at = numberOf.get(branch), kind = at === undefined ? "refused" : cls(DATA.branches[at].verdict);
    const bar = svg("rect", { x: left + (start - begin) * scale, y: workers.indexOf(worker) * height + 3, width: Math.max(1, took * scale - 0.5), height: height - 6, fill: "currentColor", class: kind, style: "cursor:pointer" },
      svg("title", {}, `${branch}: ${(took * 1000).toFixed(1)} ms${at === undefined ? "" : ", " + words(DATA.branches[at].verdict)}`));
    if (at !== undefined) bar.addEventListener("click", () => { location.hash = link({ branch }); });
    picture.append(bar);
  }
  for (let tick = 0; tick <= 4; tick++) {
    const x = left + (width - left) * tick / 4;
    picture.append(svg("text", { x: Math.min(x, width - 50), y: workers.length * height + 18, fill: "var(--soft)", "font-size": 12 }, `${(begin + (end - begin) * tick / 4).toFixed(2)} s`));
  }
  return [el("div", { class: "scroll", style: "padding:10px", tabindex: "0", role: "region", "aria-label": "Timeline" }, picture), phases()];
}

const SHADES = ["--link", "--clean", "--open", "--conflict", "--quiet"];

function phases() {
  const all = DATA.phases.reduce((sum, [, seconds]) => sum + seconds, 0) || 1;
  const inner = new Map();
  for (const branch of DATA.branches) for (const [phase, seconds] of branch.phases) inner.set(phase, (inner.get(phase) || 0) + seconds);
  const bar = (rows, total) => el("div", {}, rows.map(([phase, seconds], at) => el("div", { class: "bar" },
    el("span", {}, phase), el("i", { style: `background:var(${SHADES[at % SHADES.length]});width:${Math.max(0.2, 70 * seconds / total)}%` }), el("span", { class: "soft" }, `${seconds.toFixed(2)} s`))));
  const rows = [...inner.entries()].sort((a, b) => b[1] - a[1]);
  return [el("h3", {}, "The run"), bar(DATA.phases, all), rows.length ? [el("h3", {}, "Its branches, all workers together"), bar(rows, rows.reduce((sum, [, seconds]) => sum + seconds, 0) || 1)] : null];
}

const MOVE_CLASS = { moved: "clean", pushed: "clean", deleted: "clean", "up to date": "clean", rejected: "failed", unknown: "failed" };

function place(id) { return !id ? "" : /^0+$/.test(id) ? "not there" : commitId(id, false, 12); }

function moves() {
  return table([
    { title: "branch", key: row => row.branch, show: row => name(row.branch) },
    { title: "what", key: row => row.what, show: row => el("span", { class: MOVE_CLASS[row.what] || "refused" }, row.what) },
    { title: "from", key: row => row.before || "", show: row => place(row.before) },
    { title: "to", key: row => row.after, show: row => place(row.after) },
    { title: "why", wide: true, key: row => row.why, show: row => name(row.why) },
  ], DATA.moves, { sort: { column: 1, down: false }, label: "Moved branches" });
}

function leftOut() {
  return table([{ title: "branch", key: row => row[0], show: row => name(row[0]) }, { title: "why", key: row => row[1], show: row => name(row[1]) }], DATA.excluded);
}

function branchPage(at) {
  const branch = DATA.branches[at], short = (id, isHosted = false) => id ? commitId(id, isHosted, 12) : "";
  const parts = [
    el("p", {}, el("a", { class: "back", href: link({}) }, "\u2190 all branches")),
    heading(branch),
    el("p", {}, el("span", { class: cls(branch.verdict) }, words(branch.verdict)), " on ", name(branch.target), branch.detail ? [": ", name(branch.detail)] : ""),
    facts(branch, { tip: branch.before, base: branch.target }),
    el("p", { class: "soft" }, branch.after ? ["now ", short(branch.after, branch.published), " \u00b7 "] : "", `${(branch.seconds * 1000).toFixed(1)} ms \u00b7 detection: ${branch.detection}`),
    branch.backup ? el("p", { class: "soft" }, "backup ", name(branch.backup.replace("refs/heads/", ""), "mono")) : null,
  ];
  parts.push(...branch.ladder.map(line => el("p", { class: "soft" }, name(line))));
  if (branch.conflicts.length) {
    parts.push(el("h3", {}, "Conflicts"), conflictList(branch.conflicts), stopHunks(at));
    if (branch.mates.length > 1) parts.push(el("details", {}, el("summary", {}, `${plural(branch.mates.length - 1, "other branch stops", "other branches stop")} at the same clash`), nameList("Branches", branch.mates.filter(one => one !== branch.name).map(one => el("li", {}, branchNamed(one))))));
    parts.push(el("p", {}, toResolve(branch)));
    parts.push(...branch.furthest.map(line => el("p", {}, name(line))));
    if (branch.reproduce.length) parts.push(el("pre", { class: "scroll", tabindex: "0" }, branch.reproduce.join("\n")));
  }
  if (branch.checks.length) parts.push(el("h3", {}, "Checks"), checks([at]), ...branch.confinement ? [el("p", { class: "soft" }, branch.confinement)] : []);
  if (branch.findings.length) parts.push(el("h3", {}, "Findings"), findings([at]));
  if (branch.rules) parts.push(el("h3", {}, "House rules"), el("p", { class: branch.rules.wanting ? "refused" : "soft" }, branch.rules.words, " (", name(branch.rules.packs), ")"), houseRules([at]));
  if (branch.commits.length) {
    parts.push(el("h3", {}, "Commits"), table([
      { title: "was", key: row => row[0], show: row => short(row[0], branch.hosted === 2) },
      { title: "is", key: row => row[1] || "", show: row => row[1] ? short(row[1], branch.published) : el("span", { class: "soft" }, branch.after ? "dropped" : "") },
      { title: "change", key: row => row[2] || "", show: row => row[2] || "" },
      { title: "author", key: row => row[3], show: row => name(row[3]) },
      { title: "subject", key: row => row[4], show: row => name(row[4]) },
    ], branch.commits, { sort: { column: -1, down: false } }));
  }
  if (branch.dropped.length) parts.push(el("h3", {}, "Commits that are not in the result"), el("ul", { class: "plain" }, branch.dropped.map(([id, why, subject]) => el("li", {}, short(id), " ", why.replaceAll("_", " "), ": ", name(subject)))));
  if (branch.range_diff.length) {
    parts.push(el("h3", {}, "Diff of diffs"), el("p", { class: "soft" }, "How commits whose surroundings changed differ from what they were (git range-diff)."),
      el("pre", { class: "scroll mono", style: "padding:10px" }, branch.range_diff.map(line => el("span", { class: /^\s*\+/.test(line) ? "clean" : /^\s*-/.test(line) ? "conflict" : "" }, line + "\n"))));
  }
  if (branch.files.length) {
    parts.push(el("h3", {}, `Files that differ from the target: ${branch.files.length}`), table([
      { title: "file", key: row => row[0], show: row => name(row[0], "mono") }, { title: "", key: row => row[1], show: row => row[1] },
      { title: "added", number: true, key: row => row[2] ?? -1, show: row => row[2] === null ? "?" : String(row[2]) },
      { title: "deleted", number: true, key: row => row[3] ?? -1, show: row => row[3] === null ? "?" : String(row[3]) },
    ], branch.files));
  }
  if (branch.shared.length) parts.push(el("h3", {}, "Changed by the target, too"), el("ul", { class: "plain mono" }, branch.shared.slice(0, 200).map(path => el("li", {}, name(path)))));
  return parts;
}

// Drawn once, so that what a reader opened stays open.
let firstSteps = null;

function draw(typing = false) {
  const wanted = state(), main = document.getElementById("main");
  document.title = (wanted.branch ? wanted.branch + " - " : "") + DATA.name + " - run " + DATA.run;
  if (wanted.branch) {
    fill(main, numberOf.has(wanted.branch) ? branchPage(numberOf.get(wanted.branch)) : missing(wanted.branch));
    scrollTo(0, 0);
    document.getElementById("branch-name")?.focus({ preventScroll: true });
    return;
  }
  const shown = chosen(wanted);
  const branchesHold = what => DATA.branches.some(branch => what(branch));
  const tabs = [["branches", "Branches"], ...DATA.moves.length ? [["moves", "Moved branches"]] : [], ["findings", "Findings"], ...branchesHold(one => one.rules) ? [["rules", "House rules"]] : [], ...branchesHold(one => one.checks.length) ? [["checks", "Checks"]] : [], ["timeline", "Timeline"], ["left", "Left out"]];
  const content = { branches: () => branches(shown), moves, findings: () => findings(shown), rules: () => houseRules(shown), checks: () => checks(shown), timeline: () => timeline(shown), left: leftOut }[wanted.tab] || (() => branches(shown));
  const body = [tiles(wanted), DATA.undone_by ? el("p", { class: "refused" }, `undone by run ${DATA.undone_by}`) : null, tabBar(tabs, wanted.tab, id => link({ tab: id })), content(),
    DATA.notices.length ? el("p", { class: "soft" }, DATA.notices.join("; ")) : null];
  keepingFocus(() => {
    if (typing && document.getElementById("body")) fill(document.getElementById("body"), body);
    else fill(main, firstSteps ??= steps(DATA.steps), filters(wanted), el("div", { id: "body" }, body), el("p", { class: "soft keys" }, KEYS_HINT));
  });
}

fill(document.getElementById("title"), name(DATA.name));
fill(document.getElementById("targets"), `run ${DATA.run} \u00b7 ${DATA.at} \u00b7 ${DATA.outcome}`, DATA.targets.map(one => [" \u00b7 ", name(one.name), " ", commitId(one.tip, one.hosted === 2)]));
fill(document.getElementById("theme"), themeButton());
addEventListener("hashchange", () => draw());
draw();
