/**
 * PostgreSQL in this process (PGlite): in a folder, or in memory. One connection, so statements queue up behind each
 * other and a transaction keeps all others waiting. Imported only when it is used: it takes about two seconds of
 * processor time to begin.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { PGlite, PGliteInterface, Transaction } from "@electric-sql/pglite";
import { databaseError, type Database, type HeldLock, type Isolation, type Queryable } from "./database.ts";

const INT8 = 20;
const NUMERIC = 1700;

export class PgliteDatabase implements Database {
  readonly name: string;
  readonly isShared = false;
  readonly #pglite: PGlite;

  private constructor(name: string, pglite: PGlite) {
    this.name = name;
    this.#pglite = pglite;
  }

  /**
   * @param folder  null: in memory, gone when closed. Two processes must never open one: the caller holds a lock.
   */
  static async open(folder: string | null): Promise<PgliteDatabase> {
    const { PGlite } = await import("@electric-sql/pglite");
    if (folder !== null) mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      // An answered statement is on the disk: relaxedDurability would answer before.
      const pglite = await PGlite.create({
        ...(folder === null ? {} : { dataDir: join(folder, "pgdata") }),
        relaxedDurability: false,
        parsers: { [INT8]: Number, [NUMERIC]: Number },
      });
      return new PgliteDatabase(folder ?? "memory", pglite);
    } catch (error) {
      throw databaseError(error);
    }
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.#pglite, sql, parameters);
  }

  async script(sql: string): Promise<void> {
    try {
      await this.#pglite.exec(sql);
    } catch (error) {
      throw databaseError(error);
    }
  }

  async transaction<T>(isolation: Isolation, work: (inside: Queryable) => Promise<T>): Promise<T> {
    let failure: unknown;
    try {
      return (await this.#pglite.transaction(async (transaction) => {
        try {
          await transaction.query(`set transaction isolation level ${isolation.replace(",", " ")}`);
          return await work({ query: (sql, parameters = []) => run(transaction, sql, parameters) });
        } catch (error) {
          failure = error;
          throw error;
        }
      })) as T;
    } catch (error) {
      throw failure ?? databaseError(error);
    }
  }

  async listen(channels: readonly string[], heard: (channel: string, payload: string) => void): Promise<void> {
    for (const channel of channels) await this.#pglite.listen(channel, (payload) => heard(channel, payload));
  }

  /** There is nobody else. */
  async holdLock(): Promise<HeldLock> {
    return { backend: 0, release: async () => {} };
  }

  close(): Promise<void> {
    return this.#pglite.close();
  }
}

async function run<Row>(
  on: PGliteInterface | Transaction,
  sql: string,
  parameters: readonly unknown[],
): Promise<Row[]> {
  try {
    return (await on.query<Row>(sql, [...parameters])).rows;
  } catch (error) {
    throw databaseError(error);
  }
}
