/**
 * One run of a machine, from its root and the host's ports to its first program's end. Stands below every face: what a
 * host is, it gets as ports; what went wrong, it throws as `SessionError`.
 */
export { HOSTNAME, MachineSession, type ProgramRequest, type SessionOptions } from "./machine-session.ts";
export { type MachinePump, type TurnGate } from "./machine-pump.ts";
export { type HostFolder, mountHostFolders } from "./host-folders.ts";
export { EXIT_TIMEOUT, exitStatusOf, type ProgramEnd } from "./exit-status.ts";
export { MACHINE_MEMORY_MIN } from "./machine-limits.ts";
export { MEMORY_BYTES_MAX as MACHINE_MEMORY_MAX } from "@stratos/machine";
export { writeResolverConfiguration } from "./resolver.ts";
export { rootShell } from "./root-shell.ts";
export type { StandardFiles, TerminalShape } from "./standard-files.ts";
export { SessionError, type SessionFailure } from "./session-error.ts";
export { findGuestUser, type GuestUser } from "./guest-user.ts";
export { GUEST_PATH, guestEnvironment, type EnvironmentSetting } from "./guest-environment.ts";
export { isAbsentFromVolume, readerOf, readVolumeFile, writeVolumeFile } from "./volume-file.ts";
export {
  type AwaitedSocket,
  GuestClient,
  type GuestListener,
  type GuestService,
  type HostService,
  type LeftService,
  makeGuestFile,
  makeRuntimeFolder,
  makeX11Folder,
} from "./host-listener.ts";
export { ReplayError } from "./recording/host-answers.ts";
export { InputGate } from "./recording/input-gate.ts";
export { openReplayFiles, type OutputStream, UNSEEN } from "./recording/replay-files.ts";
export { ImageReads, recordedLayers, RecordedLayer } from "./recording/image-blocks.ts";
export { Recorder, toldFolders } from "./recording/recorder.ts";
export {
  type RecordedAnswer,
  type RecordedEvent,
  type Recording,
  RecordingError,
} from "./recording/recording-format.ts";
export { openRecording, readRecording, type RecordingSource } from "./recording/recording-reader.ts";
export { losesPower } from "./recording/recorded-disturbances.ts";
export { DebugAdapter } from "./debug/debug-adapter.ts";
export { DebugServer } from "./debug/debug-server.ts";
export { LiveTarget } from "./debug/live-target.ts";
export { answerLive } from "./debug/live-monitor.ts";
export { describePlace } from "./recording/describe-place.ts";
export { Replay, type ReplayOutcome, type StartedReplay } from "./recording/replay.ts";
export { goToPosition, positionText, type ReplayPosition } from "./recording/replay-position.ts";
export { openRecordedTimeline, type RecordedClone } from "./recording/recorded-timeline.ts";
export { type RunOutput, ShownOutput, UNSEEN_OUTPUT } from "./recording/shown-output.ts";
export { scheduleDisturber } from "./schedule.ts";
export { Timeline, type TimelinePorts } from "./recording/timeline.ts";
export type { AttemptOutcome, CheckedCut, ExploreTarget } from "./explore/attempt.ts";
export {
  explore,
  type Explored,
  type ExploreOptions,
  type ExploreProgress,
  type Found,
  isEndless,
} from "./explore/explore.ts";
