/**
 * Style that a program can check (STYLE.md §11), as a test: one line for each finding, status 1 when there is any.
 * Each check stands in tools/tidy/ and takes the whole tree.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readTree } from "./tidy/source-tree.ts";
import { checkAbiCopies } from "./tidy/abi-copies.ts";
import { checkArrows } from "./tidy/arrows.ts";
import { checkBareOffsets } from "./tidy/bare-offsets.ts";
import { checkBrokenStrings } from "./tidy/broken-strings.ts";
import { checkCircles } from "./tidy/circles.ts";
import { checkDocuments } from "./tidy/documents.ts";
import { checkErrorDialect } from "./tidy/error-dialect.ts";
import { checkExports } from "./tidy/exports.ts";
import { checkFiles } from "./tidy/files.ts";
import { checkImports } from "./tidy/imports.ts";
import { checkLayers } from "./tidy/layers.ts";
import { checkLeftovers } from "./tidy/leftovers.ts";
import { checkModuleState } from "./tidy/module-state.ts";
import { checkStartUp } from "./tidy/start-up.ts";
import { checkStateClasses } from "./tidy/state-classes.ts";

const tree = readTree(dirname(dirname(fileURLToPath(import.meta.url))));
const findings = [
  checkLayers(tree),
  checkArrows(tree),
  checkCircles(tree),
  checkExports(tree),
  checkModuleState(tree),
  checkStateClasses(tree),
  checkFiles(tree),
  checkImports(tree),
  checkBareOffsets(tree),
  checkErrorDialect(tree),
  checkAbiCopies(tree),
  checkBrokenStrings(tree),
  checkLeftovers(tree),
  checkStartUp(tree),
  checkDocuments(tree),
].flat();
for (const finding of findings)
  process.stdout.write(`${finding.path}${finding.line === 0 ? "" : `:${finding.line}`}: ${finding.message}\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
