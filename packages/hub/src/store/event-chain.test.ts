/**
 * Goal: whatever is done to a sealed entry, the check names it; and what is taken out into files is one chain with
 * what stays. Method: a database in memory, whose rows are changed by hand, and files that are.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkAuditFile, type AuditFileView } from "../audit/audit-file.ts";
import { openMigrated } from "../testing/test-database.ts";
import type { Database, Queryable } from "../database/database.ts";
import { dumpDatabase } from "../backup/dump.ts";
import { restoreDatabase } from "../backup/restore.ts";
import { linesOf } from "../backup/lines.ts";
import { chainHead, chainStart, exportAudit, sealEvents, takeOutEvents, verifyChain } from "./event-chain.ts";
import { lastEvents, writeEvents } from "./events.ts";
import { fsck } from "./fsck.ts";
import { migrate } from "./migrations/migrate.ts";

let database: Database;
before(async () => void (database = await openMigrated("memory")));
after(() => database.close());

const write = (...actors: string[]): Promise<void> =>
  writeEvents(
    database,
    actors.map((actor) => ({ actor, what: "ALLOWED", detail: { b: 1, a: [actor, { d: 2, c: "ä" }] } })),
  );
const idOf = async (actor: string): Promise<number> =>
  (await database.query<{ id: number }>("select id from event where actor = $1", [actor]))[0]!.id;
/** Far enough ahead: all that is sealed was before it. */
const LATER = new Date(Date.now() + 86_400_000);
async function exported(): Promise<string> {
  let text = "";
  for await (const piece of exportAudit(database, LATER)) text += piece;
  return text;
}
async function* linesIn(text: string): AsyncGenerator<string> {
  for (const line of text.split("\n")) if (line !== "") yield line;
}
const check = (text: string): Promise<AuditFileView> => checkAuditFile(linesIn(text));

test("the entry that was changed, taken out or put in is named", async () => {
  await write("ada", "bob", "cyd", "dan");
  await sealEvents(database);
  const [bob, cyd] = [await idOf("bob"), await idOf("cyd")];
  for (const [change, undo, entry, words] of [
    [
      "set actor = 'eve' where actor = 'bob'",
      "set actor = 'bob' where actor = 'eve'",
      bob,
      /ALLOWED by eve, was changed/,
    ],
    ["set tx = 0 - tx where actor = 'cyd'", "set tx = 0 - tx where actor = 'cyd'", cyd, /by cyd, was put in/],
    [
      "set tx = tx + 1000000 where actor = 'cyd'",
      "set tx = tx - 1000000 where actor = 'cyd'",
      bob,
      /behind entry .* was taken out/,
    ],
  ] as const) {
    await database.query(`update event ${change}`);
    const fault = await verifyChain(database);
    assert.deepEqual([fault?.seal, fault?.entry], [1, entry], change);
    assert.match(fault!.words, words);
    await database.query(`update event ${undo}`);
    assert.equal(await verifyChain(database), null);
  }
  const [{ hash }] = (await database.query("select hash from seal")) as [{ hash: string }];
  await database.query("update seal set hash = repeat('0', 64)");
  assert.match((await verifyChain(database))!.words, /the seal itself was changed/);
  await database.query("update seal set hash = $1, entries = null", [hash]);
  assert.equal(await verifyChain(database), null, "a seal of an older program");
  await database.query("update event set actor = 'eve' where actor = 'bob'");
  assert.match((await verifyChain(database))!.words, /does not fit its entries/);
  await database.query("update event set actor = 'bob' where actor = 'eve'");
});

test("many small seals are read at once, and from one on those behind it", async () => {
  for (let seal = 0; seal < 40; seal++) {
    await write(`small${seal}`);
    await sealEvents(database);
  }
  let asked = 0;
  const on: Queryable = { query: (...question) => (asked++, database.query(...question)) };
  assert.equal(await verifyChain(on), null);
  assert.ok(asked < 8, `${asked} statements`);
  const head = await chainHead(database);
  await write("behind", "it");
  await sealEvents(database);
  const changed = async (actor: string, from?: typeof head): Promise<string> => {
    await database.query("update event set what = 'DENIED' where actor = $1", [actor]);
    const fault = await verifyChain(database, from);
    await database.query("update event set what = 'ALLOWED' where actor = $1", [actor]);
    return fault?.words ?? "";
  };
  assert.match(await changed("small20"), /DENIED by small20, was changed/);
  assert.match(await changed("it", head), /DENIED by it, was changed/);
  assert.equal(await changed("small20", head), "");
  assert.equal(await verifyChain(database, head), null);
});

test("files go on with each other and with the database, before and after it moved", async () => {
  const files: string[] = [];
  for (const round of [1, 2]) {
    await write(`round${round}`);
    await sealEvents(database);
    await write(`after${round}`);
    await sealEvents(database);
    const text = await exported();
    const { end, events, fault } = await check(text);
    assert.equal(fault, null);
    assert.equal(await takeOutEvents(database, end, "me"), events);
    files.push(text);
    assert.deepEqual(await chainStart(database), end);
    assert.equal(await verifyChain(database), null);
    assert.deepEqual(await fsck(database), []);
  }
  const [one, two] = [await check(files[0]!), await check(files[1]!)];
  assert.deepEqual(two.from, one.end);
  assert.ok(files[0]!.includes('"round1"') && !files[1]!.includes('"round1"'));
  const left = (await lastEvents(database, 100)).map(({ actor, what }) => `${actor} ${what}`);
  assert.ok(left.includes("me AUDIT_ROTATED") && !left.includes("round1 ALLOWED"));

  const moved = await openMigrated("memory");
  try {
    await restoreDatabase(moved, linesOf(dumpDatabase(database, new AbortController().signal)), 60);
    assert.equal(await verifyChain(moved), null);
    assert.deepEqual(await chainStart(moved), two.end);
    await sealEvents(moved);
    assert.equal(await verifyChain(moved), null);
    // Something that says it was there before the rotation.
    await moved.query("insert into event (tx, actor, what) values (-9007199254740000, 'eve', 'ALLOWED')");
    assert.match((await verifyChain(moved))!.words, /ALLOWED by eve, was put in/);
  } finally {
    await moved.close();
  }
});

test("a file that was changed says where; another's seal takes out nothing, nor what is still needed", async () => {
  await write("gus", "hal");
  await sealEvents(database);
  await write("later");
  await sealEvents(database);
  const text = await exported();
  const { end } = await check(text);
  assert.match((await check(text.replace('"gus","ALLOWED"', '"eve","ALLOWED"'))).fault!.words, /by eve, was changed/);
  const without = text
    .split("\n")
    .filter((line) => !line.includes('"hal","ALLOWED"'))
    .join("\n");
  assert.match((await check(without)).fault!.words, /was taken out/);
  await assert.rejects(check(text.split("\n").slice(0, -2).join("\n")), /cut short/);
  await assert.rejects(check(`${text}[1,2]\n`), /goes on after its end/);
  await assert.rejects(check("hello\n"), /damaged/);
  await assert.rejects(takeOutEvents(database, { ...end, hash: "0".repeat(64) }, "me"), /not of this chain/);
  await assert.rejects(takeOutEvents(database, await chainHead(database), "me"), /still needed here/);
  await database.query("update event set actor = 'eve' where actor = 'hal'");
  await assert.rejects(exported(), /chain is broken: entry \d+, .* by eve, was changed/);
  await database.query("update event set actor = 'hal' where actor = 'eve'");
});

test("an older program's chain goes on after the migration, and back", async () => {
  const old = await openMigrated("memory");
  try {
    await writeEvents(old, [{ actor: "ada", what: "ALLOWED" }]);
    await sealEvents(old);
    const rotation = "16: rotation of the audit";
    assert.equal((await migrate(old, 15)).at(-1), `back from ${rotation}`);
    assert.equal((await migrate(old))[0], `to ${rotation}`);
    await writeEvents(old, [{ actor: "bob", what: "ALLOWED" }]);
    await sealEvents(old);
    assert.equal(await verifyChain(old), null);
    assert.equal((await chainHead(old)).number, 2);
  } finally {
    await old.close();
  }
});
