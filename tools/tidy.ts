/**
 * Style that a program can check (STYLE.md §11), as a test: one line for each finding, status 1 when there is any.
 * Each check stands in tools/tidy/ and takes the whole tree.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readTree } from "./tidy/source-tree.ts";
import { checkCircles } from "./tidy/circles.ts";
import { checkDocuments } from "./tidy/documents.ts";
import { checkFiles } from "./tidy/files.ts";
import { checkLayers } from "./tidy/layers.ts";
import { checkLeftovers } from "./tidy/leftovers.ts";
import { checkStartUp } from "./tidy/start-up.ts";

const tree = readTree(dirname(dirname(fileURLToPath(import.meta.url))));
const findings = [checkLayers, checkCircles, checkFiles, checkLeftovers, checkStartUp, checkDocuments].flatMap(
  (check) => check(tree),
);
for (const finding of findings)
  process.stdout.write(`${finding.path}${finding.line === 0 ? "" : `:${finding.line}`}: ${finding.message}\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
