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
    for (let second = 0; second <= 25; second++, now += 1000)
      display.update("Downloading", second * 2e6, 100e6, "bytes");
    if (isTTY) assert.match(written.at(-1)!, /Downloading \[#+\.+\] 50 %, 50\.0 of 100\.0 MB, 2\.0 MB\/s/);
    else
      assert.deepEqual(written, [
        "Downloading …\n",
        ...[10, 20, 30, 40, 50].map((percent) => `Downloading: ${percent} %, ${percent}.0 of 100.0 MB, 2.0 MB/s\n`),
      ]);
  }
});

test("when piped, a long step tells how far it is: each tenth, but not in a rush, and each ten seconds", () => {
  const written: string[] = [];
  let now = 0;
  const display = new ProgressDisplay({ write: (text) => written.push(text) }, () => now);
  for (let done = 0; done <= 134; done++, now += 300)
    display.update("Configuring packages", done, 134, "items", `libc${done}`);
  assert.deepEqual(written.slice(0, 3), [
    "Configuring packages …\n",
    "Configuring packages: 10 %, 14 of 134, libc14\n",
    "Configuring packages: 20 %, 27 of 134, libc27\n",
  ]);
  assert.equal(written.length, 11);
  assert.equal(written.at(-1), "Configuring packages: 100 %, 134 of 134, libc134\n");
  written.length = 0;
  for (let second = 0; second <= 30; second++, now += 1000)
    display.update("Configuring packages", 134, 134, "items", "triggers of libc-bin");
  assert.equal(written.length, 3);
  for (let done = 0; done < 5; done++, now += 6000) display.update("Sending", done * 1e6, 0, "bytes");
  assert.deepEqual(
    written.slice(3).map((line) => line.replace(/, .* MB\/s/, "")),
    ["Sending …\n", "Sending: 2.0 MB\n", "Sending: 4.0 MB\n"],
  );
});

test("steps that take turns begin once each, and each goes its own way", () => {
  const written: string[] = [];
  let now = 0;
  const display = new ProgressDisplay({ write: (text) => written.push(text) }, () => now);
  for (let done = 0; done < 100; done++, now += 300)
    for (const variant of ["base", "tools"]) display.update(`Unpacking packages (${variant})`, done, 100);
  assert.equal(written.filter((line) => line === "Unpacking packages (base) …\n").length, 1);
  assert.equal(written.filter((line) => line.startsWith("Unpacking packages (tools): ")).length, 9);
  display.note("a note ends no step");
  display.update("Unpacking packages (base)", 100, 100);
  display.update("Unpacking packages (base)", 0, 7);
  assert.deepEqual(written.slice(-3), [
    "a note ends no step\n",
    "Unpacking packages (base): 100 %, 100 of 100\n",
    "Unpacking packages (base) …\n",
  ]);
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
    for (const total of [0, 5_000_000])
      assert.ok(progressLine("Fetching packages", 1_234_567, total, "bytes", columns).length <= columns);
  }
  assert.equal(
    progressLine("Reading", 2_500_000, 10_000_000, "bytes", 60),
    "Reading [#######.....................] 25 %, 2.5 of 10.0 MB",
  );
});
