/** Named systems, with what can be done to each now. */
import { plainText } from "@stratos/base/printable";
import type { SystemView as System } from "@stratos/sdk/api";
import { backToAction, systemActions } from "@stratos/panels/systems";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { Style } from "../terminal/style.ts";
import type { SystemContext } from "./system-context.ts";

const STATES: Readonly<Record<System["state"], Style>> = {
  starting: "warning",
  running: "good",
  paused: "warning",
  exited: "dim",
  lost: "bad",
};
/** Lines of a log that are asked for. */
const LOG_LINES = 2000;

export class SystemsView implements View {
  readonly #context: SystemContext;
  readonly #table: Table<System>;

  constructor(context: SystemContext) {
    const { say } = context;
    this.#context = context;
    this.#table = new Table<System>({
      columns: [
        { title: say("name"), cell: ({ name }) => name },
        {
          title: say("state"),
          cell: ({ state, exitCode }) => ({ text: say(state, exitCode ?? 0), style: STATES[state] }),
        },
        { title: say("image"), cell: ({ image }) => image },
        { title: say("command"), grows: true, cell: ({ command }) => command.join(" ") },
        { title: say("started"), cell: ({ startedMs }) => context.moment(startedMs) },
      ],
      identity: ({ name }) => name,
      none: say("noSystems"),
    });
  }

  get title(): string {
    return this.#context.say("systems");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  /** Null: there is none. */
  get chosen(): string | null {
    return this.#table.chosen?.name ?? null;
  }

  get isMoving(): boolean {
    return true;
  }

  async load(): Promise<void> {
    this.#table.show(await this.#context.stage.ask<readonly System[]>("GET", "/systems"));
  }

  draw(canvas: Canvas): void {
    const problem = this.#table.chosen?.error ?? null;
    this.#table.draw(problem === null ? canvas : canvas.below(0, canvas.rows - 1));
    if (problem !== null) canvas.line(canvas.rows - 1, { text: problem, style: "bad" });
  }

  press(key: Key): boolean {
    if (this.#table.press(key)) return true;
    const { chosen } = this.#table;
    if (chosen === null) return false;
    const { say, stage } = this.#context;
    const actions = systemActions(chosen, stage.language);
    if (key.name === "enter")
      stage.offer(chosen.name, [...actions, ...this.#ways(chosen)], (word) => say(word as "backTo"));
    else if (key.name === "l") this.#log(chosen.name);
    else if (key.name in KEYS) stage.act(actions.find(({ word }) => KEYS[key.name]!.includes(word)));
    else return false;
    return true;
  }

  /** Back to its newest snapshot. */
  #ways({ name, snapshots }: System): ReturnType<typeof backToAction>[] {
    const label = snapshots.at(-1);
    return label === undefined ? [] : [backToAction(name, label, this.#context.stage.language)];
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    const { chosen } = this.#table;
    if (chosen === null) return [];
    const hints: Hint[] = [
      ["Enter", stage.say("actions")],
      ["l", say("log")],
    ];
    const actions = systemActions(chosen, stage.language);
    for (const [key, words] of Object.entries(KEYS)) {
      const action = actions.find(({ word }) => words.includes(word));
      if (action !== undefined && stage.mayAct(action.needs)) hints.push([key, say(action.word)]);
    }
    return hints;
  }

  #log(name: string): void {
    const { say, stage } = this.#context;
    stage.attempt(async () => {
      const bytes = await stage.content(`/systems/${encodeURIComponent(name)}/logs?tail=${LOG_LINES}`);
      stage.read(`${say("log")}: ${name}`, plainText(new TextDecoder().decode(bytes)));
      return null;
    });
  }
}

/** Which action of a system each key is; where there are two, one of them can be done at a time. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  s: ["start", "stop"],
  p: ["pause", "goOn"],
  n: ["snapshot"],
  f: ["fork"],
  d: ["remove"],
};
