// Keeps the Live page up to date by its stream; where there is none it asks every five seconds.
const find = (css, root = document) => root.querySelector(css);
const main = find("[data-stream]");
const state = find("#live-state");
const pause = find("#pause");
const box = find("[data-filter] [type=search]");
const MOST = 500;
let after = main.dataset.after;
let paused = main.hasAttribute("data-paused");
let waiting = [];
let stream, polling;

const list = () => find("#feed");
const parse = (html) => new DOMParser().parseFromString(html, "text/html").body;
const held = () => list()?.matches(":hover") || list()?.contains(document.activeElement);

function say(name) {
  if (main.dataset.state === name) return;
  main.dataset.state = name;
  state.textContent = state.dataset[name];
}

function fits(row) {
  const wanted = box?.value.trim().toLowerCase() ?? "";
  return !wanted || row.textContent.toLowerCase().includes(wanted);
}

function filter() {
  let shown = 0;
  for (const row of list().children) shown += !(row.hidden = !fits(row));
  find("[data-none]").hidden = shown > 0;
}

// Rows come newest first. What the list has already is not put there twice.
function add(html) {
  // The page was drawn without a list: nothing had arrived yet.
  if (!list()) return location.reload();
  waiting = [...parse(`<ol>${html}</ol>`).querySelectorAll("li"), ...waiting].slice(0, MOST);
  show();
}

function show() {
  if (!waiting.length) return;
  if (held()) return say("held");
  const rows = list();
  const top = Math.max(0, ...[...rows.children].map((row) => Number(row.dataset.n ?? 0)));
  rows.prepend(...waiting.filter((row) => !(Number(row.dataset.n) <= top)));
  while (rows.children.length > MOST) rows.lastChild.remove();
  waiting = [];
  filter();
  say(stream?.readyState === 1 ? "open" : main.dataset.state);
}

function cards(made) {
  for (const [name, html] of Object.entries(made)) {
    const place = find(`#card-${name}`);
    if (place && !place.contains(document.activeElement)) place.replaceChildren(...parse(html).childNodes);
  }
}

function open() {
  clearInterval(polling);
  if (!window.EventSource) return poll();
  say("connecting");
  stream = new EventSource(`${main.dataset.stream}&after=${encodeURIComponent(after)}`);
  stream.onopen = () => say("open");
  stream.onerror = () => (stream.readyState === 2 ? poll() : say("lost"));
  stream.addEventListener("rows", (event) => { after = event.lastEventId; add(JSON.parse(event.data).html); });
  stream.addEventListener("cards", (event) => cards(JSON.parse(event.data)));
  stream.addEventListener("reset", () => location.reload());
  stream.addEventListener("overflow", () => say("overflow"));
}

// No stream: the whole answer is fetched, and the stream is tried again now and then.
function poll() {
  stream?.close();
  say("polling");
  let times = 0;
  clearInterval(polling);
  polling = setInterval(async () => {
    if (++times % 6 === 0) return open();
    if (held()) return;
    try {
      const url = `${main.dataset.part}&filter=${encodeURIComponent(box?.value.trim() ?? "")}`;
      const answer = await fetch(url);
      const page = answer.ok && parse(await answer.text());
      if (!page) return;
      if (!list() && find("#feed", page)) return location.reload();
      cards(Object.fromEntries([...page.querySelectorAll("[id^=card-]:not(#card-feed, #card-connect)")]
        .map((card) => [card.id.slice(5), card.innerHTML])));
      if (list()) list().replaceChildren(...find("#feed", page).children);
    } catch {
      say("lost");
    }
  }, 5000);
}

function stop() {
  stream?.close();
  clearInterval(polling);
  say("paused");
}

pause?.addEventListener("click", (event) => {
  event.preventDefault();
  paused = !paused;
  pause.textContent = paused ? pause.dataset.goOn : pause.dataset.stop;
  if (paused) stop();
  else open();
});
for (const name of ["pointerleave", "focusout"]) list()?.addEventListener(name, () => setTimeout(show));
box?.addEventListener("input", filter);
find("[data-filter]")?.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); });
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && !paused && open());
if (paused) say("paused");
else open();
