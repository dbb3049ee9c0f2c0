/** Programs of named systems: `stratos run -d`, `run --name`, `exec`, `attach`. */
import { resolve } from "node:path";
import { SIGHUP, SIGKILL } from "@stratos/abi";
import { isatty } from "node:tty";
import type { PublishedPort } from "@stratos/host-node";
import { stratosHome } from "@stratos/host-node/home";
import { defaultImage, type SharedFolder } from "@stratos/images";
import type { EnvironmentSetting } from "@stratos/session";
import type { Mount, PortMapping, SystemSpec, SystemView } from "@stratos/sdk/api";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { UsageError } from "../command-error.ts";
import { EXIT_SIGNAL_BASE, EXIT_SUCCESS } from "../exit-status.ts";
import { ensureImage, memoryOf } from "../session/machine-options.ts";
import type { RunOptions } from "../session/run-options.ts";
import { type Conversation, converse, terminalSize } from "./conversation.ts";
import { withSupervisor } from "./supervisor.ts";

/** What makes a run that of a named system. */
export interface NamedRunOptions {
  readonly detach?: true;
  readonly name?: string;
  readonly tty?: true;
  readonly interactive?: true;
  readonly rm?: true;
  /** Milliseconds. */
  readonly checkpointEvery?: number;
  readonly detachKeys: Uint8Array;
}

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

export async function runNamed(command: readonly string[], options: RunOptions & NamedRunOptions): Promise<number> {
  refuseUnfit(options);
  const home = stratosHome();
  const image = options.image ?? defaultImage(home);
  await ensureImage(image);
  const hasTerminal = options.tty === true;
  const spec: SystemSpec = {
    image,
    command,
    env: { ...(hasTerminal ? terminalType() : {}), ...environmentOf(options.env) },
    cwd: options.workdir ?? "/",
    user: options.user ?? "root",
    tty: hasTerminal ? terminalSize() : null,
    hasInput: hasTerminal || options.interactive === true,
    network: options.net,
    ports: portsOf(options.publish),
    mounts: mountsOf(options.volume),
    memoryBytes: memoryOf(options, home),
    harts: options.harts ?? 1,
    seed: options.seed ?? null,
    hostname: null,
    isTransient: options.rm === true,
    checkpointEveryMs: options.checkpointEvery ?? null,
    ...(options.cache === false ? { codeCache: false } : {}),
  };
  return withSupervisor(async (client) => {
    const { value } = await client.call("start-system", { name: options.name, spec }).answer;
    const { name } = value as SystemView;
    if (options.detach !== true)
      return attach(client, name, { ...options, stdin: spec.hasInput }, { spec, isNew: true });
    process.stdout.write(`${name}\n`);
    return EXIT_SUCCESS;
  });
}

/** What a run gives the user when it is over, a system that lives on has no place for. */
function refuseUnfit(options: RunOptions): void {
  for (const name of [
    "record",
    "keep",
    "stats",
    "timeout",
    "display",
    "screenshot",
    "screen",
    "allow",
    "deny",
  ] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name}`, NOT_FOR_NAMED);
  if (options.addressMode !== undefined) throw new UsageError("--address-mode", NOT_FOR_NAMED);
}

const NOT_FOR_NAMED = "is not for systems that live on (-d, --name)";

/** @param place  NAME: its program; NAME/SESSION: a further one with a terminal of its own, as the console has them */
export function attachSystem(place: string, options: AttachOptions): Promise<number> {
  const [name, session] = place.split("/") as [string, string?];
  return withSupervisor(async (client) => {
    const { value } = await client.call("systems", {}).answer;
    const spec = (value as readonly SystemView[]).find((view) => view.name === name);
    return attach(client, name, options, { spec, isNew: false, session });
  });
}

/** More than is kept. */
const ALL_HISTORY = Number.MAX_SAFE_INTEGER;
/** So much of what a session has shown comes first. */
const SCREEN_HISTORY = 1 << 16;

/** @returns the exit status: the program's, or 0 when it was left to itself */
async function attach(
  client: SupervisorClient,
  name: string,
  { detachKeys, stdin }: AttachOptions,
  // Of one that is not there the supervisor tells.
  {
    spec,
    isNew,
    session,
  }: { readonly spec: SystemSpec | undefined; readonly isNew: boolean; readonly session?: string | undefined },
): Promise<number> {
  const isSession = session !== undefined;
  const hasTerminal = isSession || (spec !== undefined && spec.tty !== null);
  const tty = hasTerminal && isatty(1) ? terminalSize() : undefined;
  const end = await converse(
    client,
    "follow-system",
    {
      name,
      session,
      tty,
      endsInput: isNew && !hasTerminal,
      historyBytes: isNew ? ALL_HISTORY : isSession ? SCREEN_HISTORY : 0,
    },
    {
      hasInput: stdin && (isSession || spec?.hasInput === true),
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
      await client.call("run-detached", { ...request, hasInput: false }).answer;
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

/** Of the terminal that a program is shown on. */
function terminalType(): { readonly TERM?: string } {
  const type = process.env["TERM"];
  return type === undefined || type === "dumb" ? {} : { TERM: type };
}

function environmentOf(settings: readonly EnvironmentSetting[]): Record<string, string> {
  return Object.fromEntries(settings.map(({ name, value }) => [name, value]));
}

/** The supervisor's folder is not ours. */
export function mountsOf(folders: readonly SharedFolder[]): Mount[] {
  return folders.map(({ host, guest, isReadOnly }) => ({ host: resolve(host), guest, readOnly: isReadOnly }));
}

export function portsOf(published: readonly PublishedPort[]): PortMapping[] {
  return published.map(({ type, hostAddress, hostPort, guestPort }) => ({
    host: hostPort,
    guest: guestPort,
    protocol: type === "stream" ? "tcp" : "udp",
    ...(hostAddress === null ? {} : { address: hostAddress }),
  }));
}
