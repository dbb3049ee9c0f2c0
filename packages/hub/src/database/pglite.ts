/**
 * PostgreSQL in this process (PGlite): in a folder, or in memory. One connection, so statements queue up behind each
 * other and a transaction keeps all others waiting. Imported only when it is used: it takes about a second of processor
 * time to begin.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import type { PGlite } from "@electric-sql/pglite";
import {
  databaseError,
  type Database,
  type DatabaseError,
  type HeldLock,
  type Isolation,
  type Queryable,
} from "./database.ts";
import { draftOf, readPgliteImage, unpackPgliteImage } from "./pglite-image.ts";
import { PLANNING } from "./planning.ts";
import type { PgliteStatements } from "./pglite-statements.ts";

const INT8 = 20;
const NUMERIC = 1700;

/**
 * Tables that autovacuum would do, by its own bounds: many dead rows, many that its statistics don't know of, or
 * numbers of transactions that are so old that they could come again.
 *
 * @see https://www.postgresql.org/docs/current/routine-vacuuming.html
 */
const TO_VACUUM = `
select c.oid::regclass::text as name from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
where c.relkind in ('r', 'm') and (age(c.relfrozenxid) > 200000000
  or s.n_dead_tup > 50 + 0.2 * greatest(c.reltuples, 0) or s.n_mod_since_analyze > 50 + 0.1 * greatest(c.reltuples, 0))
order by c.oid`;

/**
 * One in memory has its files there, too: PostgreSQL's own 128 MB of buffers would hold a second copy, and to clear
 * them is a quarter of the processor time that it begins in (of 16 MB: 100 ms less, of 4: 150).
 */
const FEW_BUFFERS = ["-c", "shared_buffers=4MB"];

/**
 * Of a new database. Its log begins with a whole segment, which is 16 MB otherwise: two thirds of the archive that the
 * others begin with.
 */
const SMALL_SEGMENTS = ["--wal-segsize=1"];

interface SlowStatements {
  /** A statement that takes longer is told to `slow`. */
  readonly slowStatementMs: number;
  readonly slow: (sql: string, milliseconds: number) => void;
}

export class PgliteDatabase implements Database {
  readonly name: string;
  readonly isShared = false;
  readonly #pglite: PGlite;
  readonly #statements: PgliteStatements;
  readonly #slow: SlowStatements;
  readonly #fall = Promise.withResolvers<DatabaseError>();
  #fallen: DatabaseError | null = null;

  private constructor(name: string, pglite: PGlite, statements: PgliteStatements, slow: SlowStatements) {
    this.#slow = slow;
    this.name = name;
    this.#pglite = pglite;
    this.#statements = statements;
  }

  /**
   * @param folder  null: in memory, gone when closed. Two processes must never open one: the caller holds a lock.
   * @param imagePath  of the archive that a new one begins with, if it is there; default: the bundle's
   */
  static async open(
    folder: string | null,
    imagePath?: string,
    slow: SlowStatements = { slowStatementMs: Infinity, slow: () => {} },
  ): Promise<PgliteDatabase> {
    compileLate();
    const { PGlite } = await import("@electric-sql/pglite");
    const { PgliteStatements } = await import("./pglite-statements.ts");
    const data = folder === null ? null : join(folder, "pgdata");
    try {
      if (data !== null && !existsSync(data)) await makeFolder(data, imagePath);
      const image = data === null ? readPgliteImage(imagePath) : null;
      const pglite = await PGlite.create({
        ...(data === null ? { startParams: [...PGlite.defaultStartParams, ...FEW_BUFFERS] } : { dataDir: data }),
        ...(image === null ? { initDbStartParams: SMALL_SEGMENTS } : { loadDataDir: new WholeBlob(image) }),
        // An answered statement is on the disk: relaxed, it would be answered before.
        relaxedDurability: false,
        parsers: { [INT8]: Number, [NUMERIC]: Number },
      });
      await pglite.exec(
        Object.entries(PLANNING)
          .map(([name, value]) => `set ${name} = ${value};`)
          .join("\n"),
      );
      return new PgliteDatabase(folder ?? "memory", pglite, new PgliteStatements(pglite), slow);
    } catch (error) {
      throw databaseError(error);
    }
  }

  get fallen(): Promise<DatabaseError> {
    return this.#fall.promise;
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#unlessFallen(this.#pglite._runExclusiveTransaction(() => this.#run<Row>(sql, parameters)));
  }

  async #run<Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    if (this.#fallen !== null) throw this.#fallen;
    const started = performance.now();
    try {
      return await this.#statements.run<Row>(sql, parameters);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#tellSlow(sql, started);
    }
  }

  async script(sql: string): Promise<void> {
    if (this.#fallen !== null) throw this.#fallen;
    const started = performance.now();
    try {
      await this.#pglite.exec(sql);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#tellSlow(sql, started);
    }
  }

  /** It is this process that it keeps busy: nobody is answered meanwhile. */
  #tellSlow(sql: string, started: number): void {
    const milliseconds = performance.now() - started;
    if (milliseconds >= this.#slow.slowStatementMs) this.#slow.slow(sql, milliseconds);
  }

  /**
   * A server that gives up (a log that cannot be written, as on a full disk) ends itself, and its next statement would
   * keep this process busy for ever: so there is none.
   */
  #failure(error: unknown): DatabaseError {
    const failure = databaseError(error);
    if ((error as { severity?: unknown }).severity === "PANIC" && this.#fallen === null) {
      this.#fallen = failure;
      this.#fall.resolve(failure);
    }
    return failure;
  }

  /** What waits for its turn would wait for ever. */
  #unlessFallen<T>(work: Promise<T>): Promise<T> {
    if (this.#fallen !== null) return Promise.reject(this.#fallen);
    return new Promise<T>((resolve, reject) => {
      work.then(resolve, reject);
      void this.#fall.promise.then(reject);
    });
  }

  async transaction<T>(isolation: Isolation, work: (inside: Queryable) => Promise<T>): Promise<T> {
    let failure: unknown;
    const transaction = this.#pglite.transaction(async (inside) => {
      try {
        await inside.query(`set transaction isolation level ${isolation.replace(",", " ")}`);
        return await work({ query: (sql, parameters = []) => this.#run(sql, parameters) });
      } catch (error) {
        failure = error;
        // PGlite would roll it back.
        if (this.#fallen !== null) await new Promise(() => {});
        throw error;
      }
    });
    try {
      return (await this.#unlessFallen(transaction)) as T;
    } catch (error) {
      throw failure ?? this.#failure(error);
    }
  }

  async listen(channels: readonly string[], heard: (channel: string, payload: string) => void): Promise<void> {
    for (const channel of channels) await this.#pglite.listen(channel, (payload) => heard(channel, payload));
  }

  /** There is nobody else. */
  async holdLock(): Promise<HeldLock> {
    return { backend: 0, release: async () => {} };
  }

  async vacuum(): Promise<number> {
    const due = await this.query<{ name: string }>(TO_VACUUM, []);
    for (const { name } of due) await this.script(`vacuum (analyze) ${name}`);
    return due.length;
  }

  /**
   * Its folder as a tar archive for others to begin from. The databases that `create database` copies are dropped
   * first: nobody makes another one, and they are two thirds of the files.
   */
  async archive(): Promise<Uint8Array> {
    await this.#pglite.exec("update pg_database set datistemplate = false where datname <> current_database()");
    for (const { datname } of await this.query<{ datname: string }>(
      "select datname from pg_database where datname <> current_database()",
    ))
      await this.#pglite.exec(`drop database "${datname}"`);
    // What is written anew after it is 16 MB of zeros.
    await this.#pglite.exec("checkpoint");
    return new Uint8Array(await (await this.#pglite.dumpDataDir("none")).arrayBuffer());
  }

  async close(): Promise<void> {
    if (this.#fallen === null) await this.#pglite.close();
  }
}

/**
 * V8 compiles a function of WebAssembly again, for speed, when so many bytes of code have run in it (13 MB by itself):
 * of PGlite's 15,000 that would be hundreds while it begins, at 0.8 s of processor time and 300 MB. What stays hot gets
 * there within a minute of work.
 */
const TIERING_BUDGET_BYTES = 1_000_000_000;

function compileLate(): void {
  if (process.versions.v8.startsWith("13.6.")) setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET_BYTES}`);
}

/**
 * An archive: a blob copies what it is made of, and once more what is asked of it; this one gives what it has, and
 * what lies behind the archive's end, where nobody looks.
 */
class WholeBlob extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super([]);
    this.#bytes = bytes;
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return Promise.resolve(byteOffset === 0 ? buffer : buffer.slice(byteOffset, byteOffset + byteLength));
  }
}

/** @param data  appears when it is whole */
async function makeFolder(data: string, imagePath?: string): Promise<void> {
  mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
  const image = readPgliteImage(imagePath);
  if (image !== null) return unpackPgliteImage(image, data);
  const { PGlite } = await import("@electric-sql/pglite");
  const draft = draftOf(data);
  await (await PGlite.create({ dataDir: draft, initDbStartParams: SMALL_SEGMENTS })).close();
  renameSync(draft, data);
}
