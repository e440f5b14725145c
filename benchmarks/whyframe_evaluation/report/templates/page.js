// A click on a heading sorts by its column: first the largest on top, then the smallest.
for (const head of document.querySelectorAll(".sortable thead tr:last-child th")) {
  head.querySelector("button").addEventListener("click", () => {
    const body = head.closest("table").tBodies[0];
    const descending = head.getAttribute("aria-sort") !== "descending";
    const value = (row) => {
      const cell = row.children[head.cellIndex];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.tagName === "TH" ? cell.textContent : null;
    };
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null); // missing values stay last
      const order = typeof x === "string" ? y.localeCompare(x) : x - y;
      return descending ? -order : order;
    };
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...[...body.rows].sort(compare));
  });
}

document.querySelector("#intervals")?.addEventListener("click", () => document.body.classList.toggle("intervals"));

// A click on an image shows it large.
const dialog = document.querySelector("dialog");
for (const image of document.querySelectorAll(".grid img")) {
  image.addEventListener("click", () => {
    dialog.querySelector("img").src = image.src;
    dialog.querySelector("p").textContent = image.alt;
    dialog.showModal();
  });
}
dialog?.addEventListener("click", () => dialog.close());
