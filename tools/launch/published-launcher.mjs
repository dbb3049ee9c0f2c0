/**
 * `stratos` of the published package: becomes the pinned Node 24, which npm has installed beside it, and runs the
 * bundle.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { becomeNode } from "./node-binary.mjs";
import { keepRawArguments } from "./raw-arguments.mjs";
import { LaunchError } from "./launch-error.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
// npm puts dependencies into the package's own node_modules, or hoists them beside the package.
const home = existsSync(join(folder, "node_modules")) ? folder : dirname(dirname(folder));
try {
  keepRawArguments();
  await becomeNode(home, [join(folder, "main.cjs"), ...process.argv.slice(2)]);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  process.stderr.write(`stratos: ${error.message}\n`);
  process.exitCode = 125;
}
