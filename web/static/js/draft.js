// What was typed and not sent, kept in this browser for each chat.
import { here } from "./here.js";

const KEY = `chatkernel:draft:${here.root}:${here.chat}`;

export const draft = {
  read() {
    try {
      return localStorage.getItem(KEY) ?? "";
    } catch {
      return ""; // storage is blocked
    }
  },
  keep(text) {
    try {
      if (text) localStorage.setItem(KEY, text);
      else localStorage.removeItem(KEY);
    } catch {
      // full or blocked: the text is still in the composer
    }
  },
};
