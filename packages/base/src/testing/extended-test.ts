/**
 * What `npm test` leaves out, so that it ends in time on small machines: tests whose matter is shown by others beside
 * them in a shorter way, or that seldom break, and all but a fixed sample of long lists of alike cases.
 * `npm run test:extended` runs everything.
 */
import { test, type TestContext, type TestOptions } from "node:test";

/** Set by `npm run test:extended`. */
export const isExtended = (process.env["STRATOS_EXTENDED_TESTS"] ?? "") !== "";

type Body = (context: TestContext) => unknown;

export function extendedTest(name: string, ...rest: [body: Body] | [options: TestOptions, body: Body]): void {
  if (!isExtended) return;
  const [options, body] = rest.length === 2 ? rest : [{}, rest[0]];
  test(name, options, async (context) => {
    await body(context);
  });
}

/** @returns every `step`th of them, from the first; all of them in the extended run */
export function sampleOf<Item>(items: readonly Item[], step: number): readonly Item[] {
  return isExtended ? items : items.filter((_, index) => index % step === 0);
}

/** @returns `count` of something random in the extended run, else `share` of it, at least 1 */
export function sampleCount(count: number, share: number): number {
  return isExtended ? count : Math.max(1, Math.round(count * share));
}
