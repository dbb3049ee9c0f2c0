/**
 * Floating-point loops on our processor and on qemu-riscv64-static, compiled by riscv64-linux-gnu-gcc: seconds for
 * each, and how many times faster we are. The checksums must agree.
 *
 *     node packages/riscv/src/testing/float.bench.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NodeWasmEngine } from "@stratos/host-node";
import { BareGuest } from "../bare/bare-guest.ts";

const KERNELS = ["matrix product", "gravitation", "Mandelbrot set", "single precision", "conversions"];
const SOURCE = fileURLToPath(new URL("float-kernels.c", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "stratos-float-bench-"));
try {
  KERNELS.forEach((name, kernel) => {
    const program = join(folder, `kernel${kernel}`);
    const compiled = spawnSync(
      "riscv64-linux-gnu-gcc",
      [
        "-O2",
        "-fno-math-errno",
        "-ffreestanding",
        "-nostdlib",
        "-static",
        "-Wl,--no-relax",
        `-DKERNEL=${kernel}`,
        "-o",
        program,
        SOURCE,
      ],
      { encoding: "utf8" },
    );
    if (compiled.status !== 0) throw new Error(`gcc: ${compiled.stderr}`);

    const qemuStart = performance.now();
    const qemu = spawnSync("qemu-riscv64-static", [program], { encoding: "latin1" });
    const qemuMs = performance.now() - qemuStart;

    const guest = new BareGuest(new Uint8Array(readFileSync(program)), {
      engine: new NodeWasmEngine(),
      frameBytes: 16 << 20,
    });
    const ourStart = performance.now();
    guest.run();
    const ourMs = performance.now() - ourStart;
    if (guest.failure !== "" || guest.output !== qemu.stdout)
      throw new Error(`${name}: ${guest.failure} ${guest.output.trim()}, qemu ${qemu.stdout.trim()}`);
    console.log(
      `${name.padEnd(18)} qemu ${(qemuMs / 1000).toFixed(2)} s, ours ${(ourMs / 1000).toFixed(2)} s: ` +
        `${(qemuMs / ourMs).toFixed(1)} times as fast`,
    );
  });
} finally {
  rmSync(folder, { recursive: true });
}
