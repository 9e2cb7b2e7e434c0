// Tells afterclick what a page alone knows: page views, who is who, and signals that never reach a server.
// <script async src="https://HOST/afterclick.js" data-key="YOUR_WRITE_KEY"></script>; the rest is in docs/connect.md.
(() => {
  const tag = document.currentScript;
  const before = window.afterclick;
  if (!tag || before?.track) return;
  const set = tag.dataset;
  const root = (set.host || new URL(tag.src).origin).replace(/\/+$/, "") + "/v1/";
  const url = root + "batch";
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
    listening();
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
        userAgent: navigator.userAgent,
        library: { name: "afterclick.js" },
        consent: stated ?? undefined,
      },
    };
    const text = JSON.stringify(event);
    if (text.length > 3e4) return;
    queue.push(JSON.parse(text));
    if (!allowed()) return;
    save();
    // Where offers are made, the answer is to come while it still fits.
    if (!failures) soon(queue.length > 9 ? 0 : hearing ? 15 : 1000);
  }
  const track = (event, properties = {}) => say("track", { event: String(event), properties });

  // Offers come by a stream while the page is seen; where there is none they are asked for. Showing them is another file.
  const had = () => read("had") || [];
  let hearing;
  let ear;
  let heard = "";
  let again;
  let shows;
  const post = (path, body) => {
    const text = JSON.stringify({ writeKey: set.key, anonymousId: visitor(), ...body });
    if (path !== "ack" || !navigator.sendBeacon?.(root + path, text))
      return fetch(root + path, { method: "POST", body: text, credentials: "omit", keepalive: true });
  };
  const tell = ({ action_id, rule, journey, experiment }, state, reason) => safe(post)("ack", { action_id, rule, journey, experiment, state, reason });
  function offered(offers) {
    for (const offer of offers) {
      // Seen before, whatever became of the word of it.
      if (had().includes(offer.action_id)) tell(offer, "displayed");
      else (shows ||= import(new URL("afterclick-show.js", tag.src))).then(({ show }) => show(offer, (state, reason) => {
        if (state === "displayed") keep("had", [...had(), offer.action_id].slice(-50));
        tell(offer, state, reason);
      })).catch(() => { shows = 0; });
    }
  }
  function deaf() {
    clearTimeout(again);
    ear?.abort();
    ear = hearing = null;
  }
  async function hear(tries = 0) {
    const places = [...document.querySelectorAll("[data-afterclick-slot]")].map((slot) => slot.dataset.afterclickSlot);
    const about = {
      placements: [...new Set(places)],
      languages: [document.documentElement.lang, ...navigator.languages].filter(Boolean),
      form: "tree",
      userId: set.user,
      userToken: set.userToken,
    };
    const query = String(new URLSearchParams(JSON.parse(JSON.stringify({ writeKey: set.key, anonymousId: visitor(), ...about }))));
    if (ear && heard === query && !tries) return;
    deaf();
    heard = query;
    const own = ear = new AbortController();
    try {
      const { status, body } = await fetch(root + "stream?" + query, { signal: own.signal, credentials: "omit", cache: "no-store" });
      // Nothing is offered here.
      if (status === 204) return;
      if (status !== 200) throw 0;
      hearing = 1;
      if (queue.length) soon(0);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = "", part; !(part = await reader.read()).done;) {
        tries = 0;
        const said = (text + part.value).split("\n\n");
        text = said.pop();
        for (const one of said) if (/^event: decisions$/m.test(one)) safe(offered)(JSON.parse(/^data: (.*)/m.exec(one)[1]).decisions);
      }
    } catch {
      if (own === ear) safe(async () => offered((await (await post("decide", about)).json()).decisions))()?.catch(() => {});
    }
    if (own !== ear) return;
    hearing = 0;
    again = setTimeout(listening, Math.min(2 ** tries, 20) * 3000, tries + 1);
  }
  const listening = safe((tries) => {
    // Not before it is settled who this is: another tool may come to give the id.
    if (set.offers === "off" || document.hidden || !allowed() || !(other() || own || read("id"))) deaf();
    else hear(tries).catch(() => {});
  });

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
    listening();
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

  const forget = () => { user = own = null; keep("id"); keep("user"); listening(); };
  const api = {
    track,
    page: view,
    identify(id, traits) {
      if (id?.trim) user = id;
      if (user && allowed()) keep("user", user);
      // What a message later goes by: the language of the page, the hours of whoever reads it.
      say("identify", { traits: {
        locale: document.documentElement.lang || navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        ...(traits || (id?.trim ? {} : id)),
      } });
    },
    consent(answer) {
      stated = answer === "granted" || (answer !== "denied" && answer);
      keep("consent", stated);
      for (const event of queue) event.context.consent = stated;
      if (allowed()) {
        if (user) keep("user", user);
        listening();
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
      listening();
      if (!document.hidden) return start();
      if (shown) seen += performance.now() - shown;
      shown = 0;
      leave();
    });
    on(window, "pagehide", () => { left(); leave(); deaf(); });
    on(window, "pageshow", (event) => event.persisted && (auto ? view() : listening()));
    on(window, "online", () => { soon(0); listening(); });
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
    else listening();
    listen();
    window.afterclick = api;
    if (Array.isArray(before)) before.forEach(api.push);
    if (queue.length) soon(1000);
  })();
})();
