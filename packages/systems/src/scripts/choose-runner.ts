import { ScriptError, type ScriptRunner } from "@stratos/compose";
import { compileLate } from "@stratos/host-node/home";
import { isNativeArchitecture, nativeObstacle, NativeRunner } from "@stratos/tools-node/compose";

/** Natively what the host's processor runs; riscv64 elsewhere inside Stratos. */
export function chooseRunner(
  architecture: string,
  choice: "auto" | "stratos" | "native",
  folder: string,
): ScriptRunner {
  const native =
    choice === "native" || (choice === "auto" && (isNativeArchitecture(architecture) || architecture !== "riscv64"));
  if (!native) return stratosRunner(folder);
  const obstacle = nativeObstacle();
  if (obstacle === undefined) return new NativeRunner(folder);
  if (choice === "auto" && architecture === "riscv64") return stratosRunner(folder);
  throw new ScriptError(`maintainer scripts of ${architecture} cannot be run here: ${obstacle}`);
}

/** A machine is loaded only when one is needed: most of what Stratos is. It runs for long. */
function stratosRunner(folder: string): ScriptRunner {
  return {
    id: "stratos",
    async run(job) {
      compileLate(false);
      return new (await import("./stratos-runner.ts")).StratosRunner(folder).run(job);
    },
  };
}
