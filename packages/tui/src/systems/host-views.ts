/** Images, jobs, volumes and the audit log of the host, and its maintenance. */
import { writeFileSync } from "node:fs";
import { plainText } from "@stratos/base/printable";
import { splitWords } from "@stratos/base/split-words";
import {
  type AuditLine,
  endJobAction,
  type FoundVolume,
  type ImageEntry,
  type JobEntry,
  jobState,
  maintenanceFacts,
  type MaintenanceRow,
  maintenanceRows,
} from "@stratos/panels/systems";
import { ListView } from "../app/list-view.ts";
import type { View } from "../app/view.ts";
import { meterText } from "../parts/meter.ts";
import type { SystemContext } from "./system-context.ts";

const METER = 10;
/** Of a job's log: what stands at its end. */
const LOG_SHOWN = 1 << 18;

export function imagesView(context: SystemContext): View {
  const { say, stage } = context;
  return new ListView<ImageEntry>({
    title: say("images"),
    columns: [
      { title: say("name"), grows: true, cell: ({ name }) => name },
      { title: say("size"), isNumber: true, cell: ({ sizeBytes }) => context.size(sizeBytes) },
    ],
    identity: ({ name }) => name,
    none: say("none"),
    load: () => stage.ask<readonly ImageEntry[]>("GET", "/images"),
    press: ({ name: key }, chosen) => {
      if (chosen === null) return false;
      const { name } = chosen;
      if (key === "enter") void showPackages(context, name);
      else if (key === "d")
        stage.act({
          word: "remove",
          needs: "administrator",
          question: say("removeImageAsk", name),
          run: (ask) => begin(context, ask, ["image", "rm", "--", name]),
        });
      else return false;
      return true;
    },
    hints: (chosen) =>
      chosen === null
        ? []
        : [["Enter", say("packages")], ...(stage.mayAct("administrator") ? [["d", say("remove")] as const] : [])],
  });
}

async function showPackages({ say, stage }: SystemContext, image: string): Promise<void> {
  stage.attempt(async () => {
    const path = `/images/${encodeURIComponent(image)}/packages`;
    const packages = await stage.ask<readonly { readonly name: string; readonly version: string }[]>("GET", path);
    const lines = packages.map(({ name, version }) => `${name} ${version}`);
    stage.read(say("packagesOf", image), lines.join("\n"));
    return null;
  });
}

async function begin(
  { say }: SystemContext,
  ask: SystemContext["stage"]["ask"],
  command: readonly string[],
): Promise<string> {
  const { id } = await ask<{ readonly id: number }>("POST", "/jobs", { command });
  return `${say("job", id)}: stratos ${command.join(" ")}`;
}

export function jobsView(context: SystemContext): View {
  const { say, stage } = context;
  return new ListView<JobEntry>({
    title: say("jobs"),
    columns: [
      { title: "#", isNumber: true, cell: ({ id }) => String(id) },
      { title: say("command"), grows: true, cell: ({ command }) => command.join(" ") },
      { title: say("who"), cell: ({ by }) => by },
      { title: say("started"), cell: ({ startedMs }) => context.moment(startedMs) },
      {
        title: say("state"),
        cell: (job) => {
          const meter = job.isRunning && job.percent !== null ? `${meterText(job.percent, 100, METER)} ` : "";
          const style = job.isRunning ? "warning" : job.exitCode === 0 ? "good" : "bad";
          return { text: `${meter}${jobState(job, stage.language)}`, style };
        },
      },
    ],
    identity: ({ id }) => String(id),
    none: say("noJobs"),
    isMoving: true,
    load: () => stage.ask<readonly JobEntry[]>("GET", "/jobs"),
    press: ({ name: key }, chosen) => {
      if (key === "n" && stage.mayAct("administrator")) void startJob(context);
      else if (chosen === null) return false;
      else if (key === "enter" && stage.mayAct("operator")) showJob(context, chosen);
      else if (key === "d") stage.act(endJobAction(chosen));
      else return false;
      return true;
    },
    hints: (chosen) => [
      ...(chosen !== null && stage.mayAct("operator") ? [["Enter", say("log")] as const] : []),
      ...(stage.mayAct("administrator") ? [["n", say("startJob")] as const] : []),
      ...(chosen !== null && stage.mayAct("administrator") ? [["d", say(endJobAction(chosen).word)] as const] : []),
    ],
  });
}

async function startJob(context: SystemContext): Promise<void> {
  const { say, stage } = context;
  const text = await stage.prompt(`${say("startJob")}: stratos …`);
  if (text === null || text.trim() === "") return;
  stage.attempt(async () => {
    const command = splitWords(text);
    if (command === null) throw new Error(say("openQuote"));
    return begin(context, stage.ask, command);
  });
}

function showJob({ say, stage }: SystemContext, { id, command }: JobEntry): void {
  stage.attempt(async () => {
    const text = new TextDecoder().decode(await stage.content(`/jobs/${id}/log`));
    stage.read(`${say("job", id)}: stratos ${command.join(" ")}`, plainText(text).slice(-LOG_SHOWN));
    return null;
  });
}

export function hostVolumesView(context: SystemContext): View {
  const { say, stage } = context;
  return new ListView<FoundVolume>({
    title: say("volumes"),
    columns: [
      { title: say("name"), cell: ({ label, uuid }) => (label === "" ? (uuid ?? "") : label) },
      { title: say("size"), isNumber: true, cell: ({ devices }) => context.size(sizeOf(devices)) },
      { title: say("devices"), grows: true, cell: ({ devices }) => devices.map(({ path }) => path).join(", ") },
      { title: say("mountedOn"), cell: ({ mountPoints }) => mountPoints.join(", ") },
      { title: say("state"), cell: ({ encrypted }) => (encrypted ? say("encrypted") : "") },
    ],
    identity: ({ uuid, devices }) => uuid ?? devices[0]?.path ?? "",
    none: say("none"),
    load: () => stage.ask<readonly FoundVolume[]>("GET", "/volumes"),
    press: () => false,
    hints: () => [["/", stage.say("filter")]],
  });
}

function sizeOf(devices: FoundVolume["devices"]): number {
  return devices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

export function hostAuditView(context: SystemContext): View {
  const { say, stage } = context;
  return new ListView<AuditLine>({
    title: say("audit"),
    columns: [
      { title: say("when"), cell: ({ atMs }) => context.moment(atMs) },
      { title: say("who"), cell: ({ name }) => name },
      { title: say("role"), cell: ({ role }) => role },
      { title: say("operation"), cell: ({ operation }) => operation },
      { title: say("target"), grows: true, cell: ({ target }) => target },
      {
        title: say("answer"),
        isNumber: true,
        cell: ({ status }) => ({ text: String(status), style: status < 400 ? "good" : "bad" }),
      },
    ],
    identity: ({ atMs, operation, target }) => `${atMs} ${operation} ${target}`,
    none: say("none"),
    load: () => stage.ask<readonly AuditLine[]>("GET", "/audit"),
    press: () => false,
    hints: () => [["/", stage.say("filter")]],
  });
}

export function maintenanceView(context: SystemContext): View {
  const { say, stage } = context;
  let head = "";
  return new ListView<MaintenanceRow>({
    title: say("maintenance"),
    columns: [
      { title: say("maintenance"), cell: ({ area }) => ({ text: say(area), style: "strong" }) },
      { title: say("target"), grows: true, cell: ({ target }) => target },
      { title: "", isNumber: true, cell: ({ told }) => told },
      { title: "", cell: ({ actions }) => ({ text: actions.map(({ word }) => say(word)).join(" · "), style: "dim" }) },
    ],
    identity: ({ area, target }) => `${area} ${target}`,
    none: say("none"),
    isDear: true,
    head: () => head,
    load: async () => {
      const facts = await maintenanceFacts(stage.ask);
      const { freeBytes, sizeBytes } = facts.use;
      head = say("free", context.size(freeBytes), context.size(sizeBytes));
      return maintenanceRows(facts, stage.language);
    },
    press: ({ name: key }, chosen) => {
      if (key !== "enter" || chosen === null) return false;
      if (chosen.area === "report") void writeReport(context);
      else if (chosen.actions.length === 1) stage.act(chosen.actions[0]);
      else stage.offer(chosen.target, chosen.actions, (word) => say(word));
      return true;
    },
    hints: (chosen) => {
      if (chosen === null) return [];
      if (chosen.area === "report") return [["Enter", say("report")]];
      const may = chosen.actions.some(({ needs }) => stage.mayAct(needs));
      return may ? [["Enter", chosen.actions.length === 1 ? say(chosen.actions[0]!.word) : stage.say("actions")]] : [];
    },
  });
}

/** On this computer, which need not be the service's. */
async function writeReport({ say, stage }: SystemContext): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const path = await stage.prompt(say("reportFile"), `stratos-report-${day}.json`);
  if (path === null || path === "") return;
  stage.attempt(async () => {
    const text = `${JSON.stringify(await stage.ask<object>("GET", "/report"), null, 2)}\n`;
    // What is there already is somebody's.
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    stage.read(path, text);
    return say("written", path);
  });
}
