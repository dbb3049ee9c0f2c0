/** What the relay and the machine in a tab have in common. */
export { ByteQueue } from "./byte-queue.ts";
export {
  DATA_MAX,
  DATAGRAM_MAX,
  FRAME_MAX,
  NAME_PORT,
  parseRelayFrame,
  RELAY_CLOSED,
  RELAY_NETWORK,
  RELAY_PROTOCOL,
  type RelayFrame,
  relayFrame,
  relayProtocols,
  relayToken,
  WINDOW_BYTES,
} from "./relay-frames.ts";
export { RELAY_PATH } from "./relay-settings.ts";
