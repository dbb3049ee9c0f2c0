/** `stratos fs serve`: volumes over HTTP, until a signal ends it. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { openApiDocument } from "../serve/openapi.ts";
import { REST_ROUTES } from "../serve/rest-routes.ts";
import { createRestService } from "../serve/rest-service.ts";
import { ServedVolumes } from "../serve/served-volumes.ts";

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly readOnly?: true;
  readonly openapi?: true;
}

export async function serveCommand(texts: readonly string[], options: ServeOptions): Promise<number> {
  if (options.openapi === true) {
    process.stdout.write(`${JSON.stringify(openApiDocument(REST_ROUTES), null, 2)}\n`);
    return 0;
  }
  if (texts.length === 0) throw new UsageError("VOLUME", "missing; see --help");
  const token = options.tokenFile === undefined ? null : readFileSync(options.tokenFile, "utf8").trim();
  if (token === "") throw new CommandError(options.tokenFile!, "is empty: it should hold the token");
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(options.host);
  if (!isLoopback && token === null) throw new UsageError("--host", `${options.host} can be reached by others: --token-file is needed`);
  const volumes = new ServedVolumes(texts, options.readOnly === true ? "read" : "write");
  try {
    const app = createRestService(volumes, { readOnly: options.readOnly === true, token });
    const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port });
    await new Promise<void>((resolve, reject) => {
      server.once("listening", resolve);
      server.once("error", (error) => reject(new CommandError(`${options.host}:${options.port}`, hostReason(error), { cause: error })));
    });
    volumes.startHousekeeping();
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}/\n`);
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
