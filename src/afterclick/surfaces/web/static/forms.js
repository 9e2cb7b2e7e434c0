// Sends what changes something beside the page: where it is refused, the form stays as it was filled in, with the reason.
const busy = "data-sent";
const find = (css) => document.querySelector(css);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.method !== "post" || form.target || form.hasAttribute("data-plain")) return;
  event.preventDefault();
  if (form.hasAttribute(busy)) return;
  forget(form);
  wait(form, true);
  const said = await sent(form, button);
  wait(form, false);
  if (said.to) return move(new URL(said.to, location.href));
  if (said.shown) {
    // Nothing was done, and why is a page of its own.
    form.setAttribute("data-plain", "");
    return form.requestSubmit(button);
  }
  refuse(form, button, said.error);
});

// Where to go, or why it was refused. A form is never sent again by itself: what was asked may have been done.
async function sent(form, button) {
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
    if ([401, 403, 421, 429].includes(answer.status) && !/json/.test(answer.headers.get("content-type"))) return { shown: true };
    return await answer.json();
  } catch {
    const { lost, lostHint } = document.body.dataset;
    return { error: { message: lost, hint: lostHint } };
  }
}

function wait(form, on) {
  form.toggleAttribute(busy, on);
  form.ariaBusy = on ? "true" : null;
  form.style.opacity = on ? 0.5 : "";
  find("main")?.classList.toggle("busy", on);
  document.documentElement.style.cursor = on ? "progress" : "";
}

// Gone back to, a page stands as it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) document.querySelectorAll(`form[${busy}]`).forEach((form) => wait(form, false));
});

function move(to) {
  if (to.pathname + to.search !== location.pathname + location.search) return location.assign(to);
  history.replaceState(history.state, "", to);
  location.reload();
}

function refuse(form, button, { message, hint = "", path = "" }) {
  const field = path && form.elements[path.split(".").pop()];
  const beside = field?.name && field.type !== "hidden" && field.closest("label");
  const said = document.createElement(beside ? "small" : "p");
  said.className = "wrong refused";
  said.setAttribute("role", "alert");
  said.append(message, ...(hint ? [document.createElement("br"), hint] : []));
  if (beside) {
    field.ariaInvalid = "true";
    beside.append(said);
  } else if (button && form.contains(button)) button.before(said);
  else form.append(said);
  // Enter presses the first button of a form, which may stand in a folded part.
  for (let fold = said.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (beside) field.focus();
  said.scrollIntoView({ block: "nearest" });
}

function forget(form) {
  for (const said of form.querySelectorAll(".refused")) {
    const field = said.parentElement.querySelector("[aria-invalid]");
    if (field && said.matches("small")) field.ariaInvalid = null;
    said.remove();
  }
}
