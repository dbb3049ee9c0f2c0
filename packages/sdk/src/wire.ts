/** What crosses a channel between a library and its engine, for those who stand between the two. */
export { encodeFrame, type Frame, FrameReader } from "./frames.ts";
export {
  type CreateRequest,
  type Failure,
  type FromEngine,
  type Operations,
  STREAM_WINDOW,
  type ToEngine,
} from "./protocol.ts";
