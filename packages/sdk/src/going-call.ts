/** A call that goes on: what its caller may say to it, and its end. */
import type { TerminalSize } from "./api.ts";

export interface GoingCall {
  /** What it answers. */
  readonly ended: Promise<unknown>;
  readonly input?: { push(bytes: Uint8Array): void; end(): void };
  /** Told of what the caller has dealt with. */
  readonly outputs: readonly { taken(count: number): void }[];
  /** Its caller wants no more of it: it ends. */
  kill(): void;
  resize?(size: TerminalSize): void;
}

/** One that tells events until it is not wanted any more, or `stopped` rejects. */
export function eventCall(
  stream: { taken(count: number): void },
  stopped: Promise<unknown>,
  close: () => void,
): GoingCall {
  let kill!: () => void;
  const killed = new Promise<null>((resolve) => {
    kill = () => resolve(null);
  });
  return { ended: Promise.race([killed, stopped]).finally(close), outputs: [stream], kill };
}
