/**
 * Goal: a terminal beyond a channel takes what is typed as its program reads it, and loses nothing. Method: a
 * pseudo-terminal of a machine, read as a program reads it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BytesCursor, byteString, utf8Of } from "@stratos/base";
import { openHostPty } from "@stratos/kernel";
import { MachineSession } from "@stratos/session";
import { ChannelInput, ChannelOutput, ChannelTerminal } from "./program-streams.ts";
import { STREAM_WINDOW, TERMINAL_WINDOW } from "./protocol.ts";
import { MIB, ports, volumeWith } from "./testing/memory-volume.ts";

interface Typist {
  readonly input: ChannelInput;
  /** Bytes that the sender was told of. */
  taken(): number;
  /** One read of a program; null: it would wait. */
  read(): string | null;
}

function openTerminal(): Typist {
  const session = new MachineSession({ ports, memoryBytes: 64 * MIB, volume: volumeWith(), log: () => {} });
  const init = session.machine.kernel.tasks.tasks.get(1)!;
  let taken = 0;
  const input = new ChannelInput((count) => {
    taken += count;
  });
  let shown = 0;
  const output = new ChannelOutput((bytes) => {
    shown += bytes.length;
  });
  const pty = openHostPty(init, new ChannelTerminal(input, output, { columns: 80, rows: 24 }));
  if (typeof pty === "number") throw new Error(String(pty));
  const read = (): string | null => {
    output.taken(shown);
    shown = 0;
    const bytes = new Uint8Array(4096);
    session.machine.kernel.work.begin();
    const count = pty.file.read(init, new BytesCursor(bytes), -1);
    return count < 0 ? null : byteString(bytes, 0, count);
  };
  return { input, taken: () => taken, read };
}

test("what is typed waits at its sender while the program reads nothing, and none of it is lost", () => {
  const { input, taken, read } = openTerminal();
  const piece = utf8Of(`${"x".repeat(63)}\n`.repeat(STREAM_WINDOW / 64));
  for (let i = 0; i < 8; i++) input.push(piece);
  assert.ok(taken() < 8 * piece.length, "it was not all taken");
  let lines = 0;
  for (let line = read(); line !== null; line = read()) {
    assert.equal(line.length, 64);
    lines++;
  }
  assert.equal(lines * 64, 8 * piece.length);
  assert.equal(taken(), 8 * piece.length);
});

for (const { typed, lines } of [
  { typed: "abc", lines: ["abc"] },
  { typed: "abc\n", lines: ["abc\n"] },
  { typed: "abc\nde", lines: ["abc\n", "de"] },
  { typed: "", lines: [] },
])
  test(`the end of what is typed is one after ${JSON.stringify(typed)}`, () => {
    const { input, read } = openTerminal();
    input.push(utf8Of(typed));
    input.end();
    for (const line of [...lines, "", null]) assert.equal(read(), line);
  });

test("what a terminal shows is under way by so much as a slow line takes in a moment", () => {
  let shown = 0;
  const output = new ChannelOutput((bytes) => {
    shown += bytes.length;
  });
  const terminal = new ChannelTerminal(new ChannelInput(() => {}), output, { columns: 80, rows: 24 });
  const flood = (): void => {
    while (terminal.room > 0) terminal.write(new Uint8Array(Math.min(terminal.room, 4096)));
  };
  flood();
  assert.equal(shown, TERMINAL_WINDOW);
  output.taken(1000);
  flood();
  assert.equal(shown, TERMINAL_WINDOW + 1000);
});
