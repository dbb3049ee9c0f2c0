/** SOCK_RAW, and pings: pages load what such a socket is made of (raw-socket.ts) when the first is. */
import { RawSocket } from "./raw-socket.ts";

export function makeRawSocket(...given: ConstructorParameters<typeof RawSocket>): RawSocket {
  return new RawSocket(...given);
}
