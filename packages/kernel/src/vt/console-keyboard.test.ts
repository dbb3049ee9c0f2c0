/** Goal: what keys write, and which of them switch consoles. Method: a keyboard before consoles that note it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConsoleKeyboard } from "./console-keyboard.ts";

const CONTROL_LEFT = 29,
  SHIFT_LEFT = 42,
  ALT_LEFT = 56,
  ALT_RIGHT = 100;
const KEY_A = 30,
  KEY_CAPSLOCK = 58,
  KEY_F2 = 60,
  KEY_F11 = 87,
  KEY_LEFT = 105,
  KEY_RIGHT = 106;

function keyboard(active: number): { keys: ConsoleKeyboard; activated: number[] } {
  const activated: number[] = [];
  const keys = new ConsoleKeyboard({
    active,
    last: 4,
    shown: null,
    activate: (number) => void activated.push(number),
  });
  return { keys, activated };
}

test("modifiers change what a key writes while they are held, each by itself", () => {
  const { keys } = keyboard(1);
  const with_ = (modifier: number): string => {
    keys.press(modifier, 1, false);
    const written = keys.press(KEY_A, 1, false);
    keys.press(modifier, 0, false);
    return written;
  };
  assert.deepEqual([SHIFT_LEFT, CONTROL_LEFT, ALT_LEFT, ALT_RIGHT].map(with_), ["A", "\x01", "\x1ba", "\x1ba"]);
  assert.equal(keys.press(KEY_A, 1, false), "a");
  // KG_SHIFT, KG_CTRL, KG_ALT of TIOCLINUX's shift state.
  assert.deepEqual(
    [SHIFT_LEFT, CONTROL_LEFT, ALT_LEFT].map((key) => {
      keys.press(key, 1, false);
      const { shiftState } = keys;
      keys.press(key, 0, false);
      return shiftState;
    }),
    [1, 4, 8],
  );
  keys.press(KEY_CAPSLOCK, 1, false);
  assert.deepEqual([keys.press(KEY_A, 1, false), keys.locks], ["A", 4]);
});

test("Alt with a function key or an arrow shows another console, around the ends, unless a program has keys", () => {
  const { keys, activated } = keyboard(1);
  keys.press(ALT_LEFT, 1, false);
  for (const key of [KEY_F2, KEY_F11, KEY_LEFT, KEY_RIGHT]) assert.equal(keys.press(key, 1, false), "");
  assert.deepEqual(activated, [2, 11, 4, 2]);
  assert.equal(keys.press(KEY_F2, 1, true), "");
  assert.equal(activated.length, 4);
  const end = keyboard(4);
  end.keys.press(ALT_LEFT, 1, false);
  end.keys.press(KEY_RIGHT, 1, false);
  assert.deepEqual(end.activated, [1]);
});
