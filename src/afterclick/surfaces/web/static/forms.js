// Sends what changes something beside the page: where it is refused, the form stays as it was filled in, with the reason.
const plain = new WeakSet();

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.method !== "post" || form.target || plain.has(form)) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  wait(form, true);
  forget(form);
  try {
    const body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
    const said = await answer.json();
    if (said.to) return move(new URL(said.to, location.href));
    refuse(form, button, said.error);
  } catch {
    // No answer, or none of this program: the browser shows what there is.
    plain.add(form);
    wait(form, false);
    return form.requestSubmit(button);
  }
  wait(form, false);
});

function wait(form, on) {
  if (on) form.dataset.sent = "1";
  else delete form.dataset.sent;
  form.style.opacity = on ? 0.5 : "";
}

// Gone back to, a page stands as it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) document.querySelectorAll("form[data-sent]").forEach((form) => wait(form, false));
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
  if (!beside) return button && form.contains(button) ? button.before(said) : form.append(said);
  said.id = "refused-field";
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", said.id);
  beside.append(said);
  field.focus();
}

function forget(form) {
  for (const field of form.querySelectorAll("[aria-describedby=refused-field]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
  form.querySelectorAll(".refused").forEach((said) => said.remove());
}
