/** Goal: what an option cannot be is told in words. Method: its parser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMebibytes, parseNetwork } from "./commands/hub-options.ts";
import type { SharedFolder } from "@stratos/images";
import type { PublishedPort } from "@stratos/host-node";
import { parseMemory, parsePublished, parseTimeout, parseVolume } from "./option-values.ts";
import { parseSize, parseSizeChange } from "./volume-options.ts";

function all<Value>(
  parse: (text: string, previous: readonly Value[]) => readonly Value[],
  texts: string,
): readonly Value[] {
  return texts.split(" ").reduce<readonly Value[]>((previous, text) => parse(text, previous), []);
}

test("two folders do not stand at one place of the guest", () => {
  const folders = all<SharedFolder>(parseVolume, ".:/a .:/b /x:/a/c:ro");
  assert.deepEqual(
    folders.map(({ guest }) => guest),
    ["/a", "/b", "/a/c"],
  );
  for (const texts of [".:/a .:/a", ".:/a /x://a/:ro"])
    assert.throws(() => all<SharedFolder>(parseVolume, texts), { message: "/a was given before" });
});

test("a port stands at one place of the host, and one place has one port", () => {
  for (const texts of ["8080:80 8080:80/udp 8081:81", "127.0.0.1:8080:80 127.0.0.2:8080:81 [::1]:8080:82", "0:80 0:81"])
    assert.equal(all<PublishedPort>(parsePublished, texts).length, texts.split(" ").length);
  for (const texts of ["8080:80 8080:81", "8080:80 127.0.0.1:8080:81", "127.0.0.1:8080:80 127.0.0.1:8080:81"])
    assert.throws(() => all<PublishedPort>(parsePublished, texts), {
      message: "the host's port 8080 was given before",
    });
  for (const texts of ["8080:80 8081:80", "127.0.0.1:8080:80 [::1]:8080:80"])
    assert.throws(() => all<PublishedPort>(parsePublished, texts), { message: "the guest's port 80 was given before" });
});

test("a network is an address, with bits or without", () => {
  for (const text of ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0"])
    assert.equal(parseNetwork(text), text);
  for (const text of ["", "proxy.example", "10.0.0.0/33", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/"])
    assert.throws(() => parseNetwork(text), /expected an address or a network/, text);
});

test("a size without a unit is bytes; what counts MiB says so, and takes units as well", () => {
  assert.equal(parseSize("104857600"), 100 << 20);
  assert.equal(parseSize("5000"), 4096);
  assert.equal(parseSize("1.5 GiB"), 1.5 * 2 ** 30);
  assert.deepEqual(parseSizeChange("+1048576"), { bytes: 1 << 20, from: "grow" });
  assert.throws(() => parseSize("17T"), { message: "at most 16T is possible" });
  for (const text of ["", "1.5", "-1G", "big"])
    assert.throws(() => parseSize(text), { message: "expected a size such as 512M or 20G" });

  assert.equal(parseMemory("536870912"), 512 << 20);
  assert.throws(() => parseMemory("1048576"), { message: "at least 64M is needed" });
  assert.throws(() => parseMemory("1.5"), { message: "expected a size such as 512M or 2G" });

  const parse = parseMebibytes(1, 4_096);
  for (const [text, mebibytes] of [
    ["64", 64],
    ["64M", 64],
    ["4 GiB", 4_096],
  ] as const)
    assert.equal(parse(text), mebibytes);
  for (const text of ["0", "5G", "1K", "many"]) assert.throws(() => parse(text), /a number of MiB, 1 to 4096/, text);
});

test("a time is seconds, or has a unit", () => {
  for (const [text, ms] of [
    ["90", 90_000],
    ["0.5", 500],
    ["90s", 90_000],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
  ] as const)
    assert.equal(parseTimeout(text), ms, text);
  for (const text of ["", "0", "0m", "-1", "1d", "5 m", "m", "1e3"])
    assert.throws(() => parseTimeout(text), /such as 90s/);
  assert.throws(() => parseTimeout("600h"), { message: "at most 24 days" });
});
