/** Processes of the machine, its memory and processor, as they are now. */
import { ask } from "../service.ts";
import { column, row } from "../widgets/containers.ts";
import { Button, Chart, Label } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { currentLanguage, say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";
import { bytesText } from "./files.ts";

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly command: string;
  readonly state: string;
  readonly residentBytes: number;
  readonly cpuTicks: number;
}

interface Load {
  readonly busyTicks: number;
  readonly idleTicks: number;
  readonly memoryBytes: number;
  readonly usedBytes: number;
  readonly uptimeSeconds: number;
  readonly processes: readonly Process[];
}

type Row = Process & { readonly part: number };

const EVERY_MS = 1500;

export function openMonitor({ notify }: ApplicationHost): OpenedApplication {
  const processor = new Chart(say("processor")).style({ grow: 1 });
  const memory = new Chart(say("memory")).style({ grow: 1 });
  const uptime = new Label("").named("status-text").style({ grow: 1 });
  const table = new Table<Row>(
    say("monitor"),
    [
      { title: "PID", text: ({ pid }) => String(pid), isNumber: true, order: (one, other) => one.pid - other.pid },
      { title: say("process"), text: ({ name }) => name, order: (one, other) => one.name.localeCompare(other.name) },
      {
        title: say("processor"),
        text: ({ part }) => percent(part),
        isNumber: true,
        order: (one, other) => one.part - other.part,
      },
      {
        title: say("memory"),
        text: ({ residentBytes }) => bytesText(residentBytes),
        isNumber: true,
        order: (one, other) => one.residentBytes - other.residentBytes,
      },
      { title: say("state"), text: ({ state }) => state, order: (one, other) => one.state.localeCompare(other.state) },
      {
        title: say("command"),
        text: ({ command }) => command,
        order: (one, other) => one.command.localeCompare(other.command),
      },
    ],
    ({ pid }) => String(pid),
    3,
    true,
  ).style({ grow: 1 });
  let before: Load | null = null;
  let isShown = true;
  let isOver = false;
  const look = async (): Promise<void> => {
    const load = await ask<Load>("GET", "/load");
    const busy = load.busyTicks - (before?.busyTicks ?? load.busyTicks);
    const all = busy + load.idleTicks - (before?.idleTicks ?? load.idleTicks);
    const part = all > 0 ? busy / all : 0;
    processor.add(part, percent(part));
    memory.add(
      load.usedBytes / Math.max(1, load.memoryBytes),
      `${bytesText(load.usedBytes)} / ${bytesText(load.memoryBytes)}`,
    );
    uptime.text = say("uptime", durationText(load.uptimeSeconds));
    const was = new Map(before?.processes.map(({ pid, cpuTicks }) => [pid, cpuTicks]));
    table.rows = load.processes.map((process) => ({
      ...process,
      part: all > 0 ? Math.max(0, process.cpuTicks - (was.get(process.pid) ?? process.cpuTicks)) / all : 0,
    }));
    before = load;
  };
  const round = (): void => {
    if (isOver) return;
    const next = (): void => void setTimeout(round, EVERY_MS);
    if (isShown && !document.hidden) look().then(next, next);
    else next();
  };
  const signal = (name: "TERM" | "KILL"): void => {
    const { chosen } = table;
    if (chosen === null) return;
    ask("POST", `/processes/${chosen.pid}/signal`, { signal: name })
      .then(look)
      .catch((error: unknown) => notify((error as Error).message));
  };
  const end = new Button(say("endProcess"), () => signal("TERM"));
  const kill = new Button(say("killProcess"), () => signal("KILL")).named("danger");
  const enable = (): void => {
    for (const button of [end, kill]) button.isEnabled = table.chosen !== null;
  };
  table.on("choose", enable);
  enable();
  round();
  return {
    title: say("monitor"),
    size: { width: 760, height: 520 },
    min: { width: 360, height: 240 },
    root: column(
      row(processor, memory).style({ gap: 1 }).named("charts"),
      table,
      row(uptime, end, kill).named("toolbar"),
    ).named("application"),
    argument: null,
    focus: () => table.focus(),
    shown: (shown) => void (isShown = shown),
    end: () => void (isOver = true),
  };
}

function percent(part: number): string {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${(100 * part).toLocaleString(currentLanguage(), digits)} %`;
}

function durationText(seconds: number): string {
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const time = [(seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map(pad).join(":");
  return days > 0 ? `${days} d ${time}` : time;
}
