/** Goal: /proc/net/protocols has the columns of Linux. Method: its rows, field by field. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SocketTask } from "../testing/socket-task.ts";
import { describeSocketKinds } from "./net-protocols.ts";

test("pages and pressure are told of those that have them: TCP has both, UDP counts its pages, others neither", () => {
  const rows = describeSocketKinds(SocketTask.createMachine().user.task).split("\n");
  // Memory, pressure, largest header, slab, module, and the first of its calls.
  const row = (name: string): string =>
    rows
      .map((each) => each.split(/ +/))
      .find(([first]) => first === name)!
      .slice(3, 8)
      .join(" ");
  assert.deepEqual(["TCP", "TCPv6", "UDP", "UDP-Lite", "RAW", "UNIX", "NETLINK"].map(row), [
    "0 no 192 yes kernel",
    "0 no 192 yes kernel",
    "0 NI 0 yes kernel",
    "0 NI 0 yes kernel",
    "-1 NI 0 yes kernel",
    "-1 NI 0 yes kernel",
    "-1 NI 0 no kernel",
  ]);
});
