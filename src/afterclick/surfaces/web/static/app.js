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
  }
  enhance();
}

function here(link, event) {
  const url = new URL(link.href);
  const plain = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return !plain && url.origin === location.origin && !link.target && !link.hasAttribute("download") &&
    !link.hasAttribute("data-plain") && !/\.\w+$/.test(url.pathname) && !link.getAttribute("href").startsWith("#");
}

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied.textContent, copied);
  if (!event.target.closest("details.menu, details.why")) closeMenus();
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !here(link, event)) return;
  event.preventDefault();
  hide();
  if (link.hasAttribute("data-close")) return find("#drawer")?.close();
  const drawer = link.hasAttribute("data-people") || Boolean(link.closest(".pages"));
  if (link.hasAttribute("data-people")) opener = link.getAttribute("href");
  go(link.href, { drawer });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get") return;
  event.preventDefault();
  const url = new URL(form.action || location.href);
  url.search = new URLSearchParams(new FormData(form)).toString();
  go(url);
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
    const [open] = closeMenus();
    find("summary", open)?.focus();
    return;
  }
  if (event.key === "Enter" && event.target.matches("[data-copy]")) return copy(event.target.textContent, event.target);
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (typing || event.metaKey || event.ctrlKey || event.altKey || event.shiftKey || event.repeat || keysOff() || find("dialog:modal")) return;
  const link = event.key.length === 1 && find(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (link) { event.preventDefault(); go(link.href); }
});

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
addEventListener("scroll", hide, { passive: true, capture: true });

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
  } catch {
    if (status) status.textContent = words.cancelled;
    bones.removeAttribute("aria-busy");
  } finally {
    clearInterval(clock);
  }
}

function enhance() {
  hide();
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
