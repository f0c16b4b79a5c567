"use strict";
/* Blocks of cells in a mark sheet: choose, copy, cut, clear, paste, fill, undo. Each value that is put into a cell is
   followed by a `change` event of its field, which is all that grade_sheet.js needs to save it.
   Shift with an arrow or a click, or dragging, chooses a block. In a cell that is being edited, keys are the browser's own. */
(() => {
  const STEPS = 200;

  /* A block copied from Excel is rows by line and cells by tab; a cell with line breaks stands in quotation marks. */
  const block = (text) => {
    const rows = [[]];
    for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"(?=[\t\n]|$)|([^\t\n]*))([\t\n]|$)/g)) {
      rows.at(-1).push(quoted?.replaceAll('""', '"') ?? bare);
      if (end === "\n") rows.push([]);
      if (!end) break;
    }
    return rows;
  };

  const quoted = (value) => /["\t\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const field = (cell) => cell.querySelector(".mark-input");
  /* Buttons put V and K where an assessment is written. */
  const takesState = (cell) => field(cell).localName === "input";
  const isWhole = ({ selectionStart, selectionEnd, value }) => selectionStart === 0 && selectionEnd === value.length;

  class Block {
    constructor(root) {
      this.root = root;
      this.rows = [...root.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("[data-cell]")]);
      this.known = new Map(this.rows.flat().map((cell) => [cell, field(cell).value.trim()]));
      this.done = [];
      this.undone = [];
      this.from = this.to = null;
      root.addEventListener("keydown", (event) => this.onKey(event), true);
      root.addEventListener("change", (event) => this.onChange(event));
      root.addEventListener("input", () => this.isBlock && this.choose(this.from, this.from));
      root.addEventListener("focusin", (event) => this.onFocus(event));
      root.addEventListener("pointerdown", (event) => this.onPress(event));
      root.addEventListener("pointerover", (event) => this.onDrag(event));
      // All of a cell is selected when it is entered: drawn with the mouse, that would be moved as a text.
      root.addEventListener("dragstart", (event) => event.preventDefault());
      for (const button of root.querySelectorAll("[data-put]")) {
        button.addEventListener("pointerdown", (event) => event.preventDefault()); // the cell keeps the focus
        button.addEventListener("click", () => this.from && this.put(this.chosen.flat().filter(takesState).map((cell) => [cell, button.dataset.put])));
      }
      root.addEventListener("hocba:put", (event) => this.put([[event.target, event.detail]])); // a phrase (grade_phrases.js)
      for (const deed of ["copy", "cut", "paste"]) root.addEventListener(deed, (event) => this[deed](event));
    }

    at([row, column]) { return this.rows[row]?.[column]; }

    place(cell) {
      const row = this.rows.findIndex((cells) => cells.includes(cell));
      return row < 0 ? null : [row, this.rows[row].indexOf(cell)];
    }

    placeOf(event) { const cell = event.target.closest?.("[data-cell]"); return cell ? this.place(cell) : null; }

    get corners() {
      const [[top, left], [bottom, right]] = [this.from, this.to];
      return [Math.min(top, bottom), Math.min(left, right), Math.max(top, bottom), Math.max(left, right)];
    }

    /* Rows of chosen cells. */
    get chosen() {
      const [top, left, bottom, right] = this.corners;
      return this.rows.slice(top, bottom + 1).map((cells) => cells.slice(left, right + 1));
    }

    get isBlock() { return this.from !== null && this.chosen.flat().length > 1; }

    choose(from, to) {
      this.from = from;
      this.to = to;
      const chosen = new Set(from && this.isBlock ? this.chosen.flat() : []);
      for (const cell of this.known.keys()) cell.classList.toggle("is-chosen", chosen.has(cell));
    }

    onFocus(event) {
      const place = this.placeOf(event);
      if (!place) return;
      this.known.set(this.at(place), event.target.value.trim());
      this.choose(place, place);
    }

    onPress(event) {
      const place = this.placeOf(event);
      if (!place || !event.shiftKey || !this.from) return;
      event.preventDefault();
      this.choose(this.from, place);
    }

    onDrag(event) {
      const place = this.placeOf(event);
      if (!place || event.buttons !== 1 || event.pointerType !== "mouse" || !this.from || !this.root.contains(document.activeElement)) return;
      if (place.join() === this.to.join() && !this.isBlock) return;
      event.preventDefault();
      this.choose(this.from, place);
    }

    onKey(event) {
      const place = this.placeOf(event);
      if (!place || event.isComposing || event.altKey) return;
      const value = event.target.value.trim(), { saved } = this.at(place).dataset;
      const editing = value !== this.known.get(this.at(place)) && value !== saved;
      const deed = this.deedOf(event, editing);
      if (!deed) return;
      event.preventDefault();
      event.stopPropagation();
      deed();
    }

    deedOf(event, editing) {
      const { key, shiftKey } = event;
      if (event.ctrlKey || event.metaKey) {
        if (editing && !this.isBlock) return null;
        return { z: () => shiftKey ? this.again() : this.back(), y: () => this.again(), d: () => this.fill(1, 0), r: () => this.fill(0, 1),
          a: () => this.choose([0, 0], [this.rows.length - 1, this.rows[0].length - 1]) }[key.toLowerCase()] ?? null;
      }
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
      if (step && shiftKey && (this.isBlock || isWhole(event.target))) return () => this.stretch(step);
      if (this.isBlock && (key === "Delete" || key === "Backspace")) return () => this.clear();
      if (this.isBlock && key === "Escape") return () => this.choose(this.from, this.from);
      return null;
    }

    stretch([down, right]) {
      const to = [this.to[0] + down, this.to[1] + right];
      if (!this.at(to)) return;
      this.choose(this.from, to);
      this.at(to).scrollIntoView({ block: "nearest", inline: "nearest" });
    }

    /* One step of undoing: [cell, value] of everything that changes together. */
    put(wanted) {
      const step = [];
      for (const [cell, value] of wanted) {
        const input = field(cell);
        if (input.readOnly || input.value === value) continue;
        step.push({ cell, before: input.value.trim(), after: value });
        input.value = value;
        delete cell.dataset.exact;
        this.known.set(cell, value);
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
      if (step.length) this.remember(step);
    }

    remember(step) {
      this.done.push(step);
      this.undone = [];
      if (this.done.length > STEPS) this.done.shift();
    }

    /* What was typed into one cell. */
    onChange(event) {
      const place = this.placeOf(event);
      if (!place) return;
      const cell = this.at(place), before = this.known.get(cell), after = event.target.value.trim();
      this.known.set(cell, after);
      if (before !== after && event.isTrusted) this.remember([{ cell, before, after }]);
    }

    back() { this.turn(this.done, this.undone, "after", "before"); }

    again() { this.turn(this.undone, this.done, "before", "after"); }

    /* A cell that somebody else has written since then stays as it is. */
    turn(source, target, now, then) {
      const step = source.pop();
      if (!step) return;
      const own = step.filter(({ cell, [now]: value }) => [field(cell).value.trim(), cell.dataset.sent].includes(value)
        && !cell.classList.contains("is-theirs"));
      for (const { cell, [then]: value } of own) {
        field(cell).value = value;
        if (then === "before") cell.dataset.exact = "yes";
        this.known.set(cell, value);
        field(cell).dispatchEvent(new Event("change", { bubbles: true }));
      }
      target.push(step);
      const place = own.length && this.place(own[0].cell);
      if (place) this.show(place);
    }

    show(place) { field(this.at(place)).focus(); }

    clear() { this.put(this.chosen.flat().map((cell) => [cell, ""])); }

    /* Without a block: from the cell above, or to the left, as in Excel. */
    fill(down, right) {
      const [top, left, bottom, last] = this.corners;
      const first = this.isBlock ? [down ? top : 0, right ? left : 0] : [top - down, left - right];
      const source = (row, column) => this.at([down ? first[0] : row, right ? first[1] : column]);
      const wanted = [];
      for (let row = top; row <= bottom; row += 1) {
        for (let column = left; column <= last; column += 1) {
          const from = source(row, column);
          if (from) wanted.push([this.at([row, column]), field(from).value.trim()]);
        }
      }
      this.put(wanted);
    }

    copy(event) {
      if (!this.isBlock) return false;
      event.preventDefault();
      event.clipboardData.setData("text/plain", this.chosen.map((cells) => cells.map((cell) => quoted(field(cell).value)).join("\t")).join("\n"));
      return true;
    }

    cut(event) { if (this.copy(event)) this.clear(); }

    paste(event) {
      const place = this.placeOf(event);
      const text = event.clipboardData?.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "") ?? "";
      if (!place || (!this.isBlock && !/[\t\n]/.test(text))) return;
      if (!this.isBlock && event.target.localName === "textarea" && !isWhole(event.target)) return;
      event.preventDefault();
      this.tell("");
      const values = block(text);
      if (this.isBlock && values.flat().length === 1) {
        this.put(this.chosen.flat().map((cell) => [cell, values[0][0].trim()]));
        return;
      }
      const [top, left] = this.corners;
      const wanted = values.flatMap((line, down) => line.map((value, right) => [this.at([top + down, left + right]), value.trim()]));
      this.put(wanted.filter(([cell]) => cell));
      const beyond = wanted.filter(([cell, value]) => !cell && value).length;
      if (beyond) this.tell(this.root.dataset.beyond.replace("{n}", beyond));
      this.choose([top, left], [Math.min(top + values.length, this.rows.length) - 1,
        Math.min(left + Math.max(...values.map((line) => line.length)), this.rows[top].length) - 1]);
    }

    tell(words) {
      const note = this.root.querySelector("[data-sheet-note]");
      note.textContent = words;
      note.hidden = !words;
    }
  }

  const begin = () => document.querySelectorAll("[data-grade-sheet]").forEach((root) => {
    if (!root.dataset.blocks) { root.dataset.blocks = "yes"; new Block(root); }
  });
  document.addEventListener("htmx:after:process", begin);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
