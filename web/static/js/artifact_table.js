// <ck-table src>: the first rows of a table. Everything a kernel sent becomes text, never HTML.
import { Artifact } from "./artifact.js";
import { make } from "./here.js";

const NUMERIC = /^(u?int|float|complex|decimal)/i;
const LONG = 40;

class Table extends Artifact {
  draw(frame) {
    const kinds = columnsOf(frame);
    const scroll = make("div", { className: "grid-scroll", tabIndex: 0 });
    scroll.append(make("table", {}, head(kinds), body(frame, kinds)));
    this.replaceChildren(make("div", { className: "grid" }, scroll, this.#foot(frame, kinds)));
  }

  #foot(frame, kinds) {
    const foot = make("div", { className: "grid-foot" }, make("span", {}, shape(frame, kinds)));
    const name = this.getAttribute("aria-label");
    if (name !== "Table") foot.append(make("span", { className: "grid-name" }, name));
    return foot;
  }
}

/** The columns with what showing them needs: those of the index come first and aren't data. */
function columnsOf(frame) {
  const indices = frame.levels ?? Number(frame.index); // tables kept by older versions have no levels
  return frame.columns.map((column, at) => {
    const number = NUMERIC.test(column.dtype);
    const values = frame.rows.map((row) => row[at]);
    return { ...column, index: at < indices, number, digits: number ? digits(values) : 0 };
  });
}

function head(columns) {
  const cells = columns.map((column) =>
    make("th", { scope: "col", className: classes(column), title: column.dtype ?? "" }, String(column.name ?? "")),
  );
  return make("thead", {}, make("tr", {}, ...cells));
}

function body(frame, columns) {
  const rows = frame.rows.map((row) => make("tr", {}, ...columns.map((column, at) => cell(row[at], column))));
  return make("tbody", {}, ...rows);
}

function cell(value, column) {
  const text = written(value, column);
  const properties = { className: classes(column, value) };
  if (text.length > LONG) properties.title = text;
  if (column.index) properties.scope = "row";
  return make(column.index ? "th" : "td", properties, text);
}

function classes({ number, index }, value = "") {
  return [number && "number", index && "index", value === null && "none"].filter(Boolean).join(" ");
}

function written(value, { digits: places }) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return decimal(value, places);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** How many decimals a column needs: six significant digits, four decimals at most. */
function digits(values) {
  const needed = values.map((value) => {
    if (typeof value !== "number" || Number.isInteger(value)) return 0;
    return (String(Number(value.toPrecision(6))).split(".")[1] ?? "").length;
  });
  return Math.min(4, Math.max(0, ...needed));
}

function decimal(value, places) {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 0.5 * 10 ** -places)) return value.toPrecision(3);
  return Number.isInteger(value) && places === 0 ? String(value) : value.toFixed(places);
}

/** "1,234 rows × 250 columns · first 50 rows, first 100 columns shown" */
function shape(frame, kinds) {
  const [rows, columns] = [frame.rows.length, kinds.filter((column) => !column.index).length];
  const total = Number(frame.total) || 0;
  const width = frame.total_columns ?? columns;
  const series = frame.kind === "series";
  const size = series ? count(total, "value") : `${count(total, "row")} × ${count(width, "column")}`;
  const parts = [
    rows < total && `first ${count(rows, series ? "value" : "row")}`,
    columns < width && `first ${count(columns, "column")}`,
  ].filter(Boolean);
  return parts.length ? `${size} · ${parts.join(", ")} shown` : size;
}

function count(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

customElements.define("ck-table", Table);
