/** `stratos hub`: hosts, channels, keys, and the hub's care. */
import { createInterface } from "node:readline";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  countRows,
  DatabaseError,
  dumpDatabase,
  linesOf,
  HUB_DEFAULTS,
  openDatabase,
  restoreDatabase,
  type Database,
} from "@stratos/hub";
import type { ChannelView, HostView, TokenView } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { hubClient, hubFailure, hubUrl, keepLogin, readToken, withHub, type HubOptions } from "../hub/hub-login.ts";
import { formatTable } from "../text-table.ts";
import { openPlace, type HubPlaceOptions } from "./hub-serve-command.ts";

interface Listing extends HubOptions {
  readonly json?: true;
}
interface Items<Item> {
  readonly items: readonly Item[];
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

export async function loginHub(options: HubOptions & { readonly json?: true }): Promise<number> {
  const url = hubUrl(options);
  if (options.tokenFile === undefined && process.stdin.isTTY) process.stderr.write(`Key for ${url}: `);
  const token = options.tokenFile === undefined ? await readLine() : readToken(options.tokenFile);
  try {
    const me = await hubClient(url, token).call<{ principal: string }>("GET", "/whoami");
    keepLogin(url, token);
    if (options.json === true) print({ hub: url, ...me });
    else process.stdout.write(`${url}: ${me.principal}\n`);
    return 0;
  } catch (error) {
    throw hubFailure(error, url);
  }
}

async function readLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line.trim();
  throw new UsageError("hub login", "expected a key on stdin, or --token-file");
}

export async function logoutHub(options: HubOptions): Promise<number> {
  keepLogin(hubUrl(options), null);
  return 0;
}

export function listHosts(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<Items<HostView>>("GET", "/hosts");
    if (options.json === true) print(items);
    else
      process.stdout.write(
        formatTable(
          ["HOST", "STATE", "USED", "CAPACITY", "ARCHES", "CHANNELS", "CAPABILITIES", "SEEN"],
          items.map((host) => [
            host.name,
            (host.online ? "online" : "offline") + (host.enabled ? "" : ", disabled"),
            String(host.used),
            String(host.capacity),
            host.arches.join(","),
            host.channels.join(","),
            host.capabilities.join(",") || "-",
            host.lastSeen,
          ]),
        ),
      );
  });
}

export function enableHosts(names: readonly string[], isEnabled: boolean, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("PATCH", `/hosts/${encodeURIComponent(name)}`, { enabled: isEnabled });
  });
}

export function removeHosts(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/hosts/${encodeURIComponent(name)}`);
  });
}

export function listChannels(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<Items<ChannelView>>("GET", "/channels");
    const limit = (value: number | null): string => (value === null ? "-" : String(value));
    if (options.json === true) print(items);
    else
      process.stdout.write(
        formatTable(
          ["CHANNEL", "POLICY", "KEPT DAYS", "QUEUED MAX", "RUNNING MAX", "INHERITS", "DESCRIPTION"],
          items.map((channel) => [
            channel.name,
            channel.policy,
            limit(channel.retentionDays),
            limit(channel.maxQueued),
            limit(channel.maxRunning),
            channel.inherits.join(",") || "-",
            channel.description,
          ]),
        ),
      );
  });
}

export interface ChannelOptions extends HubOptions {
  readonly policy?: string;
  readonly description?: string;
  readonly keep?: number;
  readonly maxQueued?: number;
  readonly maxRunning?: number;
  readonly inherit: readonly string[];
  readonly json?: true;
}

export function setChannel(name: string, options: ChannelOptions): Promise<number> {
  return withHub(options, async (client) => {
    const { policy, description, keep, maxQueued, maxRunning, inherit } = options;
    const body = { policy, description, retentionDays: keep, maxQueued, maxRunning, inherits: inherit };
    const channel = await client.call<ChannelView>("PUT", `/channels/${encodeURIComponent(name)}`, body);
    if (options.json === true) print(channel);
  });
}

export function removeChannel(name: string, options: HubOptions): Promise<number> {
  return withHub(options, (client) => client.call<void>("DELETE", `/channels/${encodeURIComponent(name)}`));
}

export function listTokens(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<Items<TokenView>>("GET", "/tokens");
    const state = ({ revoked, expires }: TokenView): string =>
      revoked !== null ? "revoked" : expires !== null && Date.parse(expires) < Date.now() ? "expired" : "good";
    if (options.json === true) print(items);
    else
      process.stdout.write(
        formatTable(
          ["KEY", "PRINCIPAL", "STATE", "EXPIRES", "LAST USED", "SCOPES", "NOTE"],
          items.map((token) => [
            token.id,
            token.principal,
            state(token),
            token.expires ?? "-",
            token.lastUsed ?? "-",
            token.scopes.join(","),
            token.note,
          ]),
        ),
      );
  });
}

export interface TokenOptions extends HubOptions {
  readonly role: readonly string[];
  readonly scope: readonly string[];
  readonly expires?: number;
  readonly note?: string;
  readonly json?: true;
}

/** The key alone on stdout, so that it can go into a file. */
export function createToken(principal: string, options: TokenOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const role of options.role)
      await client.call("PUT", `/grants/${encodeURIComponent(principal)}/${encodeURIComponent(role)}`);
    const made = await client.call<TokenView & { token: string }>("POST", "/tokens", {
      principal,
      scopes: options.scope.length === 0 ? ["*"] : options.scope,
      ...(options.note === undefined ? {} : { note: options.note }),
      ...(options.expires === undefined ? {} : { expiresSeconds: options.expires }),
    });
    if (options.json === true) print(made);
    else process.stdout.write(`${made.token}\n`);
  });
}

export function revokeTokens(ids: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const id of ids) await client.call("DELETE", `/tokens/${encodeURIComponent(id)}`);
  });
}

export function hubStatus(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const status = await client.call<{
      database: string;
      leader: { holder: string } | null;
      waitingHosts: number;
      queue: { states: { channel: string; state: string; count: number }[] };
    }>("GET", "/status");
    if (options.json === true) return print(status);
    process.stdout.write(
      `hub       ${client.url}\ndatabase  ${status.database}\nleader    ${status.leader?.holder ?? "none"}\n` +
        `waiting   ${status.waitingHosts} hosts\n`,
    );
    process.stdout.write(
      formatTable(
        ["CHANNEL", "STATE", "TASKS"],
        status.queue.states.map(({ channel, state, count }) => [channel, state, String(count)]),
      ),
    );
  });
}

/** Status 1 when something is wrong. */
export function fsckHub(options: Listing & { readonly head?: string }): Promise<number> {
  return withHub(options, async (client) => {
    const { findings, head } = await client.call<{
      findings: { check: string; count: number; examples: string[] }[];
      head: { number: number; hash: string };
    }>("POST", "/fsck");
    if (options.json === true) print({ findings, head });
    else {
      for (const { check, count, examples } of findings)
        process.stdout.write(`${check}: ${count} (${examples.join(", ")})\n`);
      process.stdout.write(
        `${findings.length === 0 ? "nothing is wrong" : `${findings.length} findings`}; seal ${head.number}, ` +
          `${head.hash}\n`,
      );
    }
    return findings.length === 0 ? 0 : 1;
  });
}

export function backupHub(file: string, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    const response = await client.raw("GET", "/backup", {});
    const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    if (file === "-") await pipeline(source, process.stdout, { end: false });
    else await pipeline(source, createWriteStream(file, { mode: 0o600, flags: "wx", flush: true }));
  });
}

/** Into an empty database, of a hub that does not run. */
export async function restoreHub(file: string, options: HubPlaceOptions & { readonly json?: true }): Promise<number> {
  const place = await openPlace(options);
  try {
    const lines = linesOf(file === "-" ? process.stdin : createReadStream(file));
    const counts = await restoreDatabase(place.database, lines, HUB_DEFAULTS.leaseSeconds);
    tellCounts(counts, options.json === true);
    return 0;
  } catch (error) {
    throw databaseFailure(error, file);
  } finally {
    await place.close();
  }
}

/** One database into another: each table's rows are counted on both sides. */
export async function migrateHub(
  options: HubPlaceOptions & { readonly to: string; readonly json?: true },
): Promise<number> {
  const place = await openPlace(options);
  const stop = new AbortController();
  let target: Database | null = null;
  try {
    target = await openDatabase(options.to);
    const text = dumpDatabase(place.database, stop.signal);
    const counts = await restoreDatabase(target, linesOf(text), HUB_DEFAULTS.leaseSeconds);
    const [before, after] = [await countRows(place.database), await countRows(target)];
    const differing = Object.keys(before).filter((table) => before[table] !== after[table]);
    if (differing.length > 0)
      throw new CommandError(
        options.to,
        "counts differ: " + differing.map((table) => `${table} ${after[table]} of ${before[table]}`).join(", "),
      );
    tellCounts(counts, options.json === true);
    return 0;
  } catch (error) {
    throw databaseFailure(error, options.to);
  } finally {
    stop.abort();
    await target?.close();
    await place.close();
  }
}

function tellCounts(counts: Readonly<Record<string, number>>, isJson: boolean): void {
  if (isJson) print(counts);
  else
    process.stdout.write(
      formatTable(
        ["TABLE", "ROWS"],
        Object.entries(counts)
          .filter(([, count]) => count > 0)
          .map(([table, count]) => [table, String(count)]),
      ),
    );
}

function databaseFailure(error: unknown, what: string): unknown {
  if (error instanceof OperationError || !(error instanceof Error)) return error;
  return new CommandError(
    what.replace(/:[^:@/]*@/, "@"),
    error instanceof DatabaseError ? error.message : hostReason(error),
    { cause: error },
  );
}
