/** Goal: the desktop takes its own keys and leaves all others to windows; settings are checked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf } from "./shortcuts.ts";
import { DEFAULT_SETTINGS, settingsFrom } from "./settings.ts";

const NONE = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, isThirdLevel: false };
const MOD = { ...NONE, ctrlKey: true, altKey: true };

test("keys with Ctrl and Alt, or with the system's key, are the desktop's", () => {
  assert.deepEqual(commandOf({ ...MOD, code: "ArrowLeft" }), { do: "snap", direction: "left" });
  assert.deepEqual(commandOf({ ...MOD, shiftKey: true, code: "ArrowUp" }), { do: "move", direction: "up" });
  assert.deepEqual(commandOf({ ...NONE, metaKey: true, code: "Digit3" }), { do: "workspace", to: 2 });
  assert.deepEqual(commandOf({ ...MOD, shiftKey: true, code: "Digit1" }), { do: "send", to: 0 });
  assert.deepEqual(commandOf({ ...MOD, shiftKey: true, code: "Tab" }), { do: "previous" });
  assert.deepEqual(commandOf({ ...MOD, code: "Space" }), { do: "launcher" });
});

test("all others are the windows'", () => {
  assert.equal(commandOf({ ...NONE, code: "KeyX" }), null);
  assert.equal(commandOf({ ...NONE, ctrlKey: true, code: "KeyX" }), null);
  assert.equal(commandOf({ ...NONE, altKey: true, code: "Digit1" }), null);
  assert.equal(commandOf({ ...MOD, isThirdLevel: true, code: "KeyE" }), null, "AltGr writes a character");
  assert.equal(commandOf({ ...MOD, metaKey: true, code: "KeyX" }), null);
  assert.equal(commandOf({ ...MOD, code: "Digit0" }), null);
});

test("settings are those that there are", () => {
  assert.deepEqual(settingsFrom({}), DEFAULT_SETTINGS);
  assert.equal(settingsFrom({ language: "ja", surplus: 1 })?.language, "ja");
  for (const wrong of [{ language: "toString" }, { theme: "" }, { scale: 99 }, { workspaces: 0 }, { layout: "x" }])
    assert.equal(settingsFrom(wrong), null, JSON.stringify(wrong));
  assert.equal(settingsFrom(null), null);
});
