/** What a compositor needs of where it runs: connections to programs, files that they share with it, time. */

/** A file that came from a program, or was made for one. */
export interface SharedFile {
  /** Of its content now: a program may change it at any time. */
  readonly sizeBytes: number;
  /**
   * Fills `into` from byte `offset` of the file on. @returns how many bytes there were, fewer at its end, or a negated
   * errno
   */
  read(into: Uint8Array, offset: number): number;
}

/** The other end is a program. */
export interface Connection {
  /** By which a display that goes on from a saved one finds it again; null: the program's windows end with this one. */
  readonly key: number | null;
  /** In order, and at once as far as the caller is concerned. Files go with the first byte, and stay the sender's. */
  send(bytes: Uint8Array, files: readonly SharedFile[]): void;
  /** A file that came over this connection is not needed any more. */
  release(file: SharedFile): void;
  /** Those that came over it and were not released, by numbers that are theirs for good. */
  readonly files: ReadonlyMap<number, SharedFile>;
  close(): void;
}

export interface CompositorPorts {
  /** Milliseconds of a clock that never goes back; with a fraction. */
  nowMs(): number;
  /** Something is to be shown, or somebody waits for a frame: `Compositor.frame` is wanted at the next refresh. */
  onFrameNeeded(): void;
  /** A file that programs can read and nobody can change. */
  makeFile(name: string, bytes: Uint8Array): SharedFile;
  /** Writes all of `bytes` into a pipe that a program passed. @param done  called once: nothing more will be written */
  write(file: SharedFile, bytes: Uint8Array, done: () => void): void;
  /**
   * A file for a program to write into. It is to be released once it was sent.
   *
   * @param onEnd  called once: what was written until its end; null: more than `bytesMax`, or the end did not come
   */
  collect(
    bytesMax: number,
    onEnd: (bytes: Uint8Array | null) => void,
  ): { readonly file: SharedFile; readonly release: () => void };
  /** A program has copied something, or it is gone. */
  onCopied(): void;
  /** An exception that is a defect of ours; the client it concerns is disconnected. */
  onDefect(error: unknown): void;
}
