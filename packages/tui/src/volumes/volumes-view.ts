/** The volumes that the service has: the chosen one is what the other views show. */
import type { VolumeSpace } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { meterText } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

const METER = 16;
/** Per cent from which on a volume is told to be full soon. */
const FULL = 90;

export class VolumesView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<VolumeSpace>;
  readonly #opened: (name: string) => void;

  /** @param opened  told of a volume that is to be shown */
  constructor(context: VolumeContext, opened: (name: string) => void) {
    const { say } = context;
    this.#context = context;
    this.#opened = opened;
    this.#table = new Table<VolumeSpace>({
      columns: [
        { title: say("name"), cell: ({ volume }) => volume },
        { title: say("label"), grows: true, cell: ({ label }) => label },
        { title: say("size"), isNumber: true, cell: ({ sizeBytes }) => context.size(sizeBytes) },
        {
          title: say("used"),
          cell: ({ usedBytes, sizeBytes }) => ({
            text: `${meterText(usedBytes, sizeBytes, METER)} ${percent(usedBytes, sizeBytes)} %`,
            style: percent(usedBytes, sizeBytes) >= FULL ? "bad" : "good",
          }),
        },
        { title: say("snapshots"), isNumber: true, cell: ({ snapshots }) => String(snapshots) },
      ],
      identity: ({ volume }) => volume,
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("volumes");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  async load(): Promise<void> {
    const volumes = await this.#context.stage.ask<readonly VolumeSpace[]>("GET", "/volumes");
    this.#table.show(volumes);
    if (!volumes.some(({ volume }) => volume === this.#context.name)) this.#context.name = volumes[0]?.volume ?? null;
  }

  draw(canvas: Canvas): void {
    this.#table.draw(canvas);
  }

  press(key: Key): boolean {
    if (this.#table.press(key)) return true;
    if (key.name !== "enter") return false;
    const { chosen } = this.#table;
    if (chosen !== null) this.#opened(chosen.volume);
    return true;
  }

  hints(): readonly Hint[] {
    const { stage } = this.#context;
    return [
      ["Enter", stage.say("open")],
      ["/", stage.say("filter")],
      ["Tab", stage.say("nextView")],
    ];
  }
}

function percent(part: number, whole: number): number {
  return Math.round((part / Math.max(whole, 1)) * 100);
}
