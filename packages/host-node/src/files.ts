/** Files and processes of the host, and failures of its calls. */
export { draftOf, failedDraft, removeAtDeath, replaceByPieces, scratchFolder } from "./draft.ts";
export { hostErrno } from "./host-errno.ts";
export { hostTime } from "./host-time.ts";
export { appendToLog } from "./log-file.ts";
export { describeFailure } from "./network-failure.ts";
export { isRunning, processWords, startOfProcess, statOfProcess } from "./running-process.ts";
export { withSocketPath } from "./socket-path.ts";
export { textOfFile } from "./text-of-file.ts";
export {
  failedAt,
  isChannel,
  readAll,
  readFully,
  readGiven,
  readIfThere,
  readWhole,
  replaceFile,
  writeFully,
  writeWhole,
} from "./whole-file.ts";
