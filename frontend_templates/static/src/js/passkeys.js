"use strict";
/* Forms with data-passkey="get" or "create": when sent, the browser is asked for a passkey first, and its answer goes
   along in the hidden field `passkey`. The question comes from data-question, about data-statement. */

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withBytes = (keys) => (keys ?? []).map((key) => ({ ...key, id: toBytes(key.id) }));

/* The server's JSON as the browser wants it: bytes where bytes belong. */
function optionsFrom(question) {
  const options = { ...question, challenge: toBytes(question.challenge) };
  if (question.user) options.user = { ...question.user, id: toBytes(question.user.id) };
  if (question.allowCredentials) options.allowCredentials = withBytes(question.allowCredentials);
  if (question.excludeCredentials) options.excludeCredentials = withBytes(question.excludeCredentials);
  return options;
}

function answerOf(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: toText(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = toText(response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: parts });
}

async function questionFor(form) {
  const { question, statement } = form.dataset;
  const answer = await fetch(question, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRF-Token": csrfToken() },
    body: new URLSearchParams(statement ? { statement } : {}),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function ofBrowser(form) {
  if (!window.PublicKeyCredential) throw new DOMException("", "NotSupportedError");
  const publicKey = optionsFrom(await questionFor(form));
  return form.dataset.passkey === "create"
    ? navigator.credentials.create({ publicKey })
    : navigator.credentials.get({ publicKey });
}

function sayIn(form, words) {
  const place = form.querySelector("[data-passkey-said]");
  place.textContent = words;
  place.hidden = !words;
}

/* A person who typed a code proves themselves with that. */
const typedCode = (form) => form.elements.code?.value.trim();

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("form[data-passkey]");
  if (!form || form.elements.passkey.value || typedCode(form)) return;
  event.preventDefault();
  sayIn(form, "");
  try {
    form.elements.passkey.value = answerOf(await ofBrowser(form));
    form.requestSubmit();
  } catch (problem) {
    const unable = ["SecurityError", "NotSupportedError"].includes(problem.name);
    const known = problem instanceof DOMException || problem instanceof TypeError;
    sayIn(form, unable ? form.dataset.unsupported : known ? form.dataset.cancelled : problem.message);
  }
}, true);
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-passkey]").forEach((form) => {
  form.elements.passkey.value = "";
}));
