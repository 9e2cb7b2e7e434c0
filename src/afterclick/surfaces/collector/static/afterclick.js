// Tells afterclick what a page alone knows: page views, who is who, and signals that never reach a server.
// <script async src="https://HOST/afterclick.js" data-key="YOUR_WRITE_KEY"></script>; the rest is in docs/connect.md.
(() => {
  const tag = document.currentScript;
  const before = window.afterclick;
  if (!tag || before?.track) return;
  const set = tag.dataset;
  const url = (set.host || new URL(tag.src).origin).replace(/\/+$/, "") + "/v1/batch";
  const NAME = "afterclick.";
  const MOST = 200;
  const LARGEST = 6e4;
  const store = () => localStorage;

  // Whatever happens in here must never reach the page.
  const safe = (run) => (...given) => { try { return run(...given); } catch {} };
  const random = () => crypto.randomUUID?.() ||
    [...crypto.getRandomValues(new Uint8Array(16))].join("-");
  const json = (text) => { try { return JSON.parse(text); } catch { return text; } };
  const cookie = (name) => decodeURIComponent(`; ${document.cookie}`.split(`; ${name}=`)[1]?.split(";")[0] || "");
  const bake = (name, value, age) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${age}; SameSite=Lax`; };

  // Kept in localStorage, in a cookie where there is none.
  const read = (name) => json(safe(() => store().getItem(NAME + name))() || cookie(NAME + name) || null);
  function keep(name, value) {
    name = NAME + name;
    const text = JSON.stringify(value);
    try {
      if (value == null) store().removeItem(name);
      else store().setItem(name, text);
    } catch { if (value != null) bake(name, text, 31536000); }
    if (value == null && cookie(name)) bake(name, "", 0);
  }

  // What the visitor has said: yes, no, or by purpose. Until then a signal of the browser, or data-consent="required".
  let stated = read("consent");
  function allowed() {
    if (stated != null) return (stated.analytics ?? stated) !== false;
    if (set.gpc !== "ignore" && (navigator.globalPrivacyControl || navigator.doNotTrack === "1")) return false;
    // Neither: events wait in memory for an answer.
    return set.consent === "required" ? undefined : true;
  }

  // The id another tool gave this browser, so that both count the same visitors.
  const stored = (name) => json(store().getItem(name) || cookie(name));
  const other = safe(() => {
    const found = stored("ajs_anonymous_id") || stored("rl_anonymous_id");
    if (found) return /^RS_ENC_v3_/.test(found) ? json(atob(found.slice(10))) : found;
    const posthog = stored(Object.keys(store()).find((name) => /^ph_.+_posthog$/.test(name)));
    return posthog.$device_id || posthog.distinct_id;
  });
  let own;
  function visitor() {
    const found = other();
    if (found && typeof found === "string") return found;
    own = own || read("id") || random();
    if (read("id") !== own) keep("id", own);
    return own;
  }

  // Events wait here, and in storage for the next page, until the server has them.
  let queue = [];
  let sending = 0;
  let failures = 0;
  let timer;
  const slot = "queue." + random();
  const save = () => safe(() => {
    if (queue.length) store().setItem(NAME + slot, JSON.stringify(queue));
    else store().removeItem(NAME + slot);
  })();
  const adopt = safe(() => {
    for (const name of Object.keys(store())) {
      if (!name.startsWith(NAME + "queue.")) continue;
      queue = stored(name).concat(queue).slice(0, MOST);
      store().removeItem(name);
    }
    save();
  });

  // As many of the next events as one request may carry.
  function batch(start) {
    let room = LARGEST;
    let end = start;
    const events = [];
    for (const event of queue.slice(start, start + 50)) {
      event.anonymousId = event.anonymousId || visitor();
      room -= new Blob([JSON.stringify(event)]).size + 1;
      if (room < 200 && end > start) break;
      events.push(event);
      end++;
    }
    return [end, JSON.stringify({ writeKey: set.key, batch: events, sentAt: new Date() })];
  }

  function soon(ms) {
    clearTimeout(timer);
    timer = setTimeout(() => flush().catch(() => {}), ms);
  }

  async function flush() {
    if (sending || !queue.length || !allowed()) return;
    const [end, body] = batch(0);
    save();
    sending = end;
    let wait = 0;
    try {
      const { status, headers } = await fetch(url, { method: "POST", body, credentials: "omit", keepalive: body.length < 2e4 });
      if (status > 499 || status === 429 || status === 408) wait = Math.min(headers.get("Retry-After"), 300) * 1000 || -1;
    } catch { wait = -1; }
    sending = 0;
    failures = wait ? failures + 1 : 0;
    if (!wait) {
      queue.splice(0, end);
      save();
    }
    if (queue.length) soon(wait < 0 ? Math.min(2 ** failures, 60) * 500 * (1 + Math.random()) : wait);
  }

  // The page goes: what no request carries yet goes by beacon. Where the server does not answer it stays for the next page.
  function leave() {
    if (!allowed() || failures || !navigator.onLine) return;
    while (queue.length > sending) {
      const [end, body] = batch(sending);
      if (!navigator.sendBeacon(url, body)) break;
      queue.splice(sending, end - sending);
    }
    save();
  }

  let referrer = document.referrer;
  let user = read("user");
  function say(type, more) {
    if (allowed() === false || queue.length >= MOST) return;
    const event = {
      type,
      ...more,
      messageId: random(),
      timestamp: new Date(),
      userId: user || undefined,
      context: {
        page: { url: location.href, referrer, title: document.title },
        library: { name: "afterclick.js" },
        consent: stated ?? undefined,
      },
    };
    const text = JSON.stringify(event);
    if (text.length > 3e4) return;
    queue.push(JSON.parse(text));
    if (!allowed()) return;
    save();
    if (!failures) soon(queue.length > 9 ? 0 : 1000);
  }
  const track = (event, properties = {}) => say("track", { event: String(event), properties });

  // One view of a page: how long it was seen, how far it was scrolled, what was said of it once.
  const auto = set.page !== "off";
  const page = () => location.href.split("#")[0];
  let last = "";
  let seen = 0;
  let depth = 0;
  let shown = 0;
  let said;
  const once = (key, event, properties) => said && !said[key] && (said[key] = track(event, properties) || 1);
  const seconds = () => Math.round((seen + (shown && performance.now() - shown)) / 100) / 10;
  const start = () => { shown = document.hidden ? 0 : performance.now(); };
  function view(name, properties) {
    if (last && last !== page()) referrer = last;
    last = page();
    seen = depth = 0;
    said = {};
    start();
    say("page", { name, properties: { title: document.title, ...properties } });
  }
  function left() {
    if (said) track("Page Left", { page: last, seconds: seconds(), depth });
    said = null;
  }
  // The address changed without a new page.
  const moved = safe(() => {
    if (last === page()) return;
    left();
    if (auto) view();
  });

  const forget = () => { user = own = null; keep("id"); keep("user"); };
  const api = {
    track,
    page: view,
    identify(id, traits) {
      if (id?.trim) user = id;
      if (user && allowed()) keep("user", user);
      say("identify", { traits: traits || (id?.trim ? {} : id) });
    },
    consent(answer) {
      stated = answer === "granted" || (answer !== "denied" && answer);
      keep("consent", stated);
      for (const event of queue) event.context.consent = stated;
      if (allowed()) {
        if (user) keep("user", user);
        return track("Consent Updated");
      }
      adopt();
      queue = [];
      save();
      forget();
    },
    reset: forget,
  };
  for (const name in api) api[name] = safe(api[name]);
  api.push = safe(([name, ...given]) => api[name](...given));

  function listen() {
    const on = (target, names, run) => names.split(" ").forEach((name) => target.addEventListener(name, safe(run), { passive: true, capture: true }));
    const patience = +set.idle || 60;
    const top = document.documentElement;
    let idle;
    const wake = () => {
      clearTimeout(idle);
      idle = setTimeout(safe(() => document.hidden || track("Idle", { seconds: patience })), patience * 1000);
    };
    on(window, "pointermove pointerdown keydown scroll", wake);
    on(window, "scroll", () => {
      if (top.scrollHeight <= top.clientHeight) return;
      depth = Math.max(depth, Math.min(100, Math.round(100 * (scrollY + innerHeight) / top.scrollHeight)));
      for (const step of [25, 50, 75, 100]) if (depth >= step) once(step, "Scrolled", { depth: step });
    });
    on(top, "mouseleave", (event) => event.target === top && event.clientY <= 0 && once("exit", "Exit Intent", { seconds: seconds() }));
    // How much, never what.
    on(document, "copy", () => track("Copied", { length: String(getSelection()).length }));
    on(document, "visibilitychange", () => {
      if (!document.hidden) return start();
      if (shown) seen += performance.now() - shown;
      shown = 0;
      leave();
    });
    on(window, "pagehide", () => { left(); leave(); });
    on(window, "pageshow", (event) => event.persisted && auto && view());
    on(window, "online", () => soon(0));
    on(window, "popstate", moved);
    const push = history.pushState;
    history.pushState = function (...given) {
      push.apply(this, given);
      moved();
    };
    wake();
  }

  safe(() => {
    if (allowed()) adopt();
    if (auto) view();
    listen();
    window.afterclick = api;
    if (Array.isArray(before)) before.forEach(api.push);
    if (queue.length) soon(1000);
  })();
})();
