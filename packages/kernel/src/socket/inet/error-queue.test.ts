/** Goal: errors that wait for MSG_ERRQUEUE are bounded (recvmsg(2), IP_RECVERR). Method: the queue alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ipOfText } from "@stratos/netstack";
import { SocketTask } from "../../testing/socket-task.ts";
import { ErrorQueue } from "./error-queue.ts";

test("errors wait up to the receive buffer's size, each with its overhead, and no longer than there is memory", () => {
  const { network } = SocketTask.createMachine().user.task;
  const to = { ip: ipOfText("127.0.0.1")!, port: 9 };
  const waiting = (most: number): number => {
    const queue = new ErrorQueue(network.udpMemory);
    for (let count = 0; count < 5; count++) queue.refused(new Uint8Array(24), to, most);
    let errors = 0;
    for (; queue.first !== undefined; errors++) queue.shift();
    return errors;
  };
  assert.deepEqual([600, 1199, 1200, 599].map(waiting), [1, 1, 2, 0]);
  network.udpMemory.limits = [0, 0, 0];
  assert.equal(waiting(1200), 0);
});
