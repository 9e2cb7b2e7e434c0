// Makes the pages quicker: they work without it. Replaces main on a change, opens the drawer as a dialog, keys, tooltips.
const find = (css, root = document) => root.querySelector(css);
const all = (css, root = document) => [...root.querySelectorAll(css)];
const root = document.documentElement;
let running = null;
let opener = "";

async function go(address, { push = true, drawer = false } = {}) {
  running?.abort();
  running = new AbortController();
  const url = new URL(address, location.href);
  const main = find("main");
  main.classList.add("busy");
  let page, answer;
  try {
    answer = await fetch(url, { signal: running.signal, headers: { accept: "text/html" } });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
    return;
  }
  if (!find("main", page)) return location.assign(url);
  const end = new URL(answer.url);
  end.hash = url.hash;
  await dress(page);
  if (push) history.pushState({}, "", end);
  const only = drawer && find("#drawer", page);
  if (only) {
    main.classList.remove("busy");
    find("#drawer-slot").replaceChildren(only);
  } else {
    const key = document.activeElement?.closest("details")?.querySelector("summary")?.textContent;
    for (const part of all("[data-swap]", page)) find(`[data-swap=${part.dataset.swap}]`)?.replaceWith(part);
    for (const name of ["lang", "data-theme"]) root.setAttribute(name, page.documentElement.getAttribute(name));
    document.title = page.title;
    if (key) all("main summary").find((each) => each.textContent === key)?.focus({ preventScroll: true });
    else if (push) find("main").focus({ preventScroll: true });
    if (/^#card-/.test(url.hash)) find(url.hash)?.scrollIntoView();
  }
  enhance();
}

// Styles of the new page come before it, so that nothing is seen undressed.
const dress = (page) => Promise.all(all("link[rel=stylesheet]", page)
  .filter((link) => !find(`link[href="${link.getAttribute("href")}"]`))
  .map((link) => new Promise((done) => {
    const added = document.importNode(link);
    added.onload = added.onerror = done;
    document.head.append(added);
  })));

function here(link, event) {
  const url = new URL(link.href);
  const plain = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return !plain && url.origin === location.origin && !link.target && !link.hasAttribute("download") &&
    !link.closest("[data-plain]") && !/\.(csv|json|svg)$/.test(url.pathname) && !link.getAttribute("href").startsWith("#");
}

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied.textContent, copied);
  const mark = event.target.closest("#answer [data-people]");
  if (mark && here(mark, event)) { event.preventDefault(); return openMenu(mark); }
  if (!event.target.closest(".marks [role=group], .marks p")) closeMark();
  if (!event.target.closest("details.menu, details.why")) closeMenus();
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !here(link, event)) return;
  event.preventDefault();
  hide();
  if (link.hasAttribute("data-close")) return find("#drawer")?.close();
  const drawer = link.hasAttribute("data-people") || Boolean(link.closest(".pages"));
  if (drawer && link.hasAttribute("data-people")) opener = link.getAttribute("href");
  go(link.href, { drawer });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get" || form.target) return;
  event.preventDefault();
  const url = new URL(form.getAttribute("action") || location.href, location.href);
  url.search = new URLSearchParams(new FormData(form, event.submitter)).toString();
  go(url);
});

document.addEventListener("focusin", ({ target }) => {
  if (target.form?.method === "post") import(import.meta.url.replace("app.js", "forms.js"));
});

addEventListener("popstate", () => go(location.href, { push: false }));

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.why[open]")) all("details.why[open]").forEach((each) => each !== event.target && (each.open = false));
}, true);

function closeMenus() {
  const open = all("details.menu[open], details.why[open]");
  for (const each of open) each.open = false;
  return open;
}

const keysOff = () => localStorage.getItem("keys") === "off";

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    hide();
    if (closeMark(true)) return;
    const [open] = closeMenus();
    find("summary", open)?.focus();
    return;
  }
  const items = all(".marks [role=menuitem]");
  if (items.length && /^Arrow(Up|Down)$|^Tab$/.test(event.key)) {
    event.preventDefault();
    const back = event.key === "ArrowUp" || event.shiftKey;
    items.at((items.indexOf(document.activeElement) + (back ? -1 : 1)) % items.length).focus();
    return;
  }
  if (event.key === "Enter" && event.target.matches("[data-copy]")) return copy(event.target.textContent, event.target);
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  const shifted = event.shiftKey && event.key !== "?";
  if (typing || event.metaKey || event.ctrlKey || event.altKey || shifted || event.repeat || keysOff() || find("dialog:modal")) return;
  const key = CSS.escape(event.key.toLowerCase());
  const going = event.timeStamp - asked < 1500;
  asked = !going && key === "g" ? event.timeStamp : -Infinity;
  const target = find(`[data-${going ? "go" : "key"}="${key}"]`);
  if (!target || asked > 0) return;
  event.preventDefault();
  target.click();
  if (target.href) return;
  const pane = target.nextElementSibling;
  find(key === "c" ? "[type=date]" : "input:not([type=hidden]), select, a", pane)?.focus();
});
let asked = -Infinity;

// The menu of a mark, the same on every mark; without script the mark is a link to its visitors.
// A scroll that ended just before it opened is told of just after: only one that moves the mark closes it.
let marked = null, stood = "";
const spot = (mark) => Object.values(mark.getBoundingClientRect().toJSON()).join();
function openMenu(mark) {
  closeMark();
  hide();
  closeMenus();
  marked = mark;
  const pane = find("#mark-menu").content.firstElementChild.cloneNode(true);
  const { page, csv, funnel, field, entry, goal } = pane.dataset;
  const { where, step } = mark.dataset;
  const own = new URL(mark.href);
  const search = (path, pairs) => {
    const url = new URL(path, location.href);
    for (const [name, value] of pairs) value && url.searchParams.append(name, value);
    return url.pathname + url.search;
  };
  const steps = step === goal ? [entry, goal] : [step, goal];
  const ways = {
    people: mark.getAttribute("href"),
    only: where && search(page, [["where", where]]),
    without: where && search(page, [["where", `!(${where})`]]),
    funnel: step && funnel && search(funnel, steps.map((text) => [field, text])),
    csv: csv + own.search,
  };
  for (const item of all("[data-act]", pane)) {
    // A field of the question is set to what the mark stands for, where it stands for something.
    const { act, set, to } = item.dataset;
    const value = mark.dataset[set];
    const way = value ? to + encodeURIComponent(value) : ways[act];
    if (way) item.setAttribute("href", way);
    else if (act === "copy") item.onclick = () => { copy(mark.textContent.trim(), mark); closeMark(); };
    else item.remove();
  }
  find("main").append(pane);
  mark.setAttribute("aria-expanded", "true");
  const box = mark.getBoundingClientRect();
  pane.style.left = `${Math.max(8, Math.min(innerWidth - pane.offsetWidth - 8, box.left))}px`;
  const below = box.bottom + 6;
  pane.style.top = `${Math.max(8, below + pane.offsetHeight > innerHeight ? box.top - pane.offsetHeight - 6 : below)}px`;
  stood = spot(mark);
  find("[role=menuitem]", pane).focus({ preventScroll: true });
}
function closeMark(back = false) {
  const pane = find(".marks");
  pane?.remove();
  marked?.removeAttribute("aria-expanded");
  if (back && pane) marked?.focus({ preventScroll: true });
  return Boolean(pane);
}

async function copy(text, element) {
  try { await navigator.clipboard.writeText(text); } catch { return getSelection().selectAllChildren(element); }
  const done = find("[data-copy-link]")?.dataset.done;
  if (done) tell(done, element);
}

// Tooltips: titles until the pointer or the focus comes, so that they also exist without script.
let tip = null;
function tell(text, element) {
  hide();
  tip = document.createElement("div");
  tip.id = "tip";
  tip.textContent = text;
  (find("dialog:modal") ?? document.body).append(tip);
  const box = element.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const above = box.top - own.height - 8;
  tip.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, box.left + box.width / 2 - own.width / 2))}px`;
  tip.style.top = `${above > 8 ? above : box.bottom + 8}px`;
}
function hide() { tip?.remove(); tip = null; }
function hint(event) {
  // A node of a drawing lights the ways that begin or end at it.
  for (const way of all(".way")) way.classList.toggle("lit", way.dataset.ends.includes(event.target.closest?.(".node")?.dataset.node));
  const element = event.target.closest?.("[title]:not(svg), [data-tip]");
  if (!element) return hide();
  if (element.title) {
    element.dataset.tip = element.title;
    if (element.matches("a, [tabindex]")) element.setAttribute("aria-description", element.title);
    element.removeAttribute("title");
  }
  tell(element.dataset.tip, element);
}
document.addEventListener("pointerover", (event) => event.pointerType === "mouse" && hint(event));
document.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && hint(event));
document.addEventListener("focusout", hide);
addEventListener("scroll", () => { hide(); if (marked && spot(marked) !== stood) closeMark(); }, { passive: true, capture: true });

function openDrawer(dialog) {
  const close = find("[data-close]", dialog).href;
  dialog.open = false;
  dialog.showModal();
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    if (!dialog.isConnected) return;
    dialog.remove();
    history.pushState({}, "", close);
    const marks = all("[data-people]");
    (marks.find((mark) => mark.getAttribute("href") === opener) ?? find("main"))?.focus({ preventScroll: true });
  });
}

// A card as a picture: its markup with all styles inside an SVG, drawn twice as large.
async function picture(card, name) {
  const { width, height } = card.getBoundingClientRect();
  const styles = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText).join("");
  const box = document.createElement("div");
  box.className = "ac";
  box.lang = root.lang;
  box.dataset.theme = matchMedia("(prefers-color-scheme:dark)").matches && root.dataset.theme === "auto" ? "dark" : root.dataset.theme;
  Object.assign(box.style, { width: `${width}px`, display: "flow-root" });
  const style = document.createElement("style");
  style.textContent = `${styles}.ac .card{margin:0}`;
  box.append(style, ...[...card.childNodes].map((node) => node.cloneNode(true)));
  const inner = new XMLSerializer().serializeToString(box);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * width}" height="${2 * height}" viewBox="0 0 ${width} ${height}"><foreignObject width="100%" height="100%">${inner}</foreignObject></svg>`;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0);
  const file = await new Promise((done) => canvas.toBlob(done));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: `afterclick-${name}.png` });
  link.click();
  URL.revokeObjectURL(link.href);
}

function offerPictures() {
  const place = find("[data-png]");
  const cards = all(".cards > [id]").filter((card) => find("h2", card));
  if (!place || !cards.length) return;
  place.hidden = false;
  find("ul", place).replaceChildren(...cards.map((card) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: find("h2", card).textContent });
    button.onclick = () => picture(card, card.id.slice(5)).catch(() => tell(place.dataset.png, button));
    item.append(button);
    return item;
  }));
}

async function load(bones) {
  const stop = new AbortController();
  const began = performance.now();
  const status = find("[role=status]", bones);
  const words = find("#answer").dataset;
  const clock = setInterval(() => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    if (seconds < 2 || !status) return;
    if (!find("button", status)) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: words.cancel });
      button.addEventListener("click", () => stop.abort());
      status.replaceChildren(document.createElement("span"), button);
    }
    status.firstChild.textContent = words.elapsed.replace("{s}", seconds);
  }, 1000);
  try {
    const answer = await fetch(bones.dataset.src, { signal: stop.signal });
    const body = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    bones.replaceWith(...body.childNodes);
    offerPictures();
  } catch {
    if (status) status.textContent = words.cancelled;
    bones.removeAttribute("aria-busy");
  } finally {
    clearInterval(clock);
  }
}

function enhance() {
  hide();
  closeMark();
  offerPictures();
  const drawer = find("#drawer");
  if (drawer && !drawer.matches(":modal")) openDrawer(drawer);
  all("[data-src]").forEach(load);
  const link = find("[data-copy-link]");
  if (link) { link.hidden = false; link.onclick = () => copy(location.href, link); }
  const keys = find("[data-keys]");
  if (keys) {
    const off = keys.textContent;
    const show = () => { keys.textContent = keysOff() ? keys.dataset.on : off; };
    keys.hidden = false;
    keys.onclick = () => { localStorage.setItem("keys", keysOff() ? "on" : "off"); show(); };
    show();
  }
}

enhance();
