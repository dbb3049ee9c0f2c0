/** `--database memory|FOLDER|postgres://…`. */
import type { Socket } from "node:net";
import { PgliteDatabase } from "./pglite.ts";
import { PostgresDatabase } from "./postgres.ts";
import type { Database } from "./database.ts";

export interface DatabaseOptions {
  /** Connections to a server. */
  readonly poolSize?: number;
  readonly slowStatementMs?: number;
  readonly slow?: (sql: string, milliseconds: number) => void;
  /** Of a server: what makes the socket of each connection, for who wants to break it. */
  readonly socket?: () => Socket;
  /** Of PGlite: the archive that a new one begins with, if it is there; default: the bundle's. */
  readonly imagePath?: string;
}

export const POOL_SIZE = 10;
export const SLOW_STATEMENT_MS = 1_000;

export function isServerUrl(place: string): boolean {
  return /^postgres(ql)?:\/\//.test(place);
}

/** @throws DatabaseError when it cannot be had */
export async function openDatabase(place: string, options: DatabaseOptions = {}): Promise<Database> {
  const { slowStatementMs = SLOW_STATEMENT_MS, slow = () => {} } = options;
  if (!isServerUrl(place))
    return PgliteDatabase.open(place === "memory" ? null : place, options.imagePath, { slowStatementMs, slow });
  const poolSize = options.poolSize ?? POOL_SIZE;
  const database = new PostgresDatabase({
    url: place,
    poolSize,
    slowStatementMs,
    slow,
    ...(options.socket && { socket: options.socket }),
  });
  try {
    await database.query("select 1");
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
