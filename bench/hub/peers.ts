/**
 * The queues that others build on PostgreSQL, beside which the hub is measured: pg-boss (batches) and graphile-worker
 * (jobs one by one). Fetched when they are asked for: nothing else needs them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const PG_BOSS = "12.38.0";
const GRAPHILE_WORKER = "0.18.0";

/** What is used of pg-boss. @see https://timgit.github.io/pg-boss/ */
interface PgBoss {
  start(): Promise<unknown>;
  stop(options: { readonly graceful: boolean }): Promise<void>;
  on(event: "error", listener: (error: Error) => void): void;
  createQueue(name: string): Promise<void>;
  insert(name: string, jobs: readonly { readonly data: object }[]): Promise<unknown>;
  fetch(name: string, options: { readonly batchSize: number }): Promise<readonly { readonly id: string }[]>;
  complete(name: string, ids: readonly string[]): Promise<unknown>;
}

/** What is used of graphile-worker. @see https://worker.graphile.org/docs/library/run */
interface GraphileWorker {
  makeWorkerUtils(options: GraphileOptions): Promise<{
    addJob(task: string, payload: object): Promise<unknown>;
    migrate(): Promise<void>;
    release(): Promise<void>;
  }>;
  run(
    options: GraphileOptions & {
      readonly concurrency: number;
      readonly noHandleSignals: boolean;
      readonly taskList: Readonly<Record<string, () => Promise<void>>>;
    },
  ): Promise<{ stop(): Promise<void> }>;
  Logger: new (factory: () => () => void) => object;
}

interface GraphileOptions {
  readonly connectionString: string;
  readonly logger: object;
}

/** @param cache  where they stay for the next time */
export function peerQueues(cache: string): {
  readonly makePgBoss: (url: string) => PgBoss;
  readonly graphile: GraphileWorker;
} {
  const folder = join(cache, `queues-${PG_BOSS}-${GRAPHILE_WORKER}`);
  if (!existsSync(join(folder, "node_modules/graphile-worker"))) {
    mkdirSync(folder, { recursive: true });
    // By force: npm runs on the host's Node, and chooses what fits that one.
    const words = ["install", "--force", "--no-audit", "--no-fund", "--prefix", folder];
    const packages = [`pg-boss@${PG_BOSS}`, `graphile-worker@${GRAPHILE_WORKER}`];
    const { status, stderr } = spawnSync("npm", [...words, ...packages], { encoding: "utf8" });
    if (status !== 0) throw new Error(`npm: ${stderr}`);
  }
  const load = createRequire(join(folder, "package.json"));
  const { PgBoss: Boss } = load("pg-boss") as { readonly PgBoss: new (url: string) => PgBoss };
  return { makePgBoss: (url) => new Boss(url), graphile: load("graphile-worker") as GraphileWorker };
}
