// What the user opened or closed in #live stays so when htmx morphs it.
addEventListener("DOMContentLoaded", () => {
  htmx.registerExtension("ck-morph", {
    htmx_before_morph_attr: (element, { attrName }) => !(attrName === "open" && element.tagName === "DETAILS"),
  });
  // htmx starts by a timer, possibly before its websocket extension has arrived: process the page once more.
  htmx.process(document.body);
});
