/** What the page and the machine's worker tell each other, beside the terminal's own port. */
export interface StartMessage {
  /** URL of the image's folder. */
  readonly image: string;
  /** `host`: programs are to reach what the computer reaches. */
  readonly net: "none" | "host";
  readonly memoryBytes: number;
  readonly rows: number;
  readonly columns: number;
  readonly console: MessagePort;
}

export type WorkerMessage =
  /** The first program runs. */
  | { readonly kind: "started" }
  /** It has ended; words for people. */
  | { readonly kind: "ended"; readonly words: string }
  /** The machine could not start or go on, or lost its image; words for people. */
  | { readonly kind: "failed"; readonly words: string };
