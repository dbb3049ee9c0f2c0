/**
 * What the hub asks of its database. Two members speak the same SQL (PostgreSQL 15 and later): a server, by connections
 * of a pool (postgres.ts), and PGlite, which is PostgreSQL in this process with one connection (pglite.ts).
 *
 * Rows come with `bigint` as number (ids and counts stay below 2^53), `timestamptz` as Date, `jsonb` as its value and
 * `bytea` as bytes. Parameters of type jsonb are given as text.
 */
export interface Queryable {
  /** @throws DatabaseError */
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Where it is, without passwords: for messages. */
  readonly name: string;
  /** Whether other hubs may be at work in the same database. */
  readonly isShared: boolean;
  /** Runs several statements, without parameters, as one. */
  script(sql: string): Promise<void>;
  /** What `work` does happens as a whole or not at all. */
  transaction<T>(isolation: Isolation, work: (inside: Queryable) => Promise<T>): Promise<T>;
  /**
   * Calls `heard` for each NOTIFY on the channels, until closed; lost connections are made anew, and told by
   * `heard("", "")`.
   */
  listen(channels: readonly string[], heard: (channel: string, payload: string) => void): Promise<void>;
  /** Keeps one session-level advisory lock, on a connection of its own. Settles when the lock is held. */
  holdLock(key: number, lost: () => void, signal: AbortSignal): Promise<HeldLock>;
  /** What a server's autovacuum does, where there is none. @returns of how many tables */
  vacuum?(): Promise<number>;
  /** Of one in this process: it gave up, and answers no more until the process is another. */
  readonly fallen?: Promise<DatabaseError>;
  /** Of a server's: from now on. */
  tune?(settings: { readonly poolSize?: number; readonly slowStatementMs?: number }): void;
  close(): Promise<void>;
}

export type Isolation = "read committed" | "repeatable read" | "repeatable read, read only";

export interface HeldLock {
  /** The server's process of the connection that holds it (pg_backend_pid). */
  readonly backend: number;
  release(): Promise<void>;
}

/** A statement failed. */
export class DatabaseError extends Error {
  /** SQLSTATE, or "" when the connection failed. */
  readonly code: string;
  readonly constraint: string;

  constructor(message: string, options: { code: string; constraint: string; cause: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.constraint = options.constraint;
  }

  get isDiskFull(): boolean {
    return this.code === "53100";
  }

  /** Whether the same statement may succeed when it is repeated: a connection, a deadlock, a server that restarts. */
  get isPassing(): boolean {
    return this.code === "" || this.code === "40001" || this.code === "40P01" || /^(08|57P0)/.test(this.code);
  }
}

export const SQL_FOREIGN_KEY_VIOLATION = "23503";

/** Both members' errors carry SQLSTATE and constraint under these names; a failure of a socket carries none. */
export function databaseError(cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const { message, code, constraint, syscall } = cause as {
    readonly message?: string;
    readonly code?: string;
    readonly constraint?: string;
    readonly syscall?: string;
  };
  // EPIPE has the form of an SQLSTATE; what fails in a system call is no answer of the database.
  const isState = syscall === undefined && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code);
  return new DatabaseError(message ?? String(cause), {
    code: isState ? code : "",
    constraint: constraint ?? "",
    cause,
  });
}
