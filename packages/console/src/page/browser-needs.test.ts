/** Goal: a browser that cannot run the machine says so in words. Method: engines that lack one thing each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missingNeeds } from "./browser-needs.ts";

test("what a browser lacks is named, and one that has all lacks nothing", () => {
  const all = { WebAssembly, Worker: class {}, Promise };
  assert.equal(missingNeeds(all), null);
  assert.match(
    missingNeeds({ ...all, WebAssembly: { validate: () => false } })!,
    /lacks WebAssembly's tail calls\. It runs/,
  );
  assert.match(missingNeeds({ Worker: class {}, Promise })!, /lacks WebAssembly \(/);
  assert.match(missingNeeds({ WebAssembly, Promise: {} })!, /lacks workers and Promise\.withResolvers\./);
});
