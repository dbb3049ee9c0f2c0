/** Ground-level vocabulary shared by every package: bytes, assertions, seeded chance. Knows nothing of the computer. */
export { assert } from "./assert.ts";
export { counted } from "./counted.ts";
export type { Quantity } from "./quantity.ts";
export { ByteRing, type ByteSink, type ByteSource } from "./byte-ring.ts";
export { BytesCursor } from "./bytes-cursor.ts";
export {
  byteString,
  byteStringOf,
  shortByteString,
  utf8Of,
  utf8ToByteString,
  byteStringToUtf8,
  exactByteString,
  exactText,
  isUtf8,
} from "./byte-string.ts";
export {
  conflictingRange,
  conflictingRanges,
  LOCK_EXCLUSIVE,
  LOCK_NONE,
  LOCK_SHARED,
  replaceRange,
  waitsFor,
} from "./advisory-locks.ts";
export type { RangeLock } from "./advisory-locks.ts";
export { SteadyMap, SteadySet } from "./steady-map.ts";
export { SeededRandom } from "./seeded-random.ts";
export { fromBase64, toBase64 } from "./base64.ts";
export { withoutOctalEscapes } from "./octal-escapes.ts";
export { hexOf } from "./hex.ts";
export { bytesOfSize, SIZE_PATTERN } from "./bytes-of-size.ts";
export { forgetLastCalls, whenForgotten } from "./last-calls.ts";
export { LoneBytes } from "./lone-bytes.ts";
export { concatBytes } from "./concat.ts";
export { closestName, slipsOfWord } from "./edit-distance.ts";
export { MessageStream } from "./message-stream.ts";
export {
  type AdapterArguments,
  AdapterError,
  AdapterProtocol,
  BREAKPOINTS_MAX,
  listOf,
  numberOf,
} from "./adapter-protocol.ts";
export { printable } from "./printable.ts";
export { crc32, crc32c } from "./crc.ts";
export { compressLz4, decompressLz4, LZ4_LEVEL_MAX } from "./lz4.ts";
export { Sha256, sha256 } from "./sha256.ts";
export type { Digest } from "./sha256.ts";
export {
  allStateClasses,
  blankOf,
  stateClass,
  stateConstant,
  stateFields,
  stateName,
  whenClassMissing,
  type Writable,
} from "./state-classes.ts";
export { copyState, rehearseCopy, type CopySources } from "./state-copy.ts";
export { FileHead } from "./file-head.ts";
export { forOneTurn, inOnePiece } from "./in-pieces.ts";
export { StateError } from "./state-error.ts";
export { loadState, type StateSources } from "./state-reader.ts";
export { copyInPieces, reachableState, saveState, saveStateInPieces, type StatePorts } from "./state-writer.ts";
export { DROPPED, PASSED, REFUSED, REFUSED_BY_RESET } from "./packet-verdict.ts";
