/** What axe-core finds wrong with a page for those who do not see it or have no pointer: WCAG 2.2, A and AA. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "./browser.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** @returns a line for each element that breaks a rule */
export async function accessibilityViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(`if (globalThis.axe === undefined) { ${AXE} } 0`);
  const found = await page.evaluate(
    `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + ": " + failureSummary)))`,
  );
  return found as readonly string[];
}
