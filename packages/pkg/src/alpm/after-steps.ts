/**
 * Programs that belong to a transaction: scriptlets of packages, hooks, ldconfig. Those that come after the change are
 * plain data that the change carries, so that whoever goes on after an interruption knows what is left to do.
 */
import type { AlpmEvent } from "./events.ts";
import type { HookMoment } from "./hooks.ts";
import type { RootRunner } from "./system.ts";

export type AfterStep =
  | { kind: "scriptlet"; package: string; function: string; file: string; versions: string[] }
  | {
      kind: "hook";
      when: HookMoment;
      name: string;
      description: string;
      command: string[];
      input: string[] | undefined;
    }
  | { kind: "ldconfig" };

/** @param folder  where the scriptlets' files are, relative to the root @returns whether it went well */
export async function runStep(
  step: AfterStep,
  folder: string,
  runner: RootRunner | undefined,
  event: (event: AlpmEvent) => void,
): Promise<boolean> {
  const onOutput = (text: string): void => event({ kind: "output", text });
  if (step.kind === "scriptlet") event({ kind: "scriptlet", package: step.package, name: step.function });
  if (step.kind === "hook") event({ kind: "hook", when: step.when, name: step.name, description: step.description });
  if (runner === undefined) {
    if (step.kind !== "ldconfig")
      event({
        kind: "warning",
        text:
          `${step.kind === "hook" ? step.name : `${step.package}: ${step.function}`}: not run, since nothing here ` +
          "can run programs of this root",
      });
    return false;
  }
  const { command, input } = commandOf(step, folder);
  const status = await runner.run(command, { ...(input === undefined ? {} : { input }), onOutput });
  if (status !== 0)
    event({
      kind: "warning",
      text:
        `${
          step.kind === "scriptlet"
            ? `${step.package}: ${step.function}`
            : step.kind === "hook"
              ? step.name
              : "ldconfig"
        }: ` + `failed with status ${status}`,
    });
  return status === 0;
}

function commandOf(step: AfterStep, folder: string): { command: string[]; input: Uint8Array | undefined } {
  switch (step.kind) {
    // As pacman does: the file is read by a shell, then the function is called with the versions.
    case "scriptlet":
      return {
        command: [
          "/bin/sh",
          "-c",
          `. "$1"; shift; ${step.function} "$@"`,
          "scriptlet",
          `/${folder}/${step.file}`,
          ...step.versions,
        ],
        input: undefined,
      };
    case "hook":
      return {
        command: step.command,
        input: step.input === undefined ? undefined : bytesOf(step.input.map((line) => `${line}\n`).join("")),
      };
    case "ldconfig":
      return { command: ["/sbin/ldconfig"], input: undefined };
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Whether a scriptlet's text has the function. */
export function definesFunction(text: string, name: string): boolean {
  return new RegExp(`^\\s*(?:function\\s+)?${name}\\s*(?:\\(\\s*\\))?\\s*\\{?`, "m").test(text) && text.includes(name);
}
