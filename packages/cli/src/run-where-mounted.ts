/** A command of this terminal in the process that has its volume mounted. */
import type { CommandCaller } from "@stratos/volumes/mount-control";

/** @returns its exit status; null when nobody serves the volume, or it is no command for a mounted one */
export async function runWhereMounted(volume: string, args: readonly string[]): Promise<number | null> {
  const { runWhereMounted } = await import("@stratos/volumes/mount-control");
  const { stdin, stdout, stderr } = process;
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  const caller: CommandCaller = {
    stdout: (text) => void stdout.write(text),
    stderr: (text) => void stderr.write(text),
    signal: controller.signal,
    // Only what reads standard input gets it; a terminal is for passphrases.
    ...(args[1] === "receive" && !stdin.isTTY ? { stdin } : {}),
    ...(stderr.isTTY === true ? { terminal: { columns: stderr.columns } } : {}),
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await runWhereMounted(volume, args, caller);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}
