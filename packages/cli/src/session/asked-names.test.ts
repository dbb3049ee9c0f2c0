/** Goal: who runs a program that found no name learns why. Method: messages of name servers, made by hand. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { outcomeOf, questionOf } from "@stratos/sdk/dns-message";
import { AskedNames } from "./asked-names.ts";

const SERVER = { family: 4, address: "192.0.2.53", port: 53 } as const;
const QUESTION = 0x0100,
  FOUND = 0x8180,
  UNKNOWN = 0x8183,
  SERVER_FAILURE = 0x8182;
const SRV = 33;

let folder: string;
let hostsFile: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-names-"));
  hostsFile = join(folder, "hosts");
  writeFileSync(hostsFile, "127.0.0.1 localhost\n10.0.0.7\tBuild.lan build # the builder\n");
});
after(() => rmSync(folder, { recursive: true }));

function message(name: string, flags: number, type = 1): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Uint8Array.from([0, 7, flags >> 8, flags & 0xff, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

function linesOf(messages: readonly [string, number][], environment = {}): string[] {
  const names = new AskedNames();
  const watch = names.watch({ outcomeOf, questionOf });
  for (const [name, flags] of messages) watch(message(name, flags), SERVER);
  return names.lines({ hostsFile, environment });
}

test("a name that its server does not know, fails to find out, or is silent about", () => {
  const lines = linesOf([
    ["gone.example", QUESTION],
    ["gone.example", UNKNOWN],
    ["there.example", QUESTION],
    ["there.example", FOUND],
    ["silent.example", QUESTION],
    ["broken.example", QUESTION],
    ["broken.example", SERVER_FAILURE],
  ]);
  assert.deepEqual(lines, [
    "gone.example: the host's name server 192.0.2.53 knows no such name",
    "silent.example: the host's name server 192.0.2.53 has not answered",
    "broken.example: the host's name server 192.0.2.53 could not find it out",
  ]);
});

test("one of two addresses is enough, whatever is asked or answered afterwards", () => {
  assert.deepEqual(
    linesOf([
      ["a.example", QUESTION],
      ["a.example", QUESTION],
      ["a.example", FOUND],
      ["a.example", SERVER_FAILURE],
      ["a.example", QUESTION],
    ]),
    [],
  );
});

test("names of the host's own file, and a proxy of the host, are pointed out", () => {
  const [line] = linesOf([["build.lan", UNKNOWN]]);
  assert.match(line!, /knows no such name; .*hosts of the host does: -v .*hosts:\/etc\/hosts:ro shows it to programs$/);
  const [proxied] = linesOf([["a.example", QUESTION]], { https_proxy: "http://proxy:3128" });
  assert.match(proxied!, /has not answered; programs use the host's proxy with -e https_proxy$/);
});

test("other datagrams, damaged ones and any number of names are no burden", () => {
  const names = new AskedNames();
  const watch = names.watch({ outcomeOf, questionOf });
  watch(message("a.example", UNKNOWN), { ...SERVER, port: 5353 });
  watch(Uint8Array.of(1, 2, 3), SERVER);
  watch(message("_http._tcp.a.example", UNKNOWN, SRV), SERVER);
  assert.deepEqual(names.lines({ hostsFile, environment: {} }), []);
  for (let index = 0; index < 1000; index++) watch(message(`n${index}.example`, UNKNOWN), SERVER);
  watch(message("\u001b[2Jx.example", UNKNOWN), SERVER);
  const lines = names.lines({ hostsFile: "/nowhere", environment: {} });
  assert.equal(lines.length, 3);
  assert.ok(!lines.join().includes("\u001b"), "a program does not write to the terminal by a name");
});
