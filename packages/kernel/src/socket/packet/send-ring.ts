/**
 * The ring from which a packet socket sends (packet(7), PACKET_TX_RING): a program fills frames, marks them with
 * TP_STATUS_SEND_REQUEST and calls send(2). Source: net/packet/af_packet.c, tpacket_snd.
 */
import {
  EINVAL,
  EMSGSIZE,
  TPACKET_V1,
  TPACKET_V2,
  TP_STATUS_AVAILABLE,
  TP_STATUS_SEND_REQUEST,
  TP_STATUS_WRONG_FORMAT,
  Tpacket2Hdr,
  Tpacket3Hdr,
  TpacketHdr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { frameHeadSize, frameOffset, type RingLayout } from "./ring-layout.ts";
import type { RingMemory } from "./ring-memory.ts";

/** Frames that one call sends; it then returns short, and the next call goes on. */
const FRAMES_AT_ONCE = 512;

export class SendRing {
  readonly layout: RingLayout;
  #memory: RingMemory;
  /** Where the ring begins in the memory: behind the one that receives. */
  #start: number;
  #head = 0;

  constructor(layout: RingLayout, memory: RingMemory, start: number) {
    this.layout = layout;
    this.#memory = memory;
    this.#start = start;
  }

  /** May the program fill the next frame? */
  get isWritable(): boolean {
    return this.#memory.loadU32(this.#statusPlace) === TP_STATUS_AVAILABLE;
  }

  /**
   * Sends what the program marked, in order.
   *
   * @param send  what stands in a frame; it is valid during the call. @returns 0 or a negated errno
   * @param skipsBad  PACKET_LOSS: frames that can't be sent are passed over
   * @returns bytes that were sent; −EMSGSIZE a length beyond the frame; −EINVAL a frame that says where another begins
   */
  sendMarked(send: (bytes: Uint8Array) => number, skipsBad: boolean): number {
    const { version, frameCount } = this.layout;
    let sent = 0;
    for (let count = 0; count < FRAMES_AT_ONCE; count++) {
      const status = this.#statusPlace;
      if ((this.#memory.loadU32(status) & TP_STATUS_SEND_REQUEST) === 0) return sent;
      const length = this.#memory.loadU32(this.#framePlace + LENGTH_OFFSET[version]!);
      const failed = this.#sendFrame(length, send);
      if (failed < 0 && !skipsBad) {
        this.#memory.storeU32(status, TP_STATUS_WRONG_FORMAT);
        return failed;
      }
      this.#memory.storeU32(status, TP_STATUS_AVAILABLE);
      this.#head = (this.#head + 1) % frameCount;
      if (failed === 0) sent += length;
    }
    return sent;
  }

  #sendFrame(length: number, send: (bytes: Uint8Array) => number): number {
    const { version, frameSize } = this.layout;
    const at = this.#framePlace;
    if (version !== TPACKET_V1 && version !== TPACKET_V2) {
      if (this.#memory.loadU32(at + Tpacket3Hdr.offset.tp_next_offset) !== 0) return -EINVAL;
    }
    const head = frameHeadSize(version);
    if (length > frameSize - head || length > BYTES.length) return -EMSGSIZE;
    const failed = this.#memory.read(at + head, BYTES, length);
    return failed < 0 ? failed : send(BYTES.subarray(0, length));
  }

  get #framePlace(): number {
    return this.#start + frameOffset(this.layout, this.#head);
  }

  get #statusPlace(): number {
    return this.#framePlace + STATUS_OFFSET[this.layout.version]!;
  }

  static {
    stateClass("SendRing", this, {
      save: (it) => ({ memory: it.#memory, start: it.#start, head: it.#head }),
      load: (it, from) => ({ memory: it.#memory, start: it.#start, head: it.#head } = from),
    });
  }
}

/** By TPACKET_V*. */
const STATUS_OFFSET = [TpacketHdr.offset.tp_status, Tpacket2Hdr.offset.tp_status, Tpacket3Hdr.offset.tp_status];
const LENGTH_OFFSET = [TpacketHdr.offset.tp_len, Tpacket2Hdr.offset.tp_len, Tpacket3Hdr.offset.tp_len];
/** The longest frame of any link (`lo`), valid during one call. */
const BYTES = new Uint8Array(65536 + 64);
