// Files into the chat's workspace: attached, dropped or pasted, each with its progress.
import { chatApi, make } from "./here.js";
import { notify } from "./notices.js";

export class Uploads {
  #form;
  #list;
  #changed;
  #running = new Set();

  constructor(form, changed) {
    this.#form = form;
    this.#list = form.querySelector("[data-uploads]");
    this.#changed = changed;
    const input = form.querySelector("[data-file-input]");
    form.querySelector("[data-attach]").addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    form.querySelector("textarea").addEventListener("paste", (event) => this.#paste(event));
    this.#acceptDrops();
  }

  /** Whether a file is still on its way. */
  get busy() {
    return this.#running.size > 0;
  }

  /** Forget the chips: the files belong to a message now. */
  clear() {
    for (const chip of this.#list.querySelectorAll('[data-state="done"]')) chip.remove();
    this.#show();
  }

  add(files) {
    for (const file of files) this.#upload(file);
  }

  #paste(event) {
    const files = event.clipboardData?.files ?? [];
    if (!files.length || event.clipboardData.getData("text/plain")) return; // a spreadsheet pastes as text and picture
    event.preventDefault();
    this.add(files);
  }

  #acceptDrops() {
    const page = document.querySelector("#socket");
    let depth = 0;
    const isFiles = (event) => event.dataTransfer?.types.includes("Files");
    const leave = () => {
      depth = 0;
      this.#form.classList.remove("dropping");
    };
    page.addEventListener("dragenter", (event) => {
      if (!isFiles(event)) return;
      depth += 1;
      this.#form.classList.add("dropping");
    });
    page.addEventListener("dragleave", (event) => {
      if (isFiles(event) && --depth <= 0) leave();
    });
    page.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
    page.addEventListener("drop", (event) => {
      if (!isFiles(event)) return;
      event.preventDefault();
      leave();
      this.add(event.dataTransfer.files);
    });
  }

  #upload(file) {
    const request = new XMLHttpRequest();
    const chip = this.#chip(file, () => request.abort());
    this.#running.add(request);
    this.#show();
    request.upload.addEventListener("progress", ({ loaded, total }) => chip.style.setProperty("--done", loaded / total));
    request.addEventListener("loadend", () => {
      this.#running.delete(request);
      this.#settle(chip, file, request);
    });
    const form = new FormData();
    form.append("file", file, file.name || "pasted");
    request.open("POST", chatApi("files"));
    request.responseType = "json";
    request.send(form);
  }

  #settle(chip, file, request) {
    if (request.status === 0 && chip.dataset.state === "gone") chip.remove();
    else if (request.status === 201 || request.status === 200) {
      chip.dataset.state = "done";
      chip.querySelector("button").remove();
      chip.querySelector("span").textContent = request.response?.files?.[0]?.path ?? file.name;
    } else {
      chip.dataset.state = "failed";
      const reason = request.response?.error?.message ?? "The server could not be reached. Try again.";
      notify(`${file.name}: ${reason}`);
    }
    this.#show();
  }

  #chip(file, stop) {
    const cancel = make("button", { type: "button", className: "quiet icon-button", ariaLabel: `Remove ${file.name}` }, "×");
    const chip = make("span", { className: "chip upload", title: file.name }, make("span", {}, file.name), cancel);
    cancel.addEventListener("click", () => {
      if (chip.dataset.state === "failed") chip.remove();
      else {
        chip.dataset.state = "gone";
        stop();
      }
      this.#show();
    });
    this.#list.append(chip);
    return chip;
  }

  #show() {
    this.#list.hidden = !this.#list.children.length;
    this.#changed();
  }
}
