/** What each person has not read yet, by the last message each has seen; it survives a reload of the page. */

import { get } from "./net.js";

const KEPT = "trader-sandbox-read";
const counts = new Map();

function seen() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

/** This person has the conversation up to this message before their eyes. */
export function noteRead(user, messageId) {
  counts.delete(user);
  const all = seen();
  if ((all[user] ?? 0) >= messageId) return;
  localStorage.setItem(KEPT, JSON.stringify({ ...all, [user]: messageId }));
}

/** A message came for somebody who is not holding the phone; edits and deletions are no news. */
export function noteElsewhere(user, message) {
  if (message.from === "bot" && !message.edited && !message.deleted) counts.set(user, unreadOf(user) + 1);
}

export const unreadOf = (user) => counts.get(user) ?? 0;

export const unreadElsewhere = () => [...counts.values()].reduce((sum, each) => sum + each, 0);

/** Counts anew what waits for the others. */
export async function countElsewhere(users, holder) {
  const all = seen();
  counts.clear();
  for (const { id, started } of users) {
    if (id === holder || !started) continue;
    const { messages } = await get(`messages?user=${id}&after=${all[id] ?? 0}`);
    const waiting = messages.filter((each) => each.from === "bot" && !each.deleted).length;
    if (waiting) counts.set(id, waiting);
  }
}
