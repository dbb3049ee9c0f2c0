/** Goal: whatever programs send, the screen lives on. Method: messages by seed; `npm run fuzz:wayland` sends more. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { surviveMessages } from "./testing/fuzz-messages.ts";
import { surviveServers } from "./testing/fuzz-x-server.ts";

it("2,000 messages of hostile clients end them, and nobody else", () => {
  const seed = Number(process.env["STRATOS_SEED"] ?? 1);
  assert.ok(surviveMessages(seed, 2000) > 0);
});

it("3,000 messages of hostile X servers end them, and nobody else", () => {
  const seed = Number(process.env["STRATOS_SEED"] ?? 1);
  assert.ok(surviveServers(seed, 3000) > 0);
});

it("a server that answers each of a thousand events before the next is taken needs no stack for them", () => {
  assert.ok(surviveServers(700167, 1000) >= 0);
});
