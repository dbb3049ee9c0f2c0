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
  ]);
  change("wan");
  assert.match(heard.splice(0).join(), /^move@\S+\/wan ACTION=move .* DEVPATH_OLD=\S+\/veth0 SEQNUM=2 $/);
  change("wan", true);
  assert.match(heard.splice(0).join(), /^remove@\S+\/wan ACTION=remove .* SEQNUM=3 $/);
  change("wan");
  assert.match(heard.join(), /^add@/);
});
