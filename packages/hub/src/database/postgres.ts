/**
 * A PostgreSQL server. Each connection answers bounded statements; one more listens, one more may hold the leader's
 * lock.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import pg from "pg";
import { PLANNING } from "./planning.ts";
import { withoutPassword } from "./place-name.ts";
import { databaseError, type Database, type HeldLock, type Isolation, type Queryable } from "./database.ts";

interface PostgresOptions {
  /** `postgres://user@host/database`, or with `?host=/folder` a Unix socket. */
  readonly url: string;
  /** Connections of the pool. */
  readonly poolSize: number;
  /** A statement that takes longer is told to `slow`. */
  readonly slowStatementMs: number;
  readonly slow: (sql: string, milliseconds: number) => void;
  /** Absent: they are ordinary ones. */
  readonly socket?: () => Socket;
}

const STATEMENT_TIMEOUT_MS = 60_000;
/** A transaction that idles keeps dead rows from being vacuumed, which makes each claim slower. */
const IDLE_TRANSACTION_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT_DELAY_MS = 500;

const INT8 = 20;
const NUMERIC = 1700;
const typeParsers = {
  getTypeParser: (type: number, format?: "text" | "binary"): unknown =>
    type === INT8 || type === NUMERIC ? Number : pg.types.getTypeParser(type, format as "text"),
} as pg.CustomTypesConfig;

export class PostgresDatabase implements Database {
  readonly name: string;
  readonly isShared = true;
  readonly #options: PostgresOptions;
  readonly #settings: pg.ClientConfig;
  readonly #pool: pg.Pool;
  readonly #extra = new Set<pg.Client>();
  #slowStatementMs: number;
  #isClosed = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#slowStatementMs = options.slowStatementMs;
    this.name = withoutPassword(options.url);
    this.#settings = {
      connectionString: options.url,
      application_name: "stratos-hub",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
      keepAlive: true,
      options: Object.entries(PLANNING)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(" "),
      types: typeParsers,
      ...(options.socket && { stream: options.socket }),
    };
    this.#pool = new pg.Pool({ ...this.#settings, max: options.poolSize });
    // A connection that breaks while it idles is replaced at its next use.
    this.#pool.on("error", () => {});
    // One that the server ends in the moment in which it is handed out is nobody's, and its error would end the hub:
    // who has it learns it from the next statement.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#run<Row>(this.#pool, sql, parameters);
  }

  async script(sql: string): Promise<void> {
    try {
      await this.#pool.query(sql);
    } catch (error) {
      throw databaseError(error);
    }
  }

  async transaction<T>(isolation: Isolation, work: (inside: Queryable) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw databaseError(error);
    });
    let broken: Error | null = null;
    const noteBroken = (error: Error): void => void (broken = error);
    client.on("error", noteBroken);
    try {
      await this.#run(client, `begin isolation level ${isolation}`, []);
      const result = await work({ query: (sql, parameters = []) => this.#run(client, sql, parameters) });
      await this.#run(client, "commit", []);
      return result;
    } catch (error) {
      await client.query("rollback").catch(noteBroken);
      throw error;
    } finally {
      client.off("error", noteBroken);
      client.release(broken ?? undefined);
    }
  }

  async #run<Row>(on: pg.Pool | pg.PoolClient, sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    const started = performance.now();
    try {
      // What is planned is prepared once for each connection.
      const named = PLANNED.test(sql) ? { name: statementName(sql), text: sql } : { text: sql };
      const result = await on.query({ ...named, values: [...parameters] });
      return result.rows as Row[];
    } catch (error) {
      throw databaseError(error);
    } finally {
      const milliseconds = performance.now() - started;
      if (milliseconds >= this.#slowStatementMs) this.#options.slow(sql, milliseconds);
    }
  }

  async listen(channels: readonly string[], heard: (channel: string, payload: string) => void): Promise<void> {
    const connect = async (): Promise<void> => {
      const client = new pg.Client(this.#settings);
      let isOver = false;
      const again = (): void => {
        if (isOver || this.#isClosed) return;
        isOver = true;
        this.#extra.delete(client);
        void client.end().catch(() => {});
        const retry = (): void => {
          if (!this.#isClosed)
            void connect().then(
              () => heard("", ""),
              () => setTimeout(retry, RECONNECT_DELAY_MS),
            );
        };
        setTimeout(retry, RECONNECT_DELAY_MS);
      };
      client.on("error", again).on("end", again);
      client.on("notification", ({ channel, payload }) => heard(channel, payload ?? ""));
      try {
        await client.connect();
        for (const channel of channels) await client.query(`listen ${channel}`);
      } catch (error) {
        isOver = true;
        await client.end().catch(() => {});
        throw databaseError(error);
      }
      this.#extra.add(client);
    };
    await connect();
  }

  async holdLock(key: number, lost: () => void, signal: AbortSignal): Promise<HeldLock> {
    // It may wait for long: no statement timeout, and a look at the socket now and then.
    const client = new pg.Client({ ...this.#settings, statement_timeout: 0 });
    let isHeld = false;
    const onLost = (): void => {
      this.#extra.delete(client);
      if (isHeld) lost();
      isHeld = false;
    };
    client.on("error", onLost).on("end", onLost);
    const stop = (): void => void client.end().catch(() => {});
    try {
      await client.connect();
      this.#extra.add(client);
      signal.addEventListener("abort", stop, { once: true });
      signal.throwIfAborted();
      const { rows } = await client.query("select pg_backend_pid() as backend");
      await client.query("select pg_advisory_lock($1)", [key]);
      isHeld = true;
      return {
        backend: Number((rows[0] as { backend: number }).backend),
        release: async () => {
          isHeld = false;
          await client.end().catch(() => {});
        },
      };
    } catch (error) {
      stop();
      throw databaseError(error);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  tune({ poolSize, slowStatementMs }: { readonly poolSize?: number; readonly slowStatementMs?: number }): void {
    // Asked for whenever a connection is: those that are too many go as they idle.
    if (poolSize !== undefined) this.#pool.options.max = poolSize;
    if (slowStatementMs !== undefined) this.#slowStatementMs = slowStatementMs;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#extra].map((client) => client.end().catch(() => {})));
    await this.#pool.end();
  }
}

const PLANNED = /^\s*(?:select|with|insert|update|delete)\b/;

const names = new Map<string, string>();
const NAMES_MAX = 2_000;

function statementName(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    if (names.size >= NAMES_MAX) names.clear();
    name = createHash("sha256").update(sql).digest("hex").slice(0, 32);
    names.set(sql, name);
  }
  return name;
}
