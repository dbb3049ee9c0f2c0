/** Goal: no line is lost or cut. Method: text in pieces of every size, read by who comes late. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { linesOf } from "./lines.ts";

const TEXT = 'one\n\nzwei: "ü €"\nlast';

test("lines come whole, however the bytes are cut, also to who begins late", async () => {
  const bytes = Buffer.from(TEXT);
  for (let size = 1; size <= bytes.length; size++) {
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
        controller.close();
      },
    });
    const lines = linesOf(pieces);
    if (size === 3) await pause(5);
    const read: string[] = [];
    for await (const line of lines) read.push(line);
    assert.deepEqual(read, TEXT.split("\n"), `pieces of ${size}`);
  }
});
