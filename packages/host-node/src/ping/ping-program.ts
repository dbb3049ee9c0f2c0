/**
 * The host's ping(8), which may send echo requests where Node can't: one process for each. Its words are those of
 * iputils, BusyBox and the BSDs; what none of them says is taken as silence.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { join } from "node:path";
import type { EchoOutcome, EchoRequest } from "@stratos/netstack/echo-answer";
import { findProgram } from "../find-program.ts";
import { failureOf, outcomeOf } from "./ping-words.ts";

/** An answer that has not come by then does not come. */
const WAIT_SECONDS = 4;
const ENDED_AFTER_MS = (WAIT_SECONDS + 2) * 1000;
const LINE_BYTES_MAX = 4096;
/** Administrators' folders are not in everybody's PATH. */
const FURTHER_FOLDERS = "/usr/bin:/bin:/usr/sbin:/sbin";

export interface PingProgram {
  readonly path: string;
  readonly isV6: boolean;
  /** macOS and the BSDs have options of their own. */
  readonly isBsd: boolean;
}

/** Those of this host, looked for once. */
export class PingPrograms {
  readonly #searchPath: string;
  readonly #found = new Map<4 | 6, PingProgram | null>();

  constructor(searchPath: string) {
    this.#searchPath = searchPath;
  }

  /** null: the host has none */
  find(family: 4 | 6): PingProgram | null {
    let found = this.#found.get(family);
    if (found !== undefined) return found;
    const isBsd = process.platform === "darwin" || process.platform === "freebsd" || process.platform === "openbsd";
    const name = family === 6 && isBsd ? "ping6" : "ping";
    const folders = this.#searchPath === "" ? "" : `${this.#searchPath}:${FURTHER_FOLDERS}`;
    const path = process.platform === "win32" ? undefined : findProgram(name, folders);
    found = path === undefined ? null : { path, isV6: family === 6, isBsd };
    this.#found.set(family, found);
    return found;
  }
}

/** Words for the program: of one request. @param address  numeric */
function pingWords(
  { isV6, isBsd }: PingProgram,
  { hops, trafficClass, dataLength }: EchoRequest,
  address: string,
): string[] {
  const words = ["-n", "-c", "1", "-s", String(dataLength)];
  if (isBsd) return [...words, isV6 ? "-h" : "-m", String(hops), address];
  // BusyBox's knows no -Q, and few ask for it.
  const quality = trafficClass === 0 ? [] : ["-Q", String(trafficClass)];
  return [isV6 ? "-6" : "-4", ...words, "-W", String(WAIT_SECONDS), "-t", String(hops), ...quality, address];
}

/**
 * Sends one echo request.
 *
 * @param done  called once, not from inside the call; null: nobody answered
 * @returns null: the host can't start one now
 */
export function ping(
  program: PingProgram,
  request: EchoRequest,
  address: string,
  done: (outcome: EchoOutcome | null) => void,
): ChildProcess | null {
  const child = started(program, pingWords(program, request, address));
  if (child === null) return null;
  const timer = setTimeout(() => child.kill("SIGKILL"), ENDED_AFTER_MS);
  let isDone = false;
  const finish = (outcome: EchoOutcome | null): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    child.kill("SIGKILL");
    done(outcome);
  };
  let said = "";
  child.stdout?.setEncoding("latin1").on("data", (text: string) => {
    said = (said + text).slice(-LINE_BYTES_MAX);
    for (let end = said.indexOf("\n"); end >= 0; end = said.indexOf("\n")) {
      const outcome = outcomeOf(said.slice(0, end), program.isV6);
      said = said.slice(end + 1);
      // Its answer counts at once: how long it takes to end does not.
      if (outcome !== null) finish(outcome);
    }
  });
  let complaint = "";
  child.stderr?.setEncoding("latin1").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, LINE_BYTES_MAX);
  });
  child.on("error", () => finish(null));
  child.on("close", (status) => finish(status === null ? null : failureOf(status, complaint, program.isV6)));
  return child;
}

/** Without descriptors for its pipes it has none, and ends with an error later. */
type Started = ChildProcess & {
  readonly stdout: Readable | null | undefined;
  readonly stderr: Readable | null | undefined;
};

function started({ path }: PingProgram, words: readonly string[]): Started | null {
  try {
    return spawn(path, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: join("/usr", "bin"), LC_ALL: "C" },
    });
  } catch {
    // No memory for another process (ENOMEM); what Node foresees comes as an event.
    return null;
  }
}
