/** The events of the database as a chain (audit/chain.ts): sealed, checked, and taken out into files. */
import {
  CHAIN_START,
  entryText,
  sealFault,
  sealOf,
  type ChainFault,
  type ChainPlace,
  type Seal,
} from "../audit/chain.ts";
import { endLine, headLine, sealLines } from "../audit/audit-file.ts";
import type { Database, Queryable } from "../database/database.ts";
import { EVENT_COLUMNS, EVENT_HORIZON, EVENT_START, TAKEN_OUT_MARK, writeEvents, type EventRow } from "./events.ts";
import { slowestReader } from "./event-readers.ts";
import { HubError } from "./hub-error.ts";
import { ADVISORY_LOCKS } from "../database/advisory-locks.ts";

const SEAL_EVENTS = 1_000;
const READ_SEALS = 100;

interface SealRow extends Seal {
  readonly through_tx: number;
}

const textOf = ({ id, at, actor, what, task_id, run_id, detail }: EventRow): string =>
  entryText([id, at.toISOString(), actor, what, task_id, run_id, detail]);

/**
 * Seals the events that are not, up to about a thousand; a transaction's events stay together.
 *
 * @returns how many
 */
export async function sealEvents(database: Database): Promise<number> {
  return database.transaction("read committed", async (inside) => {
    // One sealer at a time; the number's uniqueness would refuse another one, too.
    await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.seal]);
    const [last] = await inside.query<SealRow>(
      "select number, through_tx, hash from seal order by number desc limit 1",
    );
    const after = last?.through_tx ?? EVENT_START.tx;
    const rows = await inside.query<EventRow>(
      `select ${EVENT_COLUMNS} from event where tx > $1 and tx < ${EVENT_HORIZON} and tx <= coalesce(
         (select tx from event where tx > $1 and tx < ${EVENT_HORIZON} order by tx, id offset $2 limit 1),
         ${EVENT_HORIZON})
       order by tx, id`,
      [after, SEAL_EVENTS - 1],
    );
    if (rows.length === 0) return 0;
    const { number, hash, events, entries } = sealOf(last ?? CHAIN_START, rows.map(textOf));
    await inside.query("insert into seal (number, through_tx, events, hash, entries) values ($1, $2, $3, $4, $5)", [
      number,
      rows.at(-1)!.tx,
      events,
      hash,
      entries,
    ]);
    return rows.length;
  });
}

export async function chainHead(on: Queryable): Promise<ChainPlace> {
  const [row] = await on.query<ChainPlace>("select number, hash from seal order by number desc limit 1");
  return row ?? CHAIN_START;
}

/** The last seal whose events lie in files; the chain in the database goes on from there. */
export async function chainStart(on: Queryable): Promise<ChainPlace> {
  const [row] = await on.query<ChainPlace>("select number, hash from audit_rotation order by number desc limit 1");
  return row ?? CHAIN_START;
}

/** Seals and the texts of their events, in order, behind a seal; `after`: the last transaction of that one. */
async function* sealedEvents(
  on: Queryable,
  start: ChainPlace,
  after = EVENT_START.tx,
): AsyncGenerator<{ seal: SealRow; texts: string[] }> {
  let { number } = start;
  for (;;) {
    const seals = await on.query<SealRow>(
      `select number, through_tx, events, hash, entries from seal where number > $1 order by number
       limit ${READ_SEALS}`,
      [number],
    );
    if (seals.length === 0) return;
    for (let first = 0; first < seals.length;) {
      // A quiet hub's seals are small: many of them are read at once.
      let end = first;
      for (let events = 0; end < seals.length && (end === first || events + seals[end]!.events <= SEAL_EVENTS); end++)
        events += seals[end]!.events;
      const rows = await on.query<EventRow>(
        `select ${EVENT_COLUMNS} from event where tx > $1 and tx <= $2 order by tx, id`,
        [after, seals[end - 1]!.through_tx],
      );
      for (let row = 0; first < end; first++) {
        const seal = seals[first]!;
        const begin = row;
        while (row < rows.length && rows[row]!.tx <= seal.through_tx) row++;
        yield { seal, texts: rows.slice(begin, row).map(textOf) };
        ({ number, through_tx: after } = seal);
      }
    }
  }
}

/**
 * Computes the chain again, of what is in the database.
 *
 * @param on  of one moment, where events may be taken out meanwhile
 * @param from  a seal; what is up to it is not looked at. Absent: all that is in the database
 * @returns the first thing that is wrong with it; null: nothing
 */
export async function verifyChain(on: Queryable, from?: ChainPlace): Promise<ChainFault | null> {
  let place = from ?? (await chainStart(on));
  const seals = from && (await on.query<SealRow>("select through_tx from seal where number = $1", [from.number]));
  for await (const { seal, texts } of sealedEvents(on, place, seals?.[0]?.through_tx)) {
    const fault = sealFault(place, seal, texts);
    if (fault !== null) return fault;
    place = seal;
  }
  return null;
}

/** The last seal that may be taken out: older, read by all readers, and not the newest, from which sealing goes on. */
async function lastToTakeOut(on: Queryable, before: Date): Promise<number> {
  const [row] = await on.query<{ number: number | null }>(
    `select max(number) as number from seal
     where at < $1 and through_tx < $2 and number < (select max(number) from seal)`,
    [before, await slowestReader(on)],
  );
  return row!.number ?? 0;
}

/**
 * The file of what was sealed before a time; its seals are checked as it is made, so that a broken chain goes nowhere.
 *
 * @throws HubError 409 for a broken chain, in the middle of it
 */
export async function* exportAudit(on: Queryable, before: Date): AsyncGenerator<string> {
  const from = await chainStart(on);
  const last = await lastToTakeOut(on, before);
  let place = from;
  let count = 0;
  yield headLine(from);
  if (last > from.number)
    for await (const { seal, texts } of sealedEvents(on, from)) {
      if (seal.number > last) break;
      const fault = sealFault(place, seal, texts);
      if (fault !== null) throw new HubError(409, "broken-chain", `the chain is broken: ${fault.words}`);
      yield sealLines(seal, texts);
      count += texts.length;
      place = { number: seal.number, hash: seal.hash };
    }
  yield endLine(place, count);
}

/**
 * Takes out what a file has, up to a seal and with it, in steps, each of which leaves a chain.
 *
 * @returns how many events
 * @throws HubError 409 for a seal that is not of this chain, or whose events are still needed
 */
export async function takeOutEvents(database: Database, through: ChainPlace, actor: string): Promise<number> {
  const [there] = await database.query<ChainPlace>("select number, hash from seal where number = $1", [through.number]);
  if (there === undefined || there.hash !== through.hash)
    throw new HubError(409, "other-chain", `seal ${through.number} is not of this chain, or was taken out before`);
  if (through.number > (await lastToTakeOut(database, new Date(Number.MAX_SAFE_INTEGER / 1_000))))
    throw new HubError(409, "still-needed", `the events of seal ${through.number} are still needed here`);
  let taken = 0;
  for (let isEnd = false; !isEnd;) {
    taken += await database.transaction("read committed", async (inside) => {
      await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.seal]);
      const [step] = await inside.query<SealRow & { events: number }>(
        `with s as (select * from seal where number <= $1 order by number limit ${READ_SEALS})
         select number, hash, through_tx, (select sum(events)::bigint from s) as events from s
         order by number desc limit 1`,
        [through.number],
      );
      isEnd = step === undefined || step.number === through.number;
      if (step === undefined) return 0;
      await inside.query("insert into audit_rotation (number, hash, events, actor) values ($1, $2, $3, $4)", [
        step.number,
        step.hash,
        step.events,
        actor,
      ]);
      await inside.query(
        `insert into setting (name, value)
         select $2, tx || ' ' || id from event where tx <= $1 order by tx desc, id desc limit 1
         on conflict (name) do update set value = excluded.value`,
        [step.through_tx, TAKEN_OUT_MARK],
      );
      await inside.query("delete from event where tx <= $1", [step.through_tx]);
      await inside.query("delete from seal where number <= $1", [step.number]);
      const detail = { through: step.number, hash: step.hash, events: step.events };
      await writeEvents(inside, [{ actor, what: "AUDIT_ROTATED", detail }]);
      return step.events;
    });
  }
  return taken;
}
