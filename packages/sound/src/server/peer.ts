/** The other end of a connection, as the host has it. */
export interface Transport {
  /** In order, whatever room there is. */
  send(bytes: Uint8Array): void;
  close(): void;
}

/** What the host tells of it. */
export interface TransportEvents {
  /** The bytes hold until the call returns. */
  onData(bytes: Uint8Array): void;
  onEnd(): void;
}

/** What a command is refused with (PA_ERR_*). */
export class SoundError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`error ${code}`);
    this.code = code;
  }
}
