/** The conversation: messages by id, days between them, and the scroll position. */

import { bubble } from "./bubbles.js";
import { make } from "./entities.js";
import { counted, dayName, say } from "./strings.js";

const NEAR_THE_END = 60;
const byId = (id) => document.getElementById(id);

export class Log {
  constructor(act) {
    this.act = act;
    this.messages = new Map();
    this.unread = 0;
    this.newest = 0;
    this.element = byId("log");
    this.jump = byId("jump");
    this.element.addEventListener("scroll", () => this.noteScroll());
    this.jump.addEventListener("click", () => this.toEnd(true));
    new ResizeObserver(() => this.wasAtEnd && this.toEnd()).observe(this.element);
    this.wasAtEnd = true;
  }

  clear() {
    this.messages.clear();
    this.element.replaceChildren();
    this.unread = 0;
    this.newest = 0;
    this.wasAtEnd = true;
    this.noteScroll();
  }

  /** Shows a message that is new, changed or gone. `live` is false while the past is loaded. */
  show(message, live = true) {
    const known = this.messages.get(message.message_id);
    if (known && known.revision > message.revision) return;
    this.newest = Math.max(this.newest, message.message_id);
    const atEnd = this.isAtEnd();
    const old = byId(`message-${message.message_id}`);
    if (message.deleted) {
      this.messages.delete(message.message_id);
      old?.remove();
    } else {
      this.messages.set(message.message_id, message);
      const fresh = bubble(message, this.act);
      if (old) this.replace(old, fresh);
      else this.append(message, fresh, live, atEnd);
    }
    if (atEnd && live) this.toEnd();
    this.noteScroll();
  }

  replace(old, fresh) {
    const focused = old.contains(document.activeElement) ? document.activeElement.textContent : null;
    old.replaceWith(fresh);
    if (focused === null) return;
    const same = [...fresh.querySelectorAll("button, a")].find((each) => each.textContent === focused);
    same?.focus({ preventScroll: true });
  }

  append(message, fresh, live, atEnd) {
    const day = dayName(message.date);
    if (this.lastDay() !== day) {
      const line = make("div", "day");
      line.append(make("span", "chip", day));
      line.dataset.day = day;
      this.element.append(line);
    }
    if (live) fresh.classList.add("arrives");
    this.element.append(fresh);
    if (live && message.from === "bot" && (!atEnd || document.hidden)) this.unread += 1;
    if (live && message.from === "user") this.toEnd();
  }

  lastDay() {
    return [...this.element.querySelectorAll(".day")].at(-1)?.dataset.day;
  }

  find(id) {
    return this.messages.get(id);
  }

  go(id) {
    const element = byId(`message-${id}`);
    element?.scrollIntoView({ block: "center" });
    element?.classList.remove("pointed");
    requestAnimationFrame(() => element?.classList.add("pointed"));
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  toEnd(smooth = false) {
    this.element.scrollTo({ top: this.element.scrollHeight, behavior: smooth ? "smooth" : "auto" });
  }

  noteScroll() {
    this.wasAtEnd = this.isAtEnd();
    if (this.wasAtEnd && !document.hidden) {
      this.unread = 0;
      if (this.newest) this.act.read(this.newest);
    }
    this.jump.hidden = this.wasAtEnd;
    const count = byId("unread");
    count.hidden = this.unread === 0;
    count.textContent = this.unread;
    this.jump.setAttribute("aria-label", this.unread ? `${say("jump")}, ${counted(this.unread)}` : say("jump"));
    const name = byId("bot-name").textContent;
    const all = this.unread + this.act.elsewhere();
    document.title = all ? `(${all}) ${name}` : name;
  }

  /** The offer to load what is older than the first message shown. */
  offerEarlier(load) {
    const line = make("div", "day");
    const more = make("button", "chip", say("earlier"));
    more.type = "button";
    more.addEventListener("click", load);
    line.append(more);
    this.element.prepend(line);
  }
}
