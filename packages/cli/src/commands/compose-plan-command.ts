import {
  checkAnswers,
  checkImage,
  checkOutputs,
  checkPhases,
  fitsLock,
  hostHooksOf,
  lockKey,
  NO_WORK,
  orderNodes,
  planSteps,
  resolveImage,
  tellingRequest,
  type Archive,
  type LockedImage,
  type TreefileProblem,
} from "@stratos/compose";
import {
  findArchive,
  telling,
  lockModeOf,
  lockPath,
  readLock,
  openTreefile,
  requireFiles,
  selectTargets,
} from "@stratos/systems/compose";
import { CommandError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { withHubOfOptions } from "../hub/compose-sources.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";
import type { ComposePlanOptions } from "./compose-options.ts";
import { composeAtTerminal, onUnknownKey, tellChosen } from "./compose-terminal.ts";

export async function planCompose(file: string, options: ComposePlanOptions): Promise<number> {
  const written = await openTreefile(file, onUnknownKey(options));
  const selected = await selectTargets(written, options);
  requireFiles(file, written, selected);
  tellChosen(written, selected);
  const lockMode = lockModeOf(options),
    lock = await readLock(lockPath(file, options.lock));
  return telling(file, async () => {
    const { treefile, targets, keyrings } = await withHubOfOptions(
      file,
      { treefile: written, targets: selected },
      { ...options, isLook: true },
    );
    checkPhases(treefile, targets);
    const archive = (): Archive => {
      const { mirror, keyrings: own } = findArchive({ mirror: options.mirror, treefile: file, targets });
      return { mirror, keyrings: [...own, ...keyrings] };
    };
    const steps = orderNodes(planSteps(targets, NO_WORK, { skipPhases: options.skipPhase }));
    const session = await composeAtTerminal({ output: ".", treefile: file }, { verbose: false, targets });
    try {
      checkOutputs(session.ports.outputs, treefile, targets);
      const images: {
        variant: string;
        architecture: string;
        isLocked: boolean;
        locked: LockedImage;
        notes: readonly TreefileProblem[];
      }[] = [];
      for (const target of targets) {
        const kept = lock.images[lockKey(target)];
        const isLocked = lockMode !== "update" && (await fitsLock(session.ports, target, kept));
        if (!isLocked && lockMode === "locked")
          throw new CommandError(lockKey(target), "the lock file does not fit it any more; --update makes it anew");
        const locked = isLocked
          ? kept!
          : await tellingRequest(treefile, target, () =>
              resolveImage(session.ports, target, archive(), (progress) =>
                session.show({ kind: "packages", image: lockKey(target), progress }),
              ),
            );
        checkAnswers(treefile, target, locked);
        const notes = [
          ...checkImage(treefile, target, locked),
          ...hostHooksOf(target).flatMap(
            ({ point, hook }) =>
              treefile.problem(
                target,
                ["host-hooks", point],
                `${hook.command[0]} is run on this host, where --allow-host-hooks says so`,
              ).problems,
          ),
        ];
        if (options.json !== true)
          for (const problem of notes) session.show({ kind: "advice", image: lockKey(target), problem });
        images.push({ variant: target.variant, architecture: target.architecture, isLocked, locked, notes });
      }
      await session.close();
      if (options.json === true) {
        process.stdout.write(
          JSON.stringify(
            {
              name: treefile.name,
              phases: steps.map(({ id, after, skipReason, timeoutSeconds }) => ({
                id,
                after,
                skipReason,
                timeoutSeconds,
              })),
              images,
            },
            null,
            2,
          ) + "\n",
        );
        return EXIT_SUCCESS;
      }
      process.stdout.write(
        formatTable(
          ["PHASE", "AFTER"],
          steps.map(({ id, after, skipReason }) => [
            id,
            skipReason === undefined ? after.join(", ") : `left out: ${skipReason}`,
          ]),
        ),
      );
      for (const { variant, architecture, isLocked, locked } of images) {
        process.stdout.write(
          `\n${variant}/${architecture}: ${locked.packages.length} packages, ` +
            `${formatSize(locked.packages.reduce((sum, one) => sum + one.sizeBytes, 0))} to ` +
            `download${isLocked ? ", from the lock file" : ""}\n`,
        );
        process.stdout.write(
          formatTable(
            ["PACKAGE", "VERSION", "STAGE", "SIZE"],
            locked.packages.map((one) => [one.name, one.version, one.stage, formatSize(one.sizeBytes)]),
          ),
        );
      }
      return EXIT_SUCCESS;
    } finally {
      await session.close();
    }
  });
}
