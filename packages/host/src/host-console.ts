/** The terminal, or the pipes, that Stratos was started with. */
export interface HostConsole {
  readonly isTerminal: boolean;
  /** Takes bytes to show, at most `room`; they are copied, and nobody waits for them. */
  write(bytes: Uint8Array): void;
  /** Bytes that `write` takes now: 0 while the terminal is slow. */
  readonly room: number;
  /** Bytes that were taken and have not left for the terminal. */
  readonly pending: number;
  /**
   * Forgets what is pending: an interrupt must not wait for a screenful that nobody wants (termios(3), NOFLSH and
   * TCOFLUSH).
   */
  discardOutput(): void;
  /** Called when there is room again; one listener. */
  onWritable(listener: () => void): void;
  size(): { rows: number; columns: number };
  onInput(listener: (bytes: Uint8Array | null) => void): void; // null: end of input
  /** Bytes of input that are taken from here on: what comes above is lost. Absent: its input cannot wait. */
  inputRoom?(bytes: number): void;
  onResize(listener: () => void): void;
  /** Told, as the other side of a pseudo-terminal, how that one ends: it shows what is left, and hangs up. */
  onPty?(close: () => void): void;
}
