/** `stratos hub`: serves until a signal ends it. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type BlobPlaceOptions,
  HUB_DEFAULTS,
  keepConsoleKey,
  type HubPlaceOptions,
  openBlobs,
  openHubPlace,
  startHub,
} from "@stratos/hub";
import { PROFILE_FOLDER } from "@stratos/hub/profiling";
import { stratosHome } from "@stratos/host-node";
import { homeFolder } from "@stratos/host-node/home";
import { describePackage, nodePackagePorts } from "@stratos/tools-node/packages";
import { VERSION } from "@stratos/sdk/version";
import { readKerberos, type HubKerberosOptions } from "./hub-kerberos-options.ts";
import { readFailureRules } from "./hub-failure-rules.ts";
import { profilerSettings, type ProfileOptions } from "./hub-profile-options.ts";
import { readOidc, type HubOidcOptions } from "./hub-oidc-options.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { type TlsChoice, tlsFilesOf } from "../tls-options.ts";
import { withoutRepeats } from "../hub/repeated-words.ts";

export interface HubServeOptions
  extends HubPlaceOptions, BlobPlaceOptions, HubOidcOptions, HubKerberosOptions, ProfileOptions, TlsChoice {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tokenFile?: string;
  readonly consoleKeyFile?: string;
  readonly workerCertificates: "allow" | "require";
  readonly workerCertificateLife: number;
  readonly plugins?: string;
  readonly failureRules?: string;
  readonly lease: number;
  readonly pool?: number;
  readonly slowQuery?: number;
  readonly keepAlive: number;
  readonly requestTimeout: number;
  readonly headersTimeout: number;
  readonly rateLimit: number;
  readonly trustedProxy: readonly string[];
}

export async function serveHub(options: HubServeOptions): Promise<number> {
  const { host, port } = options.listen;
  const tls = tlsFilesOf(options);
  const oidc = readOidc(options);
  const kerberos = readKerberos(options);
  if (options.plugins !== undefined && !isFolder(options.plugins))
    throw new CommandError(options.plugins, "no folder of plugins");
  if (tls === null && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host))
    throw new UsageError("--listen", `${host} can be reached by others: --tls-cert and --tls-key are needed`);
  const isRequired = options.workerCertificates === "require";
  if (isRequired && tls === null)
    throw new UsageError("--worker-certificates", "nobody shows a certificate without TLS: --tls-cert and --tls-key");
  const { keepAlive, requestTimeout, headersTimeout } = options;
  if (headersTimeout > requestTimeout)
    throw new UsageError(
      "--headers-timeout",
      `${headersTimeout} s is more than --request-timeout, ${requestTimeout} s`,
    );
  const failureRules = options.failureRules === undefined ? [] : readFailureRules(options.failureRules);
  const software = `stratos hub ${VERSION}`;
  // Refused before a database is made.
  const profiles = profilerSettings(options);
  const warn = withoutRepeats((message) => void process.stderr.write(`stratos hub: ${message}\n`));
  const place = await openHubPlace(options, {
    ...(options.pool === undefined ? {} : { poolSize: options.pool }),
    ...(options.slowQuery === undefined ? {} : { slowStatementMs: options.slowQuery }),
    slow: (sql, milliseconds) =>
      warn(`slow statement, ${milliseconds.toFixed(0)} ms: ${sql.replace(/\s+/g, " ").trim().slice(0, 200)}`),
  });
  const packages = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
  try {
    const hub = await startHub(place.database, {
      host,
      port,
      version: VERSION,
      leaseSeconds: options.lease,
      leaderSeconds: HUB_DEFAULTS.leaderSeconds,
      warn,
      http: { keepAliveSeconds: keepAlive, requestSeconds: requestTimeout, headersSeconds: headersTimeout },
      blobs: await openBlobs(options, place.state),
      readPackage: async (path) => {
        const { control, sizeBytes, md5, sha256, files } = await describePackage(path, packages);
        return { control, sizeBytes, md5, sha256, files };
      },
      failureRules,
      rateLimit: options.rateLimit,
      trustedProxies: options.trustedProxy,
      ...(options.pool === undefined ? {} : { poolSize: options.pool }),
      ...(options.slowQuery === undefined ? {} : { slowStatementMs: options.slowQuery }),
      profiles: { ...profiles, folder: join(place.state, PROFILE_FOLDER), software },
      workerCertificates: { isRequired, lifeSeconds: options.workerCertificateLife },
      ...(options.plugins === undefined ? {} : { plugins: { folder: options.plugins } }),
      ...(tls === null ? {} : { tls }),
      ...(oidc === undefined ? {} : { oidc }),
      ...(kerberos === undefined ? {} : { kerberos }),
    }).catch((error: unknown) => {
      throw error instanceof Error && (error as NodeJS.ErrnoException).syscall === "listen"
        ? new CommandError(`${host}:${port}`, hostReason(error), { cause: error })
        : error;
    });
    if (options.consoleKeyFile !== undefined) await keepConsoleKey(hub.service.access, options.consoleKeyFile);
    if (hub.firstToken !== null) tellFirstToken(hub.firstToken, options.tokenFile, hub.url);
    process.stdout.write(`${hub.url}\n`);
    const told = new Promise<null>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(null));
    });
    const fall = await Promise.race([told, ...(place.database.fallen === undefined ? [] : [place.database.fallen])]);
    await hub.close();
    if (fall !== null)
      throw new CommandError(place.database.name, `the database gave up: ${fall.message}; what it answered is kept`, {
        cause: fall,
      });
    return 0;
  } finally {
    await packages.close();
    await place.close();
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** On stderr, or into a file: programs read the address from stdout. */
function tellFirstToken(token: string, file: string | undefined, url: string): void {
  if (file === undefined) {
    process.stderr.write(
      `stratos hub: the administrator's key, shown this once: ${token}\nstratos hub: \`stratos hub login --hub ` +
        `${url}\` keeps it for this user\n`,
    );
    return;
  }
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx", flush: true });
  } catch (error) {
    process.stderr.write(`stratos hub: ${file}: ${hostReason(error)}; so it is shown here, this once: ${token}\n`);
  }
}
