// Draws a cell: nodes in a line, edges as arcs above and below, as the figures do.
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function drawCell(data, place) {
  const [nodes, ...flat] = data.cells[place] || [];
  const width = 320, height = 76, middle = height / 2, half = 18;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, class: "cell", role: "img", "aria-label": data.archs[place] });
  if (nodes === undefined) return svg;
  const looks = Object.fromEntries(data.operations.map(([name, colour, ink]) => [name, { colour, ink }]));
  const labels = data.nodes[nodes];
  const step = (width - 2 * half - 4) / Math.max(1, labels.length - 1);
  const x = (node) => half + 2 + node * step;
  for (let i = 0; i < flat.length; i += 3) {
    const [from, to, label] = flat.slice(i, i + 3), span = to - from;
    const rise = span === 1 ? 0 : Math.min(30, 14 + 7 * span) * (span % 2 ? 1 : -1);
    const [start, end] = [x(from) + (rise ? 8 : half), x(to) - (rise ? 8 : half)];
    const edge = rise ? middle + Math.sign(rise) * 11 : middle;
    const colour = looks[label]?.colour || "var(--muted)";
    element("path", {
      d: `M${start} ${edge} Q${(start + end) / 2} ${edge + 1.4 * rise} ${end} ${edge}`,
      fill: "none", stroke: colour, "stroke-width": looks[label] ? 3 : 1.2,
    }, svg);
  }
  labels.forEach((label, node) => {
    const look = looks[label];
    element("rect", { x: x(node) - half, y: middle - 11, width: 2 * half, height: 22, rx: 4, fill: look?.colour || "var(--grid)" }, svg);
    const short = label.replace(/_?(\d+x\d+)$/, " $1").split(" ");
    short.forEach((line, i) => element("text", {
      x: x(node), y: middle + 2.5 + (i - (short.length - 1) / 2) * 8, "text-anchor": "middle", "font-size": 7,
      fill: look?.ink || "var(--ink)",
    }, svg, line));
  });
  return svg;
}

function score(data, place) {
  const test = data.test[place];
  return test === null ? "not scored" : `${test.toFixed(2)} % ${data.quantity}`;
}
