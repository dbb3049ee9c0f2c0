import { availableParallelism } from "node:os";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { runCompose } from "@stratos/compose";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { cleanStore } from "@stratos/tools-node/compose";
import {
  findArchive,
  telling,
  lockModeOf,
  lockPath,
  readLock,
  writeLock,
  openTreefile,
  requireFiles,
  selectTargets,
} from "@stratos/systems/compose";
import { VERSION } from "@stratos/sdk/version";
import { CommandError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { withHubOfOptions } from "../hub/compose-sources.ts";
import { formatSize } from "@stratos/operation";
import type { ComposeRunOptions } from "./compose-options.ts";
import { composeAtTerminal, onUnknownKey, tellChosen } from "./compose-terminal.ts";

export async function runComposeCommand(file: string, options: ComposeRunOptions): Promise<number> {
  const written = await openTreefile(file, onUnknownKey(options));
  const selected = await selectTargets(written, options);
  requireFiles(file, written, selected);
  tellChosen(written, selected);
  const place = lockPath(file, options.lock),
    lockMode = lockModeOf(options);
  const lock = await readLock(place);
  const allowsHostHooks = options.allowHostHooks === true;
  // Who wrote what comes through a pipe is not known here.
  if (allowsHostHooks && !statSync(file).isFile())
    throw new CommandError(file, "is no file beside which its programs could lie; --allow-host-hooks is for files");
  return telling(file, async () => {
    const { treefile, targets, keyrings } = await withHubOfOptions(
      file,
      { treefile: written, targets: selected },
      { ...options, isLook: options.locked === true },
    );
    const archive = findArchive({ mirror: options.mirror, treefile: file, targets });
    const session = await composeAtTerminal(
      { output: resolve(options.output), treefile: file },
      { verbose: options.verbose === true, targets, allowsHostHooks, plugins: options.plugin ?? [] },
    );
    try {
      const result = await runCompose(session.ports, {
        treefile,
        targets,
        lock,
        lockMode,
        archive: { ...archive, keyrings: [...archive.keyrings, ...keyrings] },
        jobs: options.sequential === true ? 1 : (options.jobs ?? Math.max(2, availableParallelism())),
        skipPhases: options.skipPhase,
        timeoutSeconds: options.timeout === undefined ? undefined : options.timeout / 1000,
        runner: options.runner,
        hostHooks: allowsHostHooks ? "run" : "refuse",
        version: VERSION,
        signal: session.signal,
        onEvent: (event) => session.show(event),
      });
      if (lockMode !== "locked") await writeLock(place, result.lock);
      await session.close();
      // Who was asked last has refused what was made: it is no result, though it lies there.
      const isRefused = result.steps.some(({ id, status }) => id === "cleanup" && status === "failed");
      if (options.json === true) process.stdout.write(`${JSON.stringify(result.info, null, 2)}\n`);
      else if (!isRefused)
        for (const one of result.info.images.flatMap(({ artifacts }) => artifacts))
          process.stdout.write(`${one.sha256}  ${one.path}  ${formatSize(one.sizeBytes)}\n`);
      const failed =
        result.steps.find(({ status }) => status === "failed") ??
        result.steps.find(({ status }) => status === "canceled");
      if (options.json !== true) tellLargeStore();
      if (failed !== undefined)
        throw new CommandError(
          failed.id,
          failed.reason,
          session.stopStatus === undefined ? {} : { status: session.stopStatus },
        );
      return EXIT_SUCCESS;
    } finally {
      await session.close();
    }
  });
}

/** Nothing in the store goes by itself: beyond this it is said how large it is. */
const LARGE_STORE_BYTES = 4 * 1024 ** 3;

function tellLargeStore(): void {
  const bytes = cleanStore(homeFolder(stratosHome(), "compose"), { isDry: true }).reduce(
    (total, one) => total + one.bytes,
    0,
  );
  if (bytes > LARGE_STORE_BYTES)
    process.stderr.write(
      `stratos: note: what composes keep takes ${formatSize(bytes)}; \`stratos compose clean --older-than 30\` ` +
        "frees what 30 days have not made anew, `stratos pkg clean` downloads\n",
    );
}
