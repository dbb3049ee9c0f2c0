/** Goal: a part of a worker's program is there when it is called, however long that takes. Method: a worker's scope. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { partNow } from "./worker-parts.ts";

test("a part is loaded when it is first asked for, and tried again while it cannot be had", () => {
  const asked: string[] = [];
  let failures = 1;
  Object.assign(globalThis, {
    location: { href: "https://host/desktop/worker-1.js" },
    importScripts: (url: string) => {
      asked.push(url);
      if (failures-- > 0) throw new Error("offline");
      const name = url.split("/").at(-1)!;
      const parts = ((globalThis as { stratosParts?: Record<string, unknown> }).stratosParts ??= {});
      parts[name] = { name };
    },
  });
  assert.deepEqual(partNow("part-one-1.js"), { name: "part-one-1.js" });
  partNow("part-one-1.js");
  assert.deepEqual(asked, Array(2).fill("https://host/desktop/part-one-1.js"));
});
