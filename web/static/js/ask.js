// A question in our own dialog.
const dialog = document.querySelector("#ask");
const part = (name) => dialog.querySelector(`[data-ask-${name}]`);

/**
 * Ask. Gives the text typed (`field` is what it starts with), true for a question without a field,
 * or null when the answer is no.
 */
export function ask({ title, text = "", field = null, yes = "OK", no = "Cancel", danger = false }) {
  part("title").textContent = title;
  part("text").textContent = text;
  part("yes").textContent = yes;
  part("yes").className = `button ${danger ? "danger" : "primary"}`;
  part("no").textContent = no;
  const input = part("field");
  input.hidden = field === null;
  input.required = field !== null;
  input.value = field ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  if (field !== null) input.select();
  else part("yes").focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const answer = field === null ? true : input.value.trim();
        resolve(dialog.returnValue === "yes" && answer ? answer : null);
      },
      { once: true },
    );
  });
}

// Enter in the field must say yes: the form's first button is the one that says no.
part("field").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  part("yes").click();
});
