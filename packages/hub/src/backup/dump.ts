/**
 * A backup: JSON lines, of one moment, whatever goes on meanwhile.
 *
 *     {"stratosHubBackup":1,"schema":12,"tables":["setting",…]}
 *     {"table":"task","row":{…}}                              a line for each row, table by table
 *     {"end":{"task":1234,…},"sha256":"…"}                    counts, and a digest over all bytes before this line
 */
import { createHash } from "node:crypto";
import type { Database, Queryable } from "../database/database.ts";
import { schemaVersion } from "../store/migrations/migrate.ts";

/** In an order in which none comes before what it refers to. `leader`: who leads is not remembered. */
export const BACKED_UP_TABLES = [
  "setting",
  "channel",
  "brake",
  "workflow",
  "task",
  "runnable",
  "waiting",
  "share",
  "edge",
  "run",
  "host",
  "event",
  "seal",
  "audit_rotation",
  "outbox",
  "log_chunk",
  "role",
  "role_grant",
  "policy",
  "api_key",
  "worker_certificate",
  "enrolment",
  "kerberos_request",
  "web_session",
  "idempotency",
  "artefact",
  "task_artefact",
  "package",
  "channel_package",
  "repository_file",
  "to_publish",
  "built_source",
  "bin_nmu",
  "webhook",
  "delivery",
  "secret",
  "ci_trigger",
  "trigger_delivery",
  "trigger_poll",
  "commit_status",
  "template",
  "failure_cause",
  "failed_run",
  "to_diagnose",
] as const;
/** Tables whose ids go on where they were. */
export const NUMBERED_TABLES = [
  "workflow",
  "task",
  "run",
  "event",
  "outbox",
  "webhook",
  "delivery",
  "to_publish",
  "trigger_delivery",
] as const;

const FETCH_ROWS = 500;

export function dumpDatabase(database: Database, signal: AbortSignal): ReadableStream<Uint8Array> {
  const pieces = new TransformStream<Uint8Array, Uint8Array>();
  const writer = pieces.writable.getWriter();
  // What waits for a reader that never comes would keep its transaction for ever; one that is there lets it go itself.
  const letGo = (): void => {
    if (!pieces.readable.locked) void pieces.readable.cancel(signal.reason).catch(() => {});
  };
  signal.addEventListener("abort", letGo, { once: true });
  const write = async (): Promise<void> => {
    const schema = await schemaVersion(database);
    await database.transaction("repeatable read, read only", async (inside) => {
      const hash = createHash("sha256");
      const put = async (text: string): Promise<void> => {
        signal.throwIfAborted();
        const bytes = Buffer.from(text);
        hash.update(bytes);
        await writer.write(bytes);
      };
      await put(`${JSON.stringify({ stratosHubBackup: 1, schema, tables: BACKED_UP_TABLES })}\n`);
      const end: Record<string, number> = {};
      for (const table of BACKED_UP_TABLES) end[table] = await dumpTable(inside, table, put);
      await writer.write(Buffer.from(`${JSON.stringify({ end, sha256: hash.digest("hex") })}\n`));
    });
    await writer.close();
  };
  write().catch((error: unknown) => writer.abort(error).catch(() => {}));
  return pieces.readable;
}

/** By a cursor, so that no table needs to fit into memory. */
async function dumpTable(inside: Queryable, table: string, put: (text: string) => Promise<void>): Promise<number> {
  await inside.query(`declare dump no scroll cursor for select to_jsonb(t)::text as row from ${table} t`);
  let count = 0;
  for (;;) {
    const rows = await inside.query<{ row: string }>(`fetch ${FETCH_ROWS} from dump`);
    if (rows.length === 0) break;
    count += rows.length;
    await put(rows.map(({ row }) => `{"table":"${table}","row":${row}}\n`).join(""));
  }
  await inside.query("close dump");
  return count;
}
