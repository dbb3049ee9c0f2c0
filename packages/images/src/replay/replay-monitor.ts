/** What a debugger's `monitor` does beside its own protocol while it goes along a recorded run. */
import { describePlace, goToPosition, type Recording, type Timeline } from "@stratos/session";
import { POSITIONS, readPosition } from "@stratos/session/replay-position";

/** @returns the lines that it shows */
export async function replayMonitor(
  timeline: Timeline,
  recording: Recording,
  words: readonly string[],
): Promise<readonly string[]> {
  const [command, position = ""] = words;
  const where = (): string[] => describePlace(timeline.replay, recording.events.length);
  if (command === "where" && words.length === 1) return where();
  if (command !== "seek" || words.length !== 2) return MONITOR_HELP;
  const to = readPosition(position);
  if (to === null) return [`expected ${POSITIONS}`];
  const isThere = await goToPosition(timeline, to, recording);
  return [...(isThere ? [] : ["the recording ends before:"]), ...where(), CACHE_HINT];
}

const CACHE_HINT = "type: maintenance flush register-cache";
const MONITOR_HELP = [
  "monitor where           the position, and where each program is",
  "monitor seek POSITION   go there: N (instructions), event:N, line:N or end; then type",
  "                        maintenance flush register-cache",
];
