/** Where a hub keeps what it knows: its database, and a folder of its files. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FileLockedError, lockFile, stratosHome } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import { type Database, DatabaseError } from "./database.ts";
import { isServerUrl, openDatabase } from "./open-database.ts";

export interface HubPlaceOptions {
  /** `memory`, a folder or a server's URL; absent: a folder of the state's. */
  readonly database?: string;
  /** A folder; absent: STRATOS_HOME/hub. */
  readonly state?: string;
}

interface HubPlace {
  readonly database: Database;
  /** Folder of this hub's files. */
  readonly state: string;
  close(): Promise<void>;
}

/**
 * The database and the folder; a database in a folder is locked.
 *
 * @throws OperationError when another process has it, or it cannot be had
 */
export async function openHubPlace(
  options: HubPlaceOptions,
  more: Parameters<typeof openDatabase>[1] = {},
): Promise<HubPlace> {
  const state = options.state ?? join(stratosHome(), "hub");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const place = options.database ?? join(state, "database");
  const isFolder = place !== "memory" && !isServerUrl(place);
  let release = (): void => {};
  try {
    if (isFolder) {
      mkdirSync(place, { recursive: true, mode: 0o700 });
      release = lockFile(place);
    }
    const database = await openDatabase(place, more);
    return {
      database,
      state,
      close: async () => {
        await database.close();
        release();
      },
    };
  } catch (error) {
    release();
    if (error instanceof FileLockedError) throw new OperationError("in-use", place, error.words, { cause: error });
    if (error instanceof DatabaseError)
      throw new OperationError("hub", place.replace(/:[^:@/]*@/, "@"), error.message, { cause: error });
    throw error;
  }
}
