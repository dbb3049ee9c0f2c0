import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OperationError } from "@stratos/operation";
import { keepCompiledCode } from "./compile-cache.ts";
import { homeFolder, readConfig, stratosHome } from "./stratos-home.ts";

test("STRATOS_HOME wins over XDG_DATA_HOME, and a relative XDG_DATA_HOME is ignored", () => {
  assert.equal(stratosHome({ STRATOS_HOME: "/a/b", XDG_DATA_HOME: "/x" }), "/a/b");
  assert.equal(stratosHome({ STRATOS_HOME: "", XDG_DATA_HOME: "/x" }), "/x/stratos");
  assert.equal(stratosHome({ XDG_DATA_HOME: "x" }), join(homedir(), ".local/share/stratos"));
});

test("an empty or relative HOME means no folder of where we stand", () => {
  const { HOME } = process.env;
  try {
    for (const home of ["", "relative"]) {
      process.env["HOME"] = home;
      assert.equal(stratosHome({}), join(userInfo().homedir, ".local/share/stratos"));
    }
  } finally {
    if (HOME === undefined) delete process.env["HOME"];
    else process.env["HOME"] = HOME;
  }
});

test("the configuration is optional, and its mistakes are named", () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-home-"));
  try {
    assert.deepEqual(readConfig(home), {});
    writeFileSync(join(home, "config.json"), '{"mirror":"http://mirror.example/debian"}');
    assert.deepEqual(readConfig(home), { mirror: "http://mirror.example/debian" });
    for (const [text, why] of [
      ["{", /^is not JSON: /],
      ["[]", /^is not an object of settings/],
      ['{"miror":"x"}', /^unknown setting "miror"; did you mean "mirror"\?$/],
      ['{"colour":"x"}', /^unknown setting "colour"; there are mirror, /],
      ['{"mirror":1}', /^"mirror": expected a string/],
    ] as const) {
      writeFileSync(join(home, "config.json"), text);
      assert.throws(
        () => readConfig(home),
        (error) =>
          error instanceof OperationError &&
          error.kind === "option" &&
          error.what === join(home, "config.json") &&
          why.test(error.why),
      );
    }
    // What the host says of the file itself is left in its words.
    assert.throws(() => readConfig(join(home, "config.json")), { code: "ENOTDIR", syscall: "open" });
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("a configuration that is a folder is named", () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-home-")),
    path = join(home, "config.json");
  mkdirSync(path);
  assert.throws(() => readConfig(home), { code: "EISDIR", path });
  rmSync(home, { recursive: true });
});

test("what keeps a home from being made is told of the folder that cannot be made, and never waited for", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-home-"));
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.throws(() => homeFolder(join(file, "deep/home"), "images"), { code: "ENOTDIR" });
  // Node's own way to make folders never returns there.
  if (existsSync("/proc/self")) {
    assert.throws(() => homeFolder("/proc/nope", "images"), { code: "ENOENT", path: "/proc/nope" });
    assert.equal(keepCompiledCode("/proc/nope", {}), false);
  }
  assert.equal(statSync(homeFolder(join(folder, "a/b"), "images")).isDirectory(), true);
  rmSync(folder, { recursive: true });
});
