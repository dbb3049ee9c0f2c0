/** What common programs of an image execute is translated ahead: at once, or by a process of its own. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { giveWay, stratosHome } from "@stratos/host-node";
import { type ProgressDisplay } from "./progress-display.ts";
import { engineFlags, keptTranslations } from "@stratos/images/translations";
import { warmCode } from "@stratos/images/warm-code";

/** The command itself; `process.argv` may name whoever else has called. */
const MAIN = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.cjs", import.meta.url));

interface WarmRequest {
  readonly image: string;
  /** For `sh -c`, besides the common programs. */
  readonly lines?: readonly string[];
}

export async function warmImage({ image, lines = [] }: WarmRequest, progress: ProgressDisplay): Promise<void> {
  await warmCode({ image, home: stratosHome(), lines }, ({ done, total, name }) =>
    progress.update("Translating common programs", done, total, "items", name),
  );
}

/** The same by `stratos cache warm`, which goes on when this process has ended, and gives way to everything else. */
export function warmInBackground({ image, lines = [] }: WarmRequest, progress: ProgressDisplay): void {
  if (keptTranslations(stratosHome()) === undefined) return;
  const options = lines.flatMap((line) => ["--command", line]);
  const words = [...engineFlags(process.execArgv), MAIN, "cache", "warm", image, ...options];
  const { pid } = spawn(process.execPath, words, { detached: true, stdio: "ignore" }).on("error", () => {});
  if (pid === undefined) return;
  giveWay(pid);
  progress.note(
    `stratos: ${image}: common programs are translated in the background (\`stratos cache warm\` waits for it)`,
  );
}
