"use strict";
// The ticket (or Telegram's signed data) stands behind the #, which no browser sends to a server or a proxy.
const part = (id) => document.getElementById(id);
let ticket = "";
let words = {};
let ends = 0;
let ticking = 0;
let inChat = false;

function given() {
  const behind = new URLSearchParams(location.hash.slice(1));
  const asked = new URLSearchParams(location.search);
  inChat = behind.has("tgWebAppData");
  return { ticket: behind.get("t") || "", init_data: behind.get("tgWebAppData") || "", for: asked.get("for") || "" };
}

// A Mini App asks the chat around it to be closed: core.telegram.org/bots/webapps, in the app and in the web client.
function close() {
  if (window.TelegramWebviewProxy) window.TelegramWebviewProxy.postEvent("web_app_close", "{}");
  else parent.postMessage(JSON.stringify({ eventType: "web_app_close" }), "*");
}

async function ask(what, body) {
  const answer = await fetch(`/entry/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
  return answer.json();
}

function complain(text) {
  part("error").hidden = !text;
  part("error").textContent = text || "";
}

function over() {
  clearInterval(ticking);
  part("form").hidden = true;
  part("fields").replaceChildren();
  history.replaceState(null, "", location.pathname);
}

function countDown() {
  const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
  if (left === 0) {
    over();
    complain(words.time_over);
    return;
  }
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  part("left").textContent = words.time_left.replace("@", clock);
}

function kindOf(name) {
  if (name === "api_key") return ["text", "off"];
  if (name === "password") return ["password", "current-password"];
  return ["password", name === "api_secret" ? "off" : "new-password"];
}

function fieldFor(asked) {
  const field = document.createElement("div");
  const label = document.createElement("label");
  const row = document.createElement("div");
  const input = document.createElement("input");
  const [type, complete] = kindOf(asked.name);
  field.className = "field";
  row.className = "row";
  label.textContent = asked.label;
  label.htmlFor = input.id = `field-${asked.name}`;
  Object.assign(input, { type, name: asked.name, autocomplete: complete, required: true, maxLength: 512 });
  Object.assign(input, { autocapitalize: "none", spellcheck: false });
  row.append(input);
  if (type === "password") row.append(eyeFor(input, asked.label));
  field.append(label, row);
  return field;
}

function eyeFor(input, label) {
  const eye = document.createElement("button");
  const name = () => {
    eye.textContent = input.type === "password" ? words.show : words.hide;
    eye.setAttribute("aria-label", `${eye.textContent}: ${label}`);
  };
  eye.type = "button";
  eye.className = "quiet";
  eye.addEventListener("click", () => {
    input.type = input.type === "password" ? "text" : "password";
    name();
  });
  name();
  return eye;
}

function show(form) {
  ticket = form.ticket;
  words = form.words;
  ends = Date.now() + form.seconds * 1000;
  document.documentElement.lang = form.lang;
  document.title = part("title").textContent = form.title;
  part("notes").replaceChildren(...form.notes.map((text) => {
    const note = document.createElement("p");
    note.textContent = text;
    return note;
  }));
  part("fields").replaceChildren(...form.fields.map(fieldFor));
  part("offer").hidden = !form.suggestion;
  part("offer-text").textContent = words.words_offered;
  part("words").textContent = form.suggestion || "";
  part("use").textContent = words.use_words;
  part("send").textContent = words.send;
  part("send").disabled = false;
  if (location.hash.startsWith("#t=")) history.replaceState(null, "", `#t=${ticket}`);
  clearInterval(ticking);
  if (form.fields.length === 0 && !form.can_send) {
    part("form").hidden = true;
    complain(words.nothing);
    return;
  }
  part("form").hidden = false;
  ticking = setInterval(countDown, 1000);
  countDown();
  const first = part("fields").querySelector("input");
  if (first) first.focus();
}

async function begin() {
  try {
    const form = await ask("open", given());
    if (form.error) { over(); complain(form.error); } else show(form);
  } catch {
    complain("The bot cannot be reached. / O robô não responde.");
  }
}

async function send(event) {
  event.preventDefault();
  const values = Object.fromEntries(new FormData(part("form")));
  part("send").disabled = true;
  part("send").textContent = words.sending;
  complain("");
  let told;
  try {
    told = await ask("submit", { ticket, values });
  } catch {
    complain(words.unreachable);
    part("send").disabled = false;
    part("send").textContent = words.send;
    return;
  }
  if (told.done) {
    over();
    part("done-text").textContent = told.done;
    part("back").textContent = told.back;
    part("back").hidden = inChat;
    part("close").textContent = words.close;
    part("close").hidden = !inChat;
    part("done").hidden = false;
    part("done").focus();
  } else if (told.over || !told.ticket) {
    over();
    complain(told.error);
  } else {
    show(told);
    complain(told.error);
  }
}

part("form").addEventListener("submit", send);
part("close").addEventListener("click", close);
part("use").addEventListener("click", () => {
  for (const name of ["new_password", "new_password_again"]) {
    const input = part(`field-${name}`);
    if (input) input.value = part("words").textContent;
  }
});
begin();
