const STATUS = { completed: "clean", success: "clean", failed: "failed", conflicts: "conflict", test_failed: "failed", refused: "refused", running: "unchanged", interrupted: "refused", cancelled: "refused", undone: "refused" };

function status(text) { return el("span", { class: STATUS[text] || "soft" }, text.replaceAll("_", " ")); }

function seconds(value) { return value === null ? "" : value.toFixed(1); }

function conflictLine(one) { return el("li", {}, name(one[1]), " conflicts with ", name(one[0]), ": ", one[2].map((path, at) => [at ? ", " : "", name(path, "mono")]), one[3][0].length ? el("details", {}, el("summary", {}, "Hunks"), hunkList(one[3], one[0], one[1])) : null); }

function batchSection(batch) {
  return el("section", { "aria-label": `Batch ${batch.number}` },
    el("h2", {}, `Batch ${batch.number}: `, status(batch.status)),
    el("p", {}, batch.merge ? ["merge: ", status(batch.merge)] : "not merged", batch.tests ? ` · tests: ${batch.tests.replaceAll("_", " ")}` : "", batch.landed ? [" · landed as ", commitId(batch.landed, false), " by run ", batch.landing_run] : "", batch.undone_by ? el("strong", { class: "refused" }, ` · undone: ${batch.undone_by}`) : ""),
    batch.reason ? el("p", {}, name(batch.reason)) : null,
    batch.conflicts.length ? el("ul", { class: "plain" }, batch.conflicts.map(conflictLine)) : null,
    batch.left_out.length ? el("p", { class: "refused" }, "left out: ", batch.left_out.map(([task, why], at) => [at ? "; " : "", name(task), why ? [": ", name(why)] : ""])) : null,
    table([
      { title: "task", key: task => task.id, show: task => [name(task.id), task.title ? el("span", { class: "soft" }, " ", name(task.title)) : ""] },
      { title: "status", key: task => task.status, show: task => status(task.status) },
      { title: "attempts", number: true, key: task => task.attempts, show: task => String(task.attempts) },
      { title: "s", number: true, key: task => task.seconds ?? -1, show: task => seconds(task.seconds) },
      { title: "result", key: task => task.result || "", show: task => commitId(task.result, false) },
      { title: "what happened", wide: true, key: task => task.words.join("; "), show: task => task.words.length ? name(task.words.join("; ")) : "" },
    ], batch.tasks, { label: `Tasks of batch ${batch.number}` }));
}

function events() {
  return el("section", { "aria-label": "Events" }, el("h2", {}, "Events"), table([
    { title: "no.", number: true, key: row => row[0], show: row => String(row[0]) },
    { title: "at", key: row => row[1], show: row => row[1] },
    { title: "event", key: row => row[2], show: row => row[2].replaceAll("_", " ") },
    { title: "task", key: row => row[3], show: row => row[3] ? name(row[3]) : "" },
    { title: "says", wide: true, key: row => row[4], show: row => row[4] ? name(row[4]) : "" },
  ], DATA.events, { sort: { column: 0, down: false }, label: "Events" }));
}

const counts = {};
for (const task of DATA.batches.flatMap(batch => batch.tasks)) counts[task.status] = (counts[task.status] || 0) + 1;
document.title = `${DATA.name} - batch run ${DATA.run}`;
fill(document.getElementById("title"), name(DATA.name));
fill(document.getElementById("targets"), `batch run ${DATA.run} · `, status(DATA.status), " · onto ", name(DATA.target), ` · ${DATA.mode} (`, name(DATA.mode_reason), ")", DATA.disk ? ` · ${DATA.disk}` : "");
fill(document.getElementById("theme"), themeButton());
fill(document.getElementById("main"),
  el("ul", { class: "tiles" }, Object.entries(counts).map(([text, count]) => tile(count, text.replaceAll("_", " "), STATUS[text] || "soft")), DATA.seconds === null ? null : tile(`${DATA.seconds.toFixed(1)} s`, "in all")),
  DATA.running.length ? el("section", { "aria-label": "Conflicts between running tasks" }, el("h2", {}, "Running tasks that conflict"), el("ul", { class: "plain" }, DATA.running.map(conflictLine))) : null,
  [...document.querySelectorAll(".drawn")], DATA.batches.map(batchSection), events());
