// A figure's layout on our paper: transparent, its text and lines in the page's own colours.
const AXES = /^([xyz]axis\d*)$/;
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** A legend below the plot and its axis: beside them, it would take half of a phone's screen. */
const LEGEND_BELOW = { orientation: "h", x: 0, xanchor: "left", y: -0.3, yanchor: "top" };

/** A copy of `layout` for the theme in force. What the user set explicitly stays, unless it can't be read. */
export function themed(layout, { narrow = false } = {}) {
  const colours = current();
  const copy = structuredClone(layout ?? {});
  copy.template = { ...copy.template, layout: template(copy.template?.layout ?? {}, colours, narrow) };
  copy.autosize = true;
  copy.uirevision ??= "same";
  copy.margin = { ...margin(copy), ...copy.margin };
  delete copy.width;
  if (isOwnPaper(layout)) return copy;
  copy.paper_bgcolor = "rgba(0,0,0,0)";
  copy.plot_bgcolor = "rgba(0,0,0,0)";
  makeReadable(copy, colours);
  return copy;
}

function current() {
  const style = getComputedStyle(document.body);
  const value = (name) => resolve(style.getPropertyValue(name));
  return {
    font: style.fontFamily,
    ink: value("--ink-soft"),
    title: value("--ink"),
    faint: value("--ink-faint"),
    accent: value("--accent"),
    line: value("--line"),
    zero: value("--line-strong"),
    paper: value("--paper"),
    raised: value("--raised"),
  };
}

/** A CSS colour as plotly understands it: light-dark() is resolved. */
function resolve(colour) {
  const probe = document.createElement("span");
  probe.style.color = colour;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

/** Room for what a figure has: a title above, axes beside; a scene in space needs none. */
function margin(layout) {
  const t = hasTitle(layout) ? 64 : 32;
  return layout.scene ? { t, r: 0, b: 0, l: 0 } : { t, r: 24, b: 56, l: 64 };
}

function hasTitle({ title }) {
  return Boolean(typeof title === "string" ? title : title?.text);
}

/** A background the user chose is theirs, with everything on it. */
function isOwnPaper(layout) {
  const paper = layout?.paper_bgcolor;
  return Boolean(paper) && rgba(paper)[3] > 0.5 && layout.plot_bgcolor !== undefined && !isLight(paper);
}

function template(base, colours, narrow) {
  const title = { font: { size: 13 } };
  const axis = {
    gridcolor: colours.line,
    linecolor: colours.zero,
    zerolinecolor: colours.zero,
    tickcolor: colours.zero,
    title,
  };
  const scene = { ...axis, backgroundcolor: "rgba(0,0,0,0)", showbackground: false };
  const circle = { bgcolor: "rgba(0,0,0,0)", angularaxis: axis, radialaxis: axis };
  return {
    ...base,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { ...base.font, color: colours.ink, family: colours.font, size: 13 },
    title: { ...base.title, font: { color: colours.title, size: 17 }, x: 0.01, xanchor: "left" },
    xaxis: { ...base.xaxis, ...axis, zerolinewidth: 1, automargin: true },
    yaxis: { ...base.yaxis, ...axis, zerolinewidth: 1, automargin: true },
    scene: { ...base.scene, xaxis: scene, yaxis: scene, zaxis: scene },
    polar: { ...base.polar, ...circle },
    ternary: { ...base.ternary, bgcolor: "rgba(0,0,0,0)", aaxis: axis, baxis: axis, caxis: axis },
    geo: { ...base.geo, bgcolor: "rgba(0,0,0,0)", lakecolor: colours.paper, landcolor: colours.line, subunitcolor: colours.zero },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.faint, activecolor: colours.accent },
    legend: { ...base.legend, bgcolor: "rgba(0,0,0,0)", title, ...(narrow ? LEGEND_BELOW : {}) },
    hoverlabel: { ...base.hoverlabel, bgcolor: colours.raised, bordercolor: colours.zero, font: { color: colours.title } },
  };
}

/** Explicit text colours that vanish on our paper give way to ours. */
function makeReadable(layout, { ink, title, paper }) {
  const fonts = [
    [layout.font, ink],
    [layout.title?.font, title],
    [layout.legend?.font, ink],
    ...Object.entries(layout)
      .filter(([name]) => AXES.test(name))
      .flatMap(([, axis]) => [[axis?.tickfont, ink], [axis?.title?.font, ink]]),
    ...(layout.annotations ?? []).filter((note) => !note.bgcolor).map((note) => [note.font, ink]),
  ];
  for (const [font, colour] of fonts) {
    if (font?.color && contrast(font.color, paper) < 2.5) font.color = colour;
  }
  for (const [name, axis] of Object.entries(layout)) {
    if (!AXES.test(name) || !axis) continue;
    for (const line of ["gridcolor", "zerolinecolor"]) delete axis[line];
  }
}

function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = "#0000";
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

function luminance(colour) {
  const [red, green, blue] = rgba(colour).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function isLight(colour) {
  return luminance(colour) > 0.6;
}

function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}
