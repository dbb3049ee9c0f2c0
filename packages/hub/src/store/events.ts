/**
 * What happened, in one order, and sealed: each batch of events has a hash over the batch before it and its own rows,
 * so that a row which is changed, taken out or put in later shows. Who could change all hashes from there on is found
 * by whoever noted a later one.
 */
import { createHash } from "node:crypto";
import type { EventView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import type { EventName } from "./event-names.ts";
import { HubError } from "./hub-error.ts";

interface EventRow {
  id: number;
  tx: number;
  at: Date;
  actor: string;
  what: string;
  task_id: number | null;
  run_id: number | null;
  detail: unknown;
}

const COLUMNS = "id, tx, at, actor, what, task_id, run_id, detail";
/** Transactions from here on may still commit events. */
const HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)";

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
    `select ${COLUMNS} from event where (tx, id) > ($1::bigint, $2::bigint) and tx < ${HORIZON} order by tx, id ` +
      "limit $3",
    [cursor.tx, cursor.id, limit],
  );
  return rows.map(view);
}

/** In the order in which they took effect: an event has its id from when its task was locked. */
export async function eventsOfTask(
  on: Queryable,
  task: number,
  { afterId, limit }: { afterId: number; limit: number },
): Promise<EventView[]> {
  const rows = await on.query<EventRow>(
    `select ${COLUMNS} from event where task_id = $1 and id > $2 order by id limit $3`,
    [task, afterId, limit],
  );
  return rows.map(view);
}

/** Newest first. */
export async function lastEvents(on: Queryable, limit: number): Promise<EventView[]> {
  return (await on.query<EventRow>(`select ${COLUMNS} from event order by tx desc, id desc limit $1`, [limit])).map(
    view,
  );
}

/** Newest first. */
export async function lastAlerts(on: Queryable, limit: number): Promise<EventView[]> {
  const rows = await on.query<EventRow>(
    `select ${COLUMNS} from event where what = 'ALERT' order by at desc, id desc limit $1`,
    [limit],
  );
  return rows.map(view);
}

/** The cursor behind which only what is yet to come stands. */
export async function lastCursor(on: Queryable): Promise<EventCursor> {
  const [row] = await on.query<EventCursor>(
    `select tx, id from event where tx < ${HORIZON} order by tx desc, id desc limit 1`,
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
    [JSON.stringify(events).replaceAll("\\u0000", "")],
  );
}

const FIRST_HASH = createHash("sha256").update("stratos hub events").digest("hex");
const SEAL_EVENTS = 1_000;

interface Seal {
  number: number;
  through_tx: number;
  events: number;
  hash: string;
}

/**
 * Seals the events that are not, up to about a thousand; a transaction's events stay together.
 * @returns how many
 */
export async function sealEvents(database: Database): Promise<number> {
  return database.transaction("read committed", async (inside) => {
    // One sealer at a time; the number's uniqueness would refuse another one, too.
    await inside.query("select pg_advisory_xact_lock($1)", [SEAL_LOCK]);
    const [last] = await inside.query<Seal>("select number, through_tx, hash from seal order by number desc limit 1");
    const after = last?.through_tx ?? EVENT_START.tx;
    const rows = await inside.query<EventRow>(
      `select ${COLUMNS} from event where tx > $1 and tx < ${HORIZON} and tx <= coalesce(
         (select tx from event where tx > $1 and tx < ${HORIZON} order by tx, id offset $2 limit 1), ${HORIZON})
       order by tx, id`,
      [after, SEAL_EVENTS - 1],
    );
    if (rows.length === 0) return 0;
    await inside.query("insert into seal (number, through_tx, events, hash) values ($1, $2, $3, $4)", [
      (last?.number ?? 0) + 1,
      rows.at(-1)!.tx,
      rows.length,
      batchHash(last?.hash ?? FIRST_HASH, rows),
    ]);
    return rows.length;
  });
}

const SEAL_LOCK = 7_470_003;

/** Over the rows' text, one JSON array to a line; jsonb's text from the database is the same whenever it is read. */
function batchHash(previous: string, rows: readonly EventRow[]): string {
  const hash = createHash("sha256").update(previous);
  for (const { id, at, actor, what, task_id, run_id, detail } of rows) {
    hash.update(`\n${JSON.stringify([id, at.toISOString(), actor, what, task_id, run_id, sorted(detail)])}`);
  }
  return hash.digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}

interface ChainHead {
  readonly number: number;
  readonly hash: string;
}

export async function chainHead(on: Queryable): Promise<ChainHead> {
  const [row] = await on.query<ChainHead>("select number, hash from seal order by number desc limit 1");
  return row ?? { number: 0, hash: FIRST_HASH };
}

/**
 * Computes the chain again.
 * @returns what is wrong with it, in words; null: nothing
 */
export async function verifyChain(on: Queryable): Promise<string | null> {
  let hash = FIRST_HASH;
  let number = 0;
  let after = EVENT_START.tx;
  for (;;) {
    const seals = await on.query<Seal>(
      "select number, through_tx, events, hash from seal where number > $1 order by number limit 100",
      [number],
    );
    if (seals.length === 0) return null;
    for (const seal of seals) {
      if (seal.number !== number + 1) return `seal ${number + 1} is missing`;
      const rows = await on.query<EventRow>(`select ${COLUMNS} from event where tx > $1 and tx <= $2 order by tx, id`, [
        after,
        seal.through_tx,
      ]);
      if (rows.length !== seal.events)
        return `seal ${seal.number} is over ${seal.events} events, of which ${rows.length} are there`;
      hash = batchHash(hash, rows);
      if (hash !== seal.hash)
        return `seal ${seal.number} does not fit its events, of ${rows[0]!.at.toISOString()} and later`;
      number = seal.number;
      after = seal.through_tx;
    }
  }
}
