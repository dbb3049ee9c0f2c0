/** `node tools/with-node.mjs FILE ARGS`: runs a TypeScript file of this repository on the pinned Node 24. */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { installDependencies } from "./launch/install.mjs";
import { becomeNode } from "./launch/node-binary.mjs";
import { LaunchError } from "./launch/launch-error.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
try {
  installDependencies(root);
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) throw new LaunchError("with-node: which file?");
  await becomeNode(root, [resolve(file), ...args]);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  process.stderr.write(`stratos: ${error.message}\n`);
  process.exitCode = 125;
}
