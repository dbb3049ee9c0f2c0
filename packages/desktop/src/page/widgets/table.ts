/**
 * Rows that a person chooses one of, by press or arrows, and opens by a double press or Enter (ARIA Authoring
 * Practices, Grid). Rows are kept by key: what is refreshed keeps the choice, the place and the focus.
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

export class Table<Row> extends Widget {
  readonly #columns: readonly Column<Row>[];
  readonly #keyOf: (row: Row) => string;
  readonly #body = create("tbody");
  readonly #heads: HTMLTableCellElement[] = [];
  readonly #elements = new Map<string, HTMLTableRowElement>();
  #rows: readonly Row[] = [];
  #chosen: string | null = null;
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

  choose(key: string | null): void {
    this.#chosen = key;
    this.emit("choose", this.chosen);
    this.invalidate();
  }

  focus(): void {
    (this.#body.querySelector<HTMLElement>("tr[tabindex='0']") ?? this.#body.querySelector<HTMLElement>("tr"))?.focus();
  }

  protected override draw(): void {
    const { column, isReverse } = this.#sortBy;
    const rows = [...this.#rows].sort(this.#columns[column]!.order);
    if (isReverse) rows.reverse();
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
      element.setAttribute("aria-selected", String(keys[index] === this.#chosen));
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
      made.addEventListener("click", () => {
        this.choose(key);
        made.focus();
      });
      made.addEventListener("dblclick", () => this.#open(key));
      made.addEventListener("contextmenu", (event) => {
        event.preventDefault();
        this.choose(key);
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
    this.#chosen = key;
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
      this.choose(keyAt(index) ?? null);
      rows[index]?.focus();
    } else if (event.key === "Enter") this.#open(keyAt(at) ?? "");
    else if (event.key === " ") this.choose(keyAt(at) ?? null);
    else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const { left, bottom } = rows[at]?.getBoundingClientRect() ?? { left: 0, bottom: 0 };
      this.choose(keyAt(at) ?? null);
      this.emit("menu", { x: left + 16, y: bottom });
    } else {
      this.emit("key", event);
      return;
    }
    event.preventDefault();
  }
}
