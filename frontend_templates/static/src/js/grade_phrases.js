"use strict";
/* Phrases for the comments of a mark sheet: "/" in an empty comment, or in one that is wholly selected, opens the list; typing
   narrows it, Enter takes the first, arrows go through it. "{tên}" becomes the pupil's given name, the last word of a
   Vietnamese name. What is chosen is put into the cell by grade_block.js, so that it can be undone. */
(() => {
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").replaceAll("Đ", "D").toLowerCase();
  const given = (cell) => cell.closest("tr").querySelector("th").firstChild.textContent.trim().split(/\s+/).at(-1);
  const isFree = ({ value, selectionStart, selectionEnd }) => selectionStart === 0 && selectionEnd === value.length;

  class Picker {
    constructor(dialog) {
      this.dialog = dialog;
      this.search = dialog.querySelector("#phrase-search");
      this.none = dialog.querySelector("[data-phrases-none]");
      this.items = [...dialog.querySelectorAll("li")];
      this.search.addEventListener("input", () => this.narrow());
      dialog.addEventListener("keydown", (event) => this.onKey(event));
      dialog.addEventListener("click", (event) => {
        const chosen = event.target.closest("[data-phrase]");
        if (chosen) this.take(chosen);
      });
      dialog.addEventListener("close", () => this.field?.focus());
    }

    open(field) {
      this.field = field;
      this.cell = field.closest("[data-cell]");
      const level = this.cell.closest("tr").querySelector('[data-column^="level:"] .mark-input')?.value.trim().toUpperCase() ?? "";
      const fits = (item) => !level || !item.dataset.level || item.dataset.level === level;
      for (const item of this.items) item.dataset.fits = fits(item) ? "yes" : "";
      this.search.value = "";
      this.narrow();
      this.dialog.showModal();
      this.search.focus();
    }

    get shown() { return this.items.filter((item) => !item.hidden).map((item) => item.firstElementChild); }

    narrow() {
      const wanted = fold(this.search.value.trim());
      for (const item of this.items) item.hidden = !item.dataset.fits || !fold(item.textContent).includes(wanted);
      this.none.hidden = this.shown.length > 0;
    }

    onKey(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Enter" && event.target === this.search) {
        event.preventDefault();
        if (this.shown[0]) this.take(this.shown[0]);
      }
      if (!step) return;
      event.preventDefault();
      const at = this.shown.indexOf(document.activeElement) + step;
      (this.shown[at] ?? this.search).focus();
    }

    /* In place of what is selected, after what was written before. */
    take(chosen) {
      const { value, selectionStart, selectionEnd } = this.field;
      const words = chosen.dataset.phrase.replaceAll("{tên}", given(this.cell));
      const before = isFree(this.field) ? "" : value.slice(0, selectionStart).trimEnd();
      const after = isFree(this.field) ? "" : value.slice(selectionEnd).trimStart();
      const text = [before, words, after].filter(Boolean).join(" ");
      this.cell.dispatchEvent(new CustomEvent("hocba:put", { bubbles: true, detail: text }));
      this.dialog.close();
      this.field.setSelectionRange(text.length, text.length);
    }
  }

  const begin = () => {
    const dialog = document.getElementById("phrase-picker");
    if (!dialog || dialog.dataset.ready) return;
    dialog.dataset.ready = "yes";
    const picker = new Picker(dialog);
    const COMMENT = "textarea.mark-input:not([readonly])";
    const isComment = (field) => field?.matches?.(COMMENT);
    let current = null; // the cell in which somebody was last: whoever comes to the button by keys has left it
    document.addEventListener("focusin", ({ target }) => { if (target.matches?.(".mark-input")) current = target; });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.isComposing || !isComment(event.target) || !isFree(event.target)) return;
      event.preventDefault();
      picker.open(event.target);
    });
    for (const button of document.querySelectorAll("[data-phrases-open]")) {
      button.addEventListener("pointerdown", (event) => event.preventDefault()); // the cell keeps the focus
      button.addEventListener("click", () => {
        if (!current?.isConnected) current = null;
        const field = isComment(current) ? current : (current?.closest("tr") ?? document).querySelector(COMMENT);
        if (!field) return;
        if (field !== current) field.setSelectionRange(field.value.length, field.value.length); // what stands there stays
        picker.open(field);
      });
    }
  };
  document.addEventListener("htmx:after:process", begin);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
