// Shows what afterclick.js was offered: banner, popup, slot, toast, each in a shadow root of its own. Loaded when there is something.
const WORDS = {
  close: { en: "Close", ko: "닫기", ja: "閉じる", zh: "关闭", de: "Schließen", fr: "Fermer", es: "Cerrar", pt: "Fechar", it: "Chiudi", ar: "إغلاق", he: "סגירה", vi: "Đóng", th: "ปิด", id: "Tutup", ru: "Закрыть" },
  copy: { en: "Copy", ko: "복사", ja: "コピー", zh: "复制", de: "Kopieren", fr: "Copier", es: "Copiar" },
  copied: { en: "Copied", ko: "복사했습니다", ja: "コピーしました", zh: "已复制", de: "Kopiert", fr: "Copié", es: "Copiado" },
  open: { en: "Open", ko: "자세히 보기", ja: "詳しく見る", zh: "查看", de: "Öffnen", fr: "Voir", es: "Ver" },
  offer: { en: "Offer", ko: "혜택 안내", ja: "お知らせ", zh: "优惠", de: "Angebot", fr: "Offre", es: "Oferta" },
};
const TAGS = /^(a|b|blockquote|br|code|div|em|h[1-3]|hr|i|img|li|ol|p|s|small|span|strong|su[bp]|table|tbody|t[dhr]|thead|u|ul)$/;
const PLAIN = /^(alt|colspan|dir|height|lang|rowspan|scope|title|width)$/;
const CSS = `
:host { all: initial; display: block; font-family: inherit; color-scheme: light; --back: var(--afterclick-background, #fff); --ink: var(--afterclick-text, #1d2126); --line: #d5d9de; --own: var(--afterclick-colour, #1a56c4); --on: var(--afterclick-on-colour, #fff); }
:host([data-theme=dark]) { color-scheme: dark; --back: var(--afterclick-background, #1d2126); --ink: var(--afterclick-text, #f2f4f6); --line: #49515a; --own: var(--afterclick-colour, #8ab4f8); --on: var(--afterclick-on-colour, #10151b); }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
.box { position: relative; font-size: 1rem; line-height: 1.5; font-family: var(--afterclick-font, inherit); color: var(--ink); background: var(--back); border: 1px solid var(--line); border-radius: var(--afterclick-radius, 12px); padding: 1rem 3.25rem 1rem 1.25rem; overflow-wrap: anywhere; word-break: keep-all; }
.box:dir(rtl) { padding: 1rem 1.25rem 1rem 3.25rem; }
.banner, .toast { position: fixed; z-index: var(--afterclick-z, 2147483000); box-shadow: 0 4px 24px #0003; max-block-size: calc(100vh - 2rem); overflow: auto; }
.banner { inset-block-end: 1rem; inset-inline: 1rem; margin-inline: auto; max-inline-size: 60rem; }
.toast { inset-block-start: 1rem; inset-inline-end: 1rem; inline-size: min(22rem, calc(100vw - 2rem)); }
.slot { block-size: 100%; overflow: auto; padding-block: .5rem; }
dialog { margin: auto; inline-size: min(26rem, calc(100vw - 2rem)); max-block-size: calc(100vh - 2rem); overflow: auto; }
dialog::backdrop { background: #0008; }
.title { font-weight: 700; font-size: 1.125rem; margin: 0 0 .25rem; text-wrap: balance; }
.text > :first-child { margin-block-start: 0; } .text > :last-child { margin-block-end: 0; }
.text p { margin-block: 0 .5rem; } .text img, .picture { max-inline-size: 100%; block-size: auto; }
.picture { display: block; max-block-size: 40vh; object-fit: contain; margin-block-end: .75rem; }
a { color: var(--own); } .title a { color: inherit; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-block-start: .75rem; }
.slot .row { margin-block-start: .375rem; }
.go, .copy, .x { font: inherit; font-weight: 600; min-block-size: 2.75rem; cursor: pointer; border-radius: calc(var(--afterclick-radius, 12px) * .6); }
.go { display: inline-flex; align-items: center; padding: .25rem 1.25rem; border: 0; background: var(--own); color: var(--on); text-decoration: none; }
.copy { padding: .25rem 1rem; border: 1px solid currentColor; background: none; color: inherit; }
.code { font: 600 1.0625rem/1.5 ui-monospace, monospace; border: 1px dashed currentColor; border-radius: 6px; padding: .375rem .75rem; user-select: all; }
.x { position: absolute; inset-block-start: .375rem; inset-inline-end: .375rem; inline-size: 2.75rem; padding: 0; border: 0; background: none; color: inherit; font-size: 1.375rem; line-height: 1; }
:focus-visible { outline: 3px solid var(--own); outline-offset: 2px; }
@media (min-width: 44rem) {
  .banner { display: grid; grid-template-columns: 1fr auto auto; column-gap: 1.25rem; align-items: center; }
  .banner > * { grid-column: 1; }
  .banner > .row { grid-column: 2; grid-row: 1 / span 4; margin: 0; }
  .banner > .row ~ .row { grid-column: 3; }
}
@media (prefers-reduced-motion: no-preference) {
  .banner, .toast, dialog { animation: come .2s ease-out; }
  @keyframes come { from { opacity: 0; transform: translateY(.5rem); } }
}
@media (forced-colors: active) { .box, .go { border: 1px solid; } }`;
let sheet;
const waiting = { banner: [], popup: [], toast: [] };
const open = {};

const lang = () => document.documentElement.lang || navigator.language || "en";
const word = (name) => WORDS[name][lang().split("-")[0].toLowerCase()] || WORDS[name].en;
const make = (tag, name, ...inner) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...inner);
  return made;
};
const led = (text) => {
  try {
    const to = new URL(text, location.href);
    return text && (to.protocol === "https:" || (to.origin === location.origin && /^http/.test(to.protocol))) && to.href;
  } catch {}
};

// Nodes as the server has cleaned them, made one by one: nothing here reads HTML.
function grown(node) {
  if (!Array.isArray(node)) return String(node);
  const [tag, attributes, ...inner] = node;
  const made = make(TAGS.test(tag) ? tag : "span");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "href" || name === "src") { if (led(value)) made[name] = value; }
    else if (name === "style") { if (!/url|image|expression/i.test(value)) made.style.cssText = value; }
    else if (PLAIN.test(name)) made.setAttribute(name, value);
  }
  made.append(...inner.map(grown));
  return made;
}

// White or black, whichever is easier to read on a colour.
function ink(colour) {
  const probe = make("i");
  probe.style.color = colour;
  document.body.append(probe);
  const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  probe.remove();
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// As the page is, whatever the visitor's system would like: few shops have two faces.
const ground = () => [document.body, document.documentElement].map((one) => getComputedStyle(one).backgroundColor)
  .find((colour) => /^rgb/.test(colour) && !/, 0\)/.test(colour)) || "Canvas";

function dressed(host, { theme, colour }) {
  const dark = theme === "dark" || (theme !== "light" && ink(ground()) === "#fff");
  host.dataset.theme = dark ? "dark" : "light";
  if (!colour || !CSS_COLOUR(colour)) return;
  host.style.setProperty("--own", colour);
  host.style.setProperty("--on", ink(colour));
}
const CSS_COLOUR = (text) => window.CSS.supports("color", text);

function coupon(code, tell) {
  const text = make("code", "code", code);
  const copy = make("button", "copy", word("copy"));
  const said = make("span", "said");
  said.setAttribute("role", "status");
  copy.type = "button";
  copy.onclick = async () => {
    try { await navigator.clipboard.writeText(code); } catch {
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    said.textContent = word("copied");
    tell("clicked");
  };
  return make("div", "row", text, copy, said);
}

// What a message says; `done` closes it.
function inside(content, tell, done) {
  const { title, body, button, url, image, code } = content;
  const parts = [];
  const to = led(url);
  const link = (name, text) => Object.assign(make("a", name, text), { href: to });
  if (led(image)) parts.push(Object.assign(make("img", "picture"), { src: image, alt: "", onerror() { this.remove(); } }));
  if (title) parts.push(Object.assign(make("p", "title", to && !button ? link("", title) : title), { id: "t", dir: "auto" }));
  if (body?.length) parts.push(Object.assign(make("div", "text", ...[body].flat().map(grown)), { id: "b", dir: "auto" }));
  if (code) parts.push(coupon(code, tell));
  if (button || (to && !title)) {
    const go = to ? link("go", button || word("open")) : make("button", "go", button);
    if (!to) go.onclick = () => { tell("clicked"); done(); };
    parts.push(make("div", "row", go));
  }
  const close = make("button", "x", "×");
  close.type = "button";
  close.setAttribute("aria-label", word("close"));
  close.onclick = () => { tell("closed"); done(); };
  return [...parts, close];
}

function box(kind, content) {
  const made = make(kind === "popup" ? "dialog" : "div", `box ${kind}`);
  made.lang = content.lang || lang();
  if (content.title) made.setAttribute("aria-labelledby", "t");
  else made.setAttribute("aria-label", word("offer"));
  if (kind === "banner" || kind === "slot") made.setAttribute("role", "region");
  if (kind === "popup" && content.body?.length) made.setAttribute("aria-describedby", "b");
  return made;
}

function place(offer, tell, slot) {
  const { content } = offer;
  const kind = offer.kind === "slot" && !slot ? "banner" : offer.kind;
  const host = make("div");
  host.dataset.afterclick = offer.action_id;
  const root = host.attachShadow({ mode: "open" });
  if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  const shell = box(kind, content);
  const end = () => {
    if (kind === "popup") shell.close();
    host.remove();
    watch.disconnect();
    next(kind);
  };
  const watch = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting || document.hidden) return;
    watch.disconnect();
    tell("displayed");
  }, { threshold: 0.1 });
  shell.addEventListener("click", (event) => event.composedPath().some((each) => each.localName === "a") && tell("clicked"));
  shell.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || kind === "slot") return;
    event.preventDefault();
    event.stopPropagation();
    tell("closed");
    end();
  });
  const fill = () => {
    shell.append(...inside(content, tell, end));
    watch.observe(shell);
  };
  put(kind, host, root, shell, slot, content, fill);
  if (kind === "popup") popup(shell, tell, end);
  if (kind === "toast" && !content.button && !content.code) leaves(shell, end);
}

function put(kind, host, root, shell, slot, content, fill) {
  // The room that the shop has left for it is neither more nor less afterwards.
  if (kind === "slot") {
    const height = slot.getBoundingClientRect().height;
    if (height) host.style.blockSize = `${height}px`;
    slot.replaceChildren(host);
  } else document.body.append(host);
  dressed(host, content);
  if (kind === "popup" || kind === "slot") {
    root.append(shell);
    fill();
    return;
  }
  // A live region is read when it changes, so it is there before its words are.
  const live = make("div");
  live.setAttribute("aria-live", "polite");
  root.append(live);
  live.append(shell);
  setTimeout(fill, 50);
}

function popup(shell, tell, end) {
  shell.addEventListener("cancel", (event) => { event.preventDefault(); tell("closed"); end(); });
  shell.addEventListener("click", (event) => {
    const { left, right, top, bottom } = shell.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (event.target === shell && (x < left || x > right || y < top || y > bottom)) { tell("closed"); end(); }
  });
  shell.showModal();
}

// Goes by itself, unless somebody is at it.
function leaves(shell, end) {
  let timer;
  const go = () => { timer = setTimeout(end, 10000); };
  const stay = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) shell.addEventListener(name, stay);
  for (const name of ["pointerleave", "focusout"]) shell.addEventListener(name, go);
  go();
}

function next(kind) {
  open[kind] = 0;
  while (waiting[kind]?.length && !open[kind]) {
    const [offer, tell, until] = waiting[kind].shift();
    if (until > performance.now()) begin(kind, offer, tell);
  }
}

function begin(kind, offer, tell) {
  const slots = [...document.querySelectorAll("[data-afterclick-slot]")];
  const slot = offer.kind === "slot" && slots.find((one) => !offer.placement || one.dataset.afterclickSlot === offer.placement);
  // Its place is not on this page any more: it is offered again on the next.
  if (offer.kind === "slot" && offer.placement && !slot) return;
  open[kind] = 1;
  try { place(offer, tell, slot); } catch (error) {
    tell("failed", String(error.message).slice(0, 100));
    next(kind);
  }
}

// One banner, one popup, one toast at a time; the others wait as long as they are good.
export function show(offer, report) {
  const said = {};
  const tell = (state, reason) => { if (!said[state]) { said[state] = 1; report(state, reason); } };
  const { kind } = offer;
  if (open[kind] && waiting[kind]) waiting[kind].push([offer, tell, performance.now() + parseInt(offer.ttl, 10) * 1000]);
  else begin(kind, offer, tell);
}
