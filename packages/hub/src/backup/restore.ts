/** Brings a backup into an empty database, as a whole or not at all. */
import { createHash } from "node:crypto";
import type { Database, Queryable } from "../database/database.ts";
import { TAKEN_OUT_MARK } from "../store/events.ts";
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
 * @throws Error in words for a database that is not empty, a backup that is damaged, cut short, or of a newer program
 */
export async function restoreDatabase(
  database: Database,
  lines: AsyncIterable<string>,
  leaseSeconds: number,
): Promise<Record<string, number>> {
  await migrate(database);
  await requireEmpty(database, database.name);
  const rest = lines[Symbol.asyncIterator]();
  try {
    const first = await rest.next();
    const header = first.done === true ? "null" : first.value;
    const { schema, tables } = readHeader(header);
    // What an older program wrote goes into tables of its time, which come forward as its hub's own would have.
    await migrate(database, schema);
    const counts = await load(database, { rest, header, tables }, leaseSeconds);
    await migrate(database);
    return { ...Object.fromEntries(BACKED_UP_TABLES.map((table) => [table, 0])), ...counts };
  } finally {
    await rest.return?.();
  }
}

async function requireEmpty(on: Queryable, name: string): Promise<void> {
  const [used] = await on.query<{ found: boolean }>(
    "select exists (select 1 from task) or exists (select 1 from event) or exists (select 1 from api_key) as found",
  );
  if (used!.found) throw new Error(`${name}: a hub has worked with this database; a backup goes into an empty one`);
}

/** @throws Error in words */
function readHeader(line: string): { schema: number; tables: readonly string[] } {
  const value = parse(line) as { stratosHubBackup?: unknown; schema?: unknown; tables?: unknown } | null;
  if (value?.stratosHubBackup !== 1) throw new Error("this is no backup of a hub");
  const { schema, tables } = value;
  if (!Number.isSafeInteger(schema) || (schema as number) < 1)
    throw new Error(`the backup is damaged: there is no schema ${String(schema)}`);
  if ((schema as number) > SCHEMA_VERSION)
    throw new Error(`the backup is of schema ${String(schema)}, newer than this program's, ${SCHEMA_VERSION}`);
  const known: readonly unknown[] = BACKED_UP_TABLES;
  if (!Array.isArray(tables) || tables.length === 0 || !tables.every((table) => known.includes(table)))
    throw new Error("the backup is damaged: it names tables that there are none of");
  return { schema: schema as number, tables: tables as string[] };
}

function load(
  database: Database,
  { rest, header, tables }: { rest: AsyncIterator<string>; header: string; tables: readonly string[] },
  leaseSeconds: number,
): Promise<Record<string, number>> {
  return database.transaction("read committed", async (inside) => {
    await requireEmpty(inside, database.name);
    await inside.query(`truncate ${tables.join(", ")}`);
    const counts: Record<string, number> = Object.fromEntries(tables.map((table) => [table, 0]));
    const hash = createHash("sha256").update(`${header}\n`);
    let isEnded = false;
    let table = "";
    let rows: string[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      if (rows.length > 0) await insertRows(inside, table, rows);
      rows = [];
      characters = 0;
    };
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      const line = next.value;
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
    await renumberMarks(inside);
    await inside.query(`
      with t as (select tx, dense_rank() over (order by tx) as place from event group by tx)
      update event set tx = ${RESTORED_TX} + t.place from t where event.tx = t.tx`);
    await renumberSeals(inside);
    await inside.query(
      "update run set lease_until = now() + make_interval(secs => $1) where state in ('ASSIGNED','RUNNING')",
      [leaseSeconds],
    );
    for (const numbered of NUMBERED_TABLES.filter((name) => tables.includes(name))) {
      await inside.query(
        `select setval(pg_get_serial_sequence('${numbered}', 'id'), (select coalesce(max(id), 0) + 1 from ` +
          `${numbered}), false)`,
      );
    }
    return counts;
  });
}

/**
 * How far readers of events came, and how far events were taken out, while events have their old transactions. A mark
 * of the old server would hide all events of a new one that has counted fewer.
 */
async function renumberMarks(inside: Queryable): Promise<void> {
  await inside.query(`
    with m as (
      select name, split_part(value, ' ', 1)::bigint as tx, split_part(value, ' ', 2)::bigint as id from setting
      where name in ('webhooks', 'alerts', '${TAKEN_OUT_MARK}') or name like 'plugin:%'
    ), n as (
      select name, ${RESTORED_TX} + (select count(distinct e.tx) from event e where e.tx <= m.tx) as tx,
        case when exists (select 1 from event e where e.tx = m.tx) then id else ${Number.MAX_SAFE_INTEGER} end as id
      from m
    )
    update setting set value = n.tx || ' ' || n.id from n where setting.name = n.name`);
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
