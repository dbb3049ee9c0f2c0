/** A recorded run that is gone along, on clones of its image. */
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import type { MachinePorts } from "@stratos/host";
import { openReplayFiles } from "./replay-files.ts";
import type { Recording } from "./recording-format.ts";
import { Replay, type StartedReplay } from "./replay.ts";
import type { RunOutput } from "./shown-output.ts";
import { Timeline } from "./timeline.ts";

/** Each is closed. */
interface VolumeClone {
  close(): void;
  /** One with the changes that were committed by now; `mount` is called once at most. */
  fork(): VolumeClone & { mount(): Volume };
}

/** A clone of the image, as it was when the run was recorded. */
export interface RecordedClone extends VolumeClone {
  readonly volume: Volume;
}

interface TimelineOptions {
  readonly ports: MachinePorts;
  /** Of all that is replayed on the way. */
  readonly output: RunOutput;
}

/** Before its first instruction. @throws what `cloneImage` does, SessionError, ReplayError */
export function openRecordedTimeline(
  recording: Recording,
  cloneImage: () => RecordedClone,
  options: TimelineOptions,
): Promise<Timeline> {
  return Timeline.open({ loop: options.ports.loop, open: () => startReplay(recording, cloneImage(), options) });
}

function startReplay(recording: Recording, clone: RecordedClone, { ports, output }: TimelineOptions): StartedReplay {
  try {
    const replay = new Replay(recording, { ports, volume: clone.volume, hasForks: true });
    try {
      const standard = openReplayFiles(replay.session, replay.gate, recording.header, output.streams);
      replay.start(standard.files);
      return startedReplay(replay, clone, output);
    } catch (error) {
      replay.session.close();
      throw error;
    }
  } catch (error) {
    clone.close();
    throw error;
  }
}

/** @param clone  of the image, with what the replay has changed in it */
function startedReplay(replay: Replay, clone: VolumeClone, output: RunOutput): StartedReplay {
  return {
    replay,
    drain: async () => {
      for (const stream of output.streams) await stream.drain();
    },
    enter: () => output.enter(replay.gate),
    fork: () => {
      replay.session.commit();
      const forked = clone.fork();
      try {
        return startedReplay(replay.fork(new LaterVolume(() => forked.mount())), forked, output);
      } catch (error) {
        forked.close();
        throw error;
      }
    },
    close: () => {
      replay.session.close();
      clone.close();
    },
  };
}
