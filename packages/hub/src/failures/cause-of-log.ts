/** From the end of a run's log to why it failed, by the operator's own rules first. */
import { findCause, failedPart, type FailedRun, type FoundCause } from "./find-cause.ts";
import { logLines } from "./log-lines.ts";
import type { OwnRules } from "./own-rules.ts";

/** As much of a log's end as is looked at. */
export const LOG_TAIL_BYTES = 512 << 10;

/**
 * @param log  the end of it, LOG_TAIL_BYTES at least where it has as many
 * @param isCut  more came before
 */
export async function causeOfLog(
  log: Uint8Array,
  { failureClass, message }: Omit<FailedRun, "lines">,
  rules: OwnRules,
  isCut = false,
): Promise<FoundCause> {
  const cut = Math.max(log.length - LOG_TAIL_BYTES, 0);
  const lines = logLines(log.subarray(cut), cut > 0 || isCut);
  const own = await rules.match(failedPart({ message, lines }), message);
  return findCause({ failureClass, message, lines }, own);
}
