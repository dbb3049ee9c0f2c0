/** How a ring of a packet socket is laid out: frames of one size in blocks. @see packet_set_ring in af_packet.c */
import {
  EINVAL,
  PAGE_SIZE,
  SockaddrLl,
  TPACKET_ALIGNMENT,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  Tpacket2Hdr,
  Tpacket3Hdr,
  TpacketBlockDesc,
  TpacketHdr,
  TpacketReq3,
} from "@stratos/abi";
import { viewOf } from "../../ground/words.ts";

const INT_MAX = 0x7fffffff;
const UINT_MAX = 0xffffffff;
/** What Linux waits when the link tells no speed (DEFAULT_PRB_RETIRE_TOV). */
const RETIRE_MS = 8;

export interface RingLayout {
  /** TPACKET_V*. */
  readonly version: number;
  readonly blockSize: number;
  readonly blockCount: number;
  readonly frameSize: number;
  readonly frameCount: number;
  readonly framesPerBlock: number;
  /** With TPACKET_V3: after so many milliseconds a block that has a packet goes to the program. */
  readonly retireMs: number;
  /** With TPACKET_V3: bytes of a block before its first packet, the program's own among them. */
  readonly blockHead: number;
}

/** The head of a frame, without the address behind it, in bytes: a multiple of TPACKET_ALIGNMENT. */
export function frameHeadSize(version: number): number {
  const layout = version === TPACKET_V1 ? TpacketHdr : version === TPACKET_V2 ? Tpacket2Hdr : Tpacket3Hdr;
  return alignUp(layout.size, TPACKET_ALIGNMENT);
}

/** TPACKET_HDRLEN and its like: the head of a frame with the address behind it. */
export function frameHeadLength(version: number): number {
  return frameHeadSize(version) + SockaddrLl.size;
}

export function alignUp(size: number, unit: number): number {
  return Math.ceil(size / unit) * unit;
}

/** Bytes of a ring: a multiple of pages. */
export function ringSize(layout: RingLayout | null): number {
  return layout === null ? 0 : layout.blockSize * layout.blockCount;
}

/**
 * What setsockopt(2) asks for; null: no ring. @param reserve  PACKET_RESERVE. @returns −EINVAL. How much memory there
 * is shows when it is touched.
 */
export function parseRingRequest(
  value: Uint8Array,
  version: number,
  reserve: number,
  sends: boolean,
): RingLayout | null | number {
  const size = version === TPACKET_V3 ? TpacketReq3.size : TpacketReq3.offset.tp_retire_blk_tov;
  if (value.length < size) return -EINVAL;
  const view = viewOf(value);
  const word = (offset: number): number => (offset < size ? view.getUint32(offset, true) : 0);
  const { offset } = TpacketReq3;
  const blockSize = word(offset.tp_block_size),
    blockCount = word(offset.tp_block_nr),
    frameSize = word(offset.tp_frame_size),
    frameCount = word(offset.tp_frame_nr),
    ownBytes = word(offset.tp_sizeof_priv);
  if (blockCount === 0) return frameCount === 0 ? null : -EINVAL;
  if (blockSize === 0 || blockSize > INT_MAX || blockSize % PAGE_SIZE !== 0) return -EINVAL;
  const least = frameHeadLength(version) + reserve;
  const blockHead = TpacketBlockDesc.size + alignUp(ownBytes, 8);
  if (version === TPACKET_V3 && blockSize < blockHead + least) return -EINVAL;
  if (frameSize < least || frameSize % TPACKET_ALIGNMENT !== 0) return -EINVAL;
  const framesPerBlock = Math.floor(blockSize / frameSize);
  if (framesPerBlock === 0 || framesPerBlock > UINT_MAX / blockCount || framesPerBlock * blockCount !== frameCount)
    return -EINVAL;
  const retireMs = word(offset.tp_retire_blk_tov);
  if (sends && (retireMs !== 0 || ownBytes !== 0 || word(offset.tp_feature_req_word) !== 0)) return -EINVAL;
  return {
    version,
    blockSize,
    blockCount,
    frameSize,
    frameCount,
    framesPerBlock,
    retireMs: retireMs === 0 ? RETIRE_MS : retireMs,
    blockHead,
  };
}

/** Where a frame begins in its ring, in bytes. */
export function frameOffset({ framesPerBlock, blockSize, frameSize }: RingLayout, frame: number): number {
  const block = Math.floor(frame / framesPerBlock);
  return block * blockSize + (frame - block * framesPerBlock) * frameSize;
}
