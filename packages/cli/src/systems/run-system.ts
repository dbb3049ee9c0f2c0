/** Programs of named systems: `stratos run -d`, `run --name`, `exec`, `attach`. */
import { SIGHUP, SIGKILL } from "@stratos/abi";
import { isatty } from "node:tty";
import { stratosHome } from "@stratos/host-node/home";
import { defaultImage } from "@stratos/images";
import type { EnvironmentSetting } from "@stratos/session";
import type { NetPolicy, SessionView, SystemSpec, SystemView } from "@stratos/sdk/api";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { EXIT_SIGNAL_BASE, EXIT_SUCCESS } from "../exit-status.ts";
import { ensureImage } from "../session/machine-options.ts";
import type { RunOptions } from "../session/run-options.ts";
import { type Conversation, converse, terminalSize } from "./conversation.ts";
import { withSupervisor } from "./supervisor.ts";
import { toldSecrets } from "./told-secrets.ts";
import { requireFreePorts } from "../session/network-options.ts";
import { environmentOf, refuseUnfit, specOf, type SystemRunOptions, terminalType } from "./system-spec.ts";

export interface ExecOptions {
  readonly detach?: true;
  readonly interactive?: true;
  readonly tty?: true;
  readonly env: readonly EnvironmentSetting[];
  readonly workdir?: string;
  readonly user?: string;
  readonly detachKeys: Uint8Array;
}

export interface AttachOptions {
  readonly detachKeys: Uint8Array;
  /** false: only look. */
  readonly stdin: boolean;
}

async function policyFor({ allow = [], deny = [] }: RunOptions): Promise<NetPolicy | undefined> {
  if (allow.length + deny.length === 0) return undefined;
  const { policyOf } = await import("../session/host-network.ts");
  return policyOf(allow, deny);
}

export async function runSystem(command: readonly string[], options: RunOptions & SystemRunOptions): Promise<number> {
  refuseUnfit(options);
  const home = stratosHome();
  const image = options.image ?? defaultImage(home);
  await ensureImage(image);
  await requireFreePorts(options.publish);
  const policy = await policyFor(options);
  const secrets = await toldSecrets(options.secret);
  const spec = specOf({ ...options, image, policy }, command, home);
  return withSupervisor(async (client) => {
    const { value } = await client.call("start-system", { name: options.name, spec, secrets }).answer;
    const { name } = value as SystemView;
    if (options.detach !== true) {
      const shown = spec.display === true ? await import("./show-display.ts") : null;
      const close = await shown?.displayBeside(client, name);
      try {
        return await attach(client, { ...mainOf(name, spec), isNew: true }, { ...options, stdin: spec.hasInput });
      } finally {
        close?.();
      }
    }
    process.stdout.write(`${name}\n`);
    return EXIT_SUCCESS;
  });
}

/** @param place  NAME: its program; NAME/SESSION: a further one, of `exec --detach` or the console */
export function attachSystem(place: string, options: AttachOptions): Promise<number> {
  const [name, session] = place.split("/") as [string, string?];
  return withSupervisor(async (client) => {
    if (session !== undefined) {
      const { value } = await client.call("sessions", { name }).answer;
      const view = (value as readonly SessionView[]).find((each) => each.name === session);
      // Of one that is not there the supervisor tells.
      const hasTerminal = view?.hasTerminal === true;
      return attach(client, { name, session, hasTerminal, hasInput: view?.endedMs === null, isNew: false }, options);
    }
    const { value } = await client.call("systems", {}).answer;
    const view = (value as readonly SystemView[]).find((each) => each.name === name);
    return attach(client, { ...mainOf(name, view), isNew: false }, options);
  });
}

/** @param spec  undefined: there is no such system, which the supervisor tells */
function mainOf(name: string, spec: SystemSpec | undefined): Omit<Attached, "isNew"> {
  return { name, hasTerminal: spec !== undefined && spec.tty !== null, hasInput: spec?.hasInput === true };
}

/** More than is kept. */
const ALL_HISTORY = Number.MAX_SAFE_INTEGER;
/** So much of what a session's terminal has shown comes first. */
const SCREEN_HISTORY = 1 << 16;

/** What is shown of a system. */
interface Attached {
  readonly name: string;
  /** Absent: the system's program. */
  readonly session?: string | undefined;
  readonly hasTerminal: boolean;
  /** It may be typed at. */
  readonly hasInput: boolean;
  /** Nothing of it has been shown. */
  readonly isNew: boolean;
}

/** @returns the exit status: the program's, or 0 when it was left to itself */
async function attach(
  client: SupervisorClient,
  { name, session, hasTerminal, hasInput, isNew }: Attached,
  { detachKeys, stdin }: AttachOptions,
): Promise<number> {
  const tty = hasTerminal && isatty(1) ? terminalSize() : undefined;
  const end = await converse(
    client,
    "follow-system",
    {
      name,
      session,
      tty,
      endsInput: isNew && !hasTerminal,
      historyBytes: isNew ? ALL_HISTORY : session === undefined ? 0 : hasTerminal ? SCREEN_HISTORY : ALL_HISTORY,
    },
    {
      hasInput: stdin && hasInput,
      hasTerminal,
      detachKeys,
      onSignal: (signal) => void client.call("kill-system", { name, session, signal }).answer.catch(() => {}),
    },
  );
  return statusOf(end, name);
}

export function execInSystem(name: string, command: readonly string[], options: ExecOptions): Promise<number> {
  return withSupervisor(async (client) => {
    const target = (await client.call("open-system", { name }).answer).value as number;
    const hasTerminal = options.tty === true;
    const hasInput = options.interactive === true;
    const request = {
      target,
      command,
      env: { ...(hasTerminal ? terminalType() : {}), ...environmentOf(options.env) },
      cwd: options.workdir,
      user: options.user,
      hasInput,
      tty: hasTerminal ? terminalSize() : undefined,
    };
    if (options.detach === true) {
      const { value } = await client.call("open-session", { ...request, hasInput: hasInput || hasTerminal }).answer;
      process.stdout.write(`${name}/${(value as SessionView).name}\n`);
      return EXIT_SUCCESS;
    }
    const end = await converse(client, "run", request, {
      hasInput,
      hasTerminal,
      detachKeys: options.detachKeys,
      onSignal: (signal, pid) => {
        if (pid > 0) void client.call("signal", { target, pid, name: signal }).answer.catch(() => {});
      },
      onDetach: (call) => client.call("leave-program", { call }).answer,
    });
    return statusOf(end, name);
  });
}

function statusOf(end: Conversation, name: string): number {
  if (end === "hung up") return EXIT_SIGNAL_BASE + SIGHUP;
  if (end === "system ended") {
    process.stderr.write(`stratos: ${name}: has ended, and with it what ran there\n`);
    return EXIT_SIGNAL_BASE + SIGKILL;
  }
  if (end !== "detached") return end.exitCode;
  process.stderr.write(`\r\nstratos: ${name}: detached\n`);
  return EXIT_SUCCESS;
}
