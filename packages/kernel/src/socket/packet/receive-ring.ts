/**
 * The ring into which a packet socket puts what it hears (packet(7), PACKET_RX_RING). Source: net/packet/af_packet.c,
 * tpacket_rcv and what follows it; Documentation/networking/packet_mmap.rst.
 *
 *     a frame:                    head │ sockaddr_ll │ room │ Ethernet header │ packet
 *     a block (TPACKET_V3):       head │ the program's own bytes │ frame │ frame │ …
 *
 * Whose a frame is, says its status; with TPACKET_V3, that of its block. All else that counts is kept here, where no
 * program writes.
 */
import {
  SockaddrLl,
  TPACKET_ALIGNMENT,
  TPACKET_V1,
  TPACKET_V3,
  TP_STATUS_BLK_TMO,
  TP_STATUS_KERNEL,
  TP_STATUS_LOSING,
  TP_STATUS_USER,
  Tpacket2Hdr,
  Tpacket3Hdr,
  TpacketBlockDesc,
  TpacketHdr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { put64, putFields, viewOf } from "../../ground/words.ts";
import { Timer, type TimerQueue } from "../../time/timer-queue.ts";
import { alignUp, frameHeadLength, frameHeadSize, frameOffset, type RingLayout } from "./ring-layout.ts";
import type { RingMemory } from "./ring-memory.ts";

/** Room for a link's header, whatever it is. */
const LINK_HEADER_ROOM = 16;
/** Frames of a block begin at multiples of it (V3_ALIGNMENT). */
const BLOCK_ALIGNMENT = 8;
/** Beyond it a frame's `tp_net` can't say where the packet begins. */
const OFFSET_MAX = 0xffff;

/** What the ring needs of its socket. */
export interface RingOwner {
  readonly kernel: {
    readonly timers: TimerQueue;
    now(): number;
    realtime(): { seconds: number; nanoseconds: number };
  };
  /** A program may have something to read. */
  ringReady(): void;
}

/** What the socket heard. */
export interface HeardFrame {
  readonly bytes: Uint8Array;
  /** Where in `bytes` begins what the socket gives (the Ethernet header, or what follows it). */
  start: number;
  /** Bytes from there, and how many of them the filter lets through. */
  length: number;
  admitted: number;
  /** Bytes of a link's header at `start`. */
  linkHeader: number;
}

export class ReceiveRing {
  readonly layout: RingLayout;
  #memory: RingMemory;
  #owner: RingOwner;
  /** PACKET_RESERVE when the ring was made. */
  #reserve: number;
  /** The frame that is next, or with TPACKET_V3 the block. */
  #head = 0;
  /** TPACKET_V3: the open block's bytes, packets, last frame, and its number; `isFrozen`: no block is the kernel's. */
  #used = 0;
  #packets = 0;
  #lastFrame = 0;
  #sequence = 0;
  #isFrozen = false;
  #timer = new Timer(this);
  /** How often there was no block to open (`tp_freeze_q_cnt`), since it was asked last. */
  freezes = 0;

  constructor(layout: RingLayout, memory: RingMemory, reserve: number, owner: RingOwner) {
    this.layout = layout;
    this.#memory = memory;
    this.#reserve = reserve;
    this.#owner = owner;
    if (layout.version === TPACKET_V3) this.#openBlock();
  }

  /** Has the program got something? What the ring filled last is still the program's. */
  get isReadable(): boolean {
    const { version, blockCount, frameCount } = this.layout;
    const last = version === TPACKET_V3 ? blockCount : frameCount;
    const before = this.#head === 0 ? last - 1 : this.#head - 1;
    return this.#status(before) !== TP_STATUS_KERNEL;
  }

  /** Is more than a quarter of it the kernel's? */
  get hasRoom(): boolean {
    const { version, blockCount, frameCount } = this.layout;
    const count = version === TPACKET_V3 ? blockCount : frameCount;
    return !this.#isFrozen && this.#status((this.#head + (count >> 2)) % count) === TP_STATUS_KERNEL;
  }

  /** @param address  `sockaddr_ll` of who sent it. @returns false: no room, it is lost */
  put(heard: HeardFrame, address: Uint8Array, hasLost: boolean): boolean {
    const { version, blockSize, blockHead, frameSize } = this.layout;
    const room = version === TPACKET_V3 ? blockSize - blockHead : frameSize;
    const headLength = frameHeadLength(version);
    const network =
      heard.linkHeader === 0
        ? alignUp(headLength, TPACKET_ALIGNMENT) + LINK_HEADER_ROOM + this.#reserve
        : alignUp(headLength + Math.max(LINK_HEADER_ROOM, heard.linkHeader), TPACKET_ALIGNMENT) + this.#reserve;
    if (network > OFFSET_MAX) return false;
    let link = network - heard.linkHeader;
    const captured = Math.max(0, Math.min(heard.admitted, room - link));
    if (version === TPACKET_V3 && captured === 0) link = Math.min(link, room);
    const length = link + captured;
    const at = version === TPACKET_V3 ? this.#takePlace(alignUp(length, BLOCK_ALIGNMENT)) : this.#takeFrame();
    if (at < 0) return false;
    const status = TP_STATUS_USER | (hasLost ? TP_STATUS_LOSING : 0);
    const failed =
      this.#memory.write(at + link, heard.bytes, heard.start, captured) ||
      this.#memory.write(at + frameHeadSize(version), address, 0, SockaddrLl.size) ||
      this.#writeHead(at, { length: heard.length, captured, link, network, status });
    if (failed < 0) return false;
    if (version === TPACKET_V3) {
      const { tp_next_offset } = Tpacket3Hdr.offset;
      if (this.#packets > 0) this.#memory.storeU32(this.#lastFrame + tp_next_offset, at - this.#lastFrame);
      this.#lastFrame = at;
      this.#packets++;
      this.#used += alignUp(length, BLOCK_ALIGNMENT);
      if (!this.#timer.isArmed) this.#armTimer();
    } else {
      this.#head = (this.#head + 1) % this.layout.frameCount;
      this.#owner.ringReady();
    }
    return true;
  }

  /** The ring goes. */
  stop(): void {
    this.#owner.kernel.timers.cancel(this.#timer);
  }

  /** A block waited long enough for more packets. */
  timerExpired(): void {
    if (this.#packets > 0) this.#closeBlock(TP_STATUS_BLK_TMO);
  }

  #armTimer(): void {
    const { timers } = this.#owner.kernel;
    timers.set(this.#timer, this.#owner.kernel.now() + this.layout.retireMs * 1e6);
  }

  /** Of a frame, or with TPACKET_V3 of a block. */
  #status(index: number): number {
    const { layout } = this;
    if (layout.version === TPACKET_V3)
      return this.#memory.loadU32(index * layout.blockSize + TpacketBlockDesc.offset.block_status);
    return this.#memory.loadU32(frameOffset(layout, index));
  }

  /** The next frame, if it is the kernel's; −1. */
  #takeFrame(): number {
    return this.#status(this.#head) === TP_STATUS_KERNEL ? frameOffset(this.layout, this.#head) : -1;
  }

  /** Room for a frame in the open block, or in the next one; −1. */
  #takePlace(size: number): number {
    const { blockSize } = this.layout;
    if (this.#isFrozen && !this.#openBlock()) return -1;
    if (this.#used + size >= blockSize && this.#packets > 0 && !this.#closeBlock(0)) return -1;
    return this.#used + size > blockSize ? -1 : this.#head * blockSize + this.#used;
  }

  /** The block at the head becomes the kernel's own, if the program has given it back. */
  #openBlock(): boolean {
    if ((this.#status(this.#head) & TP_STATUS_USER) !== 0) return false;
    const { blockHead } = this.layout;
    this.#isFrozen = false;
    this.#used = blockHead;
    this.#packets = 0;
    this.#sequence++;
    const { seconds, nanoseconds } = this.#owner.kernel.realtime();
    putFields(BLOCK_VIEW, TpacketBlockDesc, {
      version: TPACKET_V3,
      offset_to_priv: TpacketBlockDesc.size,
      block_status: TP_STATUS_KERNEL,
      num_pkts: 0,
      offset_to_first_pkt: blockHead,
      blk_len: blockHead,
      ts_first_sec: seconds,
      ts_first_nsec: nanoseconds,
      ts_last_sec: 0,
      ts_last_nsec: 0,
    });
    put64(BLOCK_VIEW, TpacketBlockDesc.offset.seq_num, this.#sequence);
    return this.#memory.write(this.#head * this.layout.blockSize, BLOCK, 0, TpacketBlockDesc.size) === 0;
  }

  /** Hands the open block to the program and opens the next one. @returns whether there was one to open */
  #closeBlock(status: number): boolean {
    const { blockSize, blockCount } = this.layout;
    this.#owner.kernel.timers.cancel(this.#timer);
    const start = this.#head * blockSize;
    const { offset } = TpacketBlockDesc;
    this.#memory.storeU32(start + offset.num_pkts, this.#packets);
    this.#memory.storeU32(start + offset.blk_len, this.#used);
    for (const [to, from] of LAST_TIME) this.#memory.storeU32(start + to, this.#memory.loadU32(this.#lastFrame + from));
    this.#memory.storeU32(start + offset.block_status, TP_STATUS_USER | status);
    this.#packets = 0;
    this.#head = (this.#head + 1) % blockCount;
    this.#owner.ringReady();
    if (this.#openBlock()) return true;
    this.#isFrozen = true;
    this.freezes++;
    return false;
  }

  #writeHead(
    at: number,
    {
      length,
      captured,
      link,
      network,
      status,
    }: { [N in "length" | "captured" | "link" | "network" | "status"]: number },
  ): number {
    const { seconds, nanoseconds } = this.#owner.kernel.realtime();
    const { version } = this.layout;
    const shared = { tp_len: length, tp_snaplen: captured, tp_mac: link, tp_net: network, tp_sec: seconds };
    HEAD.fill(0);
    if (version === TPACKET_V1) {
      putFields(HEAD_VIEW, TpacketHdr, {
        ...shared,
        tp_status: status,
        tp_usec: Math.floor(nanoseconds / 1000),
      });
    } else if (version === TPACKET_V3) {
      putFields(HEAD_VIEW, Tpacket3Hdr, { ...shared, tp_status: status, tp_nsec: nanoseconds });
    } else putFields(HEAD_VIEW, Tpacket2Hdr, { ...shared, tp_status: status, tp_nsec: nanoseconds });
    return this.#memory.write(at, HEAD, 0, frameHeadSize(version));
  }

  static {
    stateClass("ReceiveRing", this, {
      save: (it) => ({
        memory: it.#memory,
        owner: it.#owner,
        reserve: it.#reserve,
        head: it.#head,
        used: it.#used,
        packets: it.#packets,
        lastFrame: it.#lastFrame,
        sequence: it.#sequence,
        isFrozen: it.#isFrozen,
        timer: it.#timer,
      }),
      load: (it, from) =>
        ({
          memory: it.#memory,
          owner: it.#owner,
          reserve: it.#reserve,
          head: it.#head,
          used: it.#used,
          packets: it.#packets,
          lastFrame: it.#lastFrame,
          sequence: it.#sequence,
          isFrozen: it.#isFrozen,
          timer: it.#timer,
        } = from),
    });
  }
}

/** Where a block keeps the time of its last frame, and where that has it. */
const LAST_TIME = [
  [TpacketBlockDesc.offset.ts_last_sec, Tpacket3Hdr.offset.tp_sec],
  [TpacketBlockDesc.offset.ts_last_nsec, Tpacket3Hdr.offset.tp_nsec],
] as const;
/** Heads that are about to be written; valid during one call. */
const HEAD = new Uint8Array(frameHeadSize(TPACKET_V3));
const HEAD_VIEW = viewOf(HEAD);
const BLOCK = new Uint8Array(TpacketBlockDesc.size);
const BLOCK_VIEW = viewOf(BLOCK);
