/** Recordings as files of this host. */
import { stratosHome, zstdCodec } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import { goToPosition, openDraft, openTimeline, ShownOutput } from "@stratos/images/replay";
import { OperationError } from "@stratos/operation";
import type { OpenedRecording, RecordingDraft, RecordingFiles } from "@stratos/sdk";
import { type RecordingPosition, StratosError } from "@stratos/sdk/api";
import type { OutputStream } from "@stratos/session";

export const recordingFiles: RecordingFiles = {
  codec: zstdCodec,

  create(path: string): RecordingDraft {
    const told = <T>(act: () => T): T => {
      try {
        return act();
      } catch (error) {
        throw fileFailure(path, error);
      }
    };
    const draft = told(() => openDraft(path));
    return {
      write: (bytes) => told(() => draft.write(bytes)),
      close: (isWhole) => told(() => draft.close(isWhole)),
      discard: () => draft.discard(),
    };
  },

  async open(path: string, home: string = stratosHome()): Promise<OpenedRecording> {
    const output: { stream: 1 | 2; bytes: Uint8Array }[] = [];
    const shown = new ShownOutput([kept(1, output), kept(2, output)]);
    try {
      const { recording, timeline, told, close } = await openTimeline(path, { home, output: shown });
      return {
        ...{ recording, timeline, output, close },
        seek: async (to) => {
          try {
            return await goToPosition(timeline, positionOf(to), recording);
          } catch (error) {
            throw failure(path, told(error));
          }
        },
      };
    } catch (error) {
      throw failure(path, error);
    }
  },
};

function kept(stream: 1 | 2, into: { stream: 1 | 2; bytes: Uint8Array }[]): OutputStream {
  return {
    write: (bytes, at, count) => {
      into.push({ stream, bytes: bytes.slice(at, at + count) });
      return count;
    },
    room: 1 << 16,
    isBroken: false,
    onWritable: () => {},
    drain: () => Promise.resolve(),
  };
}

function positionOf(to: RecordingPosition): Parameters<typeof goToPosition>[1] {
  if (to === "end") return { kind: "end" };
  if ("event" in to) return { kind: "event", number: to.event };
  return "line" in to ? { kind: "line", number: to.line } : { kind: "instruction", number: to.instruction };
}

function failure(path: string, error: unknown): unknown {
  if (error instanceof StratosError) return error;
  if (!(error instanceof OperationError)) return fileFailure(path, error);
  if (error.kind === "no-image") return new StratosError("no-image", error.message, { image: error.what });
  return new StratosError("recording", error.message, { path });
}

/** Of the host's file; anything else as it is. */
function fileFailure(path: string, error: unknown): unknown {
  const { code } = (error instanceof Error ? (error.cause ?? error) : {}) as { readonly code?: string };
  const own = (error as { readonly code?: string }).code ?? code;
  if (own === undefined) return error;
  return new StratosError("file", `${path}: ${hostReason(error)}`, { path, code: own });
}
