#!/usr/bin/env node
/**
 * Starts Stratos from a clone: `npm start -- ARGS` and `./stratos.mjs ARGS` are `stratos ARGS`. So is `./stratos ARGS`,
 * which comes here only when there is something to do.
 *
 * Plain JavaScript that Node 20 runs. It installs the dependencies when they are missing or older than the lock file,
 * then becomes the pinned Node 24, which runs the TypeScript as it stands (or the bundle in `dist/` when it is not
 * older).
 */
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installDependencies } from "./tools/launch/install.mjs";
import { ensureFirstBundle, freshBundle, markFresh } from "./tools/launch/bundle-state.mjs";
import { keepRawArguments } from "./tools/launch/raw-arguments.mjs";
import { becomeNode, nodeBinary } from "./tools/launch/node-binary.mjs";
import { LaunchError } from "./tools/launch/launch-error.mjs";

/** Names under which mount(8) runs us: `/sbin/mount.TYPE`, for `mount -t TYPE` and fstab(5). */
const MOUNT_HELPER = /^mount\.(fuse\.)?aegisfs$/;
const root = dirname(fileURLToPath(import.meta.url));
try {
  const startMs = Date.now();
  installDependencies(root);
  ensureFirstBundle(root, nodeBinary(root));
  const bundle = freshBundle(root);
  if (bundle !== null) markFresh(root, startMs);
  keepRawArguments();
  await becomeNode(root, [
    bundle ?? join(root, "packages/cli/src/main.ts"),
    ...(MOUNT_HELPER.test(basename(process.argv[1])) ? ["fs", "mount"] : []),
    ...process.argv.slice(2),
  ]);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  process.stderr.write(`stratos: ${error.message}\n`);
  process.exitCode = 125;
}
