/** What can be done with a system now, and with a job. */
import type { SystemView } from "@stratos/sdk/api";
import type { Role } from "@stratos/volumes/roles";
import type { Action } from "../action.ts";
import { type Language, phrase } from "../language.ts";
import type { JobEntry } from "./system-shapes.ts";
import { SYSTEM_WORDS, type SystemWord } from "./words.ts";

type SystemAction = Action<SystemWord>;

export function systemActions({ name, state, snapshots }: SystemView, language: Language): SystemAction[] {
  const at = `/systems/${encodeURIComponent(name)}`;
  const post = (word: SystemWord, path: string, body?: object, needs: Role = "operator"): SystemAction => ({
    word,
    needs,
    question: null,
    run: async (ask) => {
      await ask("POST", at + path, body);
      return null;
    },
  });
  const actions: SystemAction[] = [];
  if (state === "running") actions.push(post("pause", "/pause"));
  if (state === "paused") actions.push(post("goOn", "/unpause"));
  if (state === "running" || state === "paused")
    actions.push(
      post("stop", "/stop", {}),
      post("snapshot", "/snapshots", { label: freeLabel(snapshots) }),
      post("fork", "/fork", { count: 1 }, "administrator"),
    );
  else if (state !== "starting") actions.push(post("start", "/start"));
  if (state === "exited" || state === "lost")
    actions.push({
      word: "remove",
      needs: "administrator",
      question: phrase(SYSTEM_WORDS[language].removeSystemAsk, [name]),
      run: async (ask) => {
        await ask("DELETE", at);
        return null;
      },
    });
  return actions;
}

/** Brings a system back to one of its snapshots. */
export function backToAction(name: string, label: string, language: Language): SystemAction {
  return {
    word: "backTo",
    needs: "operator",
    question: phrase(SYSTEM_WORDS[language].backToAsk, [name, label]),
    run: async (ask) => {
      await ask("POST", `/systems/${encodeURIComponent(name)}/rollback`, { label });
      return null;
    },
  };
}

/** A job that runs is asked to end; one that has ended is forgotten. */
export function endJobAction({ id, isRunning }: JobEntry): SystemAction {
  return {
    word: isRunning ? "cancel" : "remove",
    needs: "administrator",
    question: null,
    run: async (ask) => {
      if (isRunning) await ask("POST", `/jobs/${id}/cancel`);
      else await ask("DELETE", `/jobs/${id}`);
      return null;
    },
  };
}

/** How far a job is, or how it ended. */
export function jobState({ isRunning, exitCode, signal, cause, progress }: JobEntry, language: Language): string {
  const words = SYSTEM_WORDS[language];
  if (isRunning) return progress === "" ? words.running : progress;
  const how =
    exitCode === 0 ? words.succeeded : (signal ?? (exitCode === null ? words.ended : phrase(words.status, [exitCode])));
  return [cause, how].filter(Boolean).join("; ");
}

/** The first of `s1`, `s2` and so on that no snapshot has. */
function freeLabel(labels: readonly string[]): string {
  for (let number = 1; ; number++) if (!labels.includes(`s${number}`)) return `s${number}`;
}
