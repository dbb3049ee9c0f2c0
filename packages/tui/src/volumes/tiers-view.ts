/** Fast and slow devices, and the files that are used most. */
import type { ListedTiers } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { meterText } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

type TieredFile = ListedTiers["files"][number];

const METER = 30;
const HEAT = 8;

export class TiersView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<TieredFile>;
  #tiers: ListedTiers | null = null;

  constructor(context: VolumeContext) {
    const { say } = context;
    this.#context = context;
    this.#table = new Table<TieredFile>({
      columns: [
        {
          title: say("heat"),
          cell: ({ heat }) => ({ text: `${meterText(heat, this.#hottest, HEAT)} ${heat.toFixed(1)}`, style: "chart" }),
        },
        { title: say("tier"), cell: ({ tier }) => say(tier as "fast") },
        { title: say("fast"), isNumber: true, cell: ({ fastBytes }) => context.size(fastBytes) },
        { title: say("slow"), isNumber: true, cell: ({ slowBytes }) => context.size(slowBytes) },
        { title: say("name"), grows: true, cell: ({ path, inode }) => path ?? `#${inode}` },
      ],
      identity: ({ subvolume, inode }) => `${subvolume} ${inode}`,
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("tiers");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  get isDear(): boolean {
    return true;
  }

  get #hottest(): number {
    return Math.max(...(this.#tiers?.files ?? []).map(({ heat }) => heat), 1);
  }

  async load(): Promise<void> {
    const { at, stage } = this.#context;
    this.#tiers = await stage.ask<ListedTiers>("GET", `${at}/tiers`);
    this.#table.show(this.#tiers.files);
  }

  draw(canvas: Canvas): void {
    const { say } = this.#context;
    canvas.line(0, { text: say("heatHelp"), style: "dim" });
    (["fast", "slow"] as const).forEach((name, row) => {
      const { sizeBytes = 0, freeBytes = 0 } = this.#tiers?.[name] ?? {};
      canvas.line(
        1 + row,
        `${say(name)}: `,
        { text: meterText(sizeBytes - freeBytes, sizeBytes, METER), style: "chart" },
        ` ${this.#context.size(sizeBytes - freeBytes)} ${say("of")} ${this.#context.size(sizeBytes)}`,
      );
    });
    this.#table.draw(canvas.below(4));
  }

  press(key: Key): boolean {
    return this.#table.press(key);
  }

  hints(): readonly Hint[] {
    const { stage } = this.#context;
    return [
      ["/", stage.say("filter")],
      ["Tab", stage.say("nextView")],
    ];
  }
}
