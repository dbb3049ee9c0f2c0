/**
 * WebSockets whose peer may vanish without a word: a page that was put to sleep, a network that has gone. A ping from
 * time to time keeps proxies from ending a connection that is quiet (nginx does after a minute), and who answers none
 * is disconnected, so that its place is free for others.
 */
import type { WebSocket } from "ws";

const PING_MS = 30_000;
/** Times in which nothing was heard of it, one behind the other. */
const SILENT_TIMES = 2;

/** Until it closes. @param everyMs  between two pings */
export function watchPeer(socket: WebSocket, everyMs: number = PING_MS): void {
  let silentTimes = 0;
  // Ahead of the first ping nothing was asked.
  let isHeard = true;
  let waiting = socket.bufferedAmount;
  const hear = (): void => void (isHeard = true);
  socket.on("pong", hear);
  socket.on("message", hear);
  const timer = setInterval(() => {
    // Behind much that is on its way to a slow network a ping comes late: who takes it is there.
    isHeard ||= socket.bufferedAmount < waiting;
    silentTimes = isHeard ? 0 : silentTimes + 1;
    if (silentTimes >= SILENT_TIMES) return socket.terminate();
    isHeard = false;
    waiting = socket.bufferedAmount;
    socket.ping();
  }, everyMs);
  timer.unref();
  socket.once("close", () => clearInterval(timer));
}
