/** Goal: what people paste as a relay's address is one, whatever `stratos serve` or a colleague wrote. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { relayUrl } from "./relay-settings.ts";

test("the address that serve prints, and what is like it, is that of the relay", () => {
  for (const [text, url] of [
    ["http://127.0.0.1:7470/", "ws://127.0.0.1:7470/v1/relay"],
    ["127.0.0.1:7470", "ws://127.0.0.1:7470/v1/relay"],
    ["https://box.example:7470", "wss://box.example:7470/v1/relay"],
    ["wss://box.example/behind/proxy", "wss://box.example/behind/proxy"],
    ["http://127.0.0.1:7470/#sign-in=code", "ws://127.0.0.1:7470/v1/relay"],
  ] as const)
    assert.equal(relayUrl(text), url, text);
});

test("what is no such address is none", () => {
  for (const text of ["", "ftp://box.example/", "javascript:alert(1)", "http://", "http://user:word@box.example/"])
    assert.equal(relayUrl(text), null, text);
});
