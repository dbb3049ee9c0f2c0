/**
 * Looks for text in a terminal (Ctrl+Shift+F; Enter goes up, Shift+Enter down, Escape ends it), and makes addresses of
 * the web in it links, which open in a tab of their own.
 */
import type { Terminal } from "@xterm/xterm";
import { findText, lineAt, placeOf } from "./terminal-text.ts";

const ADDRESS = /https?:\/\/[^\s"'<>`]*[^\s"'<>`.,:;!?)\]}]/g;

interface SearchWords {
  readonly search: string;
  /** Of what was looked for there is nothing; else which of how many is shown. */
  count(at: number, all: number): string;
}

/** @param place  the terminal's own element, which the field lies over */
export function offerSearch(terminal: Terminal, place: HTMLElement, words: SearchWords): void {
  const form = document.createElement("form");
  form.className = "terminal-search";
  form.setAttribute("role", "search");
  form.hidden = true;
  const field = document.createElement("input");
  field.setAttribute("aria-label", words.search);
  field.placeholder = words.search;
  const count = document.createElement("output");
  form.append(field, count);
  Object.assign(form.style, { position: "absolute", top: "0.25rem", right: "1rem", zIndex: "20" });
  if (getComputedStyle(place).position === "static") place.style.position = "relative";
  place.append(form);
  let at = -1;
  const show = (step: number): void => {
    const found = findText(terminal, field.value);
    // Begins with what was written last, and goes round.
    at = found.length === 0 ? -1 : step === 0 || at < 0 ? found.length - 1 : (at + step + found.length) % found.length;
    count.textContent = field.value === "" ? "" : words.count(at + 1, found.length);
    const match = found[at];
    if (match === undefined) return terminal.clearSelection();
    terminal.select(match.column, match.row, match.length);
    terminal.scrollToLine(Math.max(0, match.row - Math.floor(terminal.rows / 2)));
  };
  const end = (): void => {
    form.hidden = true;
    terminal.focus();
  };
  field.addEventListener("input", () => show(0));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end();
    else if (event.key === "Enter") show(event.shiftKey ? 1 : -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  place.addEventListener(
    "keydown",
    (event) => {
      if (event.code !== "KeyF" || !event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      form.hidden = false;
      field.select();
      field.focus();
    },
    { capture: true },
  );
}

export function offerLinks(terminal: Terminal): void {
  terminal.registerLinkProvider({
    provideLinks: (row, give) => {
      const line = lineAt(terminal, row - 1);
      const links = [...line.text.matchAll(ADDRESS)].map(({ 0: text, index }) => {
        const { row: first, column, length } = placeOf(terminal, line, index, index + text.length);
        const last = column + length - 1;
        return {
          text,
          range: {
            start: { x: column + 1, y: first + 1 },
            end: { x: (last % terminal.cols) + 1, y: first + Math.floor(last / terminal.cols) + 1 },
          },
          activate: () => void open(text, "_blank", "noopener,noreferrer"),
        };
      });
      give(links.length === 0 ? undefined : links);
    },
  });
}
