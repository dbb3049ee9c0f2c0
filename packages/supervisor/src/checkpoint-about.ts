/** What the head of a checkpoint says of the system that it was: whoever has the file may have written it. */
import { closeSync, openSync } from "node:fs";
import { StateError } from "@stratos/base";
import { readFully } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { type NetPolicy, type SecretPlace, StratosError, type SystemSpec, type TerminalSize } from "@stratos/sdk/api";
import { type CheckpointHead, ofCheckpoint, readCheckpointHead } from "@stratos/sdk/checkpoint-file";
import { checkNetPolicy } from "@stratos/sdk/policy-sockets";
import { isSystemName } from "@stratos/sdk/systems";
import { isTerminalSize } from "@stratos/sdk/wire";
import type { SavedSession } from "./session.ts";
import { SESSIONS_MAX } from "./system-sessions.ts";

export interface CheckpointAbout {
  readonly name: string;
  readonly spec: SystemSpec;
  /** Number of its program. */
  readonly mainPid: number;
  /** Absent: none. */
  readonly sessions?: readonly SavedSession[];
}

/** The longest head that is read: options of one command line. */
const HEAD_BYTES = 1 << 22;

/** Is it a checkpoint of a sandbox that had no name? false also for what cannot be read. */
export function isUnnamedCheckpoint(path: string): boolean {
  try {
    return readCheckpointHead(startOf(path)).about === null;
  } catch {
    return false;
  }
}

function startOf(path: string): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(HEAD_BYTES);
    return bytes.subarray(0, readFully(fd, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

/** @throws StateError; StratosError of kind file when it cannot be read */
export function readCheckpointAbout(path: string): { readonly head: CheckpointHead; readonly about: CheckpointAbout } {
  let start: Uint8Array;
  try {
    start = startOf(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw new StratosError("file", `${path}: ${hostReason(error)}`, { path, code }, { cause: error });
  }
  return ofCheckpoint(path, () => {
    const head = readCheckpointHead(start);
    if (!isAbout(head.about))
      throw new StateError("foreign", "the checkpoint is of no named system (the library's Sandbox.resume goes on)");
    return { head, about: head.about };
  });
}

function isAbout(value: unknown): value is CheckpointAbout {
  const { name, spec, mainPid, sessions = [] } = (value ?? {}) as Partial<Record<keyof CheckpointAbout, unknown>>;
  return isSystemName(name) && isSpec(spec) && isCount(mainPid) && areSessions(sessions, mainPid);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}

function areSessions(value: unknown, mainPid: number): boolean {
  if (!Array.isArray(value) || value.length > SESSIONS_MAX) return false;
  const sessions = value as readonly (Partial<Record<keyof SavedSession, unknown>> | null)[];
  const isDifferent = (of: (session: (typeof sessions)[number]) => unknown): boolean =>
    new Set(sessions.map(of)).size === sessions.length;
  return (
    sessions.every((each) => {
      const { name, pid, command, hasInput, tty, startedMs } = each ?? {};
      const isNamed = typeof name === "string" && /^[1-9]\d{0,8}$/.test(name);
      return (
        isNamed &&
        isCount(pid) &&
        pid !== mainPid &&
        Array.isArray(command) &&
        command.every(isText) &&
        typeof hasInput === "boolean" &&
        isTerminal(tty) &&
        typeof startedMs === "number"
      );
    }) &&
    isDifferent((each) => each?.name) &&
    isDifferent((each) => each?.pid)
  );
}

function isTerminal(value: unknown): boolean {
  return value === null || (typeof value === "object" && isTerminalSize(value as TerminalSize));
}

function isPolicy(value: unknown): boolean {
  try {
    checkNetPolicy(value as NetPolicy);
    return true;
  } catch {
    return false;
  }
}

function isPlaces(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value as Readonly<Record<string, Partial<SecretPlace> | null>>).every(
    (place) => Array.isArray(place?.hosts) && Number.isInteger(place.bytes) && place.bytes! > 0,
  );
}

function isSpec(value: unknown): value is SystemSpec {
  if (typeof value !== "object" || value === null) return false;
  const spec = value as Readonly<Record<keyof SystemSpec, unknown>>;
  const isList = (each: unknown): each is object[] => Array.isArray(each);
  const { tty, mounts, command, env } = spec;
  return (
    [spec.image, spec.cwd, spec.user].every(isText) &&
    isList(command) &&
    command.length > 0 &&
    command.every(isText) &&
    typeof env === "object" &&
    env !== null &&
    Object.values(env).every(isText) &&
    isTerminal(tty) &&
    typeof spec.hasInput === "boolean" &&
    (spec.network === "none" || spec.network === "host") &&
    (spec.policy === undefined || isPolicy(spec.policy)) &&
    (spec.secrets === undefined || isPlaces(spec.secrets)) &&
    (spec.ca === undefined || (isList(spec.ca) && spec.ca.every(isText))) &&
    isList(spec.ports) &&
    isList(mounts) &&
    mounts.every(
      (mount) => isText((mount as { guest?: unknown }).guest) && isText((mount as { host?: unknown }).host),
    ) &&
    isCount(spec.memoryBytes) &&
    isCount(spec.harts) &&
    (spec.seed === null || Number.isInteger(spec.seed)) &&
    (spec.hostname === null || isText(spec.hostname)) &&
    (spec.display === undefined || typeof spec.display === "boolean") &&
    typeof spec.isTransient === "boolean" &&
    (spec.checkpointEveryMs === null || isCount(spec.checkpointEveryMs))
  );
}
