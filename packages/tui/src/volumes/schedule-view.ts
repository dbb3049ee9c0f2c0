/** The schedule of snapshots, and a picture of what it keeps. */
import { keptHours, NO_SCHEDULE, PERIOD_HOURS, PERIOD_MAX, scheduleActions } from "@stratos/panels/volumes";
import type { SnapshotSchedule } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { Form } from "../parts/form.ts";
import type { Hint } from "../parts/part.ts";
import { widthOf, wrap } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

const PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
const MARKS = [
  ["1h", PERIOD_HOURS.hourly],
  ["1d", PERIOD_HOURS.daily],
  ["1w", PERIOD_HOURS.weekly],
  ["30d", PERIOD_HOURS.monthly],
  ["1y", 365 * PERIOD_HOURS.daily],
] as const;
const KEYS = { s: "save", x: "clear", t: "runNow" } as const;

export class ScheduleView implements View {
  readonly #context: VolumeContext;
  readonly #form = new Form();
  #volume: string | null = null;

  constructor(context: VolumeContext) {
    this.#context = context;
  }

  get title(): string {
    return this.#context.say("schedule");
  }

  get isEdited(): boolean {
    return this.#form.isEdited && this.#volume === this.#context.name;
  }

  async load(): Promise<void> {
    const { at, name, say, stage } = this.#context;
    const schedule = (await stage.ask<SnapshotSchedule | null>("GET", `${at}/schedule`)) ?? NO_SCHEDULE;
    if (this.isEdited) return;
    this.#volume = name;
    this.#form.show(
      PERIODS.map((period) => ({ kind: "number", label: say(period), least: 0, most: PERIOD_MAX[period] })),
      PERIODS.map((period) => schedule[period]),
    );
  }

  get #wanted(): SnapshotSchedule {
    const { values } = this.#form;
    return Object.fromEntries(PERIODS.map((period, at) => [period, values[at] ?? 0])) as unknown as SnapshotSchedule;
  }

  draw(canvas: Canvas): void {
    const { say, stage } = this.#context;
    const help = wrap(say("scheduleHelp"), canvas.columns);
    help.forEach((line, row) => canvas.write(0, row, line, "dim"));
    const form = canvas.below(help.length + 1);
    const row = this.#form.draw(form) + 1;
    if (this.isEdited) form.write(0, row - 1, stage.say("unsaved"), "warning");
    form.line(row + 1, { text: `${say("reach")}:`, style: "head" }, ` ${keptHours(this.#wanted).length}`);
    retentionPicture(keptHours(this.#wanted), canvas.columns).forEach((line, at) =>
      form.write(0, row + 2 + at, line, at === 0 ? "chart" : "dim"),
    );
  }

  press(key: Key): boolean {
    const { at, stage } = this.#context;
    const mayChange = stage.mayAct("administrator");
    if (this.#form.press(key, mayChange)) return true;
    if (key.name === "escape" && this.isEdited) {
      this.#form.isEdited = false;
      stage.attempt(() => this.load().then(() => null));
    } else if (key.name === "enter" && mayChange) void this.#type();
    else if (key.name in KEYS) {
      const word = KEYS[key.name as keyof typeof KEYS];
      const action = scheduleActions(at, this.#wanted, stage.language).find((each) => each.word === word);
      if (word !== "runNow") this.#form.isEdited = false;
      stage.act(action);
    } else return false;
    return true;
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    if (!stage.mayAct("administrator")) return [];
    return [
      ["←→", stage.say("change")],
      ["s", say("save")],
      ["x", say("clear")],
      ["t", say("runNow")],
    ];
  }

  async #type(): Promise<void> {
    const { chosen } = this.#form;
    if (chosen === null) return;
    const text = await this.#context.stage.prompt(chosen.field.label, String(chosen.value));
    if (text !== null && /^\d+$/.test(text.trim())) this.#form.set(Number(text));
  }
}

/** A sign a snapshot, the further back the denser: the axis is logarithmic. @returns the signs, and the marks below */
function retentionPicture(hours: readonly number[], columns: number): readonly string[] {
  const reach = Math.max(PERIOD_HOURS.daily, ...hours);
  const place = (hour: number): number => Math.round((Math.log1p(hour) / Math.log1p(reach)) * (columns - 1));
  const signs = Array.from({ length: columns }, () => "·");
  for (const hour of hours) signs[place(hour)] = "█";
  let marks = "";
  for (const [text, hour] of MARKS) {
    const at = Math.min(place(hour), columns - widthOf(text));
    if (hour <= reach && at >= marks.length) marks = `${marks.padEnd(at)}${text} `;
  }
  return [signs.join(""), marks];
}
