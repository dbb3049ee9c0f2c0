/**
 * Builds that are repeated. Goal: what a `.buildinfo` says becomes the same build, and a difference is named by member,
 * file and offset.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { SourceError } from "@stratos/pkg";
import { makeDeb, type TestFile } from "@stratos/pkg/testing";
import { comparePackages } from "./compare-packages.ts";
import { parseBuildInfo, requestOfBuildInfo } from "./buildinfo.ts";

const INFO = `Format: 1.0
Source: hello
Binary: hello
Architecture: amd64
Version: 2.10-5
Checksums-Sha256:
 ${"a".repeat(64)} 100 hello_2.10-5_amd64.deb
Build-Origin: Debian
Build-Architecture: amd64
Build-Path: /build/reproducible-path/hello-2.10
Installed-Build-Depends:
 autoconf (= 2.72-3.1),
 binutils:i386 (= 2.44-3)
Environment:
 DEB_BUILD_OPTIONS="nocheck parallel=6"
 LC_ALL="C.UTF-8"
 SOURCE_DATE_EPOCH="1745682310"
`;
const tools = {
  decompress: async (kind: string, bytes: Uint8Array) =>
    kind === "gzip"
      ? gunzipSync(bytes)
      : kind === "zstd"
        ? (await import("node:zlib")).zstdDecompressSync(bytes)
        : bytes,
  hasher: () => {
    throw new Error("not needed");
  },
};
const deb = (files: TestFile[], version = "1"): Uint8Array =>
  makeDeb({ control: { Package: "x", Version: version, Architecture: "all" }, files: [{ path: "./" }, ...files] });

test("a .buildinfo is read, and asks for the same again", () => {
  const info = parseBuildInfo(INFO, "x.buildinfo");
  assert.deepEqual(info.installed, [
    { name: "autoconf", version: "2.72-3.1" },
    { name: "binutils", version: "2.44-3", architecture: "i386" },
  ]);
  const request = requestOfBuildInfo(info, { suite: "trixie", jobs: 2 });
  assert.deepEqual(request.source, { kind: "name", name: "hello", version: "2.10-5" });
  assert.equal(request.buildPath, "/build/reproducible-path/hello-2.10");
  assert.equal(request.parts, "any");
  assert.deepEqual(request.environment, { DEB_BUILD_OPTIONS: "parallel=2 nocheck", LC_ALL: "C.UTF-8" });
  assert.throws(
    () => parseBuildInfo(INFO.replace("autoconf (=", "autoconf (>="), "x"),
    /not an installed package: autoconf/,
  );
});

test("a cross build's record, which names no compiler, is not repeated from", () => {
  assert.throws(
    () => parseBuildInfo(INFO.replace("\nArchitecture: amd64", "\nArchitecture: riscv64"), "a.buildinfo"),
    (error) => error instanceof SourceError && /for riscv64 on amd64/.test(error.message),
  );
});

test("the same packages differ in nothing", async () => {
  assert.deepEqual(
    await comparePackages(tools as never, deb([{ path: "./a", text: "x" }]), deb([{ path: "./a", text: "x" }])),
    [],
  );
});

test("a difference is named by file and offset", async () => {
  const told = await comparePackages(
    tools as never,
    deb([{ path: "./a", text: "built on Monday" }, { path: "./b" }]),
    deb([{ path: "./a", text: "built on Friday" }, { path: "./c" }], "2"),
  );
  assert.deepEqual(
    told.map(({ member, offset }) => [member, offset]),
    [
      ["control.tar.gz: ./control", 20],
      ["data.tar.zst: ./a", 9],
      ["data.tar.zst: ./b", undefined],
      ["data.tar.zst: ./c", undefined],
    ],
  );
  assert.match(told[1]!.what, /differs from byte 9 on \("uilt on Monday" \/ "uilt on Friday"\)/);
});

test("attributes and order are differences", async () => {
  const mode = await comparePackages(
    tools as never,
    deb([{ path: "./a", fields: { mode: 0o755 } }]),
    deb([{ path: "./a" }]),
  );
  assert.match(mode[0]!.what, /^mode is 755, theirs 644$/);
  const order = await comparePackages(
    tools as never,
    deb([{ path: "./a" }, { path: "./b" }]),
    deb([{ path: "./b" }, { path: "./a" }]),
  );
  assert.deepEqual(order, [{ member: "data.tar.zst", what: "its files are in another order" }]);
});
