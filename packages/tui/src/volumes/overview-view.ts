/** How full a volume is, how its devices are, what goes on, and on demand where the space went. */
import { BLOCK_BYTES, type VolumeHealth } from "@stratos/panels/volumes";
import { type Point, rates } from "@stratos/panels/rates";
import type { VolumeSpace } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { chartRows, meterText } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

type Device = VolumeHealth["devices"][number];

const METER = 30;
const CHART_ROWS = 3;
/** Of the chart; the oldest go. */
const SAMPLES_MAX = 600;
const GOOD = new Set(["healthy", "repaired"]);

export class OverviewView implements View {
  readonly #context: VolumeContext;
  readonly #devices: Table<Device>;
  #space: VolumeSpace | null = null;
  #health: VolumeHealth | null = null;
  /** Of the volume that is shown. */
  #io: { readonly volume: string; readonly read: Point[]; readonly written: Point[] } | null = null;

  constructor(context: VolumeContext) {
    const { say } = context;
    this.#context = context;
    const errors = (title: string, count: (errors: Device["errors"]) => number) => ({
      title,
      isNumber: true as const,
      cell: (device: Device) => ({
        text: String(count(device.errors)),
        style: count(device.errors) > 0 ? ("bad" as const) : ("normal" as const),
      }),
    });
    this.#devices = new Table<Device>({
      columns: [
        { title: say("device"), cell: ({ index, uuid }) => `${index} ${uuid.slice(0, 8)}` },
        { title: say("kind"), cell: (device) => say(device.class === "fast" ? "fast" : "slow") },
        { title: say("size"), isNumber: true, cell: ({ blocks }) => context.size(blocks * BLOCK_BYTES) },
        { title: say("state"), grows: true, cell: ({ state }) => state },
        errors(say("corrupt"), ({ corruptBlocks }) => corruptBlocks),
        errors(say("repaired"), ({ repairedBlocks }) => repairedBlocks),
        errors(say("lost"), ({ lostBlocks }) => lostBlocks),
      ],
      identity: ({ index }) => String(index),
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("overview");
  }

  get isMoving(): boolean {
    return true;
  }

  async load(): Promise<void> {
    const { at, name, stage } = this.#context;
    const [space, health] = await Promise.all([
      stage.ask<VolumeSpace>("GET", at),
      stage.ask<VolumeHealth>("GET", `${at}/health`),
    ]);
    [this.#space, this.#health] = [space, health];
    this.#devices.show(health.devices);
    if (this.#io?.volume !== name) this.#io = { volume: name!, read: [], written: [] };
    const atMs = Date.now();
    const sum = (count: (device: Device) => number): number =>
      health.devices.reduce((total, device) => total + count(device), 0);
    for (const [points, value] of [
      [this.#io.read, sum(({ readBytes }) => readBytes)],
      [this.#io.written, sum(({ writtenBytes }) => writtenBytes)],
    ] as const) {
      points.push({ atMs, value });
      if (points.length > SAMPLES_MAX) points.shift();
    }
  }

  draw(canvas: Canvas): void {
    const [space, health] = [this.#space, this.#health];
    if (space === null || health === null) return canvas.line(0, this.#context.stage.say("loading"));
    const { say } = this.#context;
    const size = (bytes: number): string => this.#context.size(bytes);
    canvas.line(0, {
      text: space.label === "" ? space.volume : `${space.volume} (${space.label})`,
      style: "strong",
    });
    canvas.line(
      1,
      { text: meterText(space.usedBytes, space.sizeBytes, METER), style: "chart" },
      ` ${size(space.usedBytes)} ${say("of")} ${size(space.sizeBytes)} ${say("used")}, `,
      `${size(space.freeBytes)} ${say("free")}`,
    );
    canvas.line(
      2,
      `${say("health")}: `,
      { text: health.state, style: GOOD.has(health.state) ? "good" : "bad" },
      `; ${health.copies} ${say("copies")}; ${space.files} ${say("filesCount")}; `,
      `${space.snapshots} ${say("snapshots")}`,
    );
    const devices = canvas.below(4, Math.min(health.devices.length + 1, Math.max(canvas.rows - 4, 2)));
    this.#devices.draw(devices);
    this.#drawCharts(canvas.below(5 + devices.rows));
  }

  #drawCharts(canvas: Canvas): void {
    const { say } = this.#context;
    let row = 0;
    for (const [word, points] of [
      ["readRate", this.#io?.read ?? []],
      ["writeRate", this.#io?.written ?? []],
    ] as const) {
      if (row + 1 + CHART_ROWS > canvas.rows) return;
      const values = rates(points).map(({ value }) => value);
      const now = this.#context.size(values.at(-1) ?? 0);
      canvas.line(row, { text: say(word), style: "head" }, `  ${now}/s`);
      canvas.right(row, `${say("highest")} ${this.#context.size(Math.max(...values, 0))}/s`, "dim");
      const lines = chartRows(values, 0, { columns: canvas.columns, rows: CHART_ROWS });
      lines.forEach((line, at) => canvas.write(0, row + 1 + at, line, "chart"));
      row += CHART_ROWS + 1;
    }
  }

  press(key: Key): boolean {
    if (key.name !== "e") return this.#devices.press(key);
    const { at, say, stage } = this.#context;
    stage.attempt(async () => {
      const told = await stage.ask<Readonly<Record<string, unknown>>>("GET", `${at}/statistics`);
      const lines = Object.entries(told)
        .filter((entry): entry is [string, number] => typeof entry[1] === "number")
        .map(([name, value]) => `${name}: ${name.endsWith("Bytes") ? this.#context.size(value) : value}`);
      stage.read(say("explain"), lines.join("\n"));
      return null;
    });
    return true;
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    return [
      ["e", say("explain")],
      ["Tab", stage.say("nextView")],
    ];
  }
}
