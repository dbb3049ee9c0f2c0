/** OVA. Judges: tar and sha256sum, python's XML reader; qemu-img for the disk in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk } from "../disk/disk.ts";
import { run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { writeVmdk } from "../vmdk/vmdk-writer.ts";
import { writeOva } from "./ova.ts";

const codecs = nodeCodecs(),
  MIB = 1 << 20;

test("description first, digests that hold, a disk that is whole, and the same bytes twice", () =>
  withFolder((folder) => {
    const disk = new MemoryDisk(4 * MIB),
      vmdk = new MemoryDisk(0);
    disk.write(MIB, sampleBytes(100_000, 1));
    writeVmdk(disk, vmdk, { kind: "streamOptimized", name: "box-disk1.vmdk", contentId: 7 }, codecs);
    const make = (): Buffer =>
      Buffer.concat(
        [
          ...writeOva(
            vmdk,
            {
              name: "box",
              architecture: "amd64",
              diskSize: disk.size,
              time: 1_700_000_000,
              memory: 1024,
              processors: 2,
            },
            codecs,
          ),
        ].map((piece) => Buffer.from(piece)),
      );
    const bytes = make();
    assert.ok(bytes.equals(make()));
    writeFileSync(join(folder, "box.ova"), bytes);
    assert.deepEqual(run("tar", ["-tf", "box.ova"], { cwd: folder }).output.trim().split("\n"), [
      "box.ovf",
      "box.mf",
      "box-disk1.vmdk",
    ]);
    run("tar", ["-xf", "box.ova"], { cwd: folder });
    const sums = readFileSync(join(folder, "box.mf"), "utf8").replace(/SHA256\((.*)\)= (.*)/g, "$2  $1");
    assert.equal(run("sha256sum", ["-c"], { cwd: folder, input: Buffer.from(sums) }).status, 0);
    const ovf = run("python3", [
      "-c",
      "import sys,xml.dom.minidom as m; d=m.parse(sys.argv[1]); " +
        "print(d.getElementsByTagName('Disk')[0].getAttribute('ovf:capacity'), " +
        "d.getElementsByTagName('File')[0].getAttribute('ovf:size'), len(d.getElementsByTagName('Item')))",
      join(folder, "box.ovf"),
    ]);
    assert.equal(ovf.output.trim(), `${disk.size} ${vmdk.size} 5`);
    assert.match(run("qemu-img", ["info", join(folder, "box-disk1.vmdk")]).output, /virtual size: 4 MiB/);
  }));
