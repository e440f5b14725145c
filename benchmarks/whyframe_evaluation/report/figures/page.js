// Headings sort their column: first the best-known order (largest on top), then the other way.
for (const head of document.querySelectorAll(".sortable thead tr:last-child th")) {
  head.querySelector("button").addEventListener("click", () => {
    const body = head.closest("table").tBodies[0];
    const falling = head.getAttribute("aria-sort") !== "descending";
    const value = (row) => {
      const cell = row.children[head.cellIndex];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.tagName === "TH" ? cell.textContent : null;
    };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null); // what was not measured stays last
      const order = typeof x === "string" ? y.localeCompare(x) : x - y;
      return falling ? -order : order;
    };
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...[...body.rows].sort(compare));
  });
}

document.querySelector("#intervals")?.addEventListener("click", () => document.body.classList.toggle("intervals"));

// A tile is shown large where it is clicked.
const dialog = document.querySelector("dialog");
for (const tile of document.querySelectorAll(".grid img")) {
  tile.addEventListener("click", () => {
    dialog.querySelector("img").src = tile.src;
    dialog.querySelector("p").textContent = tile.alt;
    dialog.showModal();
  });
}
dialog?.addEventListener("click", () => dialog.close());
