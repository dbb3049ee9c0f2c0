/** A hub in this process, and command lines at it. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keptDatabaseImage, openBlobs, openDatabase, startHub, type Database, type HubServer } from "@stratos/hub";
import { runCommand, type CommandResult } from "./run-command.ts";
import { testFolder } from "./test-folder.ts";

export interface CommandHub {
  readonly server: HubServer;
  readonly database: Database;
  readonly folder: string;
  /** `stratos hub WORDS`, of who has this key: a file of `folder`. */
  as(key: string, ...words: readonly string[]): Promise<CommandResult>;
  /** The same of the administrator. */
  run(...words: readonly string[]): Promise<CommandResult>;
  close(): Promise<void>;
}

/** One in memory, with the clone's archive of tables: to make them takes longer than most tests. */
export function newDatabase(): Promise<Database> {
  return openDatabase("memory", { imagePath: keptDatabaseImage(join(import.meta.dirname, "../../../..")) });
}

export async function startCommandHub(name: string): Promise<CommandHub> {
  const folder = testFolder(name);
  const database = await newDatabase();
  const server = await startHub(database, {
    ...{ host: "127.0.0.1", port: 0, version: "1.2.3", leaseSeconds: 90, leaderSeconds: 5, warn: () => {} },
    blobs: await openBlobs({}, folder),
    readPackage: () => Promise.reject(new Error("this test has no packages")),
  });
  writeFileSync(join(folder, "admin"), server.firstToken!, { mode: 0o600 });
  // Behind the nouns, where each client takes them.
  const as = (key: string, ...words: readonly string[]): Promise<CommandResult> => {
    const nouns = /^[a-z]+$/.test(words[1] ?? "") ? 2 : 1;
    const place = ["--hub", server.url, "--token-file", join(folder, key)];
    return runCommand("hub", ...words.slice(0, nouns), ...place, ...words.slice(nouns));
  };
  return {
    ...{ server, database, folder, as },
    run: (...words) => as("admin", ...words),
    close: async () => {
      await server.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
