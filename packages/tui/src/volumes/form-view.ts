import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { type Field, Form } from "../parts/form.ts";
import type { Hint } from "../parts/part.ts";
import { wrap } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

/** A view of a volume whose values are changed where they stand, and saved as a whole. */
export abstract class FormView implements View {
  protected readonly context: VolumeContext;
  protected readonly form = new Form();
  /** Whose values are shown. */
  #volume: string | null = null;

  constructor(context: VolumeContext) {
    this.context = context;
  }

  abstract get title(): string;

  /** Asks the service for the values. */
  protected abstract read(): Promise<{ readonly fields: readonly Field[]; readonly values: readonly number[] }>;

  /** Keys beside those that change values, of who may. */
  protected abstract readonly keys: readonly Hint[];

  get isEdited(): boolean {
    return this.form.isEdited && this.#volume === this.context.name;
  }

  async load(): Promise<void> {
    const { name } = this.context;
    const { fields, values } = await this.read();
    if (this.isEdited) return;
    this.#volume = name;
    this.form.show(fields, values);
  }

  protected get mayChange(): boolean {
    return this.context.stage.mayAct("administrator");
  }

  abstract draw(canvas: Canvas): void;

  /** @returns where the form stands, and its first free row */
  protected drawForm(canvas: Canvas, help: string): { readonly canvas: Canvas; readonly row: number } {
    const lines = wrap(help, canvas.columns);
    lines.forEach((line, row) => canvas.write(0, row, line, "dim"));
    const form = canvas.below(lines.length + 1);
    const row = this.form.draw(form);
    if (this.isEdited) form.write(0, row, this.context.stage.say("unsaved"), "warning");
    return { canvas: form, row };
  }

  press(key: Key): boolean {
    const { stage } = this.context;
    if (this.form.press(key, this.mayChange)) return true;
    if (key.name !== "escape" || !this.isEdited) return false;
    this.form.isEdited = false;
    stage.attempt(() => this.load().then(() => null));
    return true;
  }

  hints(): readonly Hint[] {
    return this.mayChange ? [["←→", this.context.stage.say("change")], ...this.keys] : [];
  }
}
