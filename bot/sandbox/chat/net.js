/** The people's side of the stand-in, as scripts use it too. */

async function answer(response) {
  const body = await response.json().catch(() => ({ ok: false, error: response.statusText }));
  if (!body.ok) throw new Error(body.error);
  return body;
}

export const get = async (path) => answer(await fetch(path, { credentials: "same-origin" }));

export const post = async (path, body) => answer(await fetch(path, {
  method: "POST",
  credentials: "same-origin",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
}));

export async function sendFile(user, file, caption, asPhoto) {
  const form = new FormData();
  form.set("user", user);
  form.set("file", file, file.name);
  form.set("caption", caption);
  if (asPhoto) form.set("as", "photo");
  return answer(await fetch("upload", { method: "POST", credentials: "same-origin", body: form }));
}

/** Events of both people until close(); `hear(event)` gets each, `lost()` runs when the line is down. */
export function listen(hear, lost) {
  let source = null;
  let closed = false;
  let retry = 0;
  const open = () => {
    source = new EventSource("events");
    source.onmessage = (message) => hear(JSON.parse(message.data));
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED && !closed) retry = setTimeout(open, 2000);
    };
  };
  open();
  return {
    close() {
      closed = true;
      clearTimeout(retry);
      source.close();
    },
  };
}
