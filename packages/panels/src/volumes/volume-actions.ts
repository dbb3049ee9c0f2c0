/** What can be done with a volume's snapshots and files. Paths of requests are below `/volumes/NAME`. */
import type { Action } from "../action.ts";
import { type Language, sizeText } from "../language.ts";
import type { SnapshotSchedule } from "@stratos/volumes/listed";
import { VOLUME_WORDS, type VolumeWord } from "./words.ts";
import type { Snapshot } from "./snapshot-tree.ts";

type VolumeAction = Action<VolumeWord>;

/** @param at  `/volumes/NAME` */
export function snapshotActions(at: string, { name, live }: Snapshot, language: Language): VolumeAction[] {
  if (live) return [];
  const words = VOLUME_WORDS[language];
  const path = `${at}/snapshots/${encodeURIComponent(name)}`;
  return [
    {
      word: "space",
      needs: "viewer",
      question: null,
      run: async (ask) => {
        const space = await ask<{ referencedBytes: number; exclusiveBytes: number }>("GET", `${path}/space`);
        const [referenced, exclusive] = [space.referencedBytes, space.exclusiveBytes];
        return `${name}: ${sizeText(referenced, language)}; ${words.alone}: ${sizeText(exclusive, language)}`;
      },
    },
    rollBack(path, name, language),
    {
      word: "remove",
      needs: "administrator",
      question: `${words.removeAsk}: ${name}?`,
      run: async (ask) => {
        await ask("DELETE", path);
        return null;
      },
    },
  ];
}

function rollBack(path: string, name: string, language: Language): VolumeAction {
  const save = `before-${new Date().toISOString().replace(/[-:]|\.\d+/g, "")}`;
  return {
    word: "rollBack",
    needs: "administrator",
    question: `${name}: ${VOLUME_WORDS[language].rollBackAsk} ${save}.`,
    run: async (ask) => {
      await ask("POST", `${path}/rollback`, { save });
      return null;
    },
  };
}

/** @param path  absolute. @returns what brings it back from there */
export function restoreAction(
  at: string,
  { snapshot, path }: { readonly snapshot: string; readonly path: string },
  language: Language,
): VolumeAction {
  return {
    word: "restore",
    needs: "administrator",
    question: `${VOLUME_WORDS[language].restoreAsk}: ${path}?`,
    run: async (ask) => {
      await ask("POST", `${at}/snapshots/${encodeURIComponent(snapshot)}/restore`, { path });
      return null;
    },
  };
}

/** Of the live files. */
export function removeFileAction(at: string, path: string, language: Language): VolumeAction {
  return {
    word: "remove",
    needs: "administrator",
    question: `${VOLUME_WORDS[language].removeAsk}: ${path}?`,
    run: async (ask) => {
      await ask("DELETE", `${at}/files?path=${encodeURIComponent(path)}&recursive=true`);
      return null;
    },
  };
}

/** @param schedule  as it is to be */
export function scheduleActions(at: string, schedule: SnapshotSchedule, language: Language): VolumeAction[] {
  const words = VOLUME_WORDS[language];
  return [
    {
      word: "save",
      needs: "administrator",
      question: null,
      run: async (ask) => {
        await ask("PUT", `${at}/schedule`, schedule);
        return null;
      },
    },
    {
      word: "clear",
      needs: "administrator",
      question: null,
      run: async (ask) => {
        await ask("DELETE", `${at}/schedule`);
        return null;
      },
    },
    {
      word: "runNow",
      needs: "administrator",
      question: null,
      run: async (ask) => {
        const done = await ask<{ created: string | null; deleted: readonly string[] }>("POST", `${at}/schedule/run`);
        const deleted = done.deleted.join(", ") || words.none;
        return `${words.created}: ${done.created ?? words.none}; ${words.deleted}: ${deleted}`;
      },
    },
  ];
}

export function scrubAction(at: string, isRunning: boolean): VolumeAction {
  return {
    word: isRunning ? "pause" : "start",
    needs: "operator",
    question: null,
    run: async (ask) => {
      await ask(isRunning ? "DELETE" : "POST", `${at}/scrub`);
      return null;
    },
  };
}
