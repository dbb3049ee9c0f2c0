/**
 * Mounts the volume of a file, as the server of a mount does before it asks the kernel for one, and prints the
 * milliseconds that it took. The time in which Node starts and reads its programs is not in it.
 *
 *     node mount-once.ts FILE
 */
import { MOUNT_ERROR_WORDS, ROOT_INO } from "@stratos/aegisfs";
import { mountDevices, openVolumeDevices } from "@stratos/tools-node/volumes";

const start = process.hrtime.bigint();
const opened = openVolumeDevices([process.argv[2]!], { readOnly: false });
const volume = mountDevices(opened, { readOnly: false, seconds: Math.floor(Date.now() / 1000) });
if (typeof volume === "string") throw new Error(MOUNT_ERROR_WORDS[volume]);
const entries = volume.root.lookup(ROOT_INO, "d0");
const ns = process.hrtime.bigint() - start;
process.stdout.write(`${Number(ns) / 1e6}\n`);
opened.close();
if (entries < 0) process.exitCode = 1;
