/** Snapshots as the tree that they make: taken, compared, looked into, rolled back to, deleted. */
import { inTree, type Snapshot, snapshotActions, type SnapshotChange } from "@stratos/panels/volumes";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

interface Branch {
  readonly snapshot: Snapshot;
  readonly depth: number;
}

/** Lines of changes that are shown; one more tells of the rest. */
const CHANGES_MAX = 10_000;

export class SnapshotsView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<Branch>;
  readonly #lookInto: (snapshot: string) => void;
  #volume: string | null = null;

  /** @param lookInto  shows a snapshot's files; an empty name is the live ones */
  constructor(context: VolumeContext, lookInto: (snapshot: string) => void) {
    const { say } = context;
    this.#context = context;
    this.#lookInto = lookInto;
    this.#table = new Table<Branch>({
      columns: [
        {
          title: say("name"),
          grows: true,
          cell: ({ snapshot, depth }) => ({
            text:
              `${"  ".repeat(depth)}${depth > 0 ? "└ " : ""}${snapshot.live ? say("live") : snapshot.name}` +
              (snapshot.writable && !snapshot.live ? ` (${say("writable")})` : ""),
            style: snapshot.live ? "strong" : "normal",
          }),
        },
        { title: say("taken"), cell: ({ snapshot }) => context.moment(snapshot.createdAt) },
        { title: say("label"), cell: ({ snapshot }) => snapshot.label },
        { title: say("filesCount"), isNumber: true, cell: ({ snapshot }) => String(snapshot.files) },
      ],
      identity: ({ snapshot }) => snapshot.name,
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("snapshots");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  async load(): Promise<void> {
    const { at, name, stage } = this.#context;
    const snapshots = await stage.ask<readonly Snapshot[]>("GET", `${at}/snapshots`);
    if (this.#volume !== name) this.#table.reset();
    this.#volume = name;
    this.#table.show(inTree(snapshots));
  }

  draw(canvas: Canvas): void {
    this.#table.draw(canvas);
  }

  press(key: Key): boolean {
    if (this.#table.press(key)) return true;
    const { stage } = this.#context;
    const { chosen } = this.#table;
    if (key.name === "n") {
      if (stage.mayAct("operator")) void this.#take();
      return true;
    }
    if (chosen === null) return false;
    const { snapshot } = chosen;
    if (key.name === "enter") this.#lookInto(snapshot.live ? "" : snapshot.name);
    else if (snapshot.live) return false;
    else if (key.name === "c") this.#compare(snapshot.name);
    else if (key.name in ACTIONS) {
      const actions = snapshotActions(this.#context.at, snapshot, stage.language);
      stage.act(actions.find(({ word }) => word === ACTIONS[key.name as keyof typeof ACTIONS]));
    } else return false;
    return true;
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    const live = this.#table.chosen?.snapshot.live ?? true;
    const hints: Hint[] = [["Enter", say("files")]];
    if (stage.mayAct("operator")) hints.push(["n", say("take")]);
    if (live) return hints;
    hints.push(["c", say("changes")], ["s", say("space")]);
    if (stage.mayAct("administrator")) hints.push(["b", say("rollBack")], ["d", say("remove")]);
    return hints;
  }

  async #take(): Promise<void> {
    const { at, say, stage } = this.#context;
    const name = await stage.prompt(say("snapshotName"));
    if (name === null) return;
    const label = await stage.prompt(say("label"));
    if (label === null) return;
    stage.attempt(async () => {
      const body = { ...(name === "" ? {} : { name }), ...(label === "" ? {} : { label }) };
      const taken = await stage.ask<Snapshot>("POST", `${at}/snapshots`, body);
      await this.load();
      this.#table.choose(taken.name);
      return `${say("created")}: ${taken.name}`;
    });
  }

  #compare(name: string): void {
    const { at, say, stage } = this.#context;
    stage.attempt(async () => {
      const path = `${at}/snapshots/${encodeURIComponent(name)}/changes`;
      const changes = await stage.ask<readonly SnapshotChange[]>("GET", path);
      const lines = changes
        .slice(0, CHANGES_MAX)
        .map(({ change, path, from }) => `${change}: ${from === undefined ? "" : `${from} → `}${path}`);
      if (changes.length > CHANGES_MAX) lines.push(`… (${changes.length})`);
      stage.read(`${say("changes")} ${name}`, lines.length === 0 ? say("noChanges") : lines.join("\n"));
      return null;
    });
  }
}

const ACTIONS = { s: "space", b: "rollBack", d: "remove" } as const;
