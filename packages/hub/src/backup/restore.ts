/** Brings a backup into an empty database, as a whole or not at all. */
import { createHash } from "node:crypto";
import type { Database, Queryable } from "../database/database.ts";
import { migrate, SCHEMA_VERSION } from "../store/migrations/migrate.ts";
import { BACKED_UP_TABLES, NUMBERED_TABLES } from "./dump.ts";

const INSERT_ROWS = 500;
const INSERT_CHARACTERS = 4 << 20;
/** Before each transaction that the new server can have. */
const RESTORED_TX = "-(1::bigint << 52)";

/**
 * Transactions of the old server become ones before all of the new one, in the same order, so that the chain of events
 * goes on. Runs that lived are live again, and their leases begin anew: their workers go on, or their hosts are found
 * silent.
 *
 * @returns rows of each table
 * @throws Error in words for a database that is not empty, a backup that is damaged, cut short, or of another version
 */
export async function restoreDatabase(
  database: Database,
  lines: AsyncIterable<string>,
  leaseSeconds: number,
): Promise<Record<string, number>> {
  await migrate(database);
  return database.transaction("read committed", async (inside) => {
    const [used] = await inside.query<{ found: boolean }>(
      "select exists (select 1 from task) or exists (select 1 from event) or exists (select 1 from api_key) as found",
    );
    if (used!.found)
      throw new Error(`${database.name}: a hub has worked with this database; a backup goes into an empty one`);
    await inside.query(`truncate ${BACKED_UP_TABLES.join(", ")}`);
    const counts: Record<string, number> = Object.fromEntries(BACKED_UP_TABLES.map((table) => [table, 0]));
    const hash = createHash("sha256");
    let isEnded = false;
    let isBegun = false;
    let table = "";
    let rows: string[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      if (rows.length > 0) await insertRows(inside, table, rows);
      rows = [];
      characters = 0;
    };
    for await (const line of lines) {
      if (isEnded) throw new Error("the backup goes on after its end");
      const value = parse(line);
      if (value["sha256"] !== undefined) {
        if (hash.digest("hex") !== value["sha256"]) throw new Error("the backup is damaged: its digest differs");
        for (const [name, count] of Object.entries(value["end"] as Record<string, number>))
          if (counts[name] !== count)
            throw new Error(`the backup is damaged: ${counts[name]} of ${count} rows of ${name}`);
        isEnded = true;
        continue;
      }
      hash.update(`${line}\n`);
      if (!isBegun) {
        if (value["stratosHubBackup"] !== 1) throw new Error("this is no backup of a hub");
        if (value["schema"] !== SCHEMA_VERSION)
          throw new Error(`the backup is of schema ${String(value["schema"])}, this program of ${SCHEMA_VERSION}`);
        isBegun = true;
        continue;
      }
      const name = value["table"] as string;
      if (!(name in counts)) throw new Error(`the backup is damaged: no table ${name}`);
      if (name !== table || rows.length >= INSERT_ROWS || characters >= INSERT_CHARACTERS) await flush();
      table = name;
      rows.push(line.slice(line.indexOf('"row":') + 6, -1));
      characters += line.length;
      counts[name]!++;
    }
    if (!isEnded) throw new Error("the backup is cut short: its end is missing");
    await flush();
    await inside.query(`
      with t as (select tx, dense_rank() over (order by tx) as place from event group by tx)
      update event set tx = ${RESTORED_TX} + t.place from t where event.tx = t.tx`);
    await renumberSeals(inside);
    await inside.query(
      "update run set lease_until = now() + make_interval(secs => $1) where state in ('ASSIGNED','RUNNING')",
      [leaseSeconds],
    );
    for (const numbered of NUMBERED_TABLES) {
      await inside.query(
        `select setval(pg_get_serial_sequence('${numbered}', 'id'), (select coalesce(max(id), 0) + 1 from ` +
          `${numbered}), false)`,
      );
    }
    return counts;
  });
}

/** A seal ends with the transaction of its last event: how many events came before says which that is now. */
async function renumberSeals(inside: Queryable): Promise<void> {
  await inside.query(`
    with e as (select tx, row_number() over (order by tx, id) as place from event),
    s as (select number, sum(events) over (order by number) as place from seal)
    update seal set through_tx = e.tx from s join e on e.place = s.place where seal.number = s.number`);
}

async function insertRows(inside: Queryable, table: string, rows: readonly string[]): Promise<void> {
  await inside.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`, [
    `[${rows.join(",")}]`,
  ]);
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`the backup is damaged: ${(error as Error).message}`, { cause: error });
  }
}

/** Counts rows of each table, for `hub migrate`, which compares. */
export async function countRows(on: Queryable): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of BACKED_UP_TABLES)
    counts[table] = (await on.query<{ count: number }>(`select count(*) as count from ${table}`))[0]!.count;
  return counts;
}
