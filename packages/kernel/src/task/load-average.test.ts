/**
 * Goal: load averages are those of Linux (kernel/sched/loadavg.c). Method: what its formula gives for one, and for
 * many, that always run, and how it falls when they sleep.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadAverage, loadOfSysinfo, loadText } from "./load-average.ts";

const S = 1e9;

/** So many run for so long, in turns of 10 ms. */
function run(load: LoadAverage, active: number, fromS: number, toS: number): void {
  for (let ms = fromS * 1000; ms < toS * 1000; ms += 10) load.turnEnded(ms * 1e6, (ms + 10) * 1e6, active, active);
}

const texts = (load: LoadAverage, nowS: number): string =>
  load
    .read(nowS * S)
    .map(loadText)
    .join(" ");

test("one that computes is two thirds of a minute's average after a minute, and most of it after five", () => {
  const load = new LoadAverage();
  assert.equal(texts(load, 5), "0.00 0.00 0.00");
  run(load, 1, 5, 66);
  assert.equal(texts(load, 66), "0.66 0.20 0.07");
  run(load, 1, 66, 600);
  assert.equal(texts(load, 600), "1.00 0.88 0.49");
});

test("the load of many arrives where it goes, and falls to nothing while the machine sleeps", () => {
  const load = new LoadAverage();
  run(load, 1000, 0, 9000);
  assert.equal(texts(load, 9000), "1000.00 1000.00 999.98");
  load.turnEnded(9000 * S, 9000.001 * S, 1, 0);
  assert.match(texts(load, 9060), /^36\d\.\d\d 81\d\.\d\d 93\d\.\d\d$/);
  assert.equal(texts(load, 1e7), "0.00 0.00 0.00");
  assert.equal(loadOfSysinfo(2048), 65536);
});
