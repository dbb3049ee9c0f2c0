/**
 * A link of layer 2: frames out, frames in. A frame is a whole Ethernet frame from its destination address on, without
 * preamble and check sequence (IEEE 802.3 §3.1.1).
 *
 * Calls return at once: 0, a length, or a negated errno. What arrives waits in the link, in a bounded queue, until
 * `receive` takes it; what finds no room is lost and counted, as on a wire. `linkChanged` of the receiver may come from
 * inside a `send` at the other end of a link, so it must not send in its turn.
 */
export interface LinkEvents {
  /** A frame arrived, or the other end came or went: look at `receive` and `hasCarrier` again. */
  linkChanged(): void;
}

export interface Link {
  /** Of this end, as it was given. */
  readonly address: Uint8Array;
  /** Bytes that a frame may carry behind its header of 14. */
  readonly mtu: number;
  /** Is the other end there and up? */
  readonly hasCarrier: boolean;
  /** Frames that came and found no room. */
  readonly dropped: number;
  /** Who is told; null: nobody. */
  setEvents(events: LinkEvents | null): void;
  /** Frames move while both ends are up. */
  setUp(isUp: boolean): void;
  /**
   * Sends `frame[at … at + length)`; the bytes are copied.
   *
   * @returns 0; -ENETDOWN this end is down; -EINVAL shorter than a header; -EMSGSIZE longer than the MTU allows
   */
  send(frame: Uint8Array, at: number, length: number): number;
  /** Takes the first frame that came into `into`, cut to its length: the frame's length, or -EAGAIN. */
  receive(into: Uint8Array): number;
  /** Ends this end: the other one has no carrier any more. */
  close(): void;
}

/** Destination, source, type (IEEE 802.3 §3.1.1). */
export const FRAME_HEADER_SIZE = 14;
/** Frames that wait at one end at most, and bytes. */
export const LINK_FRAMES_MAX = 256,
  LINK_BYTES_MAX = 1 << 20;
