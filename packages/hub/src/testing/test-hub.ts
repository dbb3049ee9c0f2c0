/** A hub that listens, in this process, for tests: database in memory unless said otherwise. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HubClient } from "@stratos/hub-api";
import { FolderBlobs } from "../blobs/folder-blobs.ts";
import type { Database } from "../database/database.ts";
import { startHub, type HubServer, type ServerOptions } from "../hub-server.ts";
import { openTestDatabase } from "./test-database.ts";

export interface TestHub {
  readonly server: HubServer;
  readonly database: Database;
  readonly folder: string;
  readonly warnings: string[];
  /** With the administrator's key. */
  readonly admin: HubClient;
  readonly adminToken: string;
  client(token: string): HubClient;
  close(): Promise<void>;
}

export async function startTestHub(
  options: Partial<ServerOptions> & { readonly database?: string } = {},
): Promise<TestHub> {
  const folder = mkdtempSync(join(tmpdir(), "hub-test-"));
  const database = await openTestDatabase(options.database ?? "memory");
  const warnings: string[] = [];
  const server = await startHub(database, {
    host: "127.0.0.1",
    port: 0,
    version: "0.0.0",
    leaseSeconds: 60,
    leaderSeconds: 5,
    warn: (message) => void warnings.push(message),
    blobs: new FolderBlobs(join(folder, "blobs")),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
    ...options,
  });
  const client = (token: string): HubClient =>
    new HubClient({ url: server.url, token, fetch: (url, init) => fetch(url, init) });
  return {
    server,
    database,
    folder,
    warnings,
    client,
    admin: client(server.firstToken ?? ""),
    adminToken: server.firstToken ?? "",
    close: async () => {
      await server.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
