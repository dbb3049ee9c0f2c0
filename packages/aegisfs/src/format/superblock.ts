/**
 * The superblock: one block that names the newest whole state of a volume (FORMAT.md §2).
 *
 * Generation g is written to blocks g mod 2 and 256 + g mod 2 once all that it names is durable. The newest one whose
 * checksum holds is the volume. So a commit happens or does not, and one damaged copy is survived.
 */
import { checksumWords } from "../store/checksum.ts";
import { BLOCK_SIZE, NODE_SIZE } from "./geometry.ts";
import { POINTER_WORDS } from "./node-layout.ts";
import {
  COPIES_MAX,
  decodeErrors,
  decodePoolTable,
  encodeErrors,
  encodePoolTable,
  ErrorCounters,
} from "./pool-table.ts";
import type { PoolTable } from "./pool-table.ts";

export const SUPERBLOCK_SLOTS: readonly (readonly [number, number])[] = [
  [0, 256],
  [1, 257],
];
const FORMAT_VERSION = 1;

/** Features without which a volume cannot be read: set when a volume first uses one, and kept. */
const FEATURE_OVERLAY = 1; // blocks below `baseSpan` live on another device
export const FEATURE_COMPRESSION = 2;
// 4 was given to encryption, which is a device under the volume now.
/** Several devices, or several copies: there is a table of them. */
const FEATURE_POOL = 8;
/** There is an intent log, which may hold what is not in the trees. */
const FEATURE_INTENT_LOG = 16;
/** Some file has an extent that says that its content is lost. */
export const FEATURE_LOST = 32;
const FEATURES_KNOWN = FEATURE_OVERLAY | FEATURE_COMPRESSION | FEATURE_POOL | FEATURE_INTENT_LOG | FEATURE_LOST;

/**
 * Features that writers may ignore. Some file or folder has properties (format/properties.ts): else nobody looks for
 * them.
 */
export const COMPATIBLE_PROPERTIES = 1;
/** There is a second copy of the volume tree's root; writers that ignore it leave out the bit or the place. */
const COMPATIBLE_ROOT_COPY = 2;

const MAGIC_LOW = 0x49474541; // "AEGI"
const MAGIC_HIGH = 0x31534653; // "SFS1"

const AT_MAGIC = 0;
const AT_CHECKSUM = 2;
const AT_VERSION = 3;
const AT_GENERATION = 4;
const AT_UUID = 6;
const AT_COMPATIBLE = 10;
const AT_READ_COMPATIBLE = 11;
const AT_INCOMPATIBLE = 12;
const AT_BLOCK_SIZE = 13;
const AT_NODE_SIZE = 14;
const AT_BLOCKS = 15;
const AT_BASE_SPAN = 16;
const AT_FREE_BLOCKS = 17;
const AT_FREE_QUADS = 18;
const AT_REFERENCES = 19;
const AT_HASH_SEED = 20;
const AT_NEXT_SUBVOLUME = 21;
const AT_DEFAULT_SUBVOLUME = 22;
const AT_CHECKSUM_KIND = 23;
const AT_ROOT = 24; // POINTER_WORDS
const AT_ROOT_COPY = 33;
const AT_BASE_UUID = 36;
const AT_BASE_GENERATION = 40;
const AT_BASE_CHECKSUM = 42;
const AT_PROPERTIES = 43;
const AT_DEVICES = 44;
const AT_DEVICE_INDEX = 45;
const AT_SEGMENTS = 46;
const AT_COPIES = 47;
const AT_LABEL = 48; // 64 bytes, byte string ended by zero
const AT_POOL = 64; // devices, then segments (pool-table.ts)
const AT_ERRORS = 832; // counters of the only device
const AT_LOG_START = 837;
const AT_LOG_BLOCKS = 838;
const WORDS = BLOCK_SIZE / 4;
const CHECKSUM_XXH32 = 1;

/** A decoded superblock. Numbers are global to the volume; see FORMAT.md for each. */
export class Superblock {
  generation = 0;
  readonly uuid: Uint32Array = new Uint32Array(4);
  /** Blocks of this device, not counting a base. */
  blocks = 0;
  /** Number of this device's first block: 0, or what lies below belongs to the base of an overlay. */
  baseSpan = 0;
  freeBlocks = 0;
  /** Free aligned runs of four blocks: what nodes can be made of. */
  freeQuads = 0;
  /** Reference records in the volume tree. */
  references = 0;
  hashSeed = 0;
  nextSubvolume = 0;
  defaultSubvolume = 0;
  readonly root: Uint32Array = new Uint32Array(POINTER_WORDS);
  /** First block of a second copy of the root (volume/root-copy.ts); 0: there is none. */
  rootCopy = 0;
  readonly baseUuid: Uint32Array = new Uint32Array(4);
  baseGeneration = 0;
  baseChecksum = 0;
  /** Features in use that readers must know; FEATURE_OVERLAY follows from `baseSpan`. */
  features = 0;
  /** Features in use that writers may ignore. */
  compatible = 0;
  /** What files get that have no properties of their own, nor has their subvolume (format/properties.ts). */
  properties = 0;
  label = "";
  /** Devices and copies; null for one device and one copy. */
  table: PoolTable | null = null;
  /** Error counters of the only device. */
  readonly errors: ErrorCounters = new ErrorCounters();
  /** Number in the table of the device that this superblock was read from, or goes to next. */
  deviceIndex = 0;
  /** Copies that new segments get. */
  copies = 1;
  /** Where the intent log of this generation is; 0 blocks: there is none. */
  logStart = 0;
  logBlocks = 0;
  /** It has features that a writer of this version would break: it may be mounted read-only. */
  mustNotWrite = false;
  /** Checksum that it was read with; 0 when it was never on a device. */
  checksum = 0;
}

type SuperblockError = "invalid" | "unsupported";

const scratch = new Uint8Array(BLOCK_SIZE);
const words = new Uint32Array(scratch.buffer);
const signedWords = new Int32Array(scratch.buffer);

/** Bytes of `superblock`, valid until the next call. */
export function encodeSuperblock(superblock: Superblock): Uint8Array {
  words.fill(0);
  words[AT_MAGIC] = MAGIC_LOW;
  words[AT_MAGIC + 1] = MAGIC_HIGH;
  words[AT_VERSION] = FORMAT_VERSION;
  putPair(AT_GENERATION, superblock.generation);
  words.set(superblock.uuid, AT_UUID);
  words[AT_INCOMPATIBLE] =
    superblock.features |
    (superblock.baseSpan > 0 ? FEATURE_OVERLAY : 0) |
    (superblock.logBlocks > 0 ? FEATURE_INTENT_LOG : 0);
  words[AT_LOG_START] = superblock.logStart;
  words[AT_LOG_BLOCKS] = superblock.logBlocks;
  words[AT_BLOCK_SIZE] = BLOCK_SIZE;
  words[AT_NODE_SIZE] = NODE_SIZE;
  words[AT_BLOCKS] = superblock.blocks;
  words[AT_BASE_SPAN] = superblock.baseSpan;
  words[AT_FREE_BLOCKS] = superblock.freeBlocks;
  words[AT_FREE_QUADS] = superblock.freeQuads;
  words[AT_REFERENCES] = superblock.references;
  words[AT_HASH_SEED] = superblock.hashSeed;
  words[AT_NEXT_SUBVOLUME] = superblock.nextSubvolume;
  words[AT_DEFAULT_SUBVOLUME] = superblock.defaultSubvolume;
  words[AT_CHECKSUM_KIND] = CHECKSUM_XXH32;
  words.set(superblock.root, AT_ROOT);
  words.set(superblock.baseUuid, AT_BASE_UUID);
  putPair(AT_BASE_GENERATION, superblock.baseGeneration);
  words[AT_BASE_CHECKSUM] = superblock.baseChecksum;
  words[AT_PROPERTIES] = superblock.properties;
  words[AT_COMPATIBLE] = superblock.compatible | (superblock.rootCopy > 0 ? COMPATIBLE_ROOT_COPY : 0);
  words[AT_ROOT_COPY] = superblock.rootCopy;
  const { table } = superblock;
  if (table !== null) {
    words[AT_INCOMPATIBLE]! |= FEATURE_POOL;
    words[AT_DEVICES] = table.devices.length;
    words[AT_DEVICE_INDEX] = superblock.deviceIndex;
    words[AT_SEGMENTS] = table.segments.length;
    words[AT_COPIES] = superblock.copies;
    encodePoolTable(table, words, AT_POOL);
  } else encodeErrors(superblock.errors, words, AT_ERRORS);
  for (let index = 0; index < superblock.label.length && index < 63; index++)
    scratch[AT_LABEL * 4 + index] = superblock.label.charCodeAt(index);
  superblock.checksum = checksumWords(signedWords, 0, WORDS, 0);
  words[AT_CHECKSUM] = superblock.checksum;
  return scratch;
}

/** Decodes one block; its checksum is taken with the checksum's own word as 0. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | SuperblockError {
  scratch.set(bytes.subarray(0, BLOCK_SIZE));
  if (words[AT_MAGIC] !== MAGIC_LOW || words[AT_MAGIC + 1] !== MAGIC_HIGH) return "invalid";
  const checksum = words[AT_CHECKSUM]!;
  words[AT_CHECKSUM] = 0;
  if (checksumWords(signedWords, 0, WORDS, 0) !== checksum) return "invalid";
  if (words[AT_VERSION] !== FORMAT_VERSION || (words[AT_INCOMPATIBLE]! & ~FEATURES_KNOWN) !== 0) return "unsupported";
  if (words[AT_BLOCK_SIZE] !== BLOCK_SIZE || words[AT_NODE_SIZE] !== NODE_SIZE) return "unsupported";
  if (words[AT_CHECKSUM_KIND] !== CHECKSUM_XXH32) return "unsupported";

  const superblock = new Superblock();
  superblock.checksum = checksum;
  superblock.mustNotWrite = words[AT_READ_COMPATIBLE] !== 0;
  superblock.generation = pair(AT_GENERATION);
  superblock.uuid.set(words.subarray(AT_UUID, AT_UUID + 4));
  superblock.blocks = words[AT_BLOCKS]!;
  superblock.baseSpan = words[AT_BASE_SPAN]!;
  superblock.freeBlocks = words[AT_FREE_BLOCKS]!;
  superblock.freeQuads = words[AT_FREE_QUADS]!;
  superblock.references = words[AT_REFERENCES]!;
  superblock.hashSeed = words[AT_HASH_SEED]!;
  superblock.nextSubvolume = words[AT_NEXT_SUBVOLUME]!;
  superblock.defaultSubvolume = words[AT_DEFAULT_SUBVOLUME]!;
  superblock.root.set(words.subarray(AT_ROOT, AT_ROOT + POINTER_WORDS));
  superblock.baseUuid.set(words.subarray(AT_BASE_UUID, AT_BASE_UUID + 4));
  superblock.baseGeneration = pair(AT_BASE_GENERATION);
  superblock.baseChecksum = words[AT_BASE_CHECKSUM]!;
  superblock.features = words[AT_INCOMPATIBLE]! & ~(FEATURE_OVERLAY | FEATURE_POOL | FEATURE_INTENT_LOG);
  if ((words[AT_INCOMPATIBLE]! & FEATURE_INTENT_LOG) !== 0) {
    superblock.logStart = words[AT_LOG_START]!;
    superblock.logBlocks = words[AT_LOG_BLOCKS]!;
  }
  superblock.properties = words[AT_PROPERTIES]!;
  superblock.compatible = words[AT_COMPATIBLE]! & ~COMPATIBLE_ROOT_COPY;
  if ((words[AT_COMPATIBLE]! & COMPATIBLE_ROOT_COPY) !== 0) superblock.rootCopy = words[AT_ROOT_COPY]!;
  decodeErrors(superblock.errors, words, AT_ERRORS);
  if ((words[AT_INCOMPATIBLE]! & FEATURE_POOL) !== 0) {
    superblock.table = decodePoolTable(words, AT_POOL, words[AT_DEVICES]!, words[AT_SEGMENTS]!, superblock.baseSpan);
    superblock.deviceIndex = words[AT_DEVICE_INDEX]!;
    superblock.copies = words[AT_COPIES]!;
    if (superblock.table === null || superblock.copies === 0 || superblock.copies > COPIES_MAX) return "invalid";
  }
  for (let at = AT_LABEL * 4; at < AT_LABEL * 4 + 63 && scratch[at] !== 0; at++)
    superblock.label += String.fromCharCode(scratch[at]!);
  return superblock;
}

function putPair(at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = Math.floor(value / 0x100000000);
}

function pair(at: number): number {
  return words[at]! + words[at + 1]! * 0x100000000;
}
