"use strict";
/* A mark sheet that saves itself, cell by cell. What is done with blocks of cells is in grade_block.js.
   POST data-save-url  {"cells": [{"student", "column", "value", "version", "exact"}]}
   answers 200         {"cells": [{"student", "column", "state": "saved" | "invalid" | "conflict", "message", "value", "version", "note"}]}
   "value", "version" and "note" are what is stored: with "saved", and with "conflict" where somebody else was faster. "note" says
   how an assessment came about (excused, made up, missed); "exact" is what undoing puts back, and stays as it is.
   Cells changed within a quarter of a second travel together, so a pasted block is one request.
   GET data-save-url?sau=INSTANT  every ten seconds while the page is seen
   answers 200         {"now", "open", "cells": [{"student", "column", "value", "version", "note", "message"}]}: what was written since then
   Once nothing is left to save the sheet says so to its page with the event marks-saved: what stands below it is asked for anew.
   What is not saved yet is kept in the browser until it is, also when the page is closed; signing out drops it, after a question (app.js).
   Keys are those of Excel. A comment is written on several lines: while all of it is selected, arrows go to other
   cells; F2 or a click begins to edit, and then arrows and pasted lines stay in it. The form prints a comment as one
   paragraph: the server answers a line break with a space. */
(() => {
  const GATHER = 250;
  const RETRY = [1000, 2000, 5000, 10000];
  const MOST = 400;
  const LOOK = 10000;
  const KEEP = 7 * 24 * 3600 * 1000;

  const lines = (field) => field.localName === "textarea";
  const keyOf = ({ dataset }) => `${dataset.student}|${dataset.column}`;

  class Sheet {
    constructor(root) {
      this.root = root;
      this.state = root.querySelector("[data-sheet-state]");
      this.problems = root.querySelector("[data-sheet-problems]");
      this.rows = [...root.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("[data-cell]")]);
      this.cells = new Map(this.rows.flat().map((cell) => [keyOf(cell), cell]));
      this.waiting = new Set();
      this.flying = new Set(); // sent and not answered yet: nobody knows what the server has
      this.failures = 0;
      this.sending = false;
      for (const cell of this.cells.values()) cell.dataset.saved = this.input(cell).value;
      root.addEventListener("keydown", (event) => this.onKey(event));
      root.addEventListener("input", (event) => this.onInput(event));
      root.addEventListener("change", (event) => this.onChange(event));
      root.addEventListener("focusout", (event) => event.target.closest(".is-dirty") && this.onChange(event)); // typed as before is no change
      root.addEventListener("focusin", (event) => event.target.matches(".mark-input") && event.target.select());
      this.listProblems();
      window.addEventListener("online", () => this.send());
      window.addEventListener("beforeunload", (event) => this.waiting.size && event.preventDefault());
      document.addEventListener("submit", (event) => this.hold(event), true);
      document.addEventListener("hocba:forget", () => this.forget());
      this.restore();
      if (root.dataset.readAt) this.watch();
    }

    input(cell) { return cell.querySelector(".mark-input"); }

    place(cell) {
      const row = this.rows.findIndex((cells) => cells.includes(cell));
      return [row, row < 0 ? -1 : this.rows[row].indexOf(cell)];
    }

    focus(row, column) { const cell = this.rows[row]?.[column]; if (cell) this.input(cell).focus(); return Boolean(cell); }

    onKey(event) {
      const cell = event.target.closest?.("[data-cell]");
      if (!cell || event.isComposing || event.ctrlKey || event.metaKey) return;
      const field = event.target;
      const { selectionStart: from, selectionEnd: to, value } = field;
      if (event.altKey) {
        if (event.key !== "Enter" || field.readOnly || !lines(field)) return;
        event.preventDefault();
        field.setRangeText("\n", from, to, "end");
        this.mark(cell, "dirty");
        return;
      }
      if (event.key === "F2") { field.setSelectionRange(value.length, value.length); return; }
      const [row, column] = this.place(cell);
      const all = from === 0 && to === value.length;
      const within = lines(field) && !all;
      const moves = { ArrowUp: within && to ? null : [-1, 0], ArrowDown: within && from < value.length ? null : [1, 0], Enter: [event.shiftKey ? -1 : 1, 0],
        ArrowLeft: all || to === 0 ? [0, -1] : null, ArrowRight: all || from === value.length ? [0, 1] : null };
      if (event.key === "Escape") {
        field.value = cell.dataset.saved;
        delete cell.dataset.refused;
        if (this.flying.has(cell)) { cell.dataset.exact = "yes"; this.note(cell); return; }
        this.waiting.delete(cell);
        this.mark(cell, "");
        this.keep();
        this.sum();
        return;
      }
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      this.note(cell);
      this.focus(row + move[0], column + move[1]);
    }

    onInput(event) {
      const cell = event.target.closest("[data-cell]");
      if (!cell) return;
      delete cell.dataset.refused;
      delete cell.dataset.exact;
      this.mark(cell, event.target.value === cell.dataset.saved ? "" : "dirty");
    }

    onChange(event) { const cell = event.target.closest("[data-cell]"); if (cell) this.note(cell); }

    note(cell) {
      const { value, readOnly } = this.input(cell);
      if (readOnly || !this.root.dataset.saveUrl) return;
      if (value.trim() === cell.dataset.saved && !this.flying.has(cell) && !cell.classList.contains("is-error")) { this.waiting.delete(cell); this.mark(cell, ""); return; }
      if (cell.dataset.refused === value) return;
      this.waiting.add(cell);
      this.mark(cell, "dirty");
      this.keep();
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.send(), GATHER);
    }

    /* Where storage is refused (a private window), nothing outlives the page. */
    store(deed) { try { return deed(window.localStorage); } catch { return null; } }

    get draft() { return `hocba-draft:${this.root.dataset.person}:${this.root.dataset.saveUrl}`; }

    /* Where somebody else was faster, or the sheet is closed, there is nothing left to send. */
    keep() {
      const cells = [...this.cells].filter(([, cell]) => this.waiting.has(cell) || (cell.classList.contains("is-error") && cell.dataset.answer !== "conflict"))
        .map(([key, cell]) => [key, this.input(cell).value, Number(cell.dataset.version), cell.dataset.exact ?? ""]);
      this.store((kept) => cells.length ? kept.setItem(this.draft, JSON.stringify({ at: Date.now(), cells })) : kept.removeItem(this.draft));
    }

    /* With the version that was seen then: what somebody else wrote meanwhile is not overwritten. */
    restore() {
      this.store((kept) => Object.entries(kept).filter(([key, draft]) => key.startsWith("hocba-draft:") && JSON.parse(draft).at < Date.now() - KEEP)
        .forEach(([key]) => kept.removeItem(key)));
      const { cells = [] } = JSON.parse(this.store((kept) => kept.getItem(this.draft)) ?? "{}");
      const found = cells.filter(([key, value]) => this.cells.has(key) && this.cells.get(key).dataset.saved !== value.trim());
      for (const [key, value, version, exact] of found) {
        const cell = this.cells.get(key);
        this.input(cell).value = value;
        cell.dataset.version = version;
        if (exact) cell.dataset.exact = exact;
        this.note(cell);
      }
      if (this.waiting.size) this.tell(this.root.dataset.restored.replace("{n}", this.waiting.size));
      this.keep();
    }

    /* Their person signs out (app.js). */
    forget() {
      window.clearTimeout(this.timer);
      this.waiting.clear();
      for (const cell of this.cells.values()) this.mark(cell, "");
    }

    watch() {
      window.setInterval(() => document.visibilityState === "visible" && this.look(), LOOK);
      document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.look());
    }

    async look() {
      try {
        const response = await fetch(`${this.root.dataset.saveUrl}?sau=${encodeURIComponent(this.root.dataset.readAt)}`,
          { credentials: "same-origin", headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000) });
        if (!response.ok) return;
        const { now, open, cells } = await response.json();
        this.root.dataset.readAt = now;
        for (const one of cells) this.take(one);
        if (!open) this.close();
      } catch {
        return; // the next look tells it
      }
    }

    /* Somebody wrote into a cell. Where this person is writing, too, the server will tell who was first. */
    take({ student, column, value, version, note, message }) {
      const cell = this.cells.get(`${student}|${column}`);
      if (!cell || version <= Number(cell.dataset.version) || this.waiting.has(cell)) return;
      const input = this.input(cell);
      if (input.value.trim() !== cell.dataset.saved) return;
      input.value = cell.dataset.saved = value;
      cell.dataset.version = version;
      delete cell.dataset.refused;
      this.describe(cell, note);
      this.mark(cell, "theirs", [message, note].filter(Boolean).join("; "));
      this.sum();
    }

    close() {
      if (this.root.dataset.closed === "yes") return;
      this.root.dataset.closed = "yes";
      for (const cell of this.cells.values()) this.input(cell).readOnly = true;
      this.tell(this.root.dataset.closing);
    }

    /* A form that closes the sheet (data-unsaved) waits until everything in it is saved. */
    hold(event) {
      const words = event.target.dataset.unsaved;
      const count = new Set([...this.waiting, ...this.bad()]).size;
      if (!words || !count) return;
      event.preventDefault();
      this.tell(words.replace("{n}", count));
      this.held = true;
      this.root.scrollIntoView();
    }

    tell(words) {
      const note = this.root.querySelector("[data-sheet-note]");
      note.textContent = words;
      note.hidden = !words;
    }

    async send() {
      if (this.sending || !this.waiting.size) return;
      this.sending = true;
      this.everSent = true;
      const cells = [...this.waiting].slice(0, MOST);
      for (const cell of cells) { cell.dataset.sent = this.input(cell).value.trim(); this.flying.add(cell); this.mark(cell, "saving"); }
      this.say("saving", cells.length);
      try {
        const answers = await this.post(cells);
        this.failures = 0;
        cells.forEach((cell) => this.settle(cell, answers.get(keyOf(cell))));
      } catch (problem) {
        this.lost(cells, problem);
      }
      this.sending = false;
      this.keep();
      this.sum();
      if (this.waiting.size && !this.failures) this.send();
      if (!this.waiting.size) this.root.dispatchEvent(new Event("marks-saved"));
    }

    async post(cells) {
      const response = await fetch(this.root.dataset.saveUrl, {
        method: "POST", credentials: "same-origin", signal: AbortSignal.timeout(20000),
        headers: { "Content-Type": "application/json", Accept: "application/json",
          "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]')?.content ?? "" },
        body: JSON.stringify({ cells: cells.map((cell) => ({ student: cell.dataset.student, column: cell.dataset.column,
          value: cell.dataset.sent, version: Number(cell.dataset.version), exact: cell.dataset.exact === "yes" })) }),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.status >= 500 || response.status === 429) throw new Error("busy");
      if (!response.ok) return new Map(cells.map((cell) => [keyOf(cell), { state: "invalid", message: answer.detail ?? "" }]));
      return new Map(answer.cells.map((one) => [`${one.student}|${one.column}`, one]));
    }

    settle(cell, answer) {
      const input = this.input(cell);
      const unchanged = input.value.trim() === cell.dataset.sent;
      this.flying.delete(cell);
      if (answer?.version !== undefined) {
        cell.dataset.saved = answer.value;
        cell.dataset.version = answer.version;
        this.describe(cell, answer.note);
      }
      if (answer?.state === "saved") {
        delete cell.dataset.refused;
        if (unchanged) delete cell.dataset.exact;
        if (unchanged) { this.waiting.delete(cell); input.value = cell.dataset.saved; this.mark(cell, "saved"); }
        else this.note(cell);
      } else if (unchanged || answer?.state === "conflict") {
        this.waiting.delete(cell);
        cell.dataset.refused = input.value;
        cell.dataset.answer = answer?.state ?? "";
        this.mark(cell, "error", answer?.message);
      } else this.note(cell);
    }

    lost(cells) {
      for (const cell of cells) this.mark(cell, "dirty");
      const pause = RETRY[Math.min(this.failures, RETRY.length - 1)];
      this.failures += 1;
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.send(), pause);
    }

    mark(cell, state, message = "") {
      cell.classList.remove("is-dirty", "is-saving", "is-saved", "is-error", "is-theirs");
      if (state) cell.classList.add(`is-${state}`);
      const input = this.input(cell);
      input.toggleAttribute("aria-invalid", false);
      if (state === "error") input.setAttribute("aria-invalid", "true");
      input.title = message || cell.dataset.note || "";
    }

    /* How the assessment in a cell came about, in words under it. */
    describe(cell, note = "") {
      cell.dataset.note = note;
      const words = cell.querySelector(".mark-note") ?? document.createElement("small");
      words.className = "mark-note";
      words.textContent = note;
      if (note) cell.append(words);
      else words.remove();
    }

    listProblems() {
      if (!this.problems) return;
      const bad = this.bad();
      this.problems.replaceChildren(...bad.map((cell) => {
        const item = document.createElement("li");
        const go = document.createElement("button");
        go.type = "button";
        go.textContent = this.complaint(cell);
        go.addEventListener("click", () => this.input(cell).focus());
        item.append(go);
        return item;
      }));
    }

    /* Most sentences of the server begin with the pupil; the others get pupil and column put before them. */
    complaint(cell) {
      const { title, ariaLabel } = this.input(cell);
      const pupil = cell.closest("tr").querySelector("th").textContent.trim();
      return title.includes(pupil) ? title : [ariaLabel, title].filter(Boolean).join(": ");
    }

    bad() { return this.rows.flat().filter((cell) => cell.classList.contains("is-error")); }

    sum() {
      this.listProblems();
      const bad = this.bad().length;
      if (this.held && !bad && !this.waiting.size) { this.held = false; this.tell(""); }
      if (this.failures) this.say("offline", this.waiting.size);
      else if (this.waiting.size) this.say("saving", this.waiting.size);
      else if (bad) this.say("error", bad);
      else if (this.everSent) this.say("saved", 0);
      else this.say("idle", 0);
    }

    say(kind, count) {
      if (!this.state) return;
      const words = { idle: "idle", saving: "saving", saved: "saved", error: "failed", offline: "offline" }[kind];
      const time = new Date().toLocaleTimeString("vi-VN", {
        hour: "2-digit",
        minute: "2-digit",
        timeZone: "Asia/Ho_Chi_Minh",
      });
      const first = kind === "error" ? this.complaint(this.bad()[0]) : "";
      this.state.textContent = this.state.dataset[words].replace("{n}", count).replace("{time}", time).replace("{first}", first);
      this.state.className = `marks-state is-${kind}`;
    }
  }

  const begin = () => document.querySelectorAll("[data-grade-sheet]").forEach((root) => {
    if (!root.dataset.ready) { root.dataset.ready = "yes"; new Sheet(root); }
  });
  document.addEventListener("htmx:after:process", begin);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
