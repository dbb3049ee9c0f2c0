/**
 * Tests that `npm test` leaves out, so that it ends in time on small machines: what they show is shown by others beside
 * them in a shorter way, or seldom breaks. `npm run test:extended` runs them with all the rest.
 */
import { test, type TestContext, type TestOptions } from "node:test";

/** Set by `npm run test:extended`. */
const isExtended = (process.env["STRATOS_EXTENDED_TESTS"] ?? "") !== "";

type Body = (context: TestContext) => unknown;

export function extendedTest(name: string, ...rest: [body: Body] | [options: TestOptions, body: Body]): void {
  if (!isExtended) return;
  const [options, body] = rest.length === 2 ? rest : [{}, rest[0]];
  test(name, options, async (context) => {
    await body(context);
  });
}
