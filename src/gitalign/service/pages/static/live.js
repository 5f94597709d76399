"use strict";
// Follows the event stream of a page. Without it every page can be read, and is loaded again by hand.
const main = document.getElementById("main");
const MOST_LINES = 500;
const DRAWN_EVERY_MS = 1500;

function textOf(event) {
  const about = [event.branch, event.target, event.data?.task_id].filter(Boolean).join(" → ");
  const words = event.kind.replaceAll("_", " ");
  return `${event.at.slice(0, 19).replace("T", " ")} UTC ${words}${about ? ` ${about}` : ""}`;
}

async function part(address, id) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return id ? page.getElementById(id) : page.body;
}

function followJob(address) {
  const log = document.getElementById("log");
  const progress = document.getElementById("progress");
  let waiting = [], newest = null, seen = 0, drawnAt = 0, isDrawing = false;
  const paint = () => {
    const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 40;
    const lines = document.createDocumentFragment();
    for (const line of waiting.slice(-MOST_LINES)) {
      const item = document.createElement("li");
      item.textContent = line;
      lines.append(item);
    }
    waiting = [];
    log.append(lines);
    while (log.children.length > MOST_LINES) log.firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
    log.dataset.seen = seen;
    const bar = progress.querySelector("progress"), done = progress.querySelector("#done");
    if (newest && bar && done) {
      bar.max = newest.of;
      bar.value = newest.done;
      done.textContent = `${newest.done} of ${newest.of} branches`;
    }
    draw();
  };
  const draw = async () => {
    if (!main.dataset.progress || isDrawing || performance.now() - drawnAt < DRAWN_EVERY_MS) return;
    isDrawing = true;
    const fresh = await part(main.dataset.progress).catch(() => null);
    if (fresh && !progress.contains(document.activeElement)) progress.replaceChildren(...fresh.childNodes);
    drawnAt = performance.now();
    isDrawing = false;
  };
  const source = new EventSource(address);
  source.addEventListener("run", (message) => {
    const event = JSON.parse(message.data);
    seen += 1;
    if (event.kind === "step_finished" && event.data.of) newest = event.data;
    if (!waiting.length) requestAnimationFrame(paint);
    waiting.push(textOf(event));
    if (waiting.length > 2 * MOST_LINES) waiting = waiting.slice(-MOST_LINES);
  });
  source.addEventListener("job", (message) => {
    const job = JSON.parse(message.data);
    document.getElementById("state").textContent = job.state;
    if (["done", "failed", "stopped"].includes(job.state)) { source.close(); location.reload(); }
  });
}

function refreshOn(address) {
  const source = new EventSource(address);
  let isAsked = false;
  const refresh = async () => {
    if (isAsked) return;
    isAsked = true;
    await new Promise((done) => setTimeout(done, main.dataset.also ? 1000 : 300));
    isAsked = false;
    if (document.activeElement?.matches("input, select, textarea")) return;
    const opened = new Set([...main.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
    const fresh = await part(location.href, "main").catch(() => null);
    if (!fresh) return;
    main.replaceChildren(...fresh.childNodes);
    for (const summary of main.querySelectorAll("summary")) summary.parentElement.open = opened.has(summary.textContent);
  };
  source.addEventListener("job", refresh);
  if (main.dataset.also) source.addEventListener(main.dataset.also, refresh);
}

// The output of a task: what is new is asked for by its offset.
async function followLog(address, from) {
  const log = document.getElementById("task-log");
  const answer = await fetch(`${address}?offset=${from}`).catch(() => null);
  const piece = answer?.ok ? await answer.json() : { text: "", next: from, is_over: false };
  if (piece.text) {
    const isAtEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 40;
    log.append(piece.text);
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }
  if (piece.is_over) location.reload();
  else setTimeout(() => followLog(address, piece.next), piece.text ? 500 : 2000);
}

if (main.dataset.job) followJob(`${main.dataset.job}?after=${main.dataset.after}`);
if (main.dataset.log) followLog(main.dataset.log, main.dataset.from);
if (main.dataset.refresh) refreshOn(main.dataset.refresh);
if (main.dataset.every) {
  setInterval(async () => {
    if (main.contains(document.activeElement) && main !== document.activeElement) return;
    const fresh = await part(location.href, "main").catch(() => null);
    if (fresh) main.replaceChildren(...fresh.childNodes);
  }, 1000 * Number(main.dataset.every));
}
