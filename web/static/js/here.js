// Which page this is: written into the body by the server.
const { root = "", static: assets = "", chat = "", page = "" } = document.body.dataset;

export const here = { root, assets, chat, page };

/** The address of something under this chat's API. */
export function chatApi(path) {
  return `${root}/api/chats/${encodeURIComponent(chat)}/${path}`;
}

/** A request of our API; throws an Error with the server's own sentence. */
export async function request(url, { method = "GET", json, signal } = {}) {
  const headers = { accept: "application/json" };
  if (json !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, signal, body: json && JSON.stringify(json) });
  } catch (error) {
    if (error.name === "AbortError" || error.name === "TimeoutError") throw error;
    throw new Error("The server can't be reached. Check that it is running, and try again.");
  }
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    const failure = new Error(body?.error?.message ?? `The server answered ${response.status}. Try again.`);
    failure.status = response.status;
    throw failure;
  }
  return body;
}

/** An element with properties and children; strings become text, never HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
