/** Goal: a connection that is often full costs no more for that. Method: a socket that is full each time. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { pairOf } from "./loopback-listener.ts";

class FullSocket extends EventEmitter {
  destroyed = false;

  write(): boolean {
    setImmediate(() => this.emit("drain"));
    return false;
  }

  get waiting(): number {
    return this.listenerCount("drain") + this.listenerCount("close");
  }
}

test("who writes to a full socket goes on at its drain or its end, and leaves no listener", async () => {
  const socket = new FullSocket();
  const { write } = pairOf(socket as unknown as Socket);
  const before = socket.waiting;
  for (let i = 0; i < 20; i++) await write(new Uint8Array(1));
  assert.equal(socket.waiting, before);
  socket.write = () => {
    socket.destroyed = true;
    setImmediate(() => socket.emit("close"));
    return false;
  };
  await write(new Uint8Array(1));
  await assert.rejects(write(new Uint8Array(1)), /closed/);
});
