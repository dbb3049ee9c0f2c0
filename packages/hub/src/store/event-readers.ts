/** Readers who see each event once: how far one came is kept with what it makes of them, in one transaction. */
import type { Database, Queryable } from "../database/database.ts";
import { EVENT_START, lastCursor, type EventCursor } from "./events.ts";

export interface Progress {
  readonly seen: number;
  /** Of the last event that was seen; null: there was none. */
  readonly tx: number | null;
  readonly id: number | null;
}

/**
 * @param reader  its name; one that is new is told of what comes, not of what was
 * @returns how many events were seen
 */
export async function readNewEvents(
  database: Database,
  reader: string,
  work: (inside: Queryable, after: EventCursor) => Promise<Progress>,
): Promise<number> {
  const [kept] = await database.query<{ value: string }>("select value from setting where name = $1", [reader]);
  if (kept === undefined) {
    const { tx, id } = await lastCursor(database);
    await database.query("insert into setting (name, value) values ($1, $2) on conflict do nothing", [
      reader,
      `${tx} ${id}`,
    ]);
    return 0;
  }
  return database.transaction("read committed", async (inside) => {
    const [row] = await inside.query<{ value: string }>("select value from setting where name = $1 for update", [
      reader,
    ]);
    const [tx, id] = row!.value.split(" ").map(Number);
    const moved = await work(inside, { tx: tx ?? EVENT_START.tx, id: id ?? 0 });
    if (moved.tx !== null)
      await inside.query("update setting set value = $2 where name = $1", [reader, `${moved.tx} ${moved.id}`]);
    return moved.seen;
  });
}

/** Readers, by the names of their marks. */
const READERS = ["alerts", "webhooks"];

/** @returns the transaction to which all readers came; of events up to it none is waited for */
export async function slowestReader(on: Queryable): Promise<number> {
  const [row] = await on.query<{ tx: number | null }>(
    "select min(split_part(value, ' ', 1)::bigint) as tx from setting where name = any($1)",
    [READERS],
  );
  return row!.tx ?? Number.MAX_SAFE_INTEGER;
}
