/** What opens over or beside the conversation: notices, the photo viewer, sending a file, the people's settings. */

import { button, make } from "./entities.js";
import { counted, fileSize, say } from "./strings.js";

const TOAST_MS = 4000;
const byId = (id) => document.getElementById(id);
let toastTimer = 0;

export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, TOAST_MS);
}

export function alertBox(text) {
  byId("alert-text").textContent = text;
  const box = byId("alert");
  if (!box.open) box.showModal();
}

export function enlarge(address, text) {
  const image = byId("viewer-photo");
  image.src = address;
  image.alt = text || say("photo");
  byId("viewer").showModal();
}

byId("viewer").addEventListener("click", (event) => {
  if (event.target === byId("viewer") || event.target === byId("viewer-photo")) byId("viewer").close();
});

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${say("copied")}: ${text.slice(0, 60)}`);
  } catch {
    toast(text);
  }
}

/** Asks for the caption, then `send(file, caption, asPhoto)`. */
export function offerUpload(file, send) {
  const box = byId("upload");
  const isPicture = /^image\/(png|jpeg|webp|gif)$/.test(file.type);
  byId("upload-name").textContent = `${file.name} · ${fileSize(file.size)}`;
  byId("upload-caption").value = "";
  byId("upload-photo").checked = isPicture;
  byId("upload-photo-row").hidden = !isPicture;
  byId("upload-form").onsubmit = () => {
    send(file, byId("upload-caption").value, isPicture && byId("upload-photo").checked);
  };
  byId("upload-cancel").onclick = () => box.close();
  box.showModal();
}

/** Files by the button, by dropping and by pasting. */
export function takeFiles(send) {
  const input = byId("file");
  const drop = byId("drop");
  byId("attach").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) offerUpload(input.files[0], send);
    input.value = "";
  });
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    drop.hidden = true;
    offerUpload(event.dataTransfer.files[0], send);
  });
  byId("text").addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file) offerUpload(file, send);
  });
}

/** Opens and closes a panel by its button, by Escape and by a press elsewhere. */
export function panel(opener, box) {
  const set = (open) => {
    box.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
  };
  opener.addEventListener("click", () => set(box.hidden));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !box.hidden) {
      set(false);
      opener.focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!box.hidden && !box.contains(event.target) && !opener.contains(event.target)) set(false);
  });
  return set;
}

export function showPeople(state, choose) {
  const rows = state.users.map((user) => {
    const label = make("label", "row");
    const radio = make("input");
    radio.type = "radio";
    radio.name = "person";
    radio.checked = user.id === state.user.id;
    radio.addEventListener("change", () => choose(user.id));
    const name = make("span", "", `${user.name} · ${user.language}${user.owner ? ` · ${say("owner")}` : ""}`);
    const news = make("span", "count still");
    news.id = `unread-${user.id}`;
    label.append(name, news, radio);
    return label;
  });
  byId("people").replaceChildren(...rows);
  const opener = byId("person");
  opener.textContent = state.user.name.slice(0, 1);
  const language = byId("language");
  if (![...language.options].some((option) => option.value === state.user.language)) {
    language.append(new Option(state.user.language, state.user.language));
  }
  language.value = state.user.language;
  byId("blocked").checked = state.user.blocked;
}

/** How much each of the others has not read: beside their names, and as a mark on the switch. */
export function showUnread(state, unreadOf) {
  if (!state) return;
  const waiting = state.users.filter((user) => user.id !== state.user.id && unreadOf(user.id));
  for (const user of state.users) {
    const badge = byId(`unread-${user.id}`);
    const count = user.id === state.user.id ? 0 : unreadOf(user.id);
    badge.hidden = count === 0;
    badge.textContent = count;
    badge.setAttribute("aria-label", counted(count));
  }
  const news = waiting.map((user) => `; ${user.name}: ${counted(unreadOf(user.id))}`).join("");
  byId("person").classList.toggle("has-news", waiting.length > 0);
  byId("person").setAttribute("aria-label", `${say("person")}: ${state.user.name}${news}`);
}

/** Arrow keys go from the openers into the rows of a box and through them. */
export function walk(box, openers) {
  const step = (event) => {
    const rows = [...box.querySelectorAll("button")];
    if (box.hidden || !rows.length || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const at = rows.indexOf(document.activeElement);
    const down = event.key === "ArrowDown";
    const next = at < 0 ? (down ? 0 : rows.length - 1) : (at + (down ? 1 : rows.length - 1)) % rows.length;
    event.preventDefault();
    rows[next].focus();
  };
  for (const each of [box, ...openers]) each.addEventListener("keydown", step);
}

/** The command menu; with `typed` only the commands that begin like it. */
export function showCommands(commands, run, typed = "") {
  const found = commands.filter((each) => `/${each.command}`.startsWith(typed));
  const rows = found.map((each) => {
    const row = button("command-row", () => run(`/${each.command}`));
    row.append(make("strong", "", `/${each.command}`), make("span", "", each.description));
    return row;
  });
  byId("commands").replaceChildren(...rows);
  return rows.length;
}

/** The reply keyboard of the chat, or none. */
export function showKeyboard(markup, send) {
  const box = byId("keyboard");
  const rows = (markup?.keyboard ?? []).map((labels) => {
    const row = make("div", "button-row");
    for (const each of labels) row.append(button("key", () => send(each.text), each.text));
    return row;
  });
  box.replaceChildren(...rows);
  box.hidden = rows.length === 0;
}
