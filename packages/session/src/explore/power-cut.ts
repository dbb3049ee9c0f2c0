/**
 * A program whose power fails, and another one that looks at what is left: on the files as their file system gives them
 * back when it is mounted again (the log is played, what was not flushed is gone), with what the first one had printed
 * as its standard input, so that it knows what was promised.
 */
import type { Board } from "@stratos/kernel";
import { Attempt, type CheckedCut, type ExploreTarget, NO_BOUNDS, type PowerCut } from "./attempt.ts";

/** Runs the check. The cut is closed. @throws SessionError when the check cannot be started */
export async function checkCut(
  target: ExploreTarget,
  board: Board,
  { left, lost, told }: PowerCut,
): Promise<CheckedCut> {
  let check: Attempt | null = null;
  try {
    check = Attempt.begin(
      {
        ...target,
        request: target.check!,
        input: told.kept,
        openVolume: () => ({ volume: left.mount(), close: () => {}, fork: () => left.fork() }),
      },
      board,
      { list: [] },
      { bounds: NO_BOUNDS },
    );
    const { status, killedBecause, stdout, stderr } = await check.run();
    return { status, killedBecause, stdout, stderr, lost };
  } finally {
    check?.close();
    left.close();
  }
}
