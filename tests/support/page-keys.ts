/** Keys for a page of the headless browser, as a keyboard presses them. */
import { US_CHARACTERS } from "@stratos/display/keys";
import type { Page } from "./browser.ts";

/** Goes down and up. */
export async function pressKey(page: Page, code: string, modifiers = 0): Promise<void> {
  await sendKeys(page, [
    { type: "keyDown", code, key: "Unidentified", modifiers },
    { type: "keyUp", code, key: "Unidentified", modifiers },
  ]);
}

/**
 * As a keyboard does it, key by key. Text of an input method is another thing: foot drops what comes while it tells of
 * its cursor (zwp_text_input_v3.done with an older serial).
 */
export async function typeKeys(page: Page, text: string): Promise<void> {
  for (const character of text) {
    const found = Object.entries(US_CHARACTERS).find(([, pair]) => pair.includes(character));
    const [code, pair] = character === "\n" ? ["Enter", "\n"] : found!;
    const isShifted = pair[0] !== character;
    const key = { code, key: character === "\n" ? "Enter" : character, modifiers: isShifted ? 8 : 0 };
    const shift = { code: "ShiftLeft", key: "Shift" };
    await sendKeys(page, [
      ...(isShifted ? [{ type: "keyDown", ...shift, modifiers: 8 }] : []),
      { type: "keyDown", ...key },
      { type: "keyUp", ...key },
      ...(isShifted ? [{ type: "keyUp", ...shift, modifiers: 0 }] : []),
    ]);
  }
}

/** One behind the other: programs repeat a key that is down for as long as an answer takes on a host under load. */
export async function sendKeys(page: Page, events: readonly object[]): Promise<void> {
  await Promise.all(events.map((event) => page.call("Input.dispatchKeyEvent", event)));
}
