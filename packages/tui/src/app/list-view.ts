/** A view that is one table of what one request tells. */
import type { Canvas } from "../parts/canvas.ts";
import type { Hint } from "../parts/part.ts";
import { Table, type TableOptions } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { View } from "./view.ts";

interface ListOptions<Row> extends TableOptions<Row> {
  readonly title: string;
  readonly load: () => Promise<readonly Row[]>;
  readonly isMoving?: boolean;
  readonly isDear?: boolean;
  /** A key that the table does not take. @returns false: it is not for this view either */
  readonly press: (key: Key, chosen: Row | null) => boolean;
  readonly hints: (chosen: Row | null) => readonly Hint[];
  /** Above the table, if there is anything to say. */
  readonly head?: () => string;
}

export class ListView<Row> implements View {
  readonly #options: ListOptions<Row>;
  readonly #table: Table<Row>;

  constructor(options: ListOptions<Row>) {
    this.#options = options;
    this.#table = new Table(options);
  }

  get title(): string {
    return this.#options.title;
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  get isMoving(): boolean {
    return this.#options.isMoving === true;
  }

  get isDear(): boolean {
    return this.#options.isDear === true;
  }

  async load(): Promise<void> {
    this.#table.show(await this.#options.load());
  }

  draw(canvas: Canvas): void {
    const head = this.#options.head?.() ?? "";
    if (head === "") return this.#table.draw(canvas);
    canvas.line(0, { text: head, style: "dim" });
    this.#table.draw(canvas.below(1));
  }

  press(key: Key): boolean {
    return this.#table.press(key) || this.#options.press(key, this.#table.chosen);
  }

  hints(): readonly Hint[] {
    return this.#options.hints(this.#table.chosen);
  }
}
