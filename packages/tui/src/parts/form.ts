/** Values that are changed where they stand: numbers by sliders, one of several by turning through them. */
import { padEnd, widthOf } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { Canvas } from "./canvas.ts";
import { meterText } from "./meter.ts";

interface NumberField {
  readonly kind: "number";
  readonly label: string;
  readonly least: number;
  readonly most: number;
}

interface ChoiceField {
  readonly kind: "choice";
  readonly label: string;
  readonly options: readonly string[];
}

export type Field = NumberField | ChoiceField;

const SLIDER = 24;
const PAGE = 10;

export class Form {
  #fields: readonly Field[] = [];
  /** Of a choice: which one. */
  #values: number[] = [];
  #chosen = 0;
  isEdited = false;

  show(fields: readonly Field[], values: readonly number[]): void {
    this.#fields = fields;
    this.#values = [...values];
    this.isEdited = false;
    this.#chosen = Math.min(this.#chosen, Math.max(fields.length - 1, 0));
  }

  get values(): readonly number[] {
    return this.#values;
  }

  get chosen(): { readonly field: Field; readonly value: number } | null {
    const field = this.#fields[this.#chosen];
    return field === undefined ? null : { field, value: this.#values[this.#chosen]! };
  }

  /** Of the chosen field; what is out of its range is brought into it. */
  set(value: number): void {
    const { field } = this.chosen!;
    const [least, most] = field.kind === "number" ? [field.least, field.most] : [0, field.options.length - 1];
    const kept = Math.min(Math.max(Math.round(value), least), most);
    if (kept === this.#values[this.#chosen]) return;
    this.#values[this.#chosen] = kept;
    this.isEdited = true;
  }

  press({ name }: Key, mayChange: boolean): boolean {
    const { chosen } = this;
    if (chosen === null) return false;
    const step = STEPS[name];
    if (step !== undefined) {
      if (mayChange) this.set(chosen.value + step);
      return true;
    }
    if (name === "up" || name === "k") this.#chosen = Math.max(this.#chosen - 1, 0);
    else if (name === "down" || name === "j") this.#chosen = Math.min(this.#chosen + 1, this.#fields.length - 1);
    else if (name === "home") this.set(0);
    else if (name === "end") this.set(Infinity);
    else return false;
    return true;
  }

  /** @returns the row below it */
  draw(canvas: Canvas): number {
    const width = Math.max(...this.#fields.map(({ label }) => widthOf(label)), 0);
    this.#fields.forEach((field, row) => {
      const isChosen = row === this.#chosen;
      canvas.write(0, row, padEnd(field.label, width), isChosen ? "chosen" : "normal");
      const value = this.#values[row]!;
      if (field.kind === "choice") canvas.write(width + 2, row, `← ${field.options[value]!} →`, "strong");
      else {
        const bar = meterText(value - field.least, field.most - field.least, SLIDER);
        canvas.write(canvas.write(width + 2, row, bar, "chart") + 1, row, String(value), "strong");
      }
    });
    return this.#fields.length;
  }
}

const STEPS: Readonly<Record<string, number>> = {
  left: -1,
  h: -1,
  "-": -1,
  right: 1,
  l: 1,
  "+": 1,
  pagedown: -PAGE,
  pageup: PAGE,
};
