/**
 * Goal: a debugger sees registers, memory and stops as they are, goes in both directions, and cannot do harm, whatever
 * it sends. Method: packets by hand, over a program that was recorded (testing/recorded-program.ts).
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { nodePorts } from "@stratos/host-node";
import { Timeline } from "../recording/timeline.ts";
import {
  CODE,
  DATA,
  FAULT,
  LOOP_START,
  NotedOutput,
  recordProgram,
  startReplayOf,
  STORE,
} from "../testing/recorded-program.ts";
import { GdbClient } from "../testing/gdb-client.ts";
import { PACKET_MAX } from "./packet-stream.ts";

let timeline: Timeline;
before(async () => {
  const { recording } = await recordProgram();
  timeline = await Timeline.open({
    loop: nodePorts().loop,
    open: () => startReplayOf(recording, new NotedOutput()),
  });
});
after(() => timeline.close());

/** As registers are told: little endian. */
const hex64 = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString("hex");
};
const pcOf = (reply: string): number =>
  Number(Buffer.from(/;20:([0-9a-f]{16});/.exec(reply)![1]!, "hex").readBigUInt64LE());
const hex = (value: number): string => value.toString(16);

test("registers, memory and threads are those of the program at its first instruction", async () => {
  const client = new GdbClient(timeline);
  const thread = hex(timeline.firstPid);
  assert.match(await client.ask("?"), new RegExp(`^T05.*thread:${thread};$`));
  const registers = await client.ask("g");
  assert.equal(registers.length, 2 * (33 * 8 + 32 * 8 + 3 * 4));
  assert.equal(registers.slice(32 * 16, 33 * 16), hex64(CODE));
  assert.equal(await client.ask("p20"), hex64(CODE));
  assert.equal(await client.ask(`m${hex(DATA + 16)},2`), "780a");
  // Up to where nothing is mapped any more, and nothing from there.
  assert.equal((await client.ask(`m${hex(DATA + 4090)},40`)).length, 12);
  assert.equal(await client.ask(`m${hex(DATA + 4096)},8`), "E0e");
  assert.equal(await client.ask("qfThreadInfo"), `m${thread}`);
  assert.equal(await client.ask("qsThreadInfo"), "l");
  assert.match(
    await client.ask("qXfer:threads:read::0,1000"),
    /^l<\?xml.*<thread id="2" name="program">.*goes on here/,
  );
  assert.match(await client.ask("qXfer:features:read:target.xml:0,100"), /^m<\?xml/);
  assert.match(await client.ask("qXfer:exec-file:read:2:0,100"), /^l\/program$/);
  assert.equal(await client.ask("qRcmd,7768657265"), Buffer.from("heard where\n").toString("hex"));
});

test("breakpoints, watched memory and steps, in both directions", async () => {
  const client = new GdbClient(timeline);
  await timeline.seekInstruction(0);
  assert.equal(await client.ask(`Z0,${hex(LOOP_START)},4`), "OK");
  assert.equal(pcOf(await client.ask("c")), LOOP_START);
  assert.match(await client.ask("vCont;c"), /swbreak:;$/);
  assert.equal(await client.ask(`m${hex(DATA)},1`), "03");
  assert.equal(pcOf(await client.ask("vCont;s:2")), LOOP_START + 4);
  assert.equal(pcOf(await client.ask("bs")), LOOP_START);
  assert.equal(pcOf(await client.ask("bc")), LOOP_START);
  assert.equal(await client.ask(`m${hex(DATA)},1`), "00");
  assert.match(await client.ask("bc"), /replaylog:begin;$/);
  assert.equal(await client.ask(`z0,${hex(LOOP_START)},4`), "OK");
  assert.match(await client.ask("c"), /replaylog:end;$/);
  assert.equal(await client.ask(`Z2,${hex(DATA)},8`), "OK");
  const back = await client.ask("bc");
  assert.equal(pcOf(back), STORE);
  assert.match(back, new RegExp(`watch:${hex(DATA)};$`));
  assert.equal(pcOf(await client.ask("c")), STORE + 4);
  assert.equal(await client.ask(`z2,${hex(DATA)},8`), "OK");
  assert.equal(await client.ask(`Z1,${hex(FAULT)},4`), "OK");
  assert.equal(pcOf(await client.ask("c")), FAULT);
  assert.equal(await client.ask(`Z3,${hex(DATA)},8`), "", "reads cannot be watched");
});

test("files of the machine are read, and not written", async () => {
  const client = new GdbClient(timeline);
  const path = Buffer.from("/program").toString("hex");
  assert.equal(await client.ask(`vFile:open:${path},0,0`), "F3");
  assert.match(await client.ask("vFile:pread:3,4,0"), /^F4;\x7fELF$/);
  assert.match(await client.ask("vFile:fstat:3"), /^F40;/);
  assert.equal(await client.ask("vFile:close:3"), "F0");
  assert.equal(await client.ask("vFile:pread:3,4,0"), "F-1,9");
  assert.equal(await client.ask(`vFile:open:${path},1,0`), "F-1,1e");
  assert.equal(await client.ask(`vFile:open:${Buffer.from("/none").toString("hex")},0,0`), "F-1,2");
  assert.equal(await client.ask(`vFile:unlink:${path}`), "F-1,26");
});

test("a recorded process's areas are read in /proc, and nothing whose making could touch its memory", async () => {
  const client = new GdbClient(timeline);
  await timeline.seekInstruction(3);
  const named = (file: string): string => Buffer.from(`/proc/${timeline.firstPid}/${file}`).toString("hex");
  assert.equal(await client.ask(`vFile:open:${named("maps")},0,0`), "F3");
  const first = new RegExp(`^F[0-9a-f]+;${hex(CODE).padStart(8, "0")}-[0-9a-f]+ r.xp .*/program\n`);
  assert.match(await client.ask("vFile:pread:3,1000,0"), first);
  assert.match(await client.ask("vFile:pread:3,4,9"), /^F4;[0-9a-f]{4}$/);
  assert.equal(await client.ask("vFile:pread:3,4,10000"), "F0;");
  assert.match(await client.ask("vFile:fstat:3"), /^F40;\0+$/);
  assert.equal(await client.ask(`vFile:open:${named("cmdline")},0,0`), "F-1,2");
  assert.equal(await client.ask(`vFile:readlink:${named("exe")}`), "F8;/program");
  assert.equal(await client.ask(`vFile:readlink:${named("none")}`), "F-1,2");
  assert.equal(await client.ask(`vFile:readlink:${named("maps")}`), "F-1,16");
});

test("what is damaged, too long or makes no sense is refused, and changes nothing", async () => {
  const client = new GdbClient(timeline);
  await timeline.seekInstruction(3);
  const state = await client.ask("g");
  client.text = "";
  client.server.feed(Buffer.from("$g#00"));
  assert.equal(client.text, "-", "a wrong checksum is asked for again");
  client.text = "";
  client.send("m".repeat(PACKET_MAX + 1));
  assert.equal(client.text, "-", "a packet that is too long");
  client.text = "";
  client.server.feed(Buffer.from("xyz\0#ff$m1,"));
  assert.equal(client.text, "", "half a packet");
  for (const data of [
    "m",
    "m,",
    "m1",
    "mffffffffffffffffff,1",
    "mfff1000400000065,8",
    "p",
    "pzz",
    "p44",
    "pffffffff",
    "Z0",
    "Z2,0,0",
    `Z2,${hex(DATA)},9`,
    "Hg",
    "Hg99",
    "T99",
    "qXfer:features:read:other.xml:0,10",
    "vFile:pread:99,1,1",
  ])
    assert.match(await client.ask(data), /^(E|F-1)/, data);
  for (const data of ["", "!", "R", "qXfer:auxv:write::0:", "qXfer:auxv:read::zz,1", "vMustReplyEmpty", "bx", "Z9,0,0"])
    assert.equal(await client.ask(data), "", data);
  for (const data of [`M${hex(DATA)},1:00`, `X${hex(DATA)},1:a`, "P20=00", "G00"])
    assert.match(await client.ask(data), /^E\.what is recorded/, data);
  assert.equal((await client.ask(`m${hex(DATA)},ffffffff`)).length, 2 * 4096, "as much as there is");
  assert.equal(await client.ask("g"), state);
});

test("a hundred packets at once end the conversation, and detaching does", async () => {
  const flood = new GdbClient(timeline);
  for (let count = 0; count < 100; count++) flood.send("c");
  await flood.server.ended;
  const client = new GdbClient(timeline);
  assert.equal(await client.ask("D"), "OK");
  await client.server.ended;
});
