// Help with typing Python in direct mode: Tab completes from the kernel, Enter goes on where code isn't complete.
import { chatApi, make, request } from "./here.js";

// A late list of completions does no harm, a late Enter does.
const PATIENCE_MS = { complete: 5000, is_complete: 1200 };
const INDENT = "    ";
// What the textarea is while the list is open; closed, it is a plain text box again.
const COMBOBOX = { role: "combobox", "aria-expanded": "true", "aria-controls": "completions" };

/** Completion for `area`; `replace(text, start, end)` changes it as if typed. */
export function completer(form, area, { replace }) {
  const list = make("ul", { className: "completions", id: "completions", role: "listbox", hidden: true });
  list.setAttribute("aria-label", "Completions");
  document.body.append(list);
  let found = null; // {matches, start, end, chosen} while the list is open
  let asked = 0;

  function close() {
    found = null;
    list.hidden = true;
    for (const name of [...Object.keys(COMBOBOX), "aria-activedescendant"]) area.removeAttribute(name);
  }

  function accept(match) {
    const { start, end } = found;
    close();
    replace(match, start, end);
  }

  function choose(at) {
    found.chosen = (at + found.matches.length) % found.matches.length;
    for (const [index, item] of [...list.children].entries()) {
      item.setAttribute("aria-selected", String(index === found.chosen));
    }
    const item = list.children[found.chosen];
    item.scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", item.id);
  }

  function open() {
    const items = found.matches.map((match, at) => {
      const item = make("li", { id: `completion-${at}`, role: "option" }, match);
      item.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the textarea keeps its focus
        accept(match);
      });
      return item;
    });
    list.replaceChildren(...items);
    list.hidden = false;
    for (const [name, value] of Object.entries(COMBOBOX)) area.setAttribute(name, value);
    const box = form.getBoundingClientRect();
    list.style.left = `${box.left + 12}px`;
    list.style.bottom = `${innerHeight - box.top + 6}px`;
    choose(0);
  }

  async function ask() {
    const [code, cursor, number] = [area.value, area.selectionEnd, ++asked];
    const answer = await answered("complete", { code, cursor: points(code.slice(0, cursor)) });
    const moved = number !== asked || area.value !== code || area.selectionEnd !== cursor;
    if (moved || !answer?.matches.length) return;
    found = {
      matches: [...new Set(answer.matches)].slice(0, 100),
      start: units(code, answer.start),
      end: units(code, answer.end),
    };
    if (found.matches.length === 1) accept(found.matches[0]);
    else open();
  }

  function tab(event) {
    const line = area.value.slice(0, area.selectionStart).split("\n").at(-1);
    if (!area.value || event.shiftKey) return false; // Tab still leaves an empty composer
    event.preventDefault();
    if (line.trim()) ask();
    else replace(INDENT);
    return true;
  }

  function inList(event) {
    const acts = {
      ArrowDown: () => choose(found.chosen + 1),
      ArrowUp: () => choose(found.chosen - 1),
      Tab: () => accept(found.matches[found.chosen]),
      Enter: () => accept(found.matches[found.chosen]),
      Escape: close,
    };
    const act = acts[event.key];
    if (!act) return false;
    event.preventDefault();
    act();
    return true;
  }

  area.addEventListener("input", close);
  area.addEventListener("blur", close);
  area.addEventListener("click", close);

  return {
    close,
    /** Whether a key was meant for completion. */
    handles(event) {
      if (form.dataset.mode !== "direct") return false;
      if (found && inList(event)) return true;
      return event.key === "Tab" && tab(event);
    },
    /** The indentation of the next line where `code` isn't complete; null where it is, or nobody knows. */
    async continuation(code) {
      const answer = await answered("is_complete", { code });
      return answer?.status === "incomplete" ? answer.indent : null;
    },
  };
}

/** The kernel's answer, or null: it may be busy, and typing must not wait for it. */
async function answered(what, json) {
  try {
    return await request(chatApi(what), { method: "POST", json, signal: AbortSignal.timeout(PATIENCE_MS[what]) });
  } catch {
    return null;
  }
}

// The kernel counts characters (code points), the browser UTF-16 units.
function points(text) {
  return [...text].length;
}

function units(text, count) {
  return [...text].slice(0, count).join("").length;
}
