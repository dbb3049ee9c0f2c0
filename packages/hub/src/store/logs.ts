/**
 * Logs by offset: a worker appends at the end that it knows, again if it must, and readers follow. A chunk that is
 * there already is answered as if it were new; one beyond the end is refused with the end.
 */
import type { Database } from "../database/database.ts";
import { HubError, notFound } from "./hub-error.ts";

export const LOG_CHUNK_BYTES_MAX = 1 << 20;
const LOG_BYTES_MAX = 256 << 20;
/** As much as one read takes from the database. */
const READ_BYTES = 256 << 10;

const APPEND = `
with r as materialized (
  select id, log_bytes from run where id = $1 and token = $2::uuid and state in ('ASSIGNED','RUNNING') and host = $5 \
for update
), c as (
  insert into log_chunk (run_id, start, content) select id, $3, $4 from r where log_bytes = $3 returning run_id
), u as (
  update run set log_bytes = $3 + length($4::bytea) from c where run.id = c.run_id returning run.log_bytes
)
select coalesce((select log_bytes from u), (select log_bytes from r)) as end_at, exists (select 1 from u) as is_new \
from r`;

/**
 * @returns the log's new end. @throws HubError 409 for a run that is not the host's, 416 for a gap, 413 over the bound
 */
export async function appendLog(
  database: Database,
  chunk: { run: number; token: string; host: string; start: number; content: Uint8Array },
): Promise<number> {
  const { run, token, host, start, content } = chunk;
  if (start + content.length > LOG_BYTES_MAX)
    throw new HubError(413, "log-too-long", `a log has at most ${LOG_BYTES_MAX} bytes`);
  if (content.length === 0) return start;
  const [row] = await database.query<{ end_at: number; is_new: boolean }>(APPEND, [run, token, start, content, host]);
  if (row === undefined) throw new HubError(409, "run-not-yours", `run ${run} is not, or no more, this worker's`);
  if (!row.is_new && start + content.length > row.end_at)
    throw new HubError(416, "log-gap", `the log ends at ${row.end_at}`, {
      headers: { "Upload-Offset": String(row.end_at) },
    });
  return row.end_at;
}

interface LogPart {
  readonly run: number;
  readonly start: number;
  readonly content: Uint8Array;
  /** The run has ended, and this is the end of its log. */
  readonly isEnd: boolean;
}

/** The log of a task's last run, of an attempt or of a run, from an offset on; null: the task has no such run. */
export async function readLog(
  database: Database,
  { task, attempt, run: wanted, start }: { task: number; attempt?: number; run?: number; start: number },
): Promise<LogPart | null> {
  const [run] = await database.query<{ id: number; is_live: boolean; log_bytes: number }>(
    `
    select id, state in ('ASSIGNED','RUNNING') as is_live, log_bytes from run
    where task_id = $1 and ($2::int is null or attempt = $2) and ($3::bigint is null or id = $3)
    order by id desc limit 1`,
    [task, attempt ?? null, wanted ?? null],
  );
  if (run === undefined) {
    const [known] = await database.query<{ id: number }>("select id from task where id = $1", [task]);
    if (known === undefined) throw notFound(`task ${task}`);
    return null;
  }
  const rows = await database.query<{ start: number; content: Uint8Array }>(
    `
    select start, content from log_chunk where run_id = $1 and start + length(content) > $2 and start < $2 \
+ ${READ_BYTES} order by start`,
    [run.id, start],
  );
  const pieces: Uint8Array[] = [];
  let end = start;
  for (const row of rows) {
    if (row.start > end) break;
    const piece = row.content.subarray(end - row.start);
    pieces.push(piece);
    end += piece.length;
  }
  return { run: run.id, start, content: Buffer.concat(pieces), isEnd: !run.is_live && end >= run.log_bytes };
}

/** The run of a task that came after another one of it; null: none has. */
export async function nextRun(database: Database, task: number, run: number): Promise<number | null> {
  const [next] = await database.query<{ id: number | null }>(
    "select min(id) as id from run where task_id = $1 and id > $2",
    [task, run],
  );
  return next?.id ?? null;
}
