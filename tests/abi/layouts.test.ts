/**
 * Goal: each structure of `@stratos/abi` lies in memory as C has it on riscv64, and each constant has Linux's value.
 * Method: for every structure that the package exports, a C file asserts the size and the place and size of each field
 * against Linux's headers, and the cross compiler reads it; so it does with the constants that are macros there.
 * Structures that Linux keeps to itself are written down here, as its source has them.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as whole from "@stratos/abi";
import * as uring from "@stratos/abi/io-uring";
import type { Struct } from "@stratos/abi";
import { IN_C } from "./structures-in-c.ts";

/** What pages load late stands apart. */
const abi = { ...whole, ...uring };

const structs = Object.entries(abi).filter(
  (entry): entry is [string, Struct] => typeof entry[1] === "object" && "offset" in entry[1],
);

test("structures have Linux's sizes, and their fields its places and sizes", () => {
  assert.deepEqual(structs.map(([name]) => name).sort(), Object.keys(IN_C).sort());
  const folder = mkdtempSync(join(tmpdir(), "stratos-layouts-"));
  try {
    // A file for those of the same headers: all headers of Linux and of the C library don't stand in one.
    const byHeaders = Map.groupBy(structs, ([name]) => IN_C[name]!.headers.join());
    const files = [...byHeaders.values()].map((alike, index) => {
      const path = join(folder, `${index}.c`);
      writeFileSync(path, assertions(alike));
      return path;
    });
    const { status, stderr } = spawnSync(
      "riscv64-linux-gnu-gcc",
      ["-fsyntax-only", "-std=gnu11", "-fms-extensions", "-D_GNU_SOURCE", ...files],
      {
        encoding: "utf8",
      },
    );
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Linux's own, which can stand in one file. */
const HEADERS = [
  ...["acct", "aio_abi", "auxvec", "capability", "dqblk_xfs", "elf", "eventpoll", "falloc", "fiemap", "fs", "futex"],
  ...[
    "genetlink",
    "icmpv6",
    "if_packet",
    "in",
    "in6",
    "inet_diag",

    "inotify",
    "ioprio",
    "kcmp",
    "limits",
    "loop",
    "magic",
    "major",
  ],
  ...["membarrier", "memfd", "mempolicy", "mqueue", "net", "netlink", "openat2", "personality", "pidfd", "prctl"],
  ...[
    "random",
    "reboot",
    "resource",
    "rseq",

    "rtnetlink",
    "sched",
    "seccomp",
    "securebits",
    "sem",
    "msg",
    "signalfd",
    "sock_diag",
    "sockios",
  ],
  ...[
    "stat",
    "tcp",
    "time",
    "timerfd",
    "timex",
    "tty",
    "udp",
    "unix_diag",
    "fib_rules",
    "wait",
    "xattr",
    "filter",
    "audit",
    "blkpg",
    "mman",
    "fb",
    "input-event-codes",
    "landlock",
    "io_uring",
    "vt",
    "kd",
  ],
].map((name) => `linux/${name}.h`);

test("constants have Linux's values", () => {
  const constants = Object.entries(abi).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  const headers = ["errno", "fcntl", "mman", "poll", "resource", "signal", "socket", "termbits", "ioctls", "termios"];
  const lines = [
    ...["stddef.h", ...headers.map((name) => `asm/${name}.h`), ...HEADERS, "drm/drm.h", "drm/drm_fourcc.h"].map(
      (name) => `#include <${name}>`,
    ),
    ...constants.map(
      ([name, value]) => `#ifdef ${name}\n_Static_assert(${inBits(name, value)}, "${name}");\nSEEN\n#endif`,
    ),
  ];
  const run = (args: readonly string[], input: string): { status: number | null; stderr: string; stdout: string } =>
    spawnSync("riscv64-linux-gnu-gcc", [...args, "-x", "c", "-"], { encoding: "utf8", input });
  const { status, stderr } = run(["-fsyntax-only"], `#define SEEN\n${lines.join("\n")}`);
  assert.equal(status, 0, stderr);
  const seen = run(["-E", "-P"], lines.join("\n")).stdout.match(/SEEN/g)!.length;
  assert.ok(seen > constants.length / 2, `the headers know ${seen} of ${constants.length} constants`);
});

/** Flags of 32 bits are negative here or there. */
function inBits(name: string, value: number): string {
  return value > 0xffffffff ? `(${name}) == ${value}` : `(unsigned)(long)(${name}) == ${value >>> 0}u`;
}

/** @param alike  structures whose headers are the same */
function assertions(alike: readonly [name: string, layout: Struct][]): string {
  const lines = ["stddef.h", ...IN_C[alike[0]![0]]!.headers].map((header) => `#include <${header}>`);
  for (const [name, { size, align, fields }] of alike) {
    const { type, names = {}, source = "" } = IN_C[name]!;
    const expect = (condition: string): number => lines.push(`_Static_assert(${condition}, "${name}");`);
    lines.push(source);
    expect(`sizeof(${type}) == ${size}`);
    expect(`_Alignof(${type}) == ${align}`);
    for (const field of fields) {
      const inC = names[field.name] ?? field.name;
      if (field.name.startsWith("_") || inC === "") continue;
      expect(`offsetof(${type}, ${inC}) == ${field.offset}`);
      if (field.type.size > 0) expect(`sizeof(((${type} *)0)->${inC}) == ${field.type.size}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
