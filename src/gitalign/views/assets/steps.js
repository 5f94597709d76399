// What to do first, and what else forecast and report have in common. A page gives `branchNamed(name)`, a link to a branch or its name, and `hunksOfBranch(name)`.
function steps(given) {
  if (!given) return null;
  const items = [];
  const owners = one => one.owners.length ? el("p", { class: "soft" }, "Owners: ", one.owners.map(([author, count], at) => [at ? ", " : "", person(author), ` (${branchesOf(count)})`]), one.more_owners ? `, and ${one.more_owners} more` : "") : null;
  const causes = one => one.causes.map(([id, author, subject]) => el("p", { class: "soft" }, "First stopped by ", commitId(id, true), " ", name(subject), " by ", person(author))).concat(one.more_causes ? [el("p", { class: "soft" }, `and ${one.more_causes} more commits`)] : []);
  const example = one => one.example ? el("div", { class: "sides" }, side("target", one.example[0]), side("branch", one.example[1])) : null;
  const names = one => el("ul", { class: "names" }, one.branches.map(text => el("li", {}, branchNamed(text))), one.count > one.branches.length ? el("li", { class: "soft" }, `and ${one.count - one.branches.length} more`) : null);
  const clash = one => el("li", {},
    el("p", {}, el("b", {}, branchesOf(one.count)), ` stop ${one.words} in `, one.paths.map((path, at) => [at ? ", " : "", name(path, "mono")]), one.more_paths ? ` and ${one.more_paths} more` : "", ". ",
      one.freed ? el("b", { class: "clean" }, one.freed === one.count ? "Resolving it frees all of them." : `Resolving it frees ${one.freed}.`) : el("span", { class: "soft" }, "Each of them has other conflicts, too.")),
    owners(one), causes(one),
    el("p", {}, commandLine(one.command)),
    el("details", {}, el("summary", {}, "Branches and lines"), example(one) || hunksOfBranch(one.branches[0]), names(one)));
  items.push(...given.attention.map(([count, words, first, reason, command]) => el("li", {}, el("p", {}, el("b", {}, branchesOf(count)), ` ${words} (`, branchNamed(first), reason ? `: ${reason}` : "", "). ", commandLine(command)))));
  const shown = 3, rest = given.clashes.slice(shown);
  items.push(...given.clashes.slice(0, shown).map(clash));
  if (rest.length) items.push(el("li", { class: "more" }, el("details", {}, el("summary", {}, `${plural(rest.length, "more shared clash", "more shared clashes")}`), el("ul", { class: "steps" }, rest.map(clash)))));
  if (given.alone) items.push(el("li", {}, el("p", {}, el("b", {}, branchesOf(given.alone)), given.clashes.length ? " need more than one of these, or stop on their own. " : given.alone === 1 ? " stops on its own. " : " stop, each on its own. ", commandLine(given.to_look))));
  if (given.unseen) items.push(el("li", {}, el("p", { class: "refused" }, branchesOf(given.unseen), given.unseen === 1 ? " of these was not looked at, or is gone" : " of these were not looked at, or are gone", ", so what is shared is not known. ", commandLine(given.to_look))));
  const done = (count, all, words, toDelete) => count ? items.push(el("li", {}, el("p", {}, el("b", {}, branchesOf(count)), words, commandLine(toDelete)),
    el("details", {}, el("summary", {}, "Branches"), el("ul", { class: "names" }, all.map(text => el("li", {}, branchNamed(text))), count > all.length ? el("li", { class: "soft" }, `and ${count - all.length} more`) : null)))) : null;
  done(given.merged_count, given.merged, given.merged_count === 1 ? " is merged. " : " are merged. ", given.to_delete);
  done(given.squashed_count, given.squashed, given.squashed_count === 1 ? " was squashed, rebased or picked into the target. " : " were squashed, rebased or picked into their targets. ", given.to_delete_squashed);
  if (given.soon.length) items.push(el("li", {}, el("p", {}, "Going stale next: ", given.soon.map(([text, author, left], at) => [at ? "; " : "", branchNamed(text), author === null ? "" : [" by ", person(author)], ` in ${plural(left, "day")}`]), ".")));
  if (given.stale) items.push(el("li", {}, el("p", {}, el("b", {}, branchesOf(given.stale)), ` had no commit for ${given.old === given.stale ? given.old_days : given.stale_days} days or more`, given.old && given.old < given.stale ? `, ${given.old.toLocaleString("en")} of them for ${given.old_days} days or more` : "", ".")));
  return el("section", { class: "todo", "aria-labelledby": "first-steps" }, el("h2", { id: "first-steps" }, "What to do first"),
    items.length ? el("ul", { class: "steps" }, items) : el("p", { class: "clean" }, given.nothing || "Nothing: no branch stops, and none can be deleted."));
}

function side(title, lines, where = "", more = false) {
  return el("div", {}, el("span", { class: "soft" }, name(title), where ? " " + where : ""), lines.length ? el("pre", {}, lines.join("\n") + (more ? "\n\u2026" : "")) : el("p", { class: "soft" }, "nothing"));
}

function hunkSide(title, [from, to, text]) {
  const lines = DATA.texts[text];
  const where = from === null ? "" : to < from ? `at line ${from}` : from === to ? `line ${from}` : `lines ${from} to ${to}`;
  return side(title, lines, where, from !== null && to - from + 1 > lines.length);
}

/* hunks: [[[path, one, other], …], how many are left out] */
function hunkList([hunks, left], one, other, { isTurned = false, most } = {}) {
  if (most && hunks.length > most) return hunkList([hunks.slice(0, most), 0], one, other, { isTurned });
  return [hunks.map(([path, first, second]) => [name(DATA.paths[path], "mono"), el("div", { class: "sides" }, hunkSide(one, isTurned ? second : first), hunkSide(other, isTurned ? first : second))]),
    left ? el("p", { class: "soft" }, hunks.length ? `and ${plural(left, "more hunk")}` : `${plural(left, "hunk")}, not on this page: git align conflicts shows them`) : null];
}

function conflictList(conflicts) {
  const paths = found => found.flatMap(one => Array.isArray(one) ? one : [one]);
  return el("ul", { class: "plain" }, conflicts.map(([kind, found]) => {
    const all = paths(found);
    return el("li", {}, DATA.kinds[kind].replace(/^CONFLICT \((.*)\)$/, "$1"), ": ", all.slice(0, 40).map((path, at) => [at ? ", " : "", name(DATA.paths[path], "mono")]), all.length > 40 ? ` and ${all.length - 40} more` : "");
  }));
}

function pathList(numbers, most = 12) {
  const shown = numbers.slice(0, most);
  return el("ul", { class: "plain mono" }, shown.map(at => el("li", {}, name(DATA.paths[at]))), numbers.length > most ? el("li", { class: "soft" }, `and ${numbers.length - most} more`) : null);
}

function nameList(title, names) {
  return el("ul", { class: "names", "aria-label": title }, names.slice(0, 200), names.length > 200 ? el("li", { class: "soft" }, `and ${names.length - 200} more`) : null);
}

/* Author, age, tip and pages of the hosting service, for the head of a branch's page. */
function facts(branch, { tip, base }) {
  const onService = branch.hosted ? [
    pageOf("branch", { name: branch.name }) && outside(pageOf("branch", { name: branch.name }), "branch"),
    pageOf("compare", { name: branch.name, base }) && outside(pageOf("compare", { name: branch.name, base }), "compare view"),
  ].filter(Boolean) : [];
  return el("p", { class: "soft" }, branch.authors.length ? ["by ", people(branch.authors, 5), " \u00b7 "] : "", branch.at ? ["last commit ", age(branch.at), days(branch.at) ? " ago" : "", " \u00b7 "] : "",
    commitId(tip, branch.hosted === 2, 12), ` \u00b7 ${plural(branch.own, "own commit")} \u00b7 ${branch.behind.toLocaleString("en")} behind`,
    onService.map(one => [" \u00b7 ", one]));
}

function heading(branch) { return el("h2", { tabindex: "-1", id: "branch-name" }, name(branch.name)); }

function missing(wanted) { return [el("p", {}, el("a", { class: "back", href: "#" }, "\u2190 all branches")), el("p", { class: "refused" }, "This page has no branch named ", name(wanted), ".")]; }

const KEYS_HINT = "Keys: / search \u00b7 j k through the rows \u00b7 Enter opens \u00b7 Esc back \u00b7 1 to 9 views";
