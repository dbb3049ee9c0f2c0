/** What happens to named systems as a whole: their end, pauses and names, logs, snapshots, checkpoints and forks. */
import { resolve } from "node:path";
import type { PublishedPort } from "@stratos/host-node";
import type { SharedFolder } from "@stratos/images";
import { printable } from "@stratos/base";
import { type Denial, type ForkIdentity, StratosError, type SystemView } from "@stratos/sdk/api";
import type { LostDenials } from "@stratos/sdk/denial-log";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { lastLines } from "@stratos/supervisor/last-lines";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { formatSize } from "@stratos/operation";
import { type SecretChoice } from "../option-values.ts";
import { placeWords, requireFreePorts, requireNetwork } from "../session/network-options.ts";
import type { NetworkMode } from "../session/run-options.ts";
import { formatTable } from "../text-table.ts";
import { changeSystems, changeSystemsAtOnce, forEachSystem, withSupervisor } from "./supervisor.ts";
import { mountsOf, portsOf } from "./system-spec.ts";
import { toldSecrets } from "./told-secrets.ts";

export interface StopOptions {
  /** Seconds. */
  readonly time: number;
  readonly signal: string;
}

export function stopSystems(names: readonly string[], { time, signal }: StopOptions): Promise<number> {
  return changeSystemsAtOnce(names, (client, name) =>
    client.call("stop-system", { name, signal, graceMs: time * 1000 }),
  );
}

export function killSystems(names: readonly string[], { signal }: { readonly signal: string }): Promise<number> {
  return changeSystems(names, (client, name) => client.call("kill-system", { name, signal }));
}

export function removeSystems(names: readonly string[], { force }: { readonly force?: true }): Promise<number> {
  return changeSystems(names, (client, name) => client.call("remove-system", { name, isForced: force === true }));
}

export function pauseSystems(names: readonly string[], isPaused: boolean): Promise<number> {
  return changeSystems(names, (client, name) => client.call(isPaused ? "pause-system" : "unpause-system", { name }));
}

export interface StartOptions {
  readonly secret?: readonly SecretChoice[];
}

export async function startSystems(names: readonly string[], { secret }: StartOptions): Promise<number> {
  const secrets = await toldSecrets(secret);
  return changeSystems(names, (client, name) => client.call("restart-system", { name, secrets }));
}

/** Prints the exit code of each, as it ends. */
export function waitForSystems(names: readonly string[]): Promise<number> {
  return forEachSystem(names, async (client, name) => {
    const { value } = await client.call("wait-for-system", { name }).answer;
    process.stdout.write(`${value as number}\n`);
  });
}

export function renameSystem(name: string, to: string): Promise<number> {
  return withSupervisor(async (client) => {
    await client.call("rename-system", { name, to }).answer;
    return EXIT_SUCCESS;
  });
}

export interface LogsOptions {
  readonly follow?: true;
  /** Lines; absent: all. */
  readonly tail?: number;
  /** What the rules of its network have denied instead. */
  readonly denied?: true;
}

export function showLogs(name: string, options: LogsOptions): Promise<number> {
  const { follow, tail, denied } = options;
  if (denied === true) return showDenials(name, options);
  return withSupervisor(async (client) => {
    const kept: { readonly stream: 1 | 2; readonly bytes: Uint8Array }[] = [];
    let isLive = tail === undefined;
    const print = (stream: 1 | 2, bytes: Uint8Array, dealtWith: () => void): void =>
      void (stream === 1 ? process.stdout : process.stderr).write(bytes, dealtWith);
    const { call, answer } = client.call(
      "log-of-system",
      { name, isFollowed: follow === true },
      {
        onStarted: () => {
          isLive = true;
          for (const { stream, bytes } of lastLines(kept, tail ?? 0)) print(stream, bytes, () => {});
        },
        onOutput: (stream, bytes) => {
          const dealtWith = (): void => client.send({ call, taken: bytes.length, stream });
          if (isLive) return print(stream, Uint8Array.from(bytes), dealtWith);
          kept.push({ stream, bytes: Uint8Array.from(bytes) });
          dealtWith();
        },
      },
    );
    await answer;
    return EXIT_SUCCESS;
  });
}

function showDenials(name: string, { follow, tail = Infinity }: Omit<LogsOptions, "denied">): Promise<number> {
  const print = (denial: Denial | LostDenials): void => void process.stdout.write(`${printable(lineOf(denial))}\n`);
  return withSupervisor(async (client) => {
    const target = (await client.call("open-system", { name }).answer).value as number;
    const last = (await client.call("denials", { target, isFollowed: false }).answer).value as readonly Denial[];
    let left = Math.max(0, last.length - tail);
    if (follow !== true) for (const denial of last.slice(left)) print(denial);
    else {
      const onEvent = (event: unknown, heard: () => void): void => {
        heard();
        if (left-- <= 0) print(event as Denial | LostDenials);
      };
      await client.call("denials", { target, isFollowed: true }, { onEvent }).answer;
    }
    return EXIT_SUCCESS;
  });
}

function lineOf(denial: Denial | LostDenials): string {
  if ("lost" in denial) return `… ${denial.lost} more`;
  const { atMs, process, host, port, protocol, reason } = denial;
  const whose = process === null ? "" : ` ${process.name}[${process.pid}]`;
  return `${new Date(atMs).toISOString()}${whose}: denied: ${host}, ${placeWords(port, protocol)}: ${reason}`;
}

export interface SnapshotOptions {
  readonly list?: true;
  readonly json?: true;
  readonly remove?: true;
}

/** @param label  absent: the next number */
export function snapshotSystem(name: string, label: string | undefined, options: SnapshotOptions): Promise<number> {
  const { list, json, remove } = options;
  return withSupervisor(async (client) => {
    if (label !== undefined) {
      await client.call(remove === true ? "remove-snapshot" : "snapshot-system", { name, label }).answer;
      process.stdout.write(`${label}\n`);
      return EXIT_SUCCESS;
    }
    const snapshots = await snapshotsOf(client, name);
    if (list !== true && json !== true) {
      const numbers = snapshots.map((each) => (/^\d{1,9}$/.test(each) ? Number(each) : 0));
      const next = String(Math.max(0, ...numbers) + 1);
      await client.call("snapshot-system", { name, label: next }).answer;
      process.stdout.write(`${next}\n`);
      return EXIT_SUCCESS;
    }
    if (json === true) process.stdout.write(`${JSON.stringify(snapshots)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["LABEL"],
          snapshots.map((each) => [each]),
        ),
      );
    return EXIT_SUCCESS;
  });
}

/** The oldest first. Of a system that is not there the supervisor tells. */
async function snapshotsOf(client: SupervisorClient, name: string): Promise<readonly string[]> {
  const { value } = await client.call("systems", {}).answer;
  const view = (value as readonly SystemView[]).find((each) => each.name === name);
  if (view === undefined) throw new StratosError("no-system", `${name}: no such system`, { system: name });
  return view.snapshots;
}

/** @param label  absent: the latest */
export function rollbackSystem(name: string, label: string | undefined): Promise<number> {
  return withSupervisor(async (client) => {
    const wanted = label ?? (await snapshotsOf(client, name)).at(-1);
    if (wanted === undefined) throw new StratosError("system", `${name}: has no snapshot`, { system: name });
    await client.call("rollback-system", { name, label: wanted }).answer;
    process.stdout.write(`${name}\n`);
    return EXIT_SUCCESS;
  });
}

export function checkpointSystem(name: string, file: string): Promise<number> {
  return withSupervisor(async (client) => {
    const { value } = await client.call("checkpoint-system", { name, path: resolve(file) }).answer;
    process.stdout.write(`${file}: ${formatSize(value as number)}\n`);
    return EXIT_SUCCESS;
  });
}

export interface ResumeOptions {
  readonly name?: string;
  readonly volume: readonly SharedFolder[];
  readonly net: NetworkMode;
  readonly publish: readonly PublishedPort[];
  readonly identity: ForkIdentity;
  readonly secret?: readonly SecretChoice[];
}

/** @returns its name */
export async function resumeSystem(file: string, options: ResumeOptions): Promise<string> {
  requireNetwork(options.net, { secret: options.secret });
  await requireFreePorts(options.publish);
  const secrets = await toldSecrets(options.secret);
  return withSupervisor(async (client) => {
    const { name, volume, net, publish, identity } = options;
    const { value } = await client.call("resume-system", {
      path: resolve(file),
      name,
      mounts: mountsOf(volume),
      network: net,
      ports: portsOf(publish),
      identity,
      secrets,
    }).answer;
    return (value as SystemView).name;
  });
}

export interface ForkOptions {
  readonly count: number;
  readonly identity: ForkIdentity;
  readonly name?: string;
}

export function forkSystem(name: string, { count, identity, name: prefix }: ForkOptions): Promise<number> {
  return withSupervisor(async (client) => {
    const { value } = await client.call("fork-system", { name, count, identity, prefix: prefix ?? name }).answer;
    for (const view of value as readonly SystemView[]) process.stdout.write(`${view.name}\n`);
    return EXIT_SUCCESS;
  });
}
