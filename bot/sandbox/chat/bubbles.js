/** One message as an element. */

import { button, make, textNodes } from "./entities.js";
import { clockTime, fileSize, say } from "./strings.js";

/** `act` holds what a bubble can start: press, command, copy, enlarge, find (message by id), go (to a message);
 *  `busy(messageId, label)` tells whether a button waits for its answer. */
export function bubble(message, act) {
  if (message.service) return serviceLine(message, act);
  const row = make("div", `message ${message.from}`);
  row.id = `message-${message.message_id}`;
  row.dataset.messageId = message.message_id;
  const box = make("div", "bubble");
  const sender = make("span", "hidden", `${say(message.from === "bot" ? "botSaid" : "youSaid")}: `);
  box.append(sender);
  if (message.reply_to) box.append(quoted(message.reply_to, act));
  const caption = message.text ? textBox(message, act) : null;
  if (caption && message.caption_above) box.append(caption);
  if (message.photo) box.append(photo(message, act));
  if (message.document) box.append(documentLink(message.document));
  if (caption && !message.caption_above) box.append(caption);
  box.classList.toggle("with-photo", Boolean(message.photo));
  box.classList.toggle("bare-photo", Boolean(message.photo && !message.text));
  box.classList.toggle("with-pre", message.entities.some((entity) => entity.type === "pre"));
  (caption && !message.caption_above ? caption : box).append(meta(message));
  row.append(box);
  if (message.buttons.length) row.append(keyboard(message, act));
  return row;
}

function serviceLine(message, act) {
  const row = make("div", "message service");
  row.id = `message-${message.message_id}`;
  row.dataset.messageId = message.message_id;
  row.append(make("span", "chip", say("pinnedService")));
  return row;
}

function textBox(message, act) {
  const box = make("div", "text");
  box.append(textNodes(message.text, message.entities, act));
  return box;
}

function meta(message) {
  const line = make("span", "meta");
  if (message.retold) line.append(make("span", "", say("edited")), " ");
  line.append(make("time", "", clockTime(message.date)));
  if (message.from === "user") {
    const ticks = make("span", "ticks", "✓✓");
    ticks.setAttribute("aria-hidden", "true");
    line.append(ticks);
  }
  return line;
}

function quoted(id, act) {
  const target = act.find(id);
  const box = button("quoted", () => act.go(id));
  box.append(make("strong", "", say(target?.from === "user" ? "youSaid" : "botSaid")));
  box.append(make("span", "", (target?.text || "…").slice(0, 120)));
  return box;
}

function photo(message, act) {
  const frame = button("photo", () => {
    if (frame.classList.contains("veiled")) frame.classList.remove("veiled");
    else act.enlarge(message.photo, message.text);
  });
  frame.setAttribute("aria-label", say("enlarge"));
  frame.classList.toggle("veiled", message.spoiler);
  const image = make("img");
  image.src = message.photo;
  image.alt = message.text.slice(0, 200) || say("photo");
  const [width, height] = message.photo_size;
  [image.width, image.height] = [width, height];
  frame.style.maxWidth = `min(100%, ${((60 * width) / height).toFixed(2)}dvh)`;
  frame.append(image);
  return frame;
}

function documentLink(file) {
  const link = make("a", "document");
  link.href = file.url;
  link.download = file.name;
  link.setAttribute("aria-label", `${say("download")}: ${file.name}, ${fileSize(file.size)}`);
  const icon = make("span", "file-icon", (file.name.split(".").pop() ?? "").slice(0, 4));
  const words = make("span", "file-words");
  words.append(make("strong", "", file.name), make("span", "", fileSize(file.size)));
  link.append(icon, words);
  return link;
}

function keyboard(message, act) {
  const block = make("div", "buttons");
  block.setAttribute("role", "group");
  block.setAttribute("aria-label", say("keyboard"));
  for (const row of message.buttons) {
    const line = make("div", "button-row");
    for (const each of row) line.append(inlineButton(message, each, act));
    block.append(line);
  }
  return block;
}

function inlineButton(message, each, act) {
  const element = button("inline", () => act.press(message, each, element), each.text);
  if (each.style) element.classList.add(each.style);
  if (each.url) element.classList.add("goes-out");
  if (each.copy) element.classList.add("copies");
  if (each.web_app) {
    element.classList.add("opens-app");
    element.setAttribute("aria-haspopup", "dialog");
  }
  if (act.busy(message.message_id, each.text)) element.setAttribute("aria-busy", "true");
  return element;
}
