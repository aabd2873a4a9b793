/** Words of the page itself, in the language of the person's app. */

const EN = {
  sandbox: "Sandbox", settings: "Person and phone", people: "Who is holding the phone", language: "App language",
  block: "Block the bot", pinned: "Pinned message", conversation: "Conversation", jump: "To the newest message",
  commands: "Commands", cancel: "Cancel", menu: "Menu", message: "Message", attach: "Attach a file", send: "Send",
  start: "Start", unblock: "Unblock the bot", keyboard: "Quick answers", drop: "Drop the file here to send it",
  ok: "OK", photo: "Photo", close: "Close", sendFile: "Send a file", caption: "Caption", asPhoto: "Send as a photo",
  typing: "typing…", uploading: "sending a file…", online: "bot", blockedStatus: "blocked by you",
  offline: "reconnecting…", edited: "edited", botSaid: "Bot", youSaid: "You", enlarge: "Enlarge photo",
  download: "Download", reveal: "Hidden text, show it", more: "Show all", less: "Show less",
  pinnedService: "The bot pinned a message", welcome: "Press Start and the bot says hello.", copied: "Copied",
  earlier: "Earlier messages", unread: "unread", unreadOne: "unread", owner: "owner", replyTo: "Reply to",
  lost: "The sandbox is not reachable.", person: "Person", today: "Today", yesterday: "Yesterday",
};

const PT = {
  sandbox: "Simulador", settings: "Pessoa e telefone", people: "Quem está com o telefone",
  language: "Idioma do aplicativo", block: "Bloquear o bot", pinned: "Mensagem fixada", conversation: "Conversa",
  jump: "Para a mensagem mais nova", commands: "Comandos", cancel: "Cancelar", menu: "Menu", message: "Mensagem",
  attach: "Anexar arquivo", send: "Enviar", start: "Começar", unblock: "Desbloquear o bot",
  keyboard: "Respostas rápidas", drop: "Solte o arquivo aqui para enviar", ok: "OK", photo: "Foto",
  close: "Fechar", sendFile: "Enviar arquivo", caption: "Legenda", asPhoto: "Enviar como foto",
  typing: "digitando…", uploading: "enviando arquivo…", online: "bot", blockedStatus: "bloqueado por você",
  offline: "reconectando…", edited: "editada", botSaid: "Bot", youSaid: "Você", enlarge: "Ampliar foto",
  download: "Baixar", reveal: "Texto oculto, mostrar", more: "Mostrar tudo", less: "Mostrar menos",
  pinnedService: "O bot fixou uma mensagem", welcome: "Toque em Começar e o bot se apresenta.", copied: "Copiado",
  earlier: "Mensagens anteriores", unread: "não lidas", unreadOne: "não lida", owner: "dono", replyTo: "Responder a",
  lost: "O simulador não responde.", person: "Pessoa", today: "Hoje", yesterday: "Ontem",
};

let words = EN;
let locale = "en";

/** Chooses the words and writes them into every element that names one. */
export function speak(language) {
  words = language.startsWith("pt") ? PT : EN;
  locale = language.startsWith("pt") ? "pt-BR" : "en";
  document.documentElement.lang = locale;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", words[element.dataset.label]);
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = words[element.dataset.placeholder];
  }
}

export const say = (name) => words[name];

export const clockTime = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function dayName(seconds) {
  const day = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  return day.toLocaleDateString(locale, { day: "numeric", month: "long", year: "numeric" });
}

export const moment = (seconds) => new Date(seconds * 1000).toLocaleString(locale);

export function fileSize(bytes) {
  const units = ["B", "kB", "MB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size.toLocaleString(locale, { maximumFractionDigits: unit ? 1 : 0 })} ${units[unit]}`;
}

/** "1 unread", "3 unread", in the page's language. */
export const counted = (count) => `${count} ${say(count === 1 ? "unreadOne" : "unread")}`;
