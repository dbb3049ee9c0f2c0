/** Goal: a text is the file's, to its first byte. Method: an engine that answers as the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineClient } from "./engine-client.ts";
import { RemoteFiles, RemoteHandle } from "./remote-files.ts";

test("a text that begins with a byte order mark has it, so that it can be written as it was", async () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
  const engine = { call: () => ({ answer: Promise.resolve({ bytes }) }) } as unknown as EngineClient;
  const files = new RemoteFiles(new RemoteHandle("sandbox", engine, 1, () => {}));
  assert.deepEqual(new TextEncoder().encode(await files.readText("/f")), bytes);
});
