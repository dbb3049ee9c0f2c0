/** How content is kept, and who may own how much. */
import { LIMIT_EXAMPLES, limitOf } from "@stratos/panels/volumes";
import type { ListedProperties, ListedQuota } from "@stratos/volumes/listed";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import { meterText } from "../parts/meter.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import { FormView } from "./form-view.ts";
import type { VolumeContext } from "./volume-context.ts";

const CODECS = ["inherit", "none", "lz4", "zstd"] as const;
const [LEVEL, LEVEL_MAX] = [3, 19];
const DEDUPE = ["inherit", "on", "off"] as const;
const TIERS = ["inherit", "any", "fast", "slow"] as const;

export class StorageView extends FormView {
  get title(): string {
    return this.context.say("storage");
  }

  protected async read(): ReturnType<FormView["read"]> {
    const { at, say, stage } = this.context;
    const { own } = await stage.ask<ListedProperties>("GET", `${at}/properties?path=/`);
    const [codec = "inherit", level] = own.compression.split(":");
    const named = (word: string): string => (word === "lz4" || word === "zstd" ? word : say(word as "inherit"));
    const place = (words: readonly string[], word: string): number => Math.max(words.indexOf(word), 0);
    return {
      fields: [
        { kind: "choice", label: say("compression"), options: CODECS.map(named) },
        { kind: "number", label: `${say("compression")} (zstd)`, least: 1, most: LEVEL_MAX },
        { kind: "choice", label: say("dedupe"), options: DEDUPE.map(named) },
        { kind: "choice", label: say("tier"), options: TIERS.map(named) },
      ],
      values: [place(CODECS, codec), Number(level ?? LEVEL), place(DEDUPE, own.dedupe), place(TIERS, own.tier)],
    };
  }

  draw(canvas: Canvas): void {
    this.drawForm(canvas, this.context.say("compressionHelp"));
  }

  override press(key: Key): boolean {
    if (super.press(key)) return true;
    if (key.name !== "s" || !this.mayChange) return false;
    this.#save();
    return true;
  }

  #save(): void {
    const { at, stage } = this.context;
    const [codec = 0, level = LEVEL, dedupe = 0, tier = 0] = this.form.values;
    const name = CODECS[codec]!;
    const compression = name === "inherit" ? null : { name, level: name === "zstd" ? level : 0 };
    stage.attempt(async () => {
      await stage.ask("PUT", `${at}/properties?path=/`, { compression, dedupe: DEDUPE[dedupe], tier: TIERS[tier] });
      this.form.isEdited = false;
      return null;
    });
  }

  protected get keys(): readonly Hint[] {
    return [["s", this.context.say("save")]];
  }
}

const METER = 12;
const KINDS = ["user", "group", "project"] as const;

export class QuotasView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<ListedQuota>;
  #isOn: boolean | null = null;

  constructor(context: VolumeContext) {
    const { say } = context;
    const limit = (bytes: number): string => (bytes === 0 ? say("noLimit") : context.size(bytes));
    this.#context = context;
    this.#table = new Table<ListedQuota>({
      columns: [
        { title: say("owner"), grows: true, cell: ({ kind, id, name }) => `${say(kind)} ${name ?? id}` },
        { title: say("used"), isNumber: true, cell: ({ usedBytes }) => context.size(usedBytes) },
        {
          title: "",
          cell: ({ usedBytes, hardBytes }) => ({
            text: hardBytes > 0 ? meterText(usedBytes, hardBytes, METER) : "",
            style: "chart",
          }),
        },
        { title: say("soft"), isNumber: true, cell: ({ softBytes }) => limit(softBytes) },
        { title: say("hard"), isNumber: true, cell: ({ hardBytes }) => limit(hardBytes) },
        { title: say("filesCount"), isNumber: true, cell: ({ inodes }) => String(inodes) },
      ],
      identity: ({ kind, id }) => `${kind} ${id}`,
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("quotas");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  async load(): Promise<void> {
    const { at, stage } = this.#context;
    const quotas = await stage.ask<readonly ListedQuota[] | null>("GET", `${at}/quotas`);
    this.#isOn = quotas !== null;
    this.#table.show(quotas ?? []);
  }

  draw(canvas: Canvas): void {
    if (this.#isOn === false) canvas.line(0, this.#context.say("quotasOff"));
    else this.#table.draw(canvas);
  }

  press(key: Key): boolean {
    if (this.#isOn === true && this.#table.press(key)) return true;
    if (!this.#context.stage.mayAct("administrator")) return false;
    if (key.name === "o") void this.#turn();
    else if (key.name === "n" && this.#isOn === true) void this.#limit(null);
    else if (key.name === "enter" && this.#isOn === true) void this.#limit(this.#table.chosen);
    else return false;
    return true;
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    if (!stage.mayAct("administrator")) return [];
    if (this.#isOn !== true) return [["o", say("quotasOn")]];
    return [
      ["Enter", say("setLimit")],
      ["n", stage.say("another")],
      ["o", say("quotasStop")],
    ];
  }

  /** All limits are forgotten with them. */
  async #turn(): Promise<void> {
    const { at, say, stage } = this.#context;
    const on = this.#isOn !== true;
    if (!on && !(await stage.confirm(`${say("quotasStop")}?`))) return;
    stage.attempt(async () => {
      await stage.ask("PUT", `${at}/quotas`, { on });
      return null;
    });
  }

  async #limit(of: ListedQuota | null): Promise<void> {
    const { at, say, stage } = this.#context;
    let [kind, id]: [string, string | null] = [of?.kind ?? "user", of === null ? null : String(of.id)];
    if (of === null) {
      const index = await stage.choose(say("owner"), KINDS.map(say));
      if (index === null) return;
      kind = KINDS[index]!;
      id = await stage.prompt(say("number"));
      if (id === null) return;
    }
    const soft = await stage.prompt(`${say("soft")} (${LIMIT_EXAMPLES})`, String(of?.softBytes ?? 0));
    const hard =
      soft === null ? null : await stage.prompt(`${say("hard")} (${LIMIT_EXAMPLES})`, String(of?.hardBytes ?? 0));
    if (soft === null || hard === null) return;
    stage.attempt(async () => {
      const limits = { softBytes: limitOf(soft), hardBytes: limitOf(hard) };
      await stage.ask("PUT", `${at}/quotas/${kind}/${encodeURIComponent(id!.trim())}`, limits);
      return null;
    });
  }
}
