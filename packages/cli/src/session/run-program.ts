/** `stratos run`, `trace` and the shell: one program on this process's terminal or files, and what is told of it. */
import { byteStringToUtf8 } from "@stratos/base";
import {
  type ColdStart,
  hasTerminal,
  openStandardFiles,
  ownTerminal,
  type Program,
  runProgram,
  type RunEnd,
  type RunSurroundings,
} from "@stratos/images/run";
import type { GuestUser } from "@stratos/session";
import { adviceFor } from "./advice.ts";
import { forwardSignals } from "./forward-signals.ts";
import { UsageError } from "../command-error.ts";
import { AskedNames } from "./asked-names.ts";
import { DeniedConnections, type NetworkNews } from "./host-network.ts";
import type { RunOptions } from "./run-options.ts";
import { runRequest } from "./run-request.ts";

/** Names that the host knows without a server (hosts(5)). */
const HOSTS_FILE = "/etc/hosts";

/** For who looks at a run; such a run has no `warmProgram`. */
interface RunHooks extends Partial<Pick<RunSurroundings, "attach" | "standard">> {
  /** It may start from its image's warm start, and is this one: a byte string. */
  readonly warmProgram?: string;
}

/** @param program  made when the user is known: a login shell is the user's @returns the exit status */
export async function runHere(
  program: (user: GuestUser) => Program,
  options: RunOptions,
  { warmProgram, ...hooks }: RunHooks = {},
): Promise<number> {
  const wantsDisplay = options.display === true || options.screenshot !== undefined;
  const displays = wantsDisplay ? await import("./run-display.ts") : null;
  displays?.checkDisplay(options);
  if (options.screen !== undefined && options.record !== undefined)
    throw new UsageError("--screen", "what it shows, and keys, are not in a recording; leave --record away");
  const sounds = options.sound === undefined ? null : await import("./run-sound.ts");
  const sound = sounds?.soundOf(options);
  const news = { denied: new DeniedConnections(), names: new AskedNames() };
  const secrets =
    options.secret === undefined ? null : await (await import("./run-secrets.ts")).openSecrets(options, process.env);
  const request = await runRequest(program, options, news, secrets);
  const end = await runProgram(warmProgram === undefined ? request : { ...request, warmProgram }, {
    ...ownSurroundings(),
    ...hooks,
    attach: (session) => {
      secrets?.attach(session);
      hooks.attach?.(session);
    },
    ...(displays === null ? {} : { display: displays.displayOf(options) }),
    ...(sound === undefined ? {} : { sound }),
  });
  tellEnd(end, request.memoryBytes, news);
  return end.status;
}

/** Of a run on this process's terminal or files. */
export function ownSurroundings(): Pick<RunSurroundings, "terminal" | "log" | "standard" | "signals"> {
  return { terminal: ownTerminal(), log: kernelLog(), standard: openStandardFiles, signals: forwardSignals };
}

/** What can be done about what it asked for in vain; and what it has cost, for who asked. */
export function tellEnd(
  { status, program, notices, statistics, cold }: RunEnd,
  memoryBytes: number,
  news: NetworkNews | null = null,
): void {
  const names = status === 0 ? [] : (news?.names.lines({ hostsFile: HOSTS_FILE, environment: process.env }) ?? []);
  for (const line of [...(news?.denied.lines ?? []), ...names, ...adviceFor(notices, { status, program, memoryBytes })])
    process.stderr.write(`stratos: ${line}\n`);
  // The times are since this process began: what a user waits for.
  if (statistics !== null)
    process.stderr.write(`${JSON.stringify({ ...statistics, coldBecause: cold === null ? "" : coldText(cold) })}\n`);
}

function coldText(cold: ColdStart): string {
  if ("why" in cold) return cold.why;
  if (cold.setting === "warmStart") return "--no-warm-start";
  return `--${cold.setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Kernel messages are for who asks for them. */
function kernelLog(): (message: string) => void {
  if ((process.env["STRATOS_DEBUG"] ?? "") === "") return () => {};
  return (message) =>
    void process.stderr.write(`stratos: kernel: ${byteStringToUtf8(message)}${hasTerminal() ? "\r" : ""}\n`);
}
