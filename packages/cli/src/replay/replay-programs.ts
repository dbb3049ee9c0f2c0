/** `stratos replay --programs`: what a recorded run executes, where. */
import { UNSEEN } from "@stratos/session";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { formatTable } from "../text-table.ts";
import { withTimeline } from "./recorded-run.ts";

export function replayPrograms(file: string): Promise<number> {
  return withTimeline(file, { streams: [UNSEEN, UNSEEN], enter: () => {} }, async (timeline) => {
    const programs = await timeline.programs();
    const rows = programs.map(({ instructions, pid, command }) => [String(instructions), String(pid), command]);
    process.stdout.write(formatTable(["INSTRUCTION", "PROCESS", "COMMAND"], rows));
    return EXIT_SUCCESS;
  });
}
