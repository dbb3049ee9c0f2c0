/** Goal: programs with a terminal start, whatever this process's terminal says of its size. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { terminalSize } from "./conversation.ts";

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
