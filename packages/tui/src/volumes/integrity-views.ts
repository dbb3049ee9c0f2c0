/** Scrubbing with its progress, and the audit log. */
import { type AuditPage, scrubAction } from "@stratos/panels/volumes";
import type { ScrubState } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { meterText } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import { wrap } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

const METER = 40;

export class ScrubView implements View {
  readonly #context: VolumeContext;
  #state: ScrubState | null = null;

  constructor(context: VolumeContext) {
    this.#context = context;
  }

  get title(): string {
    return this.#context.say("integrity");
  }

  get isMoving(): boolean {
    return true;
  }

  async load(): Promise<void> {
    const { at, stage } = this.#context;
    this.#state = await stage.ask<ScrubState | null>("GET", `${at}/scrub`);
  }

  draw(canvas: Canvas): void {
    const { say } = this.#context;
    canvas.line(0, { text: say("scrub"), style: "head" });
    const help = wrap(say("scrubHelp"), canvas.columns);
    help.forEach((line, row) => canvas.write(0, 1 + row, line, "dim"));
    const below = canvas.below(help.length + 2);
    const state = this.#state;
    if (state === null) return below.line(0, say("scrubNever"));
    const { verifiedBytes, repairedBlocks, lostBlocks, running, finished } = state;
    // What was freed meanwhile is not read.
    const totalBytes = finished ? verifiedBytes : state.totalBytes;
    const percent = Math.floor((verifiedBytes / Math.max(totalBytes, 1)) * 100);
    below.line(0, { text: meterText(verifiedBytes, totalBytes, METER), style: "chart" }, ` ${percent} %`);
    below.line(
      1,
      `${this.#context.size(verifiedBytes)} ${say("of")} ${this.#context.size(totalBytes)}; `,
      say(running ? "running" : finished ? "finished" : "paused"),
    );
    below.line(2, `${say("repaired")}: `, {
      text: String(repairedBlocks),
      style: repairedBlocks > 0 ? "warning" : "good",
    });
    below.line(3, `${say("lost")}: `, { text: String(lostBlocks), style: lostBlocks > 0 ? "bad" : "good" });
  }

  get #action(): ReturnType<typeof scrubAction> {
    return scrubAction(this.#context.at, this.#state?.running === true);
  }

  press(key: Key): boolean {
    if (key.name !== "s") return false;
    this.#context.stage.act(this.#action);
    return true;
  }

  hints(): readonly Hint[] {
    const { name, say, stage } = this.#context;
    return name !== null && stage.mayAct("operator") ? [["s", say(this.#action.word)]] : [];
  }
}

type AuditEntry = AuditPage["entries"][number];

export class AuditView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<AuditEntry & { readonly number: number }>;
  /** The block that the page begins with. */
  #from = 0;
  #next: number | null = null;
  #volume: string | null = null;

  constructor(context: VolumeContext) {
    const { say } = context;
    this.#context = context;
    this.#table = new Table<AuditEntry & { readonly number: number }>({
      columns: [
        { title: say("when"), cell: ({ time }) => context.moment(time) },
        { title: say("what"), cell: ({ operation }) => operation },
        {
          title: "",
          grows: true,
          cell: ({ time: _time, operation: _operation, block: _block, number: _number, ...facts }) =>
            JSON.stringify(facts),
        },
      ],
      identity: ({ number }) => String(number),
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("audit");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  async load(): Promise<void> {
    const { at, name, stage } = this.#context;
    if (this.#volume !== name) {
      this.#from = 0;
      this.#table.reset();
    }
    this.#volume = name;
    const { entries, next } = await stage.ask<AuditPage>("GET", `${at}/audit?from=${this.#from}`);
    this.#next = next;
    this.#table.show(entries.map((entry, number) => ({ ...entry, number })));
  }

  draw(canvas: Canvas): void {
    this.#table.draw(canvas);
  }

  press(key: Key): boolean {
    if (this.#table.press(key)) return true;
    const { at, say, stage } = this.#context;
    if (key.name === "v")
      stage.attempt(async () => {
        stage.read(say("verdict"), JSON.stringify(await stage.ask<object>("GET", `${at}/audit/verdict`), null, 2));
        return null;
      });
    else if (key.name === "m" && this.#next !== null) {
      this.#from = this.#next;
      this.#table.reset();
      stage.attempt(() => this.load().then(() => null));
    } else if (key.name === "enter" && this.#table.chosen !== null)
      stage.read(say("audit"), JSON.stringify(this.#table.chosen, null, 2));
    else return false;
    return true;
  }

  hints(): readonly Hint[] {
    const { say } = this.#context;
    return [["v", say("verdict")], ...(this.#next === null ? [] : [["m", say("more")] as const])];
  }
}
