/** Recordings as files of this host. */
import { stratosHome, zstdCodec } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import { openDraft, openTimeline } from "@stratos/images/replay";
import { OperationError } from "@stratos/operation";
import {
  openedRecording,
  type OpenedRecording,
  type OpenRecordingRequest,
  type Place,
  type RecordingDraft,
  type RecordingFiles,
  type ReservedRecording,
} from "@stratos/sdk";
import { StratosError } from "@stratos/sdk/api";
import { textOf } from "./text-of.ts";

export const recordingFiles: RecordingFiles = {
  async reserve(place: Place): Promise<ReservedRecording> {
    const path = textOf(place, "record");
    return { codec: zstdCodec, create: () => createDraft(path), release: () => {} };
  },

  async open({ path: place, home = stratosHome(), image }: OpenRecordingRequest): Promise<OpenedRecording> {
    const path = textOf(place, "file");
    const name = image === undefined ? undefined : textOf(image, "image");
    let told = (error: unknown): unknown => error;
    try {
      return await openedRecording(
        async (output) => {
          const opened = await openTimeline(path, { home, output, image: name });
          told = opened.told;
          return opened;
        },
        (error) => failure(path, told(error)),
      );
    } catch (error) {
      throw failure(path, error);
    }
  },
};

function createDraft(path: string): RecordingDraft {
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
