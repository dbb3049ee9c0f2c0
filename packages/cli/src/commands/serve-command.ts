/** `stratos serve`: the user's named systems over HTTP, for programs and for a page, until a signal ends it. */
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { FileLockedError, lockFile } from "@stratos/host-node";
import { makeFolders, stratosHome } from "@stratos/host-node/home";
import { VERSION } from "@stratos/sdk/version";
import type { HubLink } from "@stratos/console/serve";
import { CommandError, UsageError } from "../command-error.ts";
import { type NetTarget, parseListen, parseNetTarget } from "../option-values.ts";
import { relayOptionsOf } from "../session/host-network.ts";
import { warnOfSharedToken } from "../shared-token.ts";
import { type TlsChoice, tlsFilesOf, tlsOptions } from "../tls-options.ts";
import { accessKeyCommand } from "./access-key-command.ts";
import type { Finish } from "./row-options.ts";

interface ServeOptions extends TlsChoice {
  readonly ui?: true;
  readonly listen?: { readonly host: string; readonly port: number };
  readonly socket?: string;
  readonly tokenFile?: string;
  readonly name: readonly string[];
  readonly hostShell?: true;
  readonly openapi?: true;
  readonly hub?: string | true;
  readonly hubTokenFile?: string;
  readonly relay?: true;
  readonly relayAllow: readonly NetTarget[];
  readonly relayDeny: readonly NetTarget[];
  readonly relayOrigin: readonly string[];
}

/** A hub that does not answer within it may do so later. */
const HUB_ANSWERS_MS = 5_000;
const DEFAULT_LISTEN = { host: "127.0.0.1", port: 7480 };

export function serveCommand(finish: Finish): Command {
  const command = new Command("serve")
    .summary("serve named systems over HTTP, with a page for browsers")
    .description(
      "Serves named systems, images and volumes over HTTP: a REST interface below /v1 (/v1/openapi.json describes " +
        "it) and, with --ui, a page with the systems and their terminals. Prints its address when it is ready, and " +
        "ends with SIGINT or SIGTERM; systems and their terminals go on. Requests need the token in a file of which " +
        "the second line tells; --socket does without, by permissions.",
    )
    .option("--ui", "give a page for browsers, and tell an address that signs one browser in")
    .addOption(
      new Option(
        "-l, --listen <address>",
        "HOST:PORT, or PORT; port 0 is any that is free (default: 127.0.0.1:7480). Without TLS addresses of the " +
          "loopback only",
      ).argParser(parseListen),
    )
    .addOption(
      new Option("--socket <path>", "listen on this Unix socket, which its owner alone may use").conflicts([
        "listen",
        "ui",
      ]),
    )
    .option(
      "--token-file <file>",
      "the token that requests need (Authorization: Bearer …); made when it is not there (default: serve.token in " +
        "$STRATOS_HOME)",
    )
    .addOption(
      new Option("--name <host>", "a name that the server is reached by, may be repeated")
        .argParser((text: string, previous: readonly string[]) => [...previous, parseHostName(text)])
        .default([], "those of the certificate"),
    )
    .addOption(
      new Option(
        "--relay",
        "be the network of machines in browsers' tabs, which bring the token, or the key of an operator: the " +
          "internet, nothing of this host and its neighbours",
      ).conflicts("socket"),
    )
    .addOption(
      new Option("--relay-allow <target[:ports]>", "they reach this, as --allow of `run`; private networks one by one")
        .argParser(parseNetTarget)
        .default([], "the internet"),
    )
    .addOption(
      new Option("--relay-deny <target[:ports]>", "they do not reach this, whatever else allows it")
        .argParser(parseNetTarget)
        .default([], "nothing"),
    )
    .addOption(
      new Option("--relay-origin <origin>", "pages of this origin may use the relay, may be repeated")
        .argParser((text: string, previous: readonly string[]) => [...previous, parseOrigin(text)])
        .default([], "this server's own pages"),
    )
    .option(
      "--hub [url]",
      "stand before a build hub: the one at this URL, else one of its own (`stratos hub`, with its files in " +
        "$STRATOS_HOME/hub); builds are below /v1/hub, and the hub is at /hub for workers and commands",
    )
    .option(
      "--hub-token-file <file>",
      "a file with the key that this server shows to the hub at a URL: one of the role console (default: what `hub " +
        "login` kept)",
    )
    .option(
      "--host-shell",
      "with --ui: administrators have shells of this computer, as the user who serves; nothing of Stratos is between",
    )
    .option("--openapi", "print the OpenAPI description, and stop")
    .addCommand(accessKeyCommand(finish, "serve"))
    .action(async (options: ServeOptions) => finish(await serve(options)));
  for (const option of tlsOptions("socket")) command.addOption(option);
  return command;
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|::1)$/;
const ANY_ADDRESS = /^(0\.0\.0\.0|::)$/;

function parseHostName(text: string): string {
  if (!/^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(text))
    throw new InvalidArgumentError("expected the name of a host, without a port");
  return text.toLowerCase();
}

/** As browsers send it (RFC 6454 §6.2). */
function parseOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || !/^\/?$/.test(url.pathname + url.search + url.hash))
    throw new InvalidArgumentError("expected the origin of a page, such as https://example.org");
  return url.origin;
}

async function serve(options: ServeOptions): Promise<number> {
  const [
    { CONSOLE_API, CONSOLE_OPERATIONS, hostShellLack, hostShellUser, SignIn, startConsole },
    volumes,
    { openSupervisor },
    images,
    machines,
  ] = await Promise.all([
    import("@stratos/console/serve"),
    import("@stratos/volumes/serve"),
    import("@stratos/supervisor/client"),
    import("@stratos/images"),
    import("../session/machine-options.ts"),
  ]);
  if (options.openapi === true) {
    const document = volumes.openApiDocument(CONSOLE_OPERATIONS, CONSOLE_API, VERSION);
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return 0;
  }
  const listen = options.listen ?? DEFAULT_LISTEN;
  if (options.name.length > 0 && options.tlsCert === undefined)
    throw new UsageError("--name", "is of a server with --tls-cert");
  if (options.hubTokenFile !== undefined && typeof options.hub !== "string")
    throw new UsageError("--hub-token-file", "is of a hub at a URL: --hub URL");
  if (options.hostShell === true) {
    if (options.ui !== true) throw new UsageError("--host-shell", "is of a page: --ui");
    const lack = hostShellLack();
    if (lack !== null) throw new UsageError("--host-shell", lack);
  }
  const relay = await relayOptionsOf(options);
  const tls = tlsFilesOf(options);
  if (tls === null && !LOOPBACK.test(listen.host))
    throw new UsageError(
      "--listen",
      `${listen.host}: without --tls-cert only addresses of the loopback are served; ssh -L reaches them`,
    );
  const certificate = tls === null ? null : (await import("@stratos/host-node/tls-files")).readTlsFiles(tls);
  if (certificate !== null && certificate.validUntilMs < Date.now())
    process.stderr.write(
      `stratos: warning: ${tls!.certificate}: was valid until ${new Date(certificate.validUntilMs).toISOString()}\n`,
    );
  const names = options.name.length > 0 ? options.name : (certificate?.names ?? []);
  const home = stratosHome();
  makeFolders(home);
  const isOpen = options.socket !== undefined && options.tokenFile === undefined;
  const token = isOpen ? null : volumes.serviceToken(options.tokenFile ?? volumes.defaultTokenPath("serve"));
  const sessions = token === null ? null : keptSessions(home);
  const onDefect = (words: string): void => void process.stderr.write(`stratos: internal error: ${words}\n`);
  const keys = new volumes.AccessKeys(
    volumes.accessKeysPath(home, "serve"),
    (words) => void process.stderr.write(`stratos: ${words}\n`),
  );
  const signIn = token === null ? null : new SignIn(token.text, keys, sessions?.path ?? null);
  const commandLine = { program: process.execPath, words: [...process.execArgv, process.argv[1]!] };
  const hub = await hubOf(options, { home, commandLine });
  const settings = {
    home,
    version: VERSION,
    signIn,
    names,
    isSecure: tls !== null,
    isPublic: options.socket === undefined && !LOOPBACK.test(listen.host),
    defaults: {
      image: () => images.defaultImage(home),
      memoryBytes: () => machines.memoryOf({}, home),
    },
    page: options.ui === true ? await (await import("@stratos/console")).pageFiles("systems") : null,
    ...(relay === null ? {} : { relay }),
    openSupervisor: () => openSupervisor(home, VERSION),
    commandLine,
    ...(hub === null ? {} : { hub }),
    ...(options.hostShell === true ? { hasHostShells: true } : {}),
    onDefect,
  };
  const place = options.socket === undefined ? listen : { socket: options.socket };
  const server = await startConsole(place, settings, tls).catch(async (error: unknown) => {
    await hub?.close();
    throw error;
  });
  const address = reachedBy(server.address, listen.host, names);
  process.stdout.write(`${address}\n`);
  if (token !== null) {
    process.stderr.write(`stratos: the token is in ${token.path}\n`);
    warnOfSharedToken(token);
  }
  if (hub !== null && options.socket === undefined)
    process.stderr.write(`stratos: for workers and \`stratos hub\` the hub is at ${address}hub\n`);
  if (options.hostShell === true)
    process.stderr.write(
      `stratos: warning: --host-shell: the token and keys of administrators give shells of this computer as ` +
        `${hostShellUser()}\n`,
    );
  if (options.ui === true)
    process.stderr.write(`stratos: this address signs one browser in, once: ${address}#sign-in=${signIn!.code}\n`);
  await new Promise<void>((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  await server.close();
  sessions?.release();
  return 0;
}

type Console = typeof import("@stratos/console/serve");
type OwnHubPlace = Pick<Parameters<Console["OwnHub"]["start"]>[0], "home" | "commandLine">;

/** Null: none is wanted. @throws CommandError when its own does not begin, or the one at the URL refuses the key */
async function hubOf({ hub, hubTokenFile }: ServeOptions, own: OwnHubPlace): Promise<HubLink | null> {
  if (hub === undefined) return null;
  const { OwnHub, remoteHub } = await import("@stratos/console/serve");
  if (hub === true) return OwnHub.start({ ...own, tell: (words) => void process.stderr.write(`stratos: ${words}\n`) });
  const { hubLogins, hubUrl, tokenOf } = await import("../hub/hub-client.ts");
  const url = hubUrl({ hub });
  const key = hubTokenFile === undefined ? hubLogins().token(url) : tokenOf(hubTokenFile);
  const { GATEWAY_HEADERS } = await import("@stratos/hub-api");
  const headers = { [GATEWAY_HEADERS.key]: key, [GATEWAY_HEADERS.client]: "127.0.0.1" };
  try {
    const response = await fetch(`${url}/healthz`, { headers, signal: AbortSignal.timeout(HUB_ANSWERS_MS) });
    if (response.status === 401 || response.status === 403)
      throw new CommandError(url, "this key may not say who asks: it takes one of the role console or admin");
  } catch (error) {
    if (error instanceof CommandError) throw error;
    process.stderr.write(`stratos: warning: ${url}: the hub does not answer yet\n`);
  }
  return remoteHub({ url, key });
}

/** An address that a browser can use: of all interfaces the first name stands for them. */
function reachedBy(address: string, host: string, names: readonly string[]): string {
  const name = names.find((each) => !each.startsWith("*."));
  if (!ANY_ADDRESS.test(host) || name === undefined) return address;
  return `https://${name}:${new URL(address).port}/`;
}

/**
 * Where sessions outlive the server; null: another one keeps its own there, which would bring those back that have
 * signed out here.
 */
function keptSessions(home: string): { readonly path: string; release(): void } | null {
  const path = join(home, "serve.sessions");
  try {
    return { path, release: lockFile(path) };
  } catch (error) {
    if (error instanceof FileLockedError) return null;
    throw error;
  }
}
