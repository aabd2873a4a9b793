/** What each person has not read yet, by the last message each has seen; it survives a reload of the page. */

import { get } from "./net.js";

const KEPT = "trader-sandbox-read";
/** person -> the ids of what waits; by id, so that an event and a count of the same message never add up. */
const waiting = new Map();

function seen() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

/** This person has the conversation up to this message before their eyes. */
export function noteRead(user, messageId) {
  waiting.delete(user);
  const all = seen();
  if ((all[user] ?? 0) >= messageId) return;
  localStorage.setItem(KEPT, JSON.stringify({ ...all, [user]: messageId }));
}

/** A message came for somebody who is not holding the phone; edits are no news. */
export function noteElsewhere(user, message) {
  if (message.deleted) waiting.get(user)?.delete(message.message_id);
  else if (message.from === "bot" && !message.edited) expect(user, message.message_id);
}

function expect(user, messageId) {
  if (!waiting.has(user)) waiting.set(user, new Set());
  waiting.get(user).add(messageId);
}

export const unreadOf = (user) => waiting.get(user)?.size ?? 0;

export const unreadElsewhere = () => [...waiting.values()].reduce((sum, each) => sum + each.size, 0);

/** Finds what waits for the others; needed whenever events may have been missed. */
export async function findElsewhere(users, holder) {
  for (const { id, started } of users) {
    if (id === holder || !started) continue;
    const { messages } = await get(`messages?user=${id}&after=${seen()[id] ?? 0}`);
    const read = seen()[id] ?? 0;
    for (const each of messages) {
      if (each.from === "bot" && !each.deleted && each.message_id > read) expect(id, each.message_id);
    }
  }
}
