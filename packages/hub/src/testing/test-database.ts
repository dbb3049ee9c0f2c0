/**
 * Databases of tests' own: PGlite in memory, and a PostgreSQL server that an ordinary user runs in a folder, when the
 * host has one.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statOfProcess } from "@stratos/host-node/files";
import { openDatabase, type DatabaseOptions } from "../database/open-database.ts";
import type { Database } from "../database/database.ts";
import { keptDatabaseImage } from "../store/migrations/kept-image.ts";
import { migrate } from "../store/migrations/migrate.ts";

export interface TestServer {
  /** A new, empty database on it. */
  createDatabase(): string;
  /** `place`: as createDatabase() answered it. */
  dropDatabase(place: string): void;
  stop(): void;
  /** Kills it, as a failing computer would, and starts it again; what it had promised is there. */
  restart(): void;
  /** Processor time of all its processes since it was made. */
  cpuSeconds(): number;
  /** Runs SQL as its superuser. */
  sql(database: string, text: string): string;
  readonly folder: string;
}

const NOBODY = 65_534;

/** Null: this host has no PostgreSQL. */
export function postgresBinaries(): string | null {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root)
        .filter((name) => /^\d+$/.test(name))
        .sort((a, b) => Number(b) - Number(a))
    : [];
  return versions.length === 0 ? null : join(root, versions[0]!, "bin");
}

/** Starts in about two seconds; listens on a socket in its own folder alone. `settings`: lines of postgresql.conf. */
export function startPostgres(settings: readonly string[] = []): TestServer {
  const binaries = postgresBinaries();
  if (binaries === null) throw new Error("PostgreSQL is needed: apt-get install postgresql");
  const folder = mkdtempSync(join(tmpdir(), "hub-pg-"));
  chmodSync(folder, 0o755);
  const data = join(folder, "data");
  const isRoot = process.getuid!() === 0;
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  // PostgreSQL refuses to run as root.
  const run = (program: string, ...args: string[]): string => {
    const options = {
      encoding: "utf8" as const,
      cwd: folder,
      env: { ...process.env, LC_ALL: "C.UTF-8" },
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    };
    const result = spawnSync(join(binaries, program), args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    if (result.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${result.stderr}`);
    return result.stdout;
  };
  run("initdb", "--pgdata", data, "--auth", "trust", "--username", "hub", "--no-sync", "--encoding", "UTF8");
  const set = [
    "listen_addresses=''",
    `unix_socket_directories='${folder}'`,
    "fsync=off",
    "max_connections=200",
    ...settings,
  ]
    .map((line) => `-c ${line}`)
    .join(" ");
  const start = (): void =>
    void run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", join(folder, "log"), "--options", set);
  start();
  let made = 0;
  let before = 0;
  const cpuSeconds = (): number =>
    before + cpuSecondsOf(Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]));
  const sql = (database: string, text: string): string =>
    run("psql", "-h", folder, "-U", "hub", "-d", database, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", text).trim();
  return {
    folder,
    sql,
    cpuSeconds,
    createDatabase: () => {
      const name = `hub${++made}`;
      sql("postgres", `create database ${name}`);
      return `postgres://hub@localhost/${name}?host=${encodeURIComponent(folder)}`;
    },
    dropDatabase: (place) => void sql("postgres", `drop database ${new URL(place).pathname.slice(1)} with (force)`),
    restart: () => {
      before = cpuSeconds();
      run("pg_ctl", "stop", "--mode", "immediate", "--wait", "--pgdata", data);
      start();
    },
    stop: () => {
      spawnSync(
        join(binaries, "pg_ctl"),
        ["stop", "--mode", "immediate", "--pgdata", data],
        isRoot ? { uid: NOBODY, gid: NOBODY } : {},
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of a server's first process, and of those that it has started, proc(5). */
function cpuSecondsOf(postmaster: number): number {
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = statOfProcess(Number(name)).map(Number);
      const isFirst = Number(name) === postmaster;
      if (!isFirst && fields[1] !== postmaster) continue;
      // Of the first also what its children had that are over.
      for (const field of isFirst ? [11, 12, 13, 14] : [11, 12]) ticks += fields[field]!;
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / 100;
}

const ROOT = join(import.meta.dirname, "../../../..");

/** In memory it begins with the clone's archive of tables: to make them takes longer than most tests. */
export function openTestDatabase(place: string, options: DatabaseOptions = {}): Promise<Database> {
  return openDatabase(place, { imagePath: keptDatabaseImage(ROOT), ...options });
}

export async function openMigrated(place: string, options: DatabaseOptions = {}): Promise<Database> {
  const database = await openTestDatabase(place, options);
  await migrate(database);
  return database;
}
