import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressDisplay, progressLine } from "./progress-display.ts";

test("when piped, each step is one plain line", () => {
  const written: string[] = [];
  const display = new ProgressDisplay({ write: (text) => written.push(text) });
  for (let done = 0; done <= 10; done++) display.update("Downloading", done, 10);
  display.update("Unpacking", 0, 3);
  display.clear();
  assert.deepEqual(written, ["Downloading …\n", "Unpacking …\n"]);
});

test("a long step says how far it is and how fast it goes, on a terminal and, now and then, in a log", () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    let now = 0;
    const display = new ProgressDisplay({ isTTY, columns: 100, write: (text) => written.push(text) }, () => now);
    for (let second = 0; second <= 25; second++, now += 1000) display.update("Downloading", second * 2e6, 100e6, "bytes");
    if (isTTY) assert.match(written.at(-1)!, /Downloading \[#+\.+\] 50 %, 50\.0 of 100\.0 MB, 2\.0 MB\/s/);
    else assert.deepEqual(written, ["Downloading …\n", "Downloading: 20 %, 20.0 of 100.0 MB, 2.0 MB/s\n", "Downloading: 40 %, 40.0 of 100.0 MB, 2.0 MB/s\n"]);
  }
});

test("on a terminal the line is redrawn, no more often than eyes can follow, and taken away", () => {
  const written: string[] = [];
  let now = 0;
  const display = new ProgressDisplay({ isTTY: true, columns: 60, write: (text) => written.push(text) }, () => now);
  for (let done = 0; done <= 1000; done++, now += 1) display.update("Downloading", done, 1000);
  assert.ok(written.length > 5 && written.length < 20, String(written.length));
  assert.match(written.at(-1)!, /\[#+\] 100 %, 1000 of 1000\u001b\[K$/);
  display.clear();
  assert.equal(written.at(-1), "\r\u001b[K");
});

test("a line never exceeds the terminal", () => {
  for (let columns = 10; columns < 100; columns++) {
    for (const total of [0, 5_000_000]) assert.ok(progressLine("Fetching packages", 1_234_567, total, "bytes", columns).length <= columns);
  }
  assert.equal(progressLine("Reading", 2_500_000, 10_000_000, "bytes", 60), "Reading [#######.....................] 25 %, 2.5 of 10.0 MB");
});
