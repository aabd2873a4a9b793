/** Text with entities as DOM: text nodes only, so that nothing in a message is ever markup.
 *  Offsets are UTF-16 units, which is how JavaScript counts too. */

import { moment, say } from "./strings.js";

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", blockquote: "blockquote",
};
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const SAFE_LINK = /^(https?|mailto|tg):/i;

/** A fragment for the text; `act.command(text)` runs for a pressed command, `act.copy(text)` for pressed code. */
export function textNodes(text, entities, act) {
  const fragment = document.createDocumentFragment();
  fill(fragment, { text, act }, [...entities], 0, text.length);
  return fragment;
}

function fill(parent, source, entities, from, to) {
  let at = from;
  let afterBlock = false;
  while (entities.length && entities[0].offset < to) {
    const entity = entities.shift();
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at) continue;
    const isBlock = BLOCKS.has(entity.type);
    addText(parent, source.text.slice(at, entity.offset), afterBlock, isBlock);
    const inner = [];
    while (entities.length && entities[0].offset < end) inner.push(entities.shift());
    const { outer, hole } = elementFor(entity, source, end);
    fill(hole, source, inner, entity.offset, end);
    parent.append(outer);
    at = end;
    afterBlock = isBlock;
  }
  addText(parent, source.text.slice(at, to), afterBlock, false);
}

/** A line break beside a block is drawn by the block itself. */
function addText(parent, text, afterBlock, beforeBlock) {
  let shown = text;
  if (afterBlock && shown.startsWith("\n")) shown = shown.slice(1);
  if (beforeBlock && shown.endsWith("\n")) shown = shown.slice(0, -1);
  if (shown) parent.append(shown);
}

function elementFor(entity, source, end) {
  const text = source.text.slice(entity.offset, end);
  switch (entity.type) {
    case "pre":
      return preformatted(entity);
    case "code":
      return same(pressable("code", () => source.act.copy(text)));
    case "spoiler":
      return same(spoiler());
    case "expandable_blockquote":
      return expandable();
    case "bot_command":
      return same(button("command", () => source.act.command(text)));
    case "url":
      return same(link(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`));
    case "email":
      return same(link(`mailto:${text}`));
    case "text_link":
      return same(link(entity.url));
    case "date_time":
      return same(dated(entity));
    case "mention":
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return same(make("span", "tag"));
    default:
      return same(make(TAGS[entity.type] ?? "span"));
  }
}

const same = (element) => ({ outer: element, hole: element });

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

export function button(className, onPress, text = "") {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", onPress);
  return element;
}

function pressable(tag, onPress) {
  const element = make(tag);
  element.addEventListener("click", onPress);
  return element;
}

function link(address) {
  const element = make("a");
  if (SAFE_LINK.test(address)) {
    element.href = address;
    element.target = "_blank";
    element.rel = "noopener noreferrer";
  }
  return element;
}

function preformatted(entity) {
  const outer = make("pre");
  outer.tabIndex = 0;
  if (entity.language) outer.dataset.language = entity.language;
  const hole = make("code");
  outer.append(hole);
  return { outer, hole };
}

function spoiler() {
  const element = make("span", "spoiler");
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", say("reveal"));
  element.tabIndex = 0;
  const reveal = () => {
    element.classList.add("shown");
    element.removeAttribute("role");
    element.removeAttribute("aria-label");
    element.removeAttribute("tabindex");
  };
  element.addEventListener("click", reveal);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") reveal();
  });
  return element;
}

function expandable() {
  const outer = make("blockquote", "folded");
  const hole = make("div", "fold");
  const toggle = button("more", () => {
    const folded = outer.classList.toggle("folded");
    toggle.textContent = say(folded ? "more" : "less");
    toggle.setAttribute("aria-expanded", String(!folded));
  }, say("more"));
  toggle.setAttribute("aria-expanded", "false");
  outer.append(hole, toggle);
  return { outer, hole };
}

function dated(entity) {
  const element = make("time");
  element.dateTime = new Date(entity.unix_time * 1000).toISOString();
  element.title = moment(entity.unix_time);
  return element;
}
