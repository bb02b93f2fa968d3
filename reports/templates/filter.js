// Shows the claims of one status, paper, space and method.
const filters = document.querySelector(".filters");

function matches(row) {
  const of = { ...row.dataset, paper: row.closest(".paper").dataset.paper };
  return [...filters.elements].every((field) => !field.name || !field.value || of[field.name] === field.value);
}

function filter() {
  const rows = [...document.querySelectorAll("#verdicts tr[data-status]")];
  const narrowed = [...filters.elements].some((field) => field.name && field.value);
  for (const row of rows) row.hidden = !matches(row);
  for (const fold of document.querySelectorAll("#verdicts :is(.paper, .silent)")) {
    const found = fold.querySelector("tr[data-status]:not([hidden])");
    fold.hidden = !found;
    if (narrowed && found) fold.open = true;
  }
  for (const table of document.querySelectorAll("#verdicts table")) table.hidden = !table.querySelector("tbody tr:not([hidden])");
  filters.querySelector("output").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
}

if (filters) {
  const rows = [...document.querySelectorAll("#verdicts tr[data-status]")];
  for (const select of filters.querySelectorAll("select")) {
    const values = rows.map((row) => (select.name === "paper" ? row.closest(".paper").dataset.paper : row.dataset[select.name]));
    const distinct = [...new Set(values)];
    for (const value of select.name === "method" ? distinct.sort() : distinct) select.add(new Option(value, value));
  }
  filters.addEventListener("change", filter);
  filters.addEventListener("reset", () => setTimeout(filter));
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = false;
  filter();
}
