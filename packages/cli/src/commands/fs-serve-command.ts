/** `stratos fs serve`: volumes over HTTP, until a signal ends it. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { openApiDocument } from "../serve/openapi.ts";
import { REST_ROUTES } from "../serve/rest-routes.ts";
import { createRestService } from "../serve/rest-service.ts";
import { ServedVolumes } from "../serve/served-volumes.ts";
import { readVolumeConfig, VOLUME_CONFIG_SCHEMA } from "../serve/volume-config.ts";

export interface ServeOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tokenFile?: string;
  readonly readOnly?: true;
  readonly openapi?: true;
}

const DEFAULT_PORT = 7460;

export async function serveCommand(texts: readonly string[], options: ServeOptions): Promise<number> {
  if (options.openapi === true) {
    process.stdout.write(`${JSON.stringify(openApiDocument(REST_ROUTES), null, 2)}\n`);
    return 0;
  }
  const config = options.config === undefined ? null : readVolumeConfig(options.config);
  if (texts.length === 0 && config === null) throw new UsageError("VOLUME", "missing; see --help");
  // The command line comes first.
  const host = options.host ?? config?.serve.host ?? "127.0.0.1";
  const tokenFile = options.tokenFile ?? config?.serve.tokenFile;
  const readOnly = options.readOnly === true || config?.serve.readOnly === true;
  const token = tokenFile === undefined ? null : readFileSync(tokenFile, "utf8").trim();
  if (token === "") throw new CommandError(tokenFile!, "is empty: it should hold the token");
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
  if (!isLoopback && token === null) throw new UsageError("--host", `${host} can be reached by others: --token-file is needed`);
  const volumes = new ServedVolumes(texts, readOnly ? "read" : "write", config?.volumes ?? []);
  try {
    const app = createRestService(volumes, { readOnly, token });
    const server = serve({ fetch: app.fetch, hostname: host, port: options.port ?? config?.serve.port ?? DEFAULT_PORT });
    await new Promise<void>((resolve, reject) => {
      server.once("listening", resolve);
      server.once("error", (error) => reject(new CommandError(host, hostReason(error), { cause: error })));
    });
    volumes.startHousekeeping();
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`http://${host.includes(":") ? `[${host}]` : host}:${port}/\n`);
    await new Promise<void>((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
    return 0;
  } finally {
    volumes.close();
  }
}

/** The file with every default in its place, when it is right. */
export async function checkConfigCommand(path: string): Promise<number> {
  process.stdout.write(`${JSON.stringify(readVolumeConfig(path), null, 2)}\n`);
  return 0;
}

export async function configSchemaCommand(): Promise<number> {
  process.stdout.write(`${JSON.stringify(VOLUME_CONFIG_SCHEMA, null, 2)}\n`);
  return 0;
}
