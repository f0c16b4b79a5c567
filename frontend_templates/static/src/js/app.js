"use strict";
/* What every page needs: the CSRF header, errors of htmx requests said in words, the confirm dialog, dismissing. */

const csrfToken = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/* htmx parses answers through this policy only. Scripts in an answer are dropped, and htmx never evaluates text. */
const refuse = () => { throw new Error("htmx: eval is off"); };
const rules = {
  createHTML: (text) => text.replace(/<script\b[\s\S]*?(?:<\/script\s*>|$)/gi, ""),
  createScript: () => "",
};
const policy = window.trustedTypes ? window.trustedTypes.createPolicy("htmx", rules) : rules;

const flash = () => document.getElementById("flash");

function line(words, name = "") {
  const paragraph = document.createElement("p");
  paragraph.className = name;
  paragraph.textContent = words;
  return paragraph;
}

/* Shows one of the sentences that #flash carries in data-…; the same sentence is not shown twice. */
function say(tone, key, small = "") {
  const place = flash();
  if (!place || place.querySelector(`[data-said="${key}"]`)) return;
  const note = document.createElement("div");
  note.className = `notice notice-${tone}`;
  note.setAttribute("role", tone === "bad" ? "alert" : "status");
  note.dataset.said = key;
  const body = document.createElement("div");
  body.className = "notice-body";
  body.append(line(place.dataset[key]));
  if (small) body.append(line(small, "request-id"));
  const close = document.createElement("button");
  close.className = "notice-close";
  close.type = "button";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", place.dataset.close);
  close.textContent = "×";
  note.append(body, close);
  place.prepend(note);
}

/* A refused or failed answer goes to #flash, unless it is a form sent back with its errors (422). */
function sendErrorToFlash({ ctx }) {
  const { status, headers } = ctx.response;
  if (status < 400 || status === 422 || !flash()) return;
  const whole = /^\s*(?:<!doctype|<html|[{[])/i.test(ctx.text);
  const id = headers.get("X-Request-Id");
  if (whole) say("bad", "failed", id ? flash().dataset.requestId.replace("{id}", id) : "");
  ctx.target = flash();
  ctx.swap = whole ? "none" : "innerHTML";
  window.scrollTo({ top: 0 });
}

window.htmx?.registerExtension("hocba", {
  init: (api) => api.initSecurity(policy, function () { refuse(); }, function () { refuse(); }),
  htmx_config_request: (element, detail) => {
    const { request } = detail.ctx;
    if (/^\s*(js|javascript):/i.test(request.action ?? "")) return false;
    if (request.method !== "GET") request.headers["X-CSRF-Token"] = csrfToken();
    return true;
  },
  htmx_after_request: (element, detail) => { sendErrorToFlash(detail); return true; },
  htmx_error: (element, detail) => {
    if (detail.error instanceof TypeError || detail.ctx?.request?.signal?.reason === "timeout") {
      say("warn", "lost");
    }
    return true;
  },
});

/* One dialog asks for every element with data-confirm and every hx-confirm. */
function ask(source, text) {
  const dialog = document.getElementById("confirm-dialog");
  if (!dialog?.showModal) return Promise.resolve(window.confirm(text));
  const part = (id) => dialog.querySelector(`#${id}`);
  const yes = dialog.querySelector('[data-answer="yes"]');
  part("confirm-title").textContent = source.dataset.confirmTitle || part("confirm-title").dataset.default;
  part("confirm-text").textContent = text;
  yes.textContent = source.dataset.confirmAction || yes.dataset.default;
  yes.className = `btn btn-${{ seal: "seal", danger: "danger" }[source.dataset.confirmTone] ?? "primary"}`;
  dialog.returnValue = "no";
  dialog.showModal();
  dialog.querySelector('[data-answer="no"]').focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("htmx:confirm", (event) => {
  event.preventDefault();
  const { ctx, issueRequest, dropRequest } = event.detail;
  ask(ctx.sourceElement, ctx.confirm).then((agreed) => (agreed ? issueRequest() : dropRequest()));
});

const agreedTo = new WeakSet();
document.addEventListener("click", (event) => {
  const source = event.target.closest?.("[data-confirm]");
  if (!source || agreedTo.delete(source)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(source, source.dataset.confirm).then((agreed) => {
    if (!agreed) return;
    agreedTo.add(source);
    source.click();
  });
}, true);

/* The entry of this page is seen in a menu, and its tab in a row, that are longer than the screen. Not by scrollIntoView:
   the Tab key would then begin there, behind the link that leads past the menu. */
for (const here of document.querySelectorAll(".menu-link[aria-current], .tabs [aria-current]")) {
  const row = here.closest("nav");
  const [place, frame] = [here.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
  row.scrollTop += place.top - frame.top - (frame.height - place.height) / 2;
}

/* The name of the chosen file, beside the button that carries our words. */
function nameFile(input) {
  const place = input.parentElement.querySelector("[data-file-name]");
  if (place) place.textContent = input.files[0]?.name ?? place.dataset.fileName;
}
document.addEventListener("change", (event) => { if (event.target.matches?.("[type=file]")) nameFile(event.target); });
window.addEventListener("pageshow", () => document.querySelectorAll("[type=file]").forEach(nameFile));

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest(".notice")?.remove();
});

/* A form whose sender must first prove who they are comes back with what was typed. It is kept in this tab, and only on
   the way over /xac-minh; passwords, files and hidden fields are not. */
const KEPT = "hocba-typed";
const isProof = window.location.pathname === "/xac-minh";
const typedIn = (form) => [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type));

function keep(form) {
  try {
    if (form) window.sessionStorage.setItem(KEPT, JSON.stringify(form));
    else window.sessionStorage.removeItem(KEPT);
  } catch {
    return; // storage is refused: it is typed again
  }
}

function kept() {
  try { return JSON.parse(window.sessionStorage.getItem(KEPT)); } catch { return null; }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || isProof) return;
  keep({ action: form.getAttribute("action"), typed: typedIn(form).map(({ name, value, checked }) => ({ name, value, checked })) });
});

function giveBack({ action, typed }) {
  const form = [...document.forms].find((one) => one.getAttribute("action") === action);
  typedIn(form ?? { elements: [] }).forEach((field) => {
    const isChosen = ["checkbox", "radio"].includes(field.type);
    const before = typed.find((one) => one.name === field.name && (!isChosen || one.value === field.value));
    if (before && isChosen) field.checked = before.checked;
    else if (before) field.value = before.value;
  });
}

const before = kept();
keep(isProof && before ? { ...before, isAsked: true } : null);
if (!isProof && before?.isAsked) giveBack(before);

/* Marks that were not saved yet stay in the browser when a page is closed, not when their person signs out, who is asked. */
function draftsOf(person) {
  try {
    return Object.entries(window.localStorage).filter(([key]) => key.startsWith(`hocba-draft:${person}:`));
  } catch {
    return []; // storage is refused: nothing was kept
  }
}
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-forget-drafts]")) return;
  const drafts = draftsOf(form.dataset.person);
  if (!drafts.length) return;
  event.preventDefault();
  const count = drafts.reduce((sum, [, draft]) => sum + JSON.parse(draft).cells.length, 0);
  if (!await ask(form, form.dataset.forgetDrafts.replace("{n}", count))) return;
  document.dispatchEvent(new Event("hocba:forget"));
  for (const [key] of drafts) window.localStorage.removeItem(key);
  form.requestSubmit();
});

/* A form is sent once: its button waits, and comes back when the page is restored from the browser's cache. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || event.defaultPrevented || form.matches("[hx-post],[hx-get],[hx-put]")) return;
  window.setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((button) => {
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
  }));
});
window.addEventListener("pageshow", () => document.querySelectorAll(".is-busy").forEach((button) => {
  button.removeAttribute("aria-disabled");
  button.classList.remove("is-busy");
}));

/* data-copy="text" copies it and says so; data-print opens the print dialog; data-auto-submit sends its form on change. */
document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    say("ok", "copied");
  }
  if (event.target.closest?.("[data-print]")) window.print();
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-auto-submit]")) event.target.form?.requestSubmit();
});
