/** Files, live ones or a snapshot's: looked at, renamed, removed, brought back. */
import {
  inOrder,
  joinPath,
  parentPath,
  removeFileAction,
  restoreAction,
  type Snapshot,
  type VolumeFile,
} from "@stratos/panels/volumes";
import type { View } from "../app/view.ts";
import type { Canvas } from "../parts/canvas.ts";
import type { Hint } from "../parts/part.ts";
import { Table } from "../parts/table.ts";
import type { Key } from "../terminal/key.ts";
import type { VolumeContext } from "./volume-context.ts";

/** Of a file that is shown; more is for another program. */
const SHOWN_MAX = 1 << 18;

export class FilesView implements View {
  readonly #context: VolumeContext;
  readonly #table: Table<VolumeFile>;
  #volume: string | null = null;
  /** Empty: the live files. */
  #snapshot = "";
  #path = "/";
  /** What the table shows is of this place. */
  #shown = "";

  constructor(context: VolumeContext) {
    const { say } = context;
    this.#context = context;
    this.#table = new Table<VolumeFile>({
      columns: [
        {
          title: say("name"),
          grows: true,
          cell: ({ name, kind, target }) => ({
            text: kind === "directory" ? `${name}/` : target === undefined ? name : `${name} → ${target}`,
            style: kind === "directory" ? "strong" : "normal",
          }),
        },
        {
          title: say("size"),
          isNumber: true,
          cell: ({ kind, sizeBytes }) => (kind === "file" ? context.size(sizeBytes) : ""),
        },
        { title: say("modified"), cell: ({ modifiedAt }) => context.moment(modifiedAt) },
        { title: say("owner"), cell: ({ uid, gid, mode }) => `${uid}:${gid} ${mode}` },
      ],
      identity: ({ name }) => name,
      none: say("none"),
    });
  }

  get title(): string {
    return this.#context.say("files");
  }

  get isTyping(): boolean {
    return this.#table.isTyping;
  }

  /** The next time that it is shown, it shows those. */
  lookInto(snapshot: string): void {
    this.#snapshot = snapshot;
    this.#path = "/";
  }

  async load(): Promise<void> {
    const { at, name, stage } = this.#context;
    if (this.#volume !== name && this.#volume !== null) this.lookInto("");
    this.#volume = name;
    const [snapshot, path] = [this.#snapshot, this.#path];
    const files = await stage.ask<readonly VolumeFile[]>("GET", `${at}/files?${this.#where(path)}`);
    // Somebody has gone elsewhere meanwhile.
    if (snapshot !== this.#snapshot || path !== this.#path) return;
    const place = `${name}@${snapshot}:${path}`;
    if (place !== this.#shown) this.#table.reset();
    this.#shown = place;
    this.#table.show(inOrder(files));
  }

  draw(canvas: Canvas): void {
    const { say } = this.#context;
    const from = this.#snapshot === "" ? say("live") : this.#snapshot;
    canvas.line(0, { text: `${from}: ${this.#path}`, style: "strong" });
    this.#table.draw(canvas.below(1));
  }

  press(key: Key): boolean {
    const isFiltered = this.#table.filter !== "" || this.#table.isTyping;
    if ((key.name !== "escape" || isFiltered) && this.#table.press(key)) return true;
    const { stage } = this.#context;
    const { chosen } = this.#table;
    if (key.name === "backspace" || key.name === "u" || key.name === "left" || key.name === "escape") {
      if (this.#path === "/") return false;
      this.#go(parentPath(this.#path));
    } else if (key.name === "p") void this.#choosePlace();
    else if (key.name === "m" && this.#snapshot === "") {
      if (stage.mayAct("administrator")) void this.#makeFolder();
    } else if (chosen === null) return false;
    else if (key.name === "enter" || key.name === "right") this.#open(chosen);
    else if (key.name === "d" && this.#snapshot === "")
      stage.act(removeFileAction(this.#context.at, this.#full(chosen), stage.language));
    else if (key.name === "x" && this.#snapshot !== "") {
      const from = { snapshot: this.#snapshot, path: this.#full(chosen) };
      stage.act(restoreAction(this.#context.at, from, stage.language));
    } else if (key.name === "n" && this.#snapshot === "") {
      if (stage.mayAct("administrator")) void this.#rename(chosen);
    } else return false;
    return true;
  }

  hints(): readonly Hint[] {
    const { say, stage } = this.#context;
    const hints: Hint[] = [
      ["Enter", stage.say("open")],
      ["u", say("up")],
      ["p", say("snapshots")],
    ];
    if (!stage.mayAct("administrator")) return hints;
    if (this.#snapshot !== "") return [...hints, ["x", say("restore")]];
    return [...hints, ["n", say("rename")], ["m", say("newFolder")], ["d", say("remove")]];
  }

  #full({ name }: VolumeFile): string {
    return joinPath(this.#path, name);
  }

  #where(path: string): string {
    const snapshot = this.#snapshot === "" ? "" : `&snapshot=${encodeURIComponent(this.#snapshot)}`;
    return `path=${encodeURIComponent(path)}${snapshot}`;
  }

  #go(path: string): void {
    const { stage } = this.#context;
    this.#path = path;
    stage.attempt(async () => {
      await this.load();
      return null;
    });
  }

  #open(file: VolumeFile): void {
    const { at, stage } = this.#context;
    if (file.kind === "directory") return this.#go(this.#full(file));
    if (file.kind !== "file" || !stage.mayAct("operator")) return;
    stage.attempt(async () => {
      if (file.sizeBytes > SHOWN_MAX) throw new Error(stage.say("tooLong", this.#context.size(SHOWN_MAX)));
      const bytes = await stage.content(`${at}/content?${this.#where(this.#full(file))}`);
      stage.read(this.#full(file), new TextDecoder().decode(bytes));
      return null;
    });
  }

  async #choosePlace(): Promise<void> {
    const { at, say, stage } = this.#context;
    const snapshots = await stage.ask<readonly Snapshot[]>("GET", `${at}/snapshots`).catch(() => []);
    const names = ["", ...snapshots.filter(({ live }) => !live).map(({ name }) => name)];
    const index = await stage.choose(
      say("lookInto"),
      names.map((name) => (name === "" ? say("live") : name)),
    );
    if (index === null) return;
    this.#snapshot = names[index]!;
    this.#go("/");
  }

  async #makeFolder(): Promise<void> {
    const { at, say, stage } = this.#context;
    const name = await stage.prompt(say("newName"));
    if (name === null || name === "") return;
    stage.attempt(async () => {
      await stage.ask("POST", `${at}/directories`, { path: joinPath(this.#path, name) });
      return null;
    });
  }

  async #rename(file: VolumeFile): Promise<void> {
    const { at, say, stage } = this.#context;
    const name = await stage.prompt(say("newName"), file.name);
    if (name === null || name === "" || name === file.name) return;
    stage.attempt(async () => {
      const to = joinPath(this.#path, name);
      await stage.ask("POST", `${at}/moves`, { from: this.#full(file), to, replace: false });
      return null;
    });
  }
}
