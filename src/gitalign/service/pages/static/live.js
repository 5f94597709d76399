"use strict";
// Follows the event stream of a page. Without it every page can be read, and is loaded again by hand.
const main = document.getElementById("main");
const MOST_LINES = 500;

function textOf(event) {
  const about = [event.branch, event.target].filter(Boolean).join(" → ");
  const words = event.kind.replaceAll("_", " ");
  return `${event.at.slice(0, 19).replace("T", " ")} UTC ${words}${about ? ` ${about}` : ""}`;
}

function followJob(address) {
  const log = document.getElementById("log");
  const progress = document.getElementById("progress");
  const done = document.getElementById("done");
  let total = 0;
  let finished = 0;
  let waiting = [];
  const paint = () => {
    const lines = waiting.slice(-MOST_LINES);
    waiting = [];
    for (const line of lines) {
      const item = document.createElement("li");
      item.textContent = line;
      log.append(item);
    }
    while (log.children.length > MOST_LINES) log.firstChild.remove();
    log.scrollTop = log.scrollHeight;
    if (total) {
      progress.max = total;
      progress.value = finished;
      done.textContent = `${finished} of ${total} branches`;
    }
  };
  const source = new EventSource(address);
  source.addEventListener("run", (message) => {
    const event = JSON.parse(message.data);
    if (event.kind === "run_started") { total = event.data.steps; finished = 0; }
    if (event.kind === "step_finished") finished += 1;
    if (!waiting.length) requestAnimationFrame(paint);
    waiting.push(textOf(event));
  });
  source.addEventListener("job", (message) => {
    const job = JSON.parse(message.data);
    document.getElementById("state").textContent = job.state;
    if (["done", "failed", "stopped"].includes(job.state)) { source.close(); location.reload(); }
  });
}

function refreshOn(address) {
  const source = new EventSource(address);
  source.addEventListener("job", async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || document.activeElement?.matches("input")) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (fresh) main.replaceChildren(...fresh.childNodes);
  });
}

if (main.dataset.job) followJob(`${main.dataset.job}?after=${Math.max(0, Number(main.dataset.after) - 40)}`);
if (main.dataset.refresh) refreshOn(main.dataset.refresh);
