/** `stratos fs serve`: volumes over HTTP, until a signal ends it. */
import { Command, Option } from "commander";
import {
  openApiDocument,
  REST_ROUTES,
  VOLUMES_API,
  AccessKeys,
  accessKeysPath,
  createRestService,
  listenAt,
  type ListenPlace,
  defaultTokenPath,
  ServiceAccess,
  serviceToken,
  type ServiceToken,
  ServedVolumes,
  readVolumeConfig,
  VOLUME_CONFIG_SCHEMA,
} from "@stratos/volumes/serve";
import { stratosHome } from "@stratos/host-node/home";
import { VERSION } from "@stratos/sdk/version";
import { parsePort } from "../option-values.ts";
import { accessKeyCommand } from "./access-key-command.ts";
import type { Finish } from "./row-options.ts";
import { UsageError } from "../command-error.ts";
import { warnOfSharedToken } from "../shared-token.ts";
import { type TlsChoice, tlsFilesOf, tlsOptions } from "../tls-options.ts";

export function configCommand(finish: Finish): Command {
  const config = new Command("config")
    .summary("check the configuration of `fs serve`")
    .description("Checks the configuration file of `fs serve --config`.")
    .usage("COMMAND");
  config.addCommand(
    new Command("check")
      .description("Checks a file, and prints it as JSON with every default in its place.")
      .summary("check a file")
      .argument("<file>", "YAML or JSON")
      .action(async (file: string) => finish(await checkConfigCommand(file))),
  );
  config.addCommand(
    new Command("schema")
      .description("Prints the JSON Schema of the file.")
      .summary("print the schema")
      .action(async () => finish(await configSchemaCommand())),
  );
  return config;
}

/** `fs serve --ui`, by a short name. */
export function uiCommand(finish: Finish): Command {
  return new Command("ui")
    .summary("keep volumes from a browser")
    .description(
      "Gives a page for volumes: files, snapshots, schedules, scrubs, quotas, compression. Prints its address, and " +
        "on standard error one that signs a browser in, once. The same as `fs serve --ui`, which has more options.",
    )
    .argument("<volume...>", "files or devices; NAME=PATH names one")
    .addOption(new Option("--port <n>", "port; 0 takes a free one").argParser(parsePort).default(0))
    .option("--read-only", "change nothing")
    .action(async (volumes: string[], options: ServeOptions) =>
      finish(await serveVolumes(volumes, { ...options, ui: true })),
    );
}

export function serveCommand(finish: Finish): Command {
  const command = new Command("serve")
    .description(
      "Serves volumes over HTTP: a REST interface (/v1/openapi.json describes it) and Prometheus metrics " +
        "(/metrics). Takes the snapshots that their schedules ask for and, as --config says, scrubs and makes " +
        "backups. Requests need the token in a file of which the second line tells, made at the first start; " +
        "--socket does without, by permissions. Prints its address when it is ready, and ends with SIGINT or SIGTERM.",
    )
    .summary("serve volumes over HTTP")
    .argument("[volume...]", "files or devices; NAME=PATH names one")
    .option(
      "-c, --config <file>",
      "volumes, and how they are kept, from a file in YAML or JSON; `fs config schema` describes it",
    )
    .addOption(new Option("--host <address>", "address to listen on (default: 127.0.0.1)"))
    .addOption(new Option("--port <n>", "port; 0 takes a free one (default: 7460)").argParser(parsePort))
    .option("--socket <path>", "listen on this Unix socket, which its owner alone may use, instead of a port")
    .option(
      "--token-file <file>",
      "the token that requests need (Authorization: Bearer …); made when it is not there (default: " +
        "fs-serve.token in $STRATOS_HOME)",
    )
    .option("--no-token", "serve whoever reaches the port: every user and program of this computer")
    .option("--read-only", "change nothing")
    .addOption(
      new Option("--ui", "give a page for browsers, and tell an address that signs one browser in").conflicts("socket"),
    )
    .option("--openapi", "print the OpenAPI description, and stop")
    .addCommand(accessKeyCommand(finish, "fs-serve"))
    .action(async (volumes: string[], options: ServeOptions) => finish(await serveVolumes(volumes, options)));
  for (const option of tlsOptions("socket")) command.addOption(option);
  return command;
}

interface ServeOptions extends TlsChoice {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tokenFile?: string;
  /** False: whoever reaches the port may do everything. */
  readonly token?: false;
  readonly readOnly?: true;
  readonly openapi?: true;
  readonly ui?: true;
}

const DEFAULT_PORT = 7460;

async function serveVolumes(texts: readonly string[], options: ServeOptions): Promise<number> {
  if (options.openapi === true) {
    process.stdout.write(`${JSON.stringify(openApiDocument(REST_ROUTES, VOLUMES_API, VERSION), null, 2)}\n`);
    return 0;
  }
  const config = options.config === undefined ? null : readVolumeConfig(options.config);
  if (texts.length === 0 && config === null) throw new UsageError("VOLUME", "missing; see --help");
  // The command line comes first.
  const place = listenPlace(options, config?.serve ?? {});
  const tokenFile = options.tokenFile ?? config?.serve.tokenFile;
  const readOnly = options.readOnly === true || config?.serve.readOnly === true;
  const isLoopback = "socket" in place || /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(place.host);
  if (options.token === false) {
    if (tokenFile !== undefined) throw new UsageError("--no-token", "is the opposite of --token-file");
    if (!isLoopback)
      throw new UsageError(
        "--no-token",
        `${(place as { host: string }).host} can be reached by others: a token is needed`,
      );
  }
  if (!isLoopback && tokenFile === undefined)
    throw new UsageError(
      "--host",
      `${(place as { host: string }).host} can be reached by others: --token-file is needed`,
    );
  // A socket is its owner's alone by its permissions.
  const isOpen = options.token === false || ("socket" in place && tokenFile === undefined);
  const token = isOpen ? null : serviceToken(tokenFile ?? defaultTokenPath("fs-serve"));
  const tls = tlsFilesOf(options);
  if (!isLoopback && tls === null)
    tell("warning: tokens and files go over the network for everybody to read; --tls-cert and --tls-key end that");
  const home = stratosHome();
  const access =
    token === null ? null : new ServiceAccess(token.text, new AccessKeys(accessKeysPath(home, "fs-serve"), tell));
  const volumes = new ServedVolumes(texts, readOnly ? "read" : "write", config?.volumes ?? [], tell);
  try {
    const app = createRestService(volumes, {
      readOnly,
      access,
      page: options.ui === true ? await (await import("@stratos/console")).pageFiles("volumes") : null,
      version: VERSION,
      onDefect: (words) => tell(`internal error: ${words}`),
    });
    const listener = await listenAt(place, app.fetch, tls === null ? null : { files: tls, onDefect: tell });
    volumes.startHousekeeping();
    process.stdout.write(`${listener.address}\n`);
    tellWhoMayUseIt(token, options);
    if (options.ui === true && access !== null)
      tell(`this address signs one browser in, once: ${listener.address}#sign-in=${access.code}`);
    await new Promise<void>((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
    await listener.close();
    return 0;
  } finally {
    volumes.close();
  }
}

function listenPlace(
  options: ServeOptions,
  config: { readonly host?: string; readonly port?: number; readonly socket?: string },
): ListenPlace {
  if (options.socket !== undefined && (options.host ?? options.port) !== undefined)
    throw new UsageError("--socket", "is instead of --host and --port");
  const isPort = (options.host ?? options.port) !== undefined;
  const socket = options.socket ?? (isPort ? undefined : config.socket);
  return socket !== undefined
    ? { socket }
    : { host: options.host ?? config.host ?? "127.0.0.1", port: options.port ?? config.port ?? DEFAULT_PORT };
}

function tell(words: string): void {
  process.stderr.write(`stratos: ${words}\n`);
}

/** On stderr: programs read the address from stdout. */
function tellWhoMayUseIt(token: ServiceToken | null, { token: asked }: ServeOptions): void {
  if (asked === false)
    process.stderr.write(
      "stratos: warning: --no-token: every user and program of this computer may read, change and delete all " +
        "files of these volumes\n",
    );
  if (token === null) return;
  process.stderr.write(
    `stratos: the token is in ${token.path}: curl -H "Authorization: Bearer $(cat ${token.path})" …\n`,
  );
  warnOfSharedToken(token);
}

/** The file with every default in its place, when it is right. */
async function checkConfigCommand(path: string): Promise<number> {
  process.stdout.write(`${JSON.stringify(readVolumeConfig(path), null, 2)}\n`);
  return 0;
}

async function configSchemaCommand(): Promise<number> {
  process.stdout.write(`${JSON.stringify(VOLUME_CONFIG_SCHEMA, null, 2)}\n`);
  return 0;
}
