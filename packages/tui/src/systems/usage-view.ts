/** What a system uses, over the time for which it was looked at. */
import { type Point, rates } from "@stratos/panels/rates";
import type { SystemUsage } from "@stratos/panels/systems";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { chartRows } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import type { SystemContext } from "./system-context.ts";

/** Of each figure; the oldest go. */
const SAMPLES_MAX = 600;
const CHARTS = 4;

interface Chart {
  readonly title: string;
  readonly now: string;
  readonly values: readonly number[];
  /** Of the highest value; 0: the highest that was there. */
  readonly most: number;
}

export class UsageView implements View {
  readonly #context: SystemContext;
  readonly #systemOf: () => string | null;
  #system: string | null = null;
  #samples: { readonly atMs: number; readonly usage: SystemUsage }[] = [];

  /** @param systemOf  which system is shown */
  constructor(context: SystemContext, systemOf: () => string | null) {
    this.#context = context;
    this.#systemOf = systemOf;
  }

  get title(): string {
    return this.#context.say("usage");
  }

  get isMoving(): boolean {
    return true;
  }

  async load(): Promise<void> {
    const system = this.#systemOf();
    if (system !== this.#system) this.#samples = [];
    this.#system = system;
    if (system === null) return;
    const usage = await this.#context.stage.ask<SystemUsage>("GET", `/systems/${encodeURIComponent(system)}/usage`);
    this.#samples.push({ atMs: Date.now(), usage });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  draw(canvas: Canvas): void {
    const { say } = this.#context;
    const last = this.#samples.at(-1)?.usage;
    if (this.#system === null || last === undefined) return canvas.line(0, say("noSystems"));
    canvas.line(0, { text: this.#system, style: "strong" }, `  ${say("processes", last.processes)}`);
    const height = Math.max(Math.floor((canvas.rows - 1) / CHARTS), 2);
    this.#charts(last).forEach(({ title, now, values, most }, index) => {
      const part = canvas.below(1 + index * height, height);
      part.line(0, { text: title, style: "head" }, `  ${now}`);
      chartRows(values, most, { columns: canvas.columns, rows: height - 1 }).forEach((line, row) =>
        part.write(0, 1 + row, line, "chart"),
      );
    });
  }

  #charts(last: SystemUsage): readonly Chart[] {
    const { say } = this.#context;
    const points = (figure: (usage: SystemUsage) => number): Point[] =>
      this.#samples.map(({ atMs, usage }) => ({ atMs, value: figure(usage) }));
    // Of a second, in per cent: milliseconds of the processor by a tenth.
    const processor = rates(points(({ cpuMs }) => cpuMs / 10)).map(({ value }) => value);
    const instructions = rates(points((usage) => usage.instructions)).map(({ value }) => value);
    const part = (title: string, which: "memory" | "disk"): Chart => {
      const { usedBytes, limitBytes } = last[which];
      return {
        title,
        now: `${this.#context.size(usedBytes)} / ${this.#context.size(limitBytes)}`,
        values: points((usage) => usage[which].usedBytes).map(({ value }) => value),
        most: limitBytes,
      };
    };
    return [
      { title: say("processor"), now: `${(processor.at(-1) ?? 0).toFixed(0)} %`, values: processor, most: 100 },
      part(say("memory"), "memory"),
      part(say("disk"), "disk"),
      {
        title: say("instructions"),
        now: `${((instructions.at(-1) ?? 0) / 1e6).toFixed(1)} × 10⁶`,
        values: instructions,
        most: 0,
      },
    ];
  }

  press(): boolean {
    return false;
  }

  hints(): readonly Hint[] {
    return [["Tab", this.#context.stage.say("nextView")]];
  }
}
