/** A recorded run, as programs have it. */
import type {
  BlobLike,
  OpenRecordingOptions,
  RecordedOutput,
  RecordingFile,
  RecordingInfo,
  RecordingPlace,
  RecordingPosition,
  SeekOptions,
} from "./api.ts";
import { checkDuration, checkOptions, checkPosition, SEEK } from "./check-options.ts";
import { abortReason } from "./engine-client.ts";
import { RemoteFiles, RemoteHandle } from "./remote-files.ts";
import type { CommonEngine } from "./volume.ts";

/**
 * A replay of a recorded run: it stands at a place, goes to any other one forwards and backwards, and is never changed.
 */
export class RunRecording {
  readonly info: RecordingInfo;
  /** As they are where it stands, with `/proc`; what is written to them is gone with the next `seek`. */
  readonly fs: RemoteFiles;
  readonly #handle: RemoteHandle;

  /** @internal */
  constructor(handle: RemoteHandle, info: RecordingInfo) {
    this.#handle = handle;
    this.info = info;
    this.fs = new RemoteFiles(handle);
  }

  /**
   * Goes to a place; backwards means once more from a checkpoint before it.
   *
   * @returns where it stands
   * @throws LimitError: `timeoutMs` have passed; the reason of `signal`. It then stands at the beginning, and goes
   *   elsewhere at once. StratosError of kind recording: the replay went another way; option; closed
   */
  async seek(position: RecordingPosition, options: SeekOptions = {}): Promise<RecordingPlace> {
    checkPosition(position);
    checkOptions(options, SEEK);
    const { engine, target } = this.#handle.use();
    const { signal, timeoutMs } = options;
    checkDuration("timeoutMs", timeoutMs);
    return (await engine.call("replay-to", { target, position }, { signal, timeoutMs }).answer).value as RecordingPlace;
  }

  /** What the run had written, from its beginning to where it stands. */
  async output(): Promise<RecordedOutput> {
    const { engine, target } = this.#handle.use();
    const { value, bytes } = await engine.call("replay-output", { target }).answer;
    const all = bytes.slice();
    const stdoutBytes = all.subarray(0, value as number);
    const stderrBytes = all.subarray(value as number);
    const text = (part: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(part);
    return { stdoutBytes, stderrBytes, stdout: text(stdoutBytes), stderr: text(stderrBytes) };
  }

  /** Calling it again does nothing. */
  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export async function openRemoteRecording(
  engines: CommonEngine,
  file: RecordingFile | BlobLike,
  { home, signal, image }: OpenRecordingOptions,
): Promise<RunRecording> {
  const { engine, release } = engines.common();
  try {
    if (signal?.aborted === true) throw abortReason(signal);
    const path = engine.place(file, "file");
    const request = { home, path, image: image === undefined ? undefined : engine.place(image, "image") };
    const { value } = await engine.call("open-recording", request, { signal }).answer;
    const { target, info } = value as { target: number; info: RecordingInfo };
    return new RunRecording(new RemoteHandle("recording", engine, target, release), info);
  } catch (error) {
    release();
    throw error;
  }
}
