/** What gives work up that is under way. */

/** The part of an AbortSignal that is used; every host's own fits. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Who may give up. */
export interface SignalOption {
  /** The promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignalLike;
}
