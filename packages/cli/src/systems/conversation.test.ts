/** Goal: programs with a terminal start, whatever this process's terminal says of its size, and end at Ctrl-C. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { STREAM_WINDOW, TERMINAL_WINDOW } from "@stratos/sdk/wire";
import { Credit, terminalSize } from "./conversation.ts";

const own = Object.getOwnPropertyDescriptors(process.stdout);

function tell(columns: number | undefined, rows: number | undefined): void {
  const value = (size: number | undefined): PropertyDescriptor => ({ value: size, configurable: true, writable: true });
  Object.defineProperties(process.stdout, { columns: value(columns), rows: value(rows) });
}

afterEach(() => {
  for (const name of ["columns", "rows"] as const)
    if (own[name] === undefined) delete (process.stdout as { columns?: number; rows?: number })[name];
    else Object.defineProperty(process.stdout, name, own[name]);
});

test("a terminal's size is told, of one that has none (0 by 0, or no terminal) the usual one", () => {
  tell(132, 50);
  assert.deepEqual(terminalSize(), { columns: 132, rows: 50 });
  tell(0, 0);
  assert.deepEqual(terminalSize(), { columns: 80, rows: 24 });
  tell(undefined, undefined);
  assert.deepEqual(terminalSize(), { columns: 80, rows: 24 });
});

test("to a terminal less is under way than a stream's window", () => {
  const credit = new Credit(TERMINAL_WINDOW);
  let onWay = 0,
    shown = 0;
  for (let turn = 0; turn < 100; turn++) {
    const sent = Math.min(STREAM_WINDOW - onWay, 20_000);
    onWay += sent - credit.of(sent);
    shown += sent;
  }
  assert.ok(shown > 1_000_000);
  assert.equal(STREAM_WINDOW - onWay, TERMINAL_WINDOW);
  assert.equal(new Credit(STREAM_WINDOW).of(7), 7);
});
