/** What the kernel, programs that the desktop has started, and files of /var/log say. */
import { plainText } from "@stratos/base/printable";
import { ask, readText } from "../service.ts";
import { column, create, row } from "../widgets/containers.ts";
import { Button, Choice, Switch, TextField } from "../widgets/controls.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

interface Logs {
  readonly files: readonly string[];
  readonly applications: readonly { readonly id: string; readonly title: string; readonly end: string | null }[];
}

const EVERY_MS = 2000;
/** What sandboxed applications did, and were refused. */
const AUDIT = "permissions";

export function openLogs({ notify }: ApplicationHost, argument: unknown): OpenedApplication {
  let id = typeof argument === "string" ? argument : "kernel";
  let text = "";
  let isFollowing = true;
  let isShown = true;
  let isOver = false;
  const lines = create("pre", "log");
  lines.tabIndex = 0;
  lines.setAttribute("role", "log");
  lines.setAttribute("aria-label", say("logs"));
  const filter = new TextField(say("filter"), "", "search").style({ grow: 1 });
  const show = (): void => {
    const wanted = filter.value.toLowerCase();
    const shown =
      wanted === ""
        ? text
        : text
            .split("\n")
            .filter((line) => line.toLowerCase().includes(wanted))
            .join("\n");
    const words = shown.trim() === "" ? say("empty") : plainText(shown);
    if (lines.textContent !== words) lines.textContent = words;
    if (isFollowing) lines.scrollTop = lines.scrollHeight;
  };
  const look = async (): Promise<void> => {
    text = await readText(id === AUDIT ? "/sandboxed/audit" : `/log?id=${encodeURIComponent(id)}`);
    show();
  };
  const attempt = (work: () => Promise<void>): void => {
    work().catch((error: unknown) => notify((error as Error).message));
  };
  const choice = new Choice(say("log"), [["kernel", say("kernel")]], "kernel");
  const list = async (): Promise<void> => {
    const { files, applications } = await ask<Logs>("GET", "/logs");
    const hasAudit = await readText("/sandboxed/audit").then(
      (lines) => lines !== "",
      () => false,
    );
    const options = [
      ["kernel", say("kernel")],
      ...(hasAudit ? ([[AUDIT, say("permissions")]] as const) : []),
      ...applications.map(({ id: each, title }) => [each, say("outputOf", title)]),
      ...files.map((path) => [path, path]),
    ] as [string, string][];
    choice.control.replaceChildren(...options.map(([value, words]) => new Option(words, value)));
    choice.control.value = options.some(([value]) => value === id) ? id : "kernel";
  };
  choice.on<string>("change", ({ detail }) => {
    id = detail;
    attempt(look);
  });
  filter.on("change", show);
  const follow = new Switch(say("follow"), true).on<boolean>("change", ({ detail }) => {
    isFollowing = detail;
    show();
  });
  const round = (): void => {
    if (isOver) return;
    const next = (): void => void setTimeout(round, EVERY_MS);
    if (isFollowing && isShown && !document.hidden) look().then(next, next);
    else next();
  };
  attempt(async () => {
    await list();
    round();
  });
  const refresh = new Button("↻", () => attempt(() => list().then(look))).labelled(say("refresh"));
  return {
    title: say("logs"),
    size: { width: 760, height: 460 },
    min: { width: 360, height: 200 },
    root: column(row(choice, filter, follow, refresh).named("toolbar"), new Widget(lines).style({ grow: 1 })).named(
      "application",
    ),
    get argument() {
      return id;
    },
    focus: () => lines.focus(),
    shown: (shown) => void (isShown = shown),
    end: () => void (isOver = true),
  };
}
