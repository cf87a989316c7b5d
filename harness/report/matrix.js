// Filters, the detail panel and keyboard movement. Without this script every cell is a link to its case further down.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = document.querySelector("main");
  const matrix = document.querySelector("#matrix");  // of the page with filters; pages of pairs have several tables
  const form = document.querySelector(".filters");
  const chips = all(".chip");
  const panel = document.querySelector(".panel");
  const body = panel.querySelector(".body");
  const place = document.createComment("the open case belongs here");
  const text = new Map(all("#matrix td[data-verdict]").map((cell) => {
    const id = caseOf(cell.querySelector("a"));
    const row = cell.parentElement.querySelector("th").textContent;
    return [cell, (id + " " + row + " " + document.getElementById(id).textContent).toLowerCase()];
  }));

  function caseOf(link) { return decodeURIComponent(link.getAttribute("href").slice(1)); }
  function linkOf(id) { return all("a.cell").find((link) => caseOf(link) === id); }

  // Filters: a column or a row without a match disappears, a cell without a match in a row that stays is faded.
  function filter() {
    const peer = form.elements.peer.value;
    const topic = form.elements.topic.value;
    const needles = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.verdict);
    let shown = 0;
    for (const column of all("[data-peer]", matrix)) column.hidden = peer !== "" && column.dataset.peer !== peer;
    for (const section of all("tbody", matrix)) {
      let rows = 0;
      for (const row of all("tr.scenario", section)) {
        let matches = 0;
        for (const cell of all("td[data-verdict]", row)) {
          const match = !cell.hidden && (!verdicts.length || verdicts.includes(cell.dataset.verdict)) &&
            needles.every((needle) => text.get(cell).includes(needle));
          cell.classList.toggle("faded", !match);
          matches += match;
        }
        row.hidden = (topic !== "" && section.dataset.topic !== topic) || matches === 0;
        if (!row.hidden) { rows += 1; shown += matches; }
      }
      section.hidden = rows === 0;
    }
    for (const group of all("th.group", matrix)) {
      const members = all(`th.peer[data-group="${group.dataset.group}"]`, matrix).filter((member) => !member.hidden);
      const width = members.reduce((sum, member) => sum + Number(member.dataset.width), 0);
      group.hidden = width === 0;
      group.colSpan = width || 1;
    }
    matrix.hidden = shown === 0;
    document.querySelector(".empty").hidden = shown !== 0;
    form.querySelector("output").textContent = shown === text.size ? "" : `${shown} of ${text.size} cases`;
  }

  // The panel shows the case that the address names: a link to a case can be sent to a colleague.
  function close() {
    const current = body.firstElementChild;
    if (!current) return;
    place.replaceWith(current);
    for (const link of all(".cell.open", main)) link.classList.remove("open");
    panel.close();
    document.body.classList.remove("beside");
  }
  // The cell that is explained stays in view: where the panel covers it, the matrix moves aside.
  function uncover(link) {
    link.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    const room = panel.getBoundingClientRect().left;
    const covered = link.getBoundingClientRect().right - room;
    if (room > 480 && covered > 0) scrollBy({ left: covered + 8, behavior: "instant" });
  }
  function show() {
    const id = decodeURIComponent(location.hash.slice(1));
    const section = document.getElementById(id);
    close();
    if (!section || !section.classList.contains("case")) return;
    section.replaceWith(place);
    body.append(section);
    panel.querySelector("#panel-title").textContent = id;
    if (!panel.open) panel.show();
    document.body.classList.add("beside");
    const link = linkOf(id);
    if (link) {
      link.classList.add("open");
      uncover(link);
    }
    body.scrollTop = 0;
    section.focus({ preventScroll: true });
  }
  function leave() {
    const id = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    close();
    const link = linkOf(id);
    if (link) link.focus({ preventScroll: true });
  }
  function step(distance) {
    const links = all("a.cell").filter((link) => link.offsetParent && !link.closest(".faded"));
    const next = links[links.findIndex((link) => link.classList.contains("open")) + distance];
    if (next) location.replace(next.href);
  }
  // Arrow keys move between cells as in a table.
  function move(event) {
    const cell = event.target.closest("td[data-verdict]");
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!cell || !steps) return;
    const rows = all("tr.scenario", cell.closest("table")).filter((row) => row.offsetParent);
    let [r, c] = [rows.indexOf(cell.parentElement), cell.cellIndex];
    for (;;) {
      r += steps[0]; c += steps[1];
      const target = rows[r] && rows[r].cells[c];
      if (!target) return;
      const link = !target.hidden && target.querySelector("a.cell");
      if (link) { event.preventDefault(); link.focus(); return; }
    }
  }
  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
  }

  // The text of a requirement stands once on the page; in a case it opens below the check that names it. Without this
  // script a link leads there, and the list is open: not every browser opens a closed one for that.
  for (const list of all("details.requirements")) list.open = false;
  function quote(link) {
    const item = link.closest("li");
    const shown = item.querySelector("blockquote");
    link.ariaExpanded = String(!shown);
    if (shown) { shown.remove(); return; }
    const source = document.getElementById(link.getAttribute("href").slice(1));
    const quotation = document.createElement("blockquote");
    quotation.append(...[...source.children].reverse().map((part) => {
      const line = document.createElement(part.tagName === "DD" ? "p" : "footer");
      line.append(...part.cloneNode(true).childNodes);
      return line;
    }));
    item.append(quotation);
  }

  if (form) form.addEventListener("input", filter);
  if (form) form.addEventListener("submit", (event) => event.preventDefault());
  if (form) form.addEventListener("reset", () => {
    for (const chip of chips) chip.ariaPressed = "false";
    queueMicrotask(filter);
  });
  for (const chip of chips) chip.addEventListener("click", () => {
    chip.ariaPressed = String(chip.ariaPressed !== "true");
    filter();
  });
  main.addEventListener("keydown", move);
  main.addEventListener("click", (event) => {
    const link = event.target.closest("a.cell.open");
    if (link) { event.preventDefault(); leave(); }
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && panel.open) leave(); });
  panel.addEventListener("click", (event) => {
    const link = event.target.closest("a.requirement");
    if (link) { event.preventDefault(); quote(link); return; }
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.close !== undefined) leave();
    if (button.dataset.step) step(Number(button.dataset.step));
    if (button.classList.contains("copy")) copy(button);
  });
  addEventListener("hashchange", show);
  show();
})();
