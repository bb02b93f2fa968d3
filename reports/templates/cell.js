// Draws a cell: nodes in a line, edges as arcs above and below, a row for each kind of cell, as the figures do.
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// Where the boxes of a row stand: the distance of their middles, half of their width, and the size of text that fits.
function spread(labels, width) {
  const last = Math.max(1, labels.length - 1);
  const half = Math.min(18, 0.38 * (width - 4) / (last + 0.76));
  const longest = Math.max(...labels.flatMap(linesOf).map((line) => line.length));
  return { step: (width - 2 * half - 4) / last, half, size: Math.min(10, 3.1 * half / longest) };
}

function linesOf(label) {
  return label.replace(/_?(\d+x\d+)$/, " $1").split(" ");
}

function drawCell(data, place) {
  const [nodes, ...flat] = data.cells[place] || [];
  const rows = data.nodes[nodes] || [["", []]];
  const width = 320, title = rows.length > 1 ? 14 : 0, tall = 76 + title;
  const svg = element("svg", { viewBox: `0 0 ${width} ${tall * rows.length}`, class: "cell", role: "img", "aria-label": data.archs[place] });
  if (nodes === undefined) return svg;
  const looks = Object.fromEntries(data.operations.map(([name, colour, ink]) => [name, { colour, ink }]));
  let first = 0;
  rows.forEach(([name, labels], row) => {
    const edges = [];
    for (let i = 0; i < flat.length; i += 3) {
      if (flat[i] >= first && flat[i + 1] < first + labels.length) edges.push([flat[i] - first, flat[i + 1] - first, flat[i + 2]]);
    }
    if (title) element("text", { x: 2, y: row * tall + 10, "font-size": 10, fill: "var(--muted)" }, svg, name);
    drawRow(svg, labels, edges, looks, { width, middle: row * tall + title + 38 });
    first += labels.length;
  });
  return svg;
}

function drawRow(svg, labels, edges, looks, { width, middle }) {
  const { step, half, size } = spread(labels, width), tall = 12;
  const x = (node) => half + 2 + node * step;
  for (const [from, to, label] of edges) {
    const span = to - from, rise = span === 1 ? 0 : Math.min(30, 14 + 7 * span) * (span % 2 ? 1 : -1);
    const inset = rise ? 0.4 * half : half;
    const y = middle + Math.sign(rise) * tall;
    drawEdge(svg, [x(from) + inset, y], [x(to) - inset, y], 1.4 * rise, looks[label]);
  }
  labels.forEach((label, node) => {
    const look = looks[label], shown = linesOf(label);
    element("rect", { x: x(node) - half, y: middle - tall, width: 2 * half, height: 2 * tall, rx: 4, fill: look?.colour || "var(--grid)" }, svg);
    shown.forEach((line, i) => element("text", {
      x: x(node), y: middle + 0.36 * size + (i - (shown.length - 1) / 2) * (size + 0.5), "text-anchor": "middle", "font-size": size,
      fill: look?.ink || "var(--ink)",
    }, svg, line));
  });
}

// An arc that ends in an arrowhead; it passes the line of nodes at a distance of half its rise.
function drawEdge(svg, [x0, y0], [x1, y1], rise, look) {
  const colour = look?.colour || "var(--muted)", wide = look ? 3 : 1.2, long = look ? 7 : 5;
  const [middle, top] = [(x0 + x1) / 2, (y0 + y1) / 2 + rise];
  const away = Math.hypot(x1 - middle, y1 - top), [dx, dy] = [(x1 - middle) / away, (y1 - top) / away];
  const [bx, by] = [x1 - long * dx, y1 - long * dy];
  element("path", { d: `M${x0} ${y0} Q${middle} ${top} ${bx} ${by}`, fill: "none", stroke: colour, "stroke-width": wide }, svg);
  const side = 0.55 * long;
  element("path", { class: "head", d: `M${x1} ${y1} L${bx - side * dy} ${by + side * dx} L${bx + side * dy} ${by - side * dx} Z`, fill: colour }, svg);
}

function score(data, place) {
  const test = data.test[place];
  return test === null ? "not scored" : `${test.toFixed(2)} % ${data.quantity}`;
}
