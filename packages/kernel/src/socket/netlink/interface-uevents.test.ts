/** Goal: udev hears of interfaces that come, are renamed and go. Method: an observer is told of changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString } from "@stratos/base";
import { Uevents } from "../../ground/uevents.ts";
import type { NetworkInterface } from "../network-interface.ts";
import { InterfaceUevents } from "./interface-uevents.ts";

test("an interface is told when it comes, has another name and goes, to its own network", () => {
  const uevents = new Uevents();
  const network = { kernel: { uevents } };
  const heard: string[] = [];
  const listen = (where: object): void =>
    void uevents.listeners.add({
      network: where,
      ueventCame: (message) => void heard.push(byteString(message, 0, message.length).replaceAll("\0", " ")),
    });
  listen(network);
  listen({ kernel: { uevents } });
  const observer = new InterfaceUevents(network);
  const change = (name: string, isGone = false): void =>
    observer.interfaceChanged({ index: 4, name } as NetworkInterface, isGone);
  const PATH = "/devices/virtual/net";
  change("veth0");
  change("veth0");
  assert.deepEqual(heard.splice(0), [
    `add@${PATH}/veth0 ACTION=add DEVPATH=${PATH}/veth0 SUBSYSTEM=net INTERFACE=veth0 IFINDEX=4 SEQNUM=1 `,
    ...["rx-0", "tx-0"].map((queue, at) => {
      const path = `${PATH}/veth0/queues/${queue}`;
      return `add@${path} ACTION=add DEVPATH=${path} SUBSYSTEM=queues SEQNUM=${at + 2} `;
    }),
  ]);
  change("wan");
  assert.match(heard.splice(0).join(), /^move@\S+\/wan ACTION=move .* DEVPATH_OLD=\S+\/veth0 SEQNUM=4 $/);
  change("wan", true);
  const gone = heard.splice(0);
  assert.deepEqual(
    gone.map((message) => message.slice(0, message.indexOf(" "))),
    ["/queues/rx-0", "/queues/tx-0", ""].map((rest) => `remove@${PATH}/wan${rest}`),
  );
  assert.match(gone.join(), / SEQNUM=7 $/);
  change("wan");
  assert.match(heard.join(), /^add@/);
});
