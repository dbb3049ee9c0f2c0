/** What happened, in one order. Events are sealed (event-chain.ts). */
import type { EventView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import type { EventName } from "./event-names.ts";
import { HubError } from "./hub-error.ts";

export interface EventRow {
  id: number;
  tx: number;
  at: Date;
  actor: string;
  what: string;
  task_id: number | null;
  run_id: number | null;
  detail: unknown;
}

export const EVENT_COLUMNS = "id, tx, at, actor, what, task_id, run_id, detail";
/** Transactions from here on may still commit events. */
export const EVENT_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)";

export interface EventCursor {
  readonly tx: number;
  readonly id: number;
}
export const EVENT_START: EventCursor = { tx: -Number.MAX_SAFE_INTEGER, id: 0 };

export function parseCursor(text: string): EventCursor {
  const match = /^(-?\d{1,16})-(\d{1,16})$/.exec(text);
  if (match === null) throw new HubError(400, "bad-cursor", `${text}: no cursor of events`);
  return { tx: Number(match[1]), id: Number(match[2]) };
}

/**
 * Each event once, none forgotten; of two that touch one task, whose transactions overlapped, the later may come first.
 */
export async function eventsAfter(on: Queryable, cursor: EventCursor, limit: number): Promise<EventView[]> {
  const rows = await on.query<EventRow>(
    `select ${EVENT_COLUMNS} from event
     where (tx, id) > ($1::bigint, $2::bigint) and tx < ${EVENT_HORIZON} order by tx, id limit $3`,
    [cursor.tx, cursor.id, limit],
  );
  return rows.map(view);
}

/**
 * Where a reader goes on whose last event that was, here: a restored or moved database has its events under other
 * transactions (backup/restore.ts) and counts its own from low ones on, which a cursor of before would all hide. What
 * was written after the backup is not there; who saw it goes on behind what was restored.
 *
 * @throws HubError 400 for a cursor that this hub has not given yet
 */
export async function placeOf(on: Queryable, cursor: EventCursor): Promise<EventCursor> {
  const [known] = await on.query<{ here: boolean; early: boolean; tx: number | null; id: number | null }>(
    `select exists (select from event where tx = $1 and id = $2) as here, $1 < ${EVENT_HORIZON} as early, r.tx, r.id
     from (select 1) one left join (select tx, id from event where tx < 0 order by tx desc, id desc limit 1) r on true`,
    [cursor.tx, cursor.id],
  );
  const { here, early, tx, id } = known!;
  // A restored one that is not there was taken out, which callers ask next (`requireNoneGone`).
  if (here || cursor.tx < 0 || (early && (tx === null || cursor.id === 0))) return cursor;
  if (tx === null)
    throw new HubError(400, "bad-cursor", `${cursor.tx}-${cursor.id}: this hub has told of no such event yet`);
  const [moved] = await on.query<EventCursor>("select tx, id from event where tx < 0 and id = $1 limit 1", [cursor.id]);
  return moved ?? { tx, id: id! };
}

/** In `setting`, as the marks of readers are: the last event that was taken out into a file. */
export const TAKEN_OUT_MARK = "taken-out";

/**
 * For who goes on behind a cursor, after it was read what is behind it: events may be taken out at any time.
 *
 * @returns the last event that was taken out, where some behind the cursor are gone
 */
export async function lastGone(on: Queryable, cursor: EventCursor): Promise<EventCursor | null> {
  const [mark] = await on.query<{ tx: number; id: number }>(
    `select split_part(value, ' ', 1)::bigint as tx, split_part(value, ' ', 2)::bigint as id from setting
     where name = $1`,
    [TAKEN_OUT_MARK],
  );
  if (mark === undefined || cursor.tx > mark.tx || (cursor.tx === mark.tx && cursor.id >= mark.id)) return null;
  return mark;
}

/**
 * The same for who is to be refused.
 *
 * @throws HubError 410, with the first event that there still is (`first`)
 */
export async function requireNoneGone(on: Queryable, cursor: EventCursor): Promise<void> {
  const gone = await lastGone(on, cursor);
  if (gone === null) return;
  const [first] = await eventsAfter(on, gone, 1);
  throw new HubError(
    410,
    "events-gone",
    `events behind ${cursor.tx}-${cursor.id} were taken out of the hub into a file (\`hub audit rotate\`); ` +
      (first === undefined
        ? "there are none yet behind those"
        : `the first one here is ${first.cursor}, of ${first.at}`),
    { members: { first: first ?? null } },
  );
}

/** In the order in which they took effect: an event has its id from when its task was locked. */
export async function eventsOfTask(
  on: Queryable,
  task: number,
  { afterId, limit }: { afterId: number; limit: number },
): Promise<EventView[]> {
  const rows = await on.query<EventRow>(
    `select ${EVENT_COLUMNS} from event where task_id = $1 and id > $2 order by id limit $3`,
    [task, afterId, limit],
  );
  return rows.map(view);
}

/** Newest first. */
export async function lastEvents(on: Queryable, limit: number): Promise<EventView[]> {
  return (
    await on.query<EventRow>(`select ${EVENT_COLUMNS} from event order by tx desc, id desc limit $1`, [limit])
  ).map(view);
}

/** Newest first. */
export async function lastAlerts(on: Queryable, limit: number): Promise<EventView[]> {
  const rows = await on.query<EventRow>(
    `select ${EVENT_COLUMNS} from event where what = 'ALERT' order by at desc, id desc limit $1`,
    [limit],
  );
  return rows.map(view);
}

/** The cursor behind which only what is yet to come stands. */
export async function lastCursor(on: Queryable): Promise<EventCursor> {
  const [row] = await on.query<EventCursor>(
    `select tx, id from event where tx < ${EVENT_HORIZON} order by tx desc, id desc limit 1`,
  );
  return row ?? EVENT_START;
}

function view(row: EventRow): EventView {
  return {
    id: row.id,
    cursor: `${row.tx}-${row.id}`,
    at: row.at.toISOString(),
    actor: row.actor,
    what: row.what,
    task: row.task_id,
    run: row.run_id,
    detail: row.detail,
  };
}

export interface NewEvent {
  readonly actor: string;
  readonly what: EventName;
  readonly task?: number | null;
  readonly detail?: unknown;
}

export async function writeEvents(on: Queryable, events: readonly NewEvent[]): Promise<void> {
  await on.query(
    "insert into event (actor, what, task_id, detail) select actor, what, task, detail from " +
      "jsonb_to_recordset($1::jsonb) as x(actor text, what text, task bigint, detail jsonb)",
    [jsonText(events)],
  );
}
