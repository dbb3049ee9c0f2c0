/**
 * Maintenance of a host, as rows that a page and a terminal show: what takes its disk and can be cleaned up, packages
 * that can be brought up to date, volumes that can be checked, and a report for support. Services and their logs are
 * the named systems.
 */
import type { Action, Ask } from "../action.ts";
import { type Language, phrase, sizeText } from "../language.ts";
import type { DiskUse, FoundVolume, ImageEntry } from "./system-shapes.ts";
import { SYSTEM_WORDS, type SystemWord } from "./words.ts";

export interface MaintenanceRow {
  readonly area: "diskUse" | "updates" | "volumeChecks" | "report";
  readonly target: string;
  /** Size, state. */
  readonly told: string;
  readonly actions: readonly MaintenanceAction[];
}

/** A command of this host, which goes on by itself. */
export interface MaintenanceAction extends Action<SystemWord> {
  readonly command: readonly string[];
}

interface MaintenanceFacts {
  readonly use: DiskUse;
  readonly images: readonly ImageEntry[];
  readonly volumes: readonly FoundVolume[];
}

/** What of a folder in $STRATOS_HOME can be made again, and the command that removes it. */
const CLEANED: Readonly<Record<string, readonly string[]>> = {
  translations: ["cache", "prune"],
  builder: ["builder", "cache", "prune"],
  compose: ["compose", "clean"],
  downloads: ["pkg", "clean"],
};

/** @throws as Ask */
export async function maintenanceFacts(ask: Ask): Promise<MaintenanceFacts> {
  const [use, images, volumes] = await Promise.all([
    ask<DiskUse>("GET", "/disk-use"),
    ask<readonly ImageEntry[]>("GET", "/images"),
    ask<readonly FoundVolume[]>("GET", "/volumes"),
  ]);
  return { use, images, volumes };
}

export function maintenanceRows({ use, images, volumes }: MaintenanceFacts, language: Language): MaintenanceRow[] {
  const words = SYSTEM_WORDS[language];
  const folders = [...use.folders].sort((a, b) => b.bytes - a.bytes);
  return [
    ...folders.map(({ name, bytes }): MaintenanceRow => {
      const command = CLEANED[name];
      const question = phrase(words.cleanUpAsk, [name, sizeText(bytes, language)]);
      const actions = command === undefined ? [] : [job("cleanUp", command, question)];
      return { area: "diskUse", target: name, told: sizeText(bytes, language), actions };
    }),
    ...images.map(({ name, sizeBytes }): MaintenanceRow => ({
      area: "updates",
      target: name,
      told: sizeText(sizeBytes, language),
      actions: [
        job("update", ["pkg", "update", "-i", name], null),
        job("upgrade", ["pkg", "upgrade", "-i", name], phrase(words.upgradeAsk, [name])),
      ],
    })),
    ...volumes.flatMap(({ label, uuid, mountPoints, devices }): MaintenanceRow[] => {
      const path = devices[0]?.path;
      if (path === undefined) return [];
      const actions = [job("check", ["fs", "check", path], null), job("scrub", ["fs", "scrub", path], null)];
      const told = mountPoints.length === 0 ? path : `${words.mountedOn} ${mountPoints.join(", ")}`;
      return [{ area: "volumeChecks", target: label === "" ? (uuid ?? path) : label, told, actions }];
    }),
    { area: "report", target: words.reportHelp, told: "", actions: [] },
  ];
}

/** All that the rows offer. */
export function maintenanceCommands(facts: MaintenanceFacts): (readonly string[])[] {
  return maintenanceRows(facts, "en").flatMap(({ actions }) => actions.map(({ command }) => command));
}

function job(word: SystemWord, command: readonly string[], question: string | null): MaintenanceAction {
  return {
    ...{ word, needs: "administrator", question, command },
    run: async (ask) => {
      const { id } = await ask<{ readonly id: number }>("POST", "/jobs", { command });
      return `#${id}: stratos ${command.join(" ")}`;
    },
  };
}
