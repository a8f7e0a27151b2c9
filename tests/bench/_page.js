// Times what the person at the page waits for: from an act of theirs to the frame that shows its result.
(() => {
  const PATIENCE_MS = 60_000;
  const composer = () => document.querySelector("#composer");
  const sender = () => composer().querySelector("[data-send]");
  const drawings = (of) => [...document.querySelectorAll(of)];

  /** Milliseconds from `act` to the first frame after `isThere` holds. */
  function timed(act, isThere) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("it never came")), PATIENCE_MS);
      const watch = new MutationObserver(look);
      watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      const began = performance.now();
      act();
      look();

      function look() {
        if (!isThere()) return;
        watch.disconnect();
        clearTimeout(late);
        requestAnimationFrame(() => resolve(performance.now() - began));
      }
    });
  }

  /** Put a text into the composer; done when it could be sent. */
  async function write(text) {
    const area = composer().querySelector("textarea");
    area.value = text;
    do {
      area.dispatchEvent(new Event("input"));
      await new Promise(requestAnimationFrame);
    } while (sender().disabled);
    return area;
  }

  function isPrinted(text) {
    return drawings("#log .outputs, #live .outputs").slice(-2).some((each) => each.textContent.includes(text));
  }

  globalThis.bench = {
    /** Run a cell with the Send button; until `text` is among its outputs. */
    async send(code, text) {
      await write(code);
      return timed(() => sender().click(), () => isPrinted(text));
    },

    /** The same with Enter, at which the page first asks the kernel whether the code is complete. */
    async enter(code, text) {
      const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
      const area = await write(code);
      return timed(() => area.dispatchEvent(enter), () => isPrinted(text));
    },

    /** Click the example `number` (0 is the first); until one more of the elements `of` is drawn. */
    example(number, of) {
      const before = new Set(drawings(of));
      const card = document.querySelectorAll("#welcome [data-example]")[number];
      return timed(() => card.click(), () => drawings(of).some((each) => !before.has(each)));
    },

    /** The turn is over and the next message may be sent. */
    isIdle(turns) {
      const ended = document.querySelectorAll("#log article[data-kind=turn_end]").length;
      return ended === turns && !composer().dataset.running;
    },
  };
})();
