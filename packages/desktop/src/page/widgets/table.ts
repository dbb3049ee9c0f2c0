/**
 * Rows that a person chooses one of, by press or arrows, and opens by a double press or Enter (ARIA Authoring
 * Practices, Grid). Rows are kept by key: what is refreshed keeps the choice, the place and the focus. Of a table of
 * many, Shift takes those in between as well, Ctrl one more or less, Ctrl+A all; its rows can be dragged.
 */
import { focusNear } from "../front.ts";
import { create } from "./containers.ts";
import { Widget } from "./widget.ts";

interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** A picture before the text. */
  readonly icon?: (row: Row) => string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  readonly order: (one: Row, other: Row) => number;
}

type HeldKeys = Pick<MouseEvent, "shiftKey" | "ctrlKey" | "metaKey">;

export class Table<Row> extends Widget {
  readonly #columns: readonly Column<Row>[];
  readonly #keyOf: (row: Row) => string;
  readonly #body = create("tbody");
  readonly #heads: HTMLTableCellElement[] = [];
  readonly #elements = new Map<string, HTMLTableRowElement>();
  #rows: readonly Row[] = [];
  #chosen: string | null = null;
  /** Where those that Shift takes begin. */
  #anchor: string | null = null;
  /** All that are chosen, `#chosen` among them. */
  #keys = new Set<string>();
  #isMany = false;
  #sortBy: { column: number; isReverse: boolean };

  constructor(
    label: string,
    columns: readonly Column<Row>[],
    keyOf: (row: Row) => string,
    sortBy = 0,
    isReverse = false,
  ) {
    super(create("div", "table"));
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#sortBy = { column: sortBy, isReverse };
    const table = create("table");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", label);
    const head = create("tr");
    for (const [index, { title, isNumber }] of columns.entries()) {
      const cell = create("th");
      cell.scope = "col";
      const button = create("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => this.#sort(index));
      if (isNumber === true) cell.className = "number";
      cell.append(button);
      this.#heads.push(cell);
      head.append(cell);
    }
    const heads = create("thead");
    heads.append(head);
    table.append(heads, this.#body);
    this.element.append(table);
    this.#body.addEventListener("keydown", (event) => this.#key(event));
  }

  #sort(column: number): void {
    const { column: before, isReverse } = this.#sortBy;
    this.#sortBy = { column, isReverse: column === before && !isReverse };
    this.invalidate();
  }

  set rows(rows: readonly Row[]) {
    this.#rows = rows;
    this.invalidate();
  }

  get chosen(): Row | null {
    return this.#rows.find((row) => this.#keyOf(row) === this.#chosen) ?? null;
  }

  /** Rows can be chosen many at a time, and dragged. */
  many(): this {
    this.#isMany = true;
    this.element.firstElementChild?.setAttribute("aria-multiselectable", "true");
    return this;
  }

  /** In the order in which they are shown. */
  get allChosen(): readonly Row[] {
    return this.#sorted().filter((row) => this.#keys.has(this.#keyOf(row)));
  }

  /** The row that an element of the page belongs to. */
  rowAt(target: EventTarget | null): Row | null {
    const element = (target as Element | null)?.closest?.("tr");
    const key = [...this.#elements].find(([, each]) => each === element)?.[0];
    return this.#rows.find((row) => this.#keyOf(row) === key) ?? null;
  }

  choose(key: string | null): void {
    this.#anchor = key;
    this.#chooseKeys(key, key === null ? [] : [key]);
  }

  #chooseKeys(key: string | null, all: Iterable<string>): void {
    this.#chosen = key;
    this.#keys = new Set(all);
    this.emit("choose", this.chosen);
    this.invalidate();
  }

  /** As a press, or an arrow, with these keys held chooses. */
  #chooseWith(key: string | null, { shiftKey, ctrlKey, metaKey }: HeldKeys): void {
    if (key === null || !this.#isMany) this.choose(key);
    else if (shiftKey) {
      const keys = this.#sorted().map(this.#keyOf);
      const [from, to] = [keys.indexOf(this.#anchor ?? key), keys.indexOf(key)];
      this.#chooseKeys(key, keys.slice(Math.min(Math.max(from, 0), to), Math.max(from, to) + 1));
    } else if (ctrlKey || metaKey) {
      const all = new Set(this.#keys);
      if (!all.delete(key)) all.add(key);
      this.#anchor = key;
      this.#chooseKeys(all.has(key) ? key : ([...all].at(-1) ?? null), all);
    } else this.choose(key);
  }

  #sorted(): Row[] {
    const { column, isReverse } = this.#sortBy;
    const rows = [...this.#rows].sort(this.#columns[column]!.order);
    return isReverse ? rows.reverse() : rows;
  }

  focus(): void {
    (this.#body.querySelector<HTMLElement>("tr[tabindex='0']") ?? this.#body.querySelector<HTMLElement>("tr"))?.focus();
  }

  protected override draw(): void {
    const { column, isReverse } = this.#sortBy;
    const rows = this.#sorted();
    for (const [index, head] of this.#heads.entries())
      head.setAttribute("aria-sort", index !== column ? "none" : isReverse ? "descending" : "ascending");
    const keys = rows.map(this.#keyOf);
    for (const [key, element] of this.#elements)
      if (!keys.includes(key)) {
        element.remove();
        this.#elements.delete(key);
      }
    const focusable = this.#chosen !== null && keys.includes(this.#chosen) ? this.#chosen : keys[0];
    for (const [index, row] of rows.entries()) {
      const element = this.#elementOf(keys[index]!, row);
      element.setAttribute("aria-selected", String(this.#keys.has(keys[index]!)));
      element.tabIndex = keys[index] === focusable ? 0 : -1;
      if (this.#body.children[index] !== element) this.#body.insertBefore(element, this.#body.children[index] ?? null);
    }
  }

  #elementOf(key: string, row: Row): HTMLTableRowElement {
    let element = this.#elements.get(key);
    if (element === undefined) {
      element = create("tr");
      for (const { isNumber } of this.#columns) element.append(create("td", isNumber === true ? "number" : ""));
      const made = element;
      made.draggable = this.#isMany;
      made.addEventListener("click", (event) => {
        this.#chooseWith(key, event);
        made.focus();
      });
      made.addEventListener("dblclick", () => this.#open(key));
      made.addEventListener("contextmenu", (event) => {
        event.preventDefault();
        if (!this.#keys.has(key)) this.choose(key);
        this.emit("menu", { x: event.clientX, y: event.clientY });
      });
      this.#elements.set(key, made);
    }
    for (const [index, { text, icon }] of this.#columns.entries()) {
      const cell = element.children[index] as HTMLElement;
      const words = text(row);
      if (cell.dataset["text"] === words) continue;
      cell.dataset["text"] = words;
      cell.textContent = words;
      if (icon === undefined) continue;
      const picture = create("span", `icon ${icon(row)}`);
      picture.setAttribute("aria-hidden", "true");
      cell.prepend(picture);
    }
    return element;
  }

  #open(key: string): void {
    this.choose(key);
    const { chosen } = this;
    if (chosen !== null) this.emit("open", chosen);
  }

  #key(event: KeyboardEvent): void {
    const rows = [...this.#body.children] as HTMLElement[];
    const at = rows.findIndex((each) => each === focusNear(this.element));
    const page = 10;
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    }[event.key];
    const keyAt = (index: number): string | undefined =>
      [...this.#elements].find(([, element]) => element === rows[index])?.[0];
    if (to !== undefined) {
      const index = Math.max(0, Math.min(rows.length - 1, to));
      this.#chooseWith(keyAt(index) ?? null, { shiftKey: event.shiftKey, ctrlKey: false, metaKey: false });
      rows[index]?.focus();
    } else if (event.key === "Enter") this.#open(keyAt(at) ?? "");
    else if (event.key === " ") this.#chooseWith(keyAt(at) ?? null, event);
    else if (this.#isMany && event.key === "a" && (event.ctrlKey || event.metaKey)) {
      const keys = this.#sorted().map(this.#keyOf);
      this.#chooseKeys(keyAt(at) ?? null, keys);
    } else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const { left, bottom } = rows[at]?.getBoundingClientRect() ?? { left: 0, bottom: 0 };
      const key = keyAt(at) ?? null;
      if (key === null || !this.#keys.has(key)) this.choose(key);
      this.emit("menu", { x: left + 16, y: bottom });
    } else {
      this.emit("key", event);
      return;
    }
    event.preventDefault();
  }
}
