/** What crosses a channel between a library and its engine, for those who stand between the two. */
export { FILE_BYTES_MAX } from "./file-operations.ts";
export { madeUpPlaces } from "./made-up-places.ts";
export { encodeFrame, type Frame, FrameReader } from "./frames.ts";
export {
  type CreateRequest,
  type Failure,
  type FromEngine,
  isTerminalSize,
  type Operations,
  type KeptPrograms,
  STREAM_WINDOW,
  TERMINAL_WINDOW,
  type ToEngine,
} from "./protocol.ts";
