/** What a system is made of (`SystemSpec`), from the options of a command line. */
import { resolve } from "node:path";
import type { PublishedPort } from "@stratos/host-node";
import type { SharedFolder } from "@stratos/images";
import type { EnvironmentSetting } from "@stratos/session";
import type { Mount, NetPolicy, PortMapping, SystemSpec } from "@stratos/sdk/api";
import { UsageError } from "../command-error.ts";
import { memoryOf } from "../session/machine-options.ts";
import { requireNetwork } from "../session/network-options.ts";
import type { RunOptions } from "../session/run-options.ts";
import { terminalSize } from "./conversation.ts";

/** What makes a run that of a named system. */
export interface SystemRunOptions {
  readonly detach?: true;
  readonly name?: string;
  readonly tty?: true;
  readonly interactive?: true;
  readonly rm?: true;
  /** Milliseconds. */
  readonly checkpointEvery?: number;
  readonly detachKeys: Uint8Array;
}

/** @param home  STRATOS_HOME, for a machine's usual memory */
export function specOf(
  options: RunOptions & SystemRunOptions & { readonly image: string; readonly policy?: NetPolicy | undefined },
  command: readonly string[],
  home: string,
): SystemSpec {
  const hasTerminal = options.tty === true;
  return {
    image: options.image,
    command,
    env: { ...(hasTerminal ? terminalType() : {}), ...environmentOf(options.env) },
    cwd: options.workdir ?? "/",
    user: options.user ?? "root",
    tty: hasTerminal ? terminalSize() : null,
    hasInput: hasTerminal || options.interactive === true,
    network: options.net,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    ports: portsOf(options.publish),
    mounts: mountsOf(options.volume),
    memoryBytes: memoryOf(options, home),
    harts: options.harts ?? 1,
    seed: options.seed ?? null,
    hostname: null,
    isTransient: options.rm === true,
    checkpointEveryMs: options.checkpointEvery ?? null,
    ...(options.cache === false ? { codeCache: false } : {}),
    ...(options.display === true ? { display: true } : {}),
  };
}

/** @throws UsageError for what a run gives the user when it is over: a system that lives on has no place for it */
export function refuseUnfit(options: RunOptions): void {
  const unfit = ["schedule", "record", "keep", "stats", "timeout", "screenshot", "sound", "screen"] as const;
  requireNetwork(options.net, { allow: options.allow, deny: options.deny, secret: options.secret });
  for (const name of unfit) if (options[name] !== undefined) throw new UsageError(`--${name}`, NOT_FOR_SYSTEMS);
  if (options.display === true && options.seed !== undefined)
    throw new UsageError("--seed", "when frames are shown is not repeatable; leave --display away");
  if (options.addressMode !== undefined) throw new UsageError("--address-mode", NOT_FOR_SYSTEMS);
}

const NOT_FOR_SYSTEMS = "is not for systems that live on (-d, --name)";

/** Of the terminal that a program is shown on. */
export function terminalType(): { readonly TERM?: string } {
  const type = process.env["TERM"];
  return type === undefined || type === "dumb" ? {} : { TERM: type };
}

export function environmentOf(settings: readonly EnvironmentSetting[]): Record<string, string> {
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
