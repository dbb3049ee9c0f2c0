/** What the machine needs of a browser: said in words before it begins, instead of an error out of its midst. */

/** A function that ends in a call of itself (tail calls). */
const TAIL_CALL = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x06, 0x01, 0x04, 0x00, 0x12, 0x00, 0x0b],
);
const FROM = "It runs in Chromium from 112, Firefox from 121 and Safari from 18.2 on.";

interface BrowserParts {
  readonly WebAssembly?: { validate(bytes: Uint8Array<ArrayBuffer>): boolean };
  readonly Worker?: unknown;
  readonly Promise: { readonly withResolvers?: unknown };
}

/** @returns null: it has all; else what it lacks, in words */
export function missingNeeds(browser: BrowserParts): string | null {
  const lacks = [
    ...(browser.WebAssembly === undefined
      ? ["WebAssembly (some browsers turn it off, as iOS' lockdown mode does)"]
      : browser.WebAssembly.validate(TAIL_CALL)
        ? []
        : ["WebAssembly's tail calls"]),
    ...(browser.Worker === undefined ? ["workers"] : []),
    ...(browser.Promise.withResolvers === undefined ? ["Promise.withResolvers"] : []),
  ];
  return lacks.length === 0 ? null : `this browser lacks ${lacks.join(" and ")}. ${FROM}`;
}
