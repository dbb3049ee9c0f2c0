/** The terminal, or the pipes, that Stratos was started with. */
export interface HostConsole {
  readonly isTerminal: boolean;
  /** Writes now; the host buffers when the other side is slow. */
  write(bytes: Uint8Array): void;
  size(): { rows: number; columns: number };
  onInput(listener: (bytes: Uint8Array | null) => void): void; // null: end of input
  onResize(listener: () => void): void;
}
