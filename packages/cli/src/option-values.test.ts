/** Goal: what an option cannot be is told in words. Method: its parser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SharedFolder } from "@stratos/images";
import type { PublishedPort } from "@stratos/host-node";
import { parsePublished, parseVolume } from "./option-values.ts";

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
