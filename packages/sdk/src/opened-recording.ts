/** A recorded run with all that it writes on the way, for RecordingTarget. */
import {
  goToPosition,
  type OutputStream,
  type Recording,
  type ReplayPosition,
  ShownOutput,
  type RunOutput,
  type Timeline,
  UNSEEN,
} from "@stratos/session";
import type { RecordingPosition } from "./api.ts";
import type { OpenedRecording } from "./engine-host.ts";

interface RunTimeline {
  readonly recording: Recording;
  readonly timeline: Timeline;
  close(): void;
}

/**
 * @param open  what is written goes to `output`
 * @param told  makes what a journey has thrown an error for who asked for it
 */
export async function openedRecording(
  open: (output: RunOutput) => Promise<RunTimeline>,
  told: (error: unknown) => unknown,
): Promise<OpenedRecording> {
  const output: { stream: 1 | 2; bytes: Uint8Array }[] = [];
  const { recording, timeline, close } = await open(new ShownOutput([kept(1, output), kept(2, output)]));
  return {
    ...{ recording, timeline, output, close },
    seek: async (to) => {
      try {
        return await goToPosition(timeline, positionOf(to), recording);
      } catch (error) {
        throw told(error);
      }
    },
  };
}

function kept(stream: 1 | 2, into: { stream: 1 | 2; bytes: Uint8Array }[]): OutputStream {
  return {
    ...UNSEEN,
    write: (bytes, at, count) => {
      into.push({ stream, bytes: bytes.slice(at, at + count) });
      return count;
    },
  };
}

function positionOf(to: RecordingPosition): ReplayPosition {
  if (to === "end") return { kind: "end" };
  if ("event" in to) return { kind: "event", number: to.event };
  return "line" in to ? { kind: "line", number: to.line } : { kind: "instruction", number: to.instruction };
}
