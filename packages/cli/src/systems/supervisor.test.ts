import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "@stratos/sdk/client";
import { copyFiles } from "./copy-files.ts";
import { begunAtOnce, told } from "./supervisor.ts";

test("a missing image is told with the commands that help, not with the library's options", () => {
  const error = new StratosError("no-image", "dev: no such image; `pull` makes it", { image: "dev" });
  assert.match(told(error).message, /^dev: no such image; .*`stratos image build` makes one$/);
  const other = new StratosError("system", "dev: there is a system of this name", { system: "dev" });
  assert.equal(told(other).message, "dev: there is a system of this name");
});

test("a file's failure is told in words, not by its code", () => {
  for (const [code, words] of [
    ["ENOENT", "no such file or directory"],
    ["EISDIR", "is a directory"],
    ["elsewhere", "elsewhere"],
  ] as const)
    assert.equal(
      told(new StratosError("file", `/etc/nope: ${code}`, { code, path: "/etc/nope" } as never)).message,
      `/etc/nope: ${words}`,
    );
});

test("a program that is not there, but not one that may not be executed, is told with what brings it", () => {
  const failure = (code: string): StratosError =>
    new StratosError("program", "nano: command not found in the guest", { program: "nano", code });
  assert.match(told(failure("ENOENT")).message, /^nano: command not found in the guest; image build NAME --packages/);
  assert.equal(told(failure("EACCES")).message, "nano: command not found in the guest");
});

test("`cp` says what writes and takes streams", () => {
  for (const places of [
    ["box:/etc", "-"],
    ["-", "box:/etc"],
  ] as const)
    assert.throws(() => copyFiles(places[0], places[1]), /cp: copies no streams: `stratos exec NAME tar -c/);
});

test("a change of several systems begins with all of them, and each one's failure is its own", async () => {
  const begun: string[] = [];
  const change = begunAtOnce(["one", "two", "one"], (_client: null, name: string) => {
    begun.push(name);
    return { answer: name === "two" ? Promise.reject(new Error("no such system")) : Promise.resolve(name) };
  });
  assert.equal(await change(null, "one").answer, "one");
  assert.deepEqual(begun, ["one", "two"]);
  await assert.rejects(change(null, "two").answer, /no such system/);
});
