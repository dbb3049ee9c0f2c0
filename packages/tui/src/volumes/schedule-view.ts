/** The schedule of snapshots, and a picture of what it keeps. */
import { keptHours, NO_SCHEDULE, PERIOD_HOURS, PERIOD_MAX, scheduleActions } from "@stratos/panels/volumes";
import type { SnapshotSchedule } from "@stratos/volumes/listed";
import type { Canvas } from "../parts/canvas.ts";
import type { Hint } from "../parts/part.ts";
import { widthOf } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import { FormView } from "./form-view.ts";

const PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
const MARKS = [
  ["1h", PERIOD_HOURS.hourly],
  ["1d", PERIOD_HOURS.daily],
  ["1w", PERIOD_HOURS.weekly],
  ["30d", PERIOD_HOURS.monthly],
  ["1y", 365 * PERIOD_HOURS.daily],
] as const;
const KEYS = { s: "save", x: "clear", t: "runNow" } as const;

export class ScheduleView extends FormView {
  get title(): string {
    return this.context.say("schedule");
  }

  protected async read(): ReturnType<FormView["read"]> {
    const { at, say, stage } = this.context;
    const schedule = (await stage.ask<SnapshotSchedule | null>("GET", `${at}/schedule`)) ?? NO_SCHEDULE;
    return {
      fields: PERIODS.map((period) => ({ kind: "number", label: say(period), least: 0, most: PERIOD_MAX[period] })),
      values: PERIODS.map((period) => schedule[period]),
    };
  }

  get #wanted(): SnapshotSchedule {
    const { values } = this.form;
    return Object.fromEntries(PERIODS.map((period, at) => [period, values[at] ?? 0])) as unknown as SnapshotSchedule;
  }

  draw(canvas: Canvas): void {
    const { say } = this.context;
    const { canvas: form, row } = this.drawForm(canvas, say("scheduleHelp"));
    const hours = keptHours(this.#wanted);
    form.line(row + 2, { text: `${say("reach")}:`, style: "head" }, ` ${hours.length}`);
    retentionPicture(hours, canvas.columns).forEach((line, at) =>
      form.write(0, row + 3 + at, line, at === 0 ? "chart" : "dim"),
    );
  }

  override press(key: Key): boolean {
    const { at, stage } = this.context;
    if (super.press(key)) return true;
    if (key.name === "enter" && this.mayChange) void this.#type();
    else if (key.name in KEYS) {
      const word = KEYS[key.name as keyof typeof KEYS];
      const action = scheduleActions(at, this.#wanted, stage.language).find((each) => each.word === word);
      if (word !== "runNow") this.form.isEdited = false;
      stage.act(action);
    } else return false;
    return true;
  }

  protected get keys(): readonly Hint[] {
    return Object.entries(KEYS).map(([key, word]) => [key, this.context.say(word)]);
  }

  async #type(): Promise<void> {
    const { chosen } = this.form;
    if (chosen === null) return;
    const text = await this.context.stage.prompt(chosen.field.label, String(chosen.value));
    if (text !== null && /^\d+$/.test(text.trim())) this.form.set(Number(text));
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
