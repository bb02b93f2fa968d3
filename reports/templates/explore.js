// A pointer on a trajectory, or the arrow keys in a figure, show seed, epoch and cell; a slider shows the cells of an epoch.
const tip = document.getElementById("tip");

function at(run, epoch) {
  const epochs = run[3];
  const place = epochs ? epochs.findLastIndex((each) => each <= epoch) : Math.min(epoch, run[2].length - 1);
  return run[2][Math.max(0, place)];
}

function vertices(seed) {
  const marks = [...seed.querySelectorAll("use")].map((use) => [+use.getAttribute("x"), +use.getAttribute("y")]);
  if (marks.length) return marks;
  const path = seed.querySelector("path:not(.target)")?.getAttribute("d") || "";
  return [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map((pair) => [+pair[1], +pair[2]]);
}

function points(figure, data) {
  const [left, right, first, last] = figure.dataset.epochs.split(" ").map(Number);
  const lines = [];
  for (const seed of figure.querySelectorAll(".seed")) {
    const method = data.methods.findIndex((each) => each[0] === seed.dataset.method);
    const run = data.runs.find((each) => each[0] === method && each[1] === +seed.dataset.seed);
    if (!run) continue;
    const line = vertices(seed).map(([x, y]) => ({
      seed, run, x, y, epoch: Math.round(first + (x - left) / (right - left) * (last - first)),
    }));
    if (line.length) lines.push(line);
  }
  return lines;
}

function isShown(point) {
  return getComputedStyle(point.seed).display !== "none";
}

function follow(figure, data) {
  const svg = figure.querySelector("svg");
  const lines = points(figure, data);
  if (!lines.length) return;
  const dot = element("circle", { r: 3.2, class: "dot", visibility: "hidden" }, svg);
  let line = 0, place = 0;

  function hide() {
    figure.querySelectorAll(".lit").forEach((seed) => seed.classList.remove("lit"));
    dot.setAttribute("visibility", "hidden");
    tip.hidden = true;
  }

  function show(point) {
    hide();
    point.seed.classList.add("lit");
    for (const [key, value] of [["cx", point.x], ["cy", point.y], ["visibility", "visible"]]) dot.setAttribute(key, value);
    const arch = at(point.run, point.epoch);
    const name = document.createElement("strong");
    name.textContent = `${data.methods[point.run[0]][1]}, seed ${point.run[1]}, epoch ${point.epoch}`;
    const key = document.createElement("code");
    key.textContent = data.archs[arch];
    tip.replaceChildren(name, document.createElement("br"), score(data, arch), drawCell(data, arch), key);
    tip.hidden = false;
    const box = dot.getBoundingClientRect();
    const left = box.right + 14 + tip.offsetWidth > innerWidth ? box.left - 14 - tip.offsetWidth : box.right + 14;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, Math.min(box.top - 20, innerHeight - tip.offsetHeight - 8))}px`;
  }

  svg.addEventListener("pointermove", (event) => {
    const matrix = svg.getScreenCTM().inverse();
    const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    let best = null, least = 14 ** 2;
    lines.forEach((each, l) => isShown(each[0]) && each.forEach((point, p) => {
      const distance = (point.x - here.x) ** 2 + (point.y - here.y) ** 2;
      if (distance < least) [least, best, line, place] = [distance, point, l, p];
    }));
    best ? show(best) : hide();
  });
  svg.addEventListener("pointerleave", hide);
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("blur", hide);
  svg.addEventListener("focus", () => svg.matches(":focus-visible") && show(lines[line][place]));
  svg.addEventListener("keydown", (event) => {
    const [across, along] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key] || [];
    if (event.key === "Escape") hide();
    if (across === undefined) return;
    event.preventDefault();
    if (across) {
      const epoch = lines[line][place].epoch;
      do line = (line + across + lines.length) % lines.length; while (!isShown(lines[line][0]) && lines.some((each) => isShown(each[0])));
      place = Math.max(0, lines[line].findLastIndex((point) => point.epoch <= epoch));
    }
    place = Math.max(0, Math.min(lines[line].length - 1, place + along));
    show(lines[line][place]);
  });
}

function slide(explorer, data) {
  const [range, seed, output, grid] = ["input", "select", "output", ".grid"].map((each) => explorer.querySelector(each));
  for (const number of [...new Set(data.runs.map((run) => run[1]))].sort((a, b) => a - b)) seed.add(new Option(`seed ${number}`, number));
  range.max = Math.max(...data.runs.map((run) => (run[3] ? run[3].at(-1) : run[2].length - 1)));

  function tile([id, label, colour], method) {
    const runs = data.runs.filter((run) => run[0] === method && (seed.value === "" || run[1] === +seed.value));
    if (!runs.length) return [];
    const counts = new Map();
    for (const run of runs) counts.set(at(run, +range.value), (counts.get(at(run, +range.value)) || 0) + 1);
    const [arch, count] = [...counts].sort((a, b) => b[1] - a[1])[0]; // of equals, that of the first seed
    const made = document.createElement("div");
    made.className = "tile";
    made.dataset.method = id;
    const name = document.createElement("p"), about = document.createElement("p"), swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = `var(${colour})`;
    name.append(swatch, label);
    about.className = "muted";
    const shared = count > 1 ? `${count} of ${runs.length} seeds` : `${runs.length} seeds, ${counts.size} cells; seed ${runs[0][1]}`;
    const one = seed.value === "" ? "its only seed" : `seed ${seed.value}`;
    about.textContent = `${score(data, arch)}, ${runs.length > 1 ? shared : one}`;
    made.append(name, drawCell(data, arch), about);
    return [made];
  }

  function draw() {
    output.textContent = range.value;
    grid.replaceChildren(...data.methods.flatMap(tile));
  }

  const legend = document.createElement("p");
  legend.className = "caption";
  for (const [name, colour] of data.operations) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = colour;
    legend.append(swatch, `${name}\u2003`);
  }
  grid.before(legend);
  range.addEventListener("input", draw);
  seed.addEventListener("change", draw);
  range.value = range.max;
  explorer.hidden = false;
  draw();
}

for (const script of document.querySelectorAll('script[type="application/json"]')) {
  const data = JSON.parse(script.textContent), space = script.parentElement;
  slide(space.querySelector(".explorer"), data);
  const figures = [...space.querySelectorAll("figure[data-epochs]")];
  const headline = space.dataset.headline && document.getElementById(space.dataset.headline);
  for (const figure of headline ? [headline, ...figures] : figures) follow(figure, data);
}
