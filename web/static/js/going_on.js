// Which Python surely goes on in the next line: told at once, while the kernel may still be starting.
const INDENT = "    ";
const NOT_PYTHON = /[%!?]/; // a line that IPython translates

/** The indentation of the line after `code`; null where only the kernel can tell whether there is one. */
export function goesOn(code) {
  if (/^\s*%%/.test(code)) return null;
  const { depth, last, start, inText } = read(code);
  const indent = indentOf(code, start);
  if (inText) return "";
  if (depth > 0) return indentOf(code, code.lastIndexOf("\n") + 1) + ("([{".includes(last) ? INDENT : "");
  if (depth < 0 || !code.slice(start).trim()) return null;
  if (last === ":") return indent + INDENT;
  const inBlock = indent && code.slice(0, start).trim();
  const decorates = code.startsWith("@", start + indent.length);
  return last === "\\" || decorates || inBlock ? indent : null;
}

/** How far `code` got: brackets open at its end, its last character, and where its last statement starts. */
function read(code) {
  const found = { depth: 0, last: "", start: 0, inText: false };
  let at = 0;
  while (at < code.length) {
    const char = code[at];
    if (!found.last && NOT_PYTHON.test(char)) {
      at = endOfLine(code, at);
      found.last = " ";
    } else if (char === "#") {
      at = endOfLine(code, at);
    } else if (char === "'" || char === '"') {
      at = endOfText(code, at);
      found.inText = at > code.length;
      found.last = char;
    } else {
      step(found, char, at);
      at += 1;
    }
  }
  return found;
}

function step(found, char, at) {
  if ("([{".includes(char)) found.depth += 1;
  if (")]}".includes(char)) found.depth -= 1;
  if (char === "\n" && found.depth <= 0 && found.last !== "\\") [found.start, found.last] = [at + 1, ""];
  else if (char.trim()) found.last = char;
}

function endOfLine(code, at) {
  const end = code.indexOf("\n", at);
  return end < 0 ? code.length : end;
}

/** Where the text literal at `at` ends; beyond the end of `code` if one of several lines is still open. */
function endOfText(code, at) {
  const long = code.startsWith(code[at].repeat(3), at);
  const quote = long ? code[at].repeat(3) : code[at];
  for (let end = at + quote.length; end < code.length; end += 1) {
    if (code[end] === "\\") end += 1;
    else if (code.startsWith(quote, end)) return end + quote.length;
    else if (code[end] === "\n" && !long) return end;
  }
  return long ? Infinity : code.length;
}

function indentOf(code, start) {
  return /[ \t]*/y.exec(code.slice(start))[0];
}
