/** The chat page: one person's conversation with the bot, kept alive by server-sent events. */

import { Log } from "./log.js";
import { get, listen, post, sendFile } from "./net.js";
import {
  alertBox, copy, enlarge, panel, showCommands, showKeyboard, showPeople, showUnread, takeFiles, toast, walk,
} from "./panels.js";
import { say, speak } from "./strings.js";
import { findElsewhere, noteElsewhere, noteRead, unreadElsewhere, unreadOf } from "./unread.js";
import { openWebApp } from "./webapp.js";

const SHOWN_AT_FIRST = 300;
const TYPING_MS = 5000;
const byId = (id) => document.getElementById(id);

let user = Number(new URLSearchParams(location.hash.slice(1)).get("user")) || 1;
let state = null;
let line = null;
let revision = 0;
let reply = null;
let typingTimer = 0;
let doing = null;
let loading = Promise.resolve();
const waiting = new Map();

const log = new Log({
  press, command: send, copy, enlarge,
  find: (id) => log.find(id),
  go: (id) => log.go(id),
  read: (id) => noteRead(user, id),
  elsewhere: unreadElsewhere,
  busy: (id, label) => [...waiting.values()].some((each) => each.id === id && each.label === label),
});

const text = byId("text");
const openSettings = panel(byId("person"), byId("settings"));
const openCommands = panel(byId("menu"), byId("commands"));

// what the person does

async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    toast(error.message === "Failed to fetch" ? say("lost") : error.message);
    return null;
  }
}

async function send(words) {
  openCommands(false);
  const body = { user, text: words, ...(reply ? { reply_to: reply } : {}) };
  const sent = await attempt(() => post("send", body));
  if (sent) answerTo(null);
  return sent;
}

async function press(message, each, element) {
  if (each.url) return window.open(each.url, "_blank", "noopener,noreferrer");
  if (each.copy) return copy(each.copy);
  if (each.web_app) return attempt(() => openWebApp(user, message, each.text));
  if (element.getAttribute("aria-busy") === "true") return null;
  element.setAttribute("aria-busy", "true");
  const pressed = await attempt(() => post("press", { user, message_id: message.message_id, data: each.data }));
  if (!pressed) element.removeAttribute("aria-busy");
  return pressed;
}

function answerTo(id) {
  reply = id;
  byId("reply-bar").hidden = id === null;
  if (id === null) return;
  byId("reply-text").textContent = `${say("replyTo")}: ${(log.find(id)?.text || "").slice(0, 80)}`;
  text.focus();
}

async function submit() {
  const words = text.value;
  if (!words.trim()) return;
  text.value = "";
  fitText();
  if (!(await send(words)) && !text.value) text.value = words;
  text.focus();
}

function fitText() {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
  byId("composer").classList.toggle("typed", text.value.length > 0);
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
text.addEventListener("input", () => {
  fitText();
  const isCommand = /^\/\w*$/.test(text.value);
  openCommands(isCommand && showCommands(state?.commands ?? [], runCommand, text.value) > 0);
});
byId("menu").addEventListener("click", () => showCommands(state?.commands ?? [], runCommand));
walk(byId("commands"), [text, byId("menu")]);
byId("start").addEventListener("click", () => send("/start"));
byId("reply-cancel").addEventListener("click", () => answerTo(null));
byId("unblock").addEventListener("click", () => change({ blocked: false }));
byId("language").addEventListener("change", (event) => change({ language: event.target.value }));
byId("blocked").addEventListener("change", (event) => change({ blocked: event.target.checked }));
document.addEventListener("visibilitychange", () => log.noteScroll());
takeFiles((file, caption, asPhoto) => attempt(() => sendFile(user, file, caption, asPhoto)));

function runCommand(command) {
  text.value = "";
  fitText();
  send(command);
  text.focus();
}

const change = (what) => attempt(() => post("user", { user, ...what }));

function choose(id) {
  openSettings(false);
  byId("person").focus();
  if (id === user) return;
  user = id;
  history.replaceState(null, "", `#user=${id}`);
  begin();
}

// what the stand-in says

const hear = {
  hello(event) {
    byId("app").classList.remove("offline");
    if (revision > event.revision) return begin();
    return enqueue(() => catchUp());
  },
  message({ message }) {
    revision = Math.max(revision, message.revision);
    if (message.from === "bot") typing(null);
    log.show(message);
    if (message.from === "bot" && (message.markup || message.pinned || message.deleted || message.service)) refresh();
    else showPinned();
    showHero();
    if (message.markup === "force_reply" && !message.edited) answerTo(message.message_id);
  },
  typing({ action }) {
    typing(action === "cancel" ? null : action);
  },
  press(event) {
    waiting.set(event.query_id, { id: event.message_id, label: event.text });
    spin(event.message_id);
    setTimeout(() => settle(event.query_id), (state?.answer_seconds ?? 15) * 1000);
  },
  answer(event) {
    settle(event.query_id);
    if (event.text && event.alert) alertBox(event.text);
    else if (event.text) toast(event.text);
  },
  commands(event) {
    if (state) state.commands = event.commands;
    showBottom();
  },
  user: () => refresh(),
};

/** What happens on the other person's phone is only counted here. */
function elsewhere(event) {
  if (event.type !== "message") return;
  noteElsewhere(event.user, event.message);
  showNews();
}

function showNews() {
  showUnread(state, unreadOf);
  log.noteScroll();
}

function settle(query) {
  const pressed = waiting.get(query);
  waiting.delete(query);
  if (pressed) spin(pressed.id);
}

function spin(id) {
  const labels = [...waiting.values()].filter((each) => each.id === id).map((each) => each.label);
  for (const element of document.querySelectorAll(`#message-${id} .inline`)) {
    if (labels.includes(element.textContent)) element.setAttribute("aria-busy", "true");
    else element.removeAttribute("aria-busy");
  }
}

function typing(action) {
  clearTimeout(typingTimer);
  byId("app").classList.toggle("typing", action !== null);
  doing = action;
  showStatus();
  if (action) typingTimer = setTimeout(() => typing(null), TYPING_MS);
}

function showStatus() {
  const offline = byId("app").classList.contains("offline");
  const idle = state?.user.blocked ? say("blockedStatus") : say("online");
  const busy = doing && say(doing === "typing" ? "typing" : "uploading");
  byId("status").textContent = offline ? say("offline") : busy || idle;
}

function showPinned() {
  const ids = [...log.messages.values()].filter((each) => each.pinned).map((each) => each.message_id);
  const id = Math.max(0, ...ids, ...(state?.pinned ?? []));
  const bar = byId("pinned");
  bar.hidden = id === 0;
  byId("pinned-text").textContent = log.find(id)?.text ?? "";
  bar.onclick = () => log.go(id);
}

function showHero() {
  const fresh = state !== null && log.messages.size === 0;
  byId("hero").hidden = !fresh;
  byId("log").hidden = fresh;
  byId("hero-name").textContent = state?.bot.name ?? "";
  byId("hero-text").textContent = state?.bot.description || say("welcome");
  showBottom();
}

function showBottom() {
  const blocked = state?.user.blocked ?? false;
  const fresh = log.messages.size === 0 && !blocked;
  byId("start").hidden = !fresh;
  byId("unblock").hidden = !blocked;
  byId("composer").hidden = blocked || fresh;
  byId("menu").hidden = !state?.commands.length;
  byId("composer").classList.toggle("with-menu", Boolean(state?.commands.length));
  if (blocked) byId("keyboard").hidden = true;
}

function showState() {
  speak(state.user.language);
  byId("bot-name").textContent = state.bot.name;
  showPeople(state, choose);
  showUnread(state, unreadOf);
  showKeyboard(state.keyboard, (label) => {
    send(label);
    if (state.keyboard?.one_time_keyboard) byId("keyboard").hidden = true;
  });
  text.placeholder = state.keyboard?.input_field_placeholder || say("message");
  showHero();
  showPinned();
  showStatus();
}

// loading, one step after the other

function enqueue(step) {
  loading = loading.then(() => attempt(step));
  return loading;
}

const refresh = () => enqueue(async () => {
  const language = state?.user.language;
  state = await get(`state?user=${user}`);
  showState();
  if (language !== state.user.language) redraw();
});

function redraw() {
  const shown = [...log.messages.values()];
  log.clear();
  for (const message of shown) log.show(message, false);
  log.toEnd();
}

async function catchUp() {
  const found = await get(`messages?user=${user}&revision=${revision}`);
  for (const message of found.messages) log.show(message);
  revision = found.revision;
  state = await get(`state?user=${user}`);
  await findElsewhere(state.users, user);
  showState();
  log.noteScroll();
}

async function load(last) {
  state = await get(`state?user=${user}`);
  const found = await get(`messages?user=${user}${last ? `&last=${last}` : ""}`);
  revision = found.revision;
  log.clear();
  speak(state.user.language);
  for (const message of found.messages) log.show(message, false);
  if (last && found.messages.length === last) log.offerEarlier(() => enqueue(() => load(0)));
  await findElsewhere(state.users, user);
  showState();
  if (last) log.toEnd();
}

function begin() {
  line?.close();
  typing(null);
  waiting.clear();
  answerTo(null);
  return enqueue(async () => {
    await load(SHOWN_AT_FIRST);
    line?.close(); // of a beginning that this one overtook
    line = listen((event) => {
      if (event.user !== undefined && event.user !== user) elsewhere(event);
      else hear[event.type]?.(event);
    }, () => {
      byId("app").classList.add("offline");
      showStatus();
    });
  });
}

speak("en");
begin();
