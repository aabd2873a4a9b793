/** Mini Apps: the page behind a web_app button in a frame of its own, told who opened it by the stand-in. */

import { post } from "./net.js";

const byId = (id) => document.getElementById(id);
const box = byId("web-app");
const ROOMS = "allow-scripts allow-forms allow-same-origin allow-popups allow-downloads";
let frame = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const theme = () => ({
  bg_color: colour("--bar"), secondary_bg_color: colour("--page"), text_color: colour("--ink"),
  hint_color: colour("--soft"), link_color: colour("--accent"), button_color: colour("--accent"),
  button_text_color: colour("--accent-ink"),
});

/** Opens the app of a button; what was shown before is gone first. */
export async function openWebApp(user, message, label) {
  const { url } = await post("web_app", { user, message_id: message.message_id, text: label, theme: theme() });
  byId("web-app-title").textContent = label;
  byId("web-app-place").textContent = new URL(url).host;
  frame = document.createElement("iframe");
  frame.setAttribute("sandbox", ROOMS);
  frame.referrerPolicy = "no-referrer";
  frame.title = label;
  frame.src = url;
  byId("web-app-room").replaceChildren(frame);
  box.showModal();
}

box.addEventListener("close", () => {
  byId("web-app-room").replaceChildren();
  frame = null;
});

/** The app asks to be closed; nothing else of what apps may say is heard here. */
window.addEventListener("message", (event) => {
  if (!frame || event.source !== frame.contentWindow) return;
  try {
    const said = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
    if (said?.eventType === "web_app_close") box.close();
  } catch {
    // no message of a Mini App
  }
});
