/** One thing that a list changes in a system. */
import type { InstallReason } from "../alpm/alpm-package.ts";

export type ListChange =
  | {
      kind: "package";
      action: "install" | "upgrade" | "remove" | "build";
      system: "alpm" | "debian";
      name: string;
      version: string;
      because: string;
    }
  | { kind: "reason"; name: string; reason: InstallReason }
  | { kind: "file"; action: "write" | "remove" | "restore"; path: string }
  | { kind: "setting"; what: string }
  | { kind: "note"; text: string };

/** One line for people. */
export function describeListChange(change: ListChange): string {
  switch (change.kind) {
    case "package":
      return `${change.action} ${change.name}${change.version === "" ? "" : ` ${change.version}`}`;
    case "reason":
      return `mark ${change.name} as ${change.reason === "explicit" ? "asked for" : "a dependency"}`;
    case "file":
      return `${change.action} /${change.path}`;
    case "setting":
      return change.what;
    case "note":
      return change.text;
  }
}

/** `name version` of the packages to which an action applies. */
export function namesOf(changes: readonly ListChange[], action: "install" | "upgrade" | "remove"): string[] {
  return changes.flatMap((change) =>
    change.kind === "package" && change.action === action ? [`${change.name} ${change.version}`.trim()] : [],
  );
}
