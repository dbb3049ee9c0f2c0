/** Where a hub keeps what it knows: its database, and a folder of its files. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FileLockedError, lockFile, stratosHome } from "@stratos/host-node";
import { makeFolders } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { type Database, DatabaseError } from "./database.ts";
import { isServerUrl, openDatabase } from "./open-database.ts";
import { withoutPassword } from "./place-name.ts";

export interface HubPlaceOptions {
  /** `memory`, a folder or a server's URL; absent: a folder of the state's. */
  readonly database?: string;
  /** A folder; absent: STRATOS_HOME/hub. */
  readonly state?: string;
}

interface OpenDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

interface HubPlace extends OpenDatabase {
  /** Folder of this hub's files. */
  readonly state: string;
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
  makeFolders(state, 0o700);
  return { ...(await openLocked(options.database ?? join(state, "database"), more)), state };
}

/**
 * The same of a hub that has worked: a folder that somebody mistyped would be a new, empty one.
 *
 * @throws OperationError as above, and for a place without a database
 */
export async function openUsedPlace(options: HubPlaceOptions): Promise<HubPlace> {
  const place = options.database ?? join(options.state ?? join(stratosHome(), "hub"), "database");
  if (place === "memory" || (!isServerUrl(place) && !existsSync(join(place, "pgdata"))))
    throw new OperationError("hub", place, "there is no database of a hub");
  return openHubPlace(options);
}

/** A database that is there when this process has ended. @throws OperationError as above, and for one in memory */
export async function openLasting(place: string): Promise<OpenDatabase> {
  if (place === "") throw new OperationError("hub", "--to", "names no database");
  if (place === "memory")
    throw new OperationError("hub", place, "what is brought into it would be gone when this command has ended");
  return openLocked(place, {});
}

async function openLocked(place: string, more: Parameters<typeof openDatabase>[1]): Promise<OpenDatabase> {
  const isFolder = place !== "memory" && !isServerUrl(place);
  // Two letters at least, which no drive has: a server's URL with a slip would be a folder of that name. Of such a one
  // nobody knows where its password is.
  const scheme = isFolder ? /^[a-z][a-z0-9+.-]+:/i.exec(place)?.[0] : undefined;
  if (scheme !== undefined)
    throw new OperationError(
      "option",
      "the hub's database",
      `${scheme}… is none: expected memory, a folder, or postgres://USER@HOST/NAME; a folder of such a name is ./NAME`,
    );
  let release = (): void => {};
  try {
    if (isFolder) {
      makeFolders(place, 0o700);
      release = lockFile(place);
    }
    const database = await openDatabase(place, more);
    return {
      database,
      close: async () => {
        await database.close();
        release();
      },
    };
  } catch (error) {
    release();
    if (error instanceof FileLockedError) throw new OperationError("in-use", place, error.words, { cause: error });
    if (error instanceof DatabaseError)
      throw new OperationError("hub", withoutPassword(place), error.message, { cause: error });
    throw error;
  }
}
