/** `stratos ps`. */
import { counted } from "@stratos/base";
import { stratosHome } from "@stratos/host-node/home";
import type { SystemView } from "@stratos/sdk/api";
import { hasSystems } from "@stratos/supervisor/client";
import { formatTable } from "../text-table.ts";
import { withSupervisor } from "./supervisor.ts";

export interface ListSystemsOptions {
  readonly all?: true;
  readonly json?: true;
  readonly names?: true;
}

const COMMAND_LENGTH = 30;

export function listSystems(options: ListSystemsOptions): Promise<number> {
  if (!hasSystems(stratosHome())) return Promise.resolve(show([], options));
  return withSupervisor(async (client) => {
    const { value } = await client.call("systems", {}).answer;
    const views = (value as readonly SystemView[]).filter((view) => options.all === true || isAlive(view));
    return show(views, options);
  });
}

function show(views: readonly SystemView[], { json, names }: ListSystemsOptions): number {
  if (json === true) process.stdout.write(`${JSON.stringify(views, null, 2)}\n`);
  else if (names === true) process.stdout.write(views.map(({ name }) => `${name}\n`).join(""));
  else {
    const now = Date.now();
    const rows = views.map((view) => [
      view.name,
      view.image,
      commandText(view.command),
      `${durationText(now - view.createdMs)} ago`,
      statusText(view, now),
      portsText(view),
      view.display === true ? "yes" : "",
    ]);
    process.stdout.write(formatTable(["NAME", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "DISPLAY"], rows));
  }
  return 0;
}

function isAlive({ state }: SystemView): boolean {
  return state === "starting" || state === "running" || state === "paused";
}

function commandText(command: readonly string[]): string {
  const text = command.join(" ");
  return text.length > COMMAND_LENGTH ? `${text.slice(0, COMMAND_LENGTH - 1)}…` : text;
}

function statusText(view: SystemView, now: number): string {
  const { state, startedMs, finishedMs, exitCode, error, restoredMs } = view;
  const notes = [
    ...(restoredMs === null ? [] : [`back from its checkpoint of ${durationText(now - restoredMs)} ago`]),
    ...(error === null || state === "lost" ? [] : [error]),
  ];
  const noted = notes.length === 0 ? "" : `; ${notes.join("; ")}`;
  switch (state) {
    case "starting":
      return `Starting${noted}`;
    case "running":
      return `Up ${durationText(now - startedMs)}${noted}`;
    case "paused":
      return `Up ${durationText(now - startedMs)} (Paused)${noted}`;
    case "exited":
      return `Exited (${exitCode ?? 0}) ${durationText(now - (finishedMs ?? now))} ago`;
    case "lost":
      return `Lost (${view.checkpointMs === null ? "no checkpoint" : "its checkpoint was of no use"}): ${error ?? ""}`;
  }
}

function portsText({ ports }: SystemView): string {
  return ports
    .map(({ address = "0.0.0.0", host, guest, protocol = "tcp" }) => `${address}:${host}->${guest}/${protocol}`)
    .join(", ");
}

const UNITS: readonly (readonly [string, number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** `5 minutes`, rounded down. */
function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, bytes]) => ms >= bytes) ?? ["second", 1000];
  const count = Math.max(0, Math.floor(ms / size));
  return counted(count, unit);
}
