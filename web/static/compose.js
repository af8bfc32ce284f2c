// Editing by script: suggestions for a tool's address, an edition put in order by drag, lengths counted while typing.
// Everything here has a way without it.
"use strict";

(() => {
  // Suggestions for a field that names a tool: asked for once the typing rests.
  document.querySelectorAll("[data-suggest]").forEach((field) => {
    let waiting = 0;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      if (field.value.trim().length < 2) return;
      waiting = setTimeout(async () => {
        const answer = await fetch(`/desk/suggest/tools?q=${encodeURIComponent(field.value)}`, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        const found = await answer.json();
        field.list.replaceChildren(...found.map(([slug, name]) => Object.assign(document.createElement("option"), { value: slug, label: name })));
      }, 200);
    });
  });

  // Lengths: what a field holds, against what an inbox shows.
  document.querySelectorAll("[data-length]").forEach((hint) => {
    const field = document.getElementById(hint.dataset.for);
    const best = Number(hint.dataset.length);
    const tell = () => {
      const long = [...field.value].length;
      hint.textContent = `${long} of about ${best} characters`;
      hint.classList.toggle("over", long > best);
    };
    field.addEventListener("input", tell);
    tell();
  });

  // Order by drag, or by J and K on the row that j and k have walked to: the rows' own places are what the form sends;
  // the buttons do the same without a script.
  const list = document.querySelector("[data-sortable]");
  if (list) {
    const bar = document.querySelector("[data-order-bar]");
    let held = null;
    const rows = () => [...list.children].filter((each) => each.matches("[data-slug]"));
    const number = () => {
      rows().forEach((each, at) => {
        each.querySelector(".place").textContent = at + 1;
        each.querySelector("input[name^='place:']").value = at + 1;
      });
      bar.hidden = false;
    };
    document.addEventListener("keydown", (event) => {
      const row = (event.key === "J" || event.key === "K") && !event.ctrlKey && !event.metaKey && !event.altKey && document.activeElement.closest("[data-slug]");
      if (!row || document.activeElement.matches("input, textarea, select")) return;
      const all = rows();
      const beside = all[all.indexOf(row) + (event.key === "J" ? 1 : -1)];
      if (!beside) return;
      const focused = document.activeElement;
      beside[event.key === "J" ? "after" : "before"](row);
      focused.focus();
      number();
    });
    rows().forEach((row) => {
      row.draggable = true;
      row.addEventListener("dragstart", (event) => {
        held = row;
        row.classList.add("dragged");
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", row.dataset.slug);
      });
      row.addEventListener("dragend", () => { row.classList.remove("dragged"); held = null; });
      row.addEventListener("dragover", (event) => {
        if (!held || held === row) return;
        event.preventDefault();
        const box = row.getBoundingClientRect();
        row[event.clientY < box.top + box.height / 2 ? "before" : "after"](held);
      });
      row.addEventListener("drop", (event) => { event.preventDefault(); number(); });
    });
  }
})();
