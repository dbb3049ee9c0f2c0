/** `stratos hub`: hosts, channels, keys, and the hub's care. */
import { createInterface } from "node:readline";
import { existsSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, Option } from "commander";
import type { HubPlaceOptions } from "@stratos/hub";
import { hubClient, hubFailure, signInByDevice, signInByTicket } from "@stratos/hub/client";
import type { HostView, TokenView } from "@stratos/hub-api";
import { type HubOptions, hubLogins, hubUrl, tokenOf, withHub } from "../hub/hub-client.ts";
import { printJson } from "../hub/hub-listing.ts";
import { databaseOptions, noun, parseSeconds, repeatable, row } from "./hub-options.ts";
import { channelCommand } from "./hub-channel.ts";
import { eventCommand } from "./hub-task.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { writeOutput } from "../output-file.ts";
import { formatTable } from "../text-table.ts";

interface Common extends HubOptions {
  readonly json?: true;
}

export function hubAdminCommands(finish: Finish): Command[] {
  return [
    row(
      "login",
      "keep a key for a hub",
      "Reads a key from stdin, or from --token-file, tries it, and keeps it for this user, in a file that nobody " +
        "else may read. With --oidc the key is one for twelve hours, of who signs in at the hub's provider of " +
        "identities, in any browser; with --kerberos of whose ticket curl finds (kinit).",
    )
      .option("--oidc", "show an address and a code, by which you sign in")
      .addOption(new Option("--kerberos", "show your Kerberos ticket").conflicts(["oidc", "tokenFile"]))
      .addOption(jsonOption())
      .action(async (options: LoginOptions) => finish(await loginHub(options))),
    row(
      "logout",
      "forget the key for a hub",
      "Forgets the key that `hub login` kept. Who has it elsewhere may go on with it, until it expires, unless it is " +
        "revoked.",
    )
      .option("--revoke", "revoke the key at the hub before; when that fails it is kept")
      .action(async (options: LogoutOptions) => finish(await logoutHub(options))),
    hostCommand(finish),
    channelCommand(finish),
    tokenCommand(finish),
    eventCommand(finish),
    row("status", "show a hub and its queue", "Shows a hub, who leads, and its queue by channel.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await hubStatus(options))),
    row(
      "fsck",
      "check a hub's database",
      "Checks what must hold between rows, and the chain of events. Status 1 when something is wrong.",
    )
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await fsckHub(options))),
    row(
      "backup",
      "write a backup while the hub works",
      "Writes all rows of one moment to a file, while the hub works. Artefacts are not among them: copy the state " +
        "folder's `blobs`, or the bucket, after it.",
    )
      .argument("<file>", "a new file; - for stdout")
      .action(async (file: string, options: HubOptions) => finish(await backupHub(file, options))),
    databaseOptions(new Command("restore"))
      .summary("bring a backup into an empty database")
      .description(
        "Brings a backup into the empty database of a hub that does not run; `stratos hub` with the same options " +
          "goes on from there.",
      )
      .argument("<file>", "what `hub backup` wrote; - for stdin")
      .addOption(jsonOption())
      .action(async (file: string, options: HubPlaceOptions & { json?: true }) =>
        finish(await (await import("./hub-move.ts")).restoreHub(file, options)),
      ),
    databaseOptions(new Command("migrate"))
      .summary("move a hub to another database")
      .description(
        "Copies all rows of a hub that does not run into another, empty database, and counts them on both sides.",
      )
      .requiredOption("--to <place>", "a folder, or postgres://USER@HOST/NAME")
      .addOption(jsonOption())
      .action(async (options: HubPlaceOptions & { to: string; json?: true }) =>
        finish(await (await import("./hub-move.ts")).migrateHub(options)),
      ),
  ];
}

function hostCommand(finish: Finish): Command {
  const host = noun("host", "list, drain and forget hosts");
  host.addCommand(
    row("ls", "list hosts", "Lists hosts, and how much of them is used.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listHosts(options))),
  );
  host.addCommand(
    row("resume", "let hosts take tasks again", "Lets hosts take tasks again.")
      .alias("enable")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) => finish(await enableHosts(names, true, options))),
  );
  host.addCommand(
    row("drain", "let hosts take no more tasks", "Lets hosts take no more tasks; what they run they finish.")
      .alias("disable")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) => finish(await enableHosts(names, false, options))),
  );
  host.addCommand(
    row("rm", "forget hosts", "Forgets hosts that have no runs.")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) => finish(await removeHosts(names, options))),
  );
  return host;
}

function tokenCommand(finish: Finish): Command {
  const token = noun("token", "list, make and revoke keys");
  token.addCommand(
    row("ls", "list keys", "Lists keys, without what they are.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listTokens(options))),
  );
  token.addCommand(
    row("create", "make a key", "Makes a key for somebody, and prints it this once.")
      .argument("<principal>", "whose it is")
      .addOption(
        repeatable(
          "--role <role>",
          "also give its owner this role: viewer, submitter, worker, operator, auditor, console, admin",
        ),
      )
      .addOption(
        repeatable(
          "--scope <permission>",
          "what the key may do of what its owner may, such as task:submit:main; default: all",
        ),
      )
      .addOption(
        new Option("--expires <time>", "good for so long (default: until it is revoked): 12h, 90d").argParser(
          parseSeconds,
        ),
      )
      .option("--note <text>", "what it is for")
      .addOption(jsonOption())
      .action(async (principal: string, options: TokenOptions) => finish(await createToken(principal, options))),
  );
  token.addCommand(
    row("revoke", "revoke keys", "Revokes keys.")
      .argument("<key...>", "their ids")
      .action(async (ids: string[], options: HubOptions) => finish(await revokeTokens(ids, options))),
  );
  return token;
}

interface Listing extends HubOptions {
  readonly json?: true;
}
interface Items<Item> {
  readonly items: readonly Item[];
}

interface LoginOptions extends Common {
  readonly oidc?: true;
  readonly kerberos?: true;
}

interface LogoutOptions extends HubOptions {
  readonly revoke?: true;
}

async function loginHub(options: LoginOptions): Promise<number> {
  const url = hubUrl(options);
  if (options.oidc === true) return signIn(url, options.json === true, byDevice);
  if (options.kerberos === true) return signIn(url, options.json === true, signInByTicket);
  if (options.tokenFile === undefined && process.stdin.isTTY) process.stderr.write(`Key for ${url}: `);
  const token = options.tokenFile === undefined ? await readLine() : tokenOf(options.tokenFile);
  try {
    const me = await hubClient(url, token).call<{ principal: string }>("GET", "/whoami");
    hubLogins().keep(url, token);
    if (options.json === true) printJson({ hub: url, ...me });
    else process.stdout.write(`${url}: ${me.principal}\n`);
    return 0;
  } catch (error) {
    throw hubFailure(error, url);
  }
}

/** Keeps the key that signing in gives. */
async function signIn(url: string, isJson: boolean, way: typeof signInByTicket): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal);
  try {
    const { token, ...me } = await way(url, stop.signal);
    hubLogins().keep(url, token);
    if (isJson) printJson({ hub: url, ...me });
    else process.stdout.write(`${url}: ${me.principal} (${me.roles.join(", ")}), until ${me.expires}\n`);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    throw hubFailure(error, url);
  } finally {
    process.off("SIGINT", onSignal);
  }
}

/** Says where to sign in, and waits until it is done, or the code has expired. */
const byDevice: typeof signInByTicket = (url, signal) =>
  signInByDevice(url, signal, ({ verificationUri, userCode, verificationUriComplete }) =>
    process.stderr.write(
      `Open ${verificationUri} and enter the code ${userCode}` +
        (verificationUriComplete === null ? "\n" : `, or open ${verificationUriComplete}\n`),
    ),
  );

async function readLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line.trim();
  throw new UsageError("hub login", "expected a key on stdin, or --token-file");
}

async function logoutHub(options: LogoutOptions): Promise<number> {
  if (options.tokenFile !== undefined)
    throw new UsageError("--token-file", "is not what `hub login` kept; `hub token revoke` revokes any key");
  if (options.revoke === true) await withHub(options, (client) => client.call("DELETE", "/whoami"));
  hubLogins().keep(hubUrl(options), null);
  return 0;
}

function listHosts(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<Items<HostView>>("GET", "/hosts");
    if (options.json === true) printJson(items);
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

function enableHosts(names: readonly string[], isEnabled: boolean, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("PATCH", `/hosts/${encodeURIComponent(name)}`, { enabled: isEnabled });
  });
}

function removeHosts(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/hosts/${encodeURIComponent(name)}`);
  });
}

function listTokens(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<Items<TokenView>>("GET", "/tokens");
    const state = ({ revoked, expires }: TokenView): string =>
      revoked !== null ? "revoked" : expires !== null && Date.parse(expires) < Date.now() ? "expired" : "good";
    if (options.json === true) printJson(items);
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

interface TokenOptions extends HubOptions {
  readonly role: readonly string[];
  readonly scope: readonly string[];
  readonly expires?: number;
  readonly note?: string;
  readonly json?: true;
}

/** The key alone on stdout, so that it can go into a file. */
function createToken(principal: string, options: TokenOptions): Promise<number> {
  return withHub(options, async (client) => {
    const made = await client.call<TokenView & { token: string }>("POST", "/tokens", {
      principal,
      scopes: options.scope.length === 0 ? ["*"] : options.scope,
      ...(options.role.length === 0 ? {} : { grants: options.role }),
      ...(options.note === undefined ? {} : { note: options.note }),
      ...(options.expires === undefined ? {} : { expiresSeconds: options.expires }),
    });
    if (options.json === true) printJson(made);
    else process.stdout.write(`${made.token}\n`);
  });
}

function revokeTokens(ids: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const id of ids) await client.call("DELETE", `/tokens/${encodeURIComponent(id)}`);
  });
}

function hubStatus(options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const status = await client.call<{
      database: string;
      leader: { holder: string } | null;
      waitingHosts: number;
      queue: { states: { channel: string; state: string; count: number }[] };
    }>("GET", "/status");
    if (options.json === true) return printJson(status);
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
function fsckHub(options: Listing & { readonly head?: string }): Promise<number> {
  return withHub(options, async (client) => {
    const { findings, head } = await client.call<{
      findings: { check: string; count: number; examples: string[] }[];
      head: { number: number; hash: string };
    }>("POST", "/fsck");
    if (options.json === true) printJson({ findings, head });
    else {
      for (const { check, count, examples } of findings)
        process.stdout.write(`${check}: ${count} (${examples.join(", ")})\n`);
      const found = findings.length;
      const words = found === 0 ? "nothing is wrong" : found === 1 ? "1 finding" : `${found} findings`;
      process.stdout.write(`${words}; seal ${head.number}, ${head.hash}\n`);
    }
    return findings.length === 0 ? 0 : 1;
  });
}

function backupHub(file: string, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    if (file !== "-" && existsSync(file)) throw new CommandError(file, "is there already");
    const response = await client.raw("GET", "/backup", {});
    const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    await writeOutput(file === "-" ? undefined : file, (stream) => pipeline(source, stream, { end: file !== "-" }), {
      mode: 0o600,
      flush: true,
    });
  });
}
