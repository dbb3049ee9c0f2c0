/** What a machine is made of in a test: ports that give the same each time, and volumes in memory. */
import assert from "node:assert/strict";
import { Files, format, mount, type Volume } from "@stratos/aegisfs";
import {
  MemoryBlockDevice,
  SimulatedClock,
  SimulatedEventLoop,
  SimulatedRandomSource,
  WebAssemblyEngine,
  type WebAssemblyNamespace,
} from "@stratos/host";
import { VolumeFiles } from "../volume-files.ts";

declare const WebAssembly: WebAssemblyNamespace;

export const MIB = 1 << 20;

export const ports = {
  engine: new WebAssemblyEngine(WebAssembly),
  clock: new SimulatedClock(0),
  random: new SimulatedRandomSource(1),
  loop: new SimulatedEventLoop(),
};

/** With an empty volume. */
export function formattedDevice(): MemoryBlockDevice {
  const device = new MemoryBlockDevice(16 * MIB);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  return device;
}

/** @param file  the one that it has */
export function volumeWith(file?: string): Volume {
  const volume = mount(formattedDevice(), {});
  if (typeof volume === "string") throw new Error(volume);
  if (file !== undefined)
    assert.equal(new VolumeFiles(new Files(volume, { clock: ports.clock })).write(file, new Uint8Array(1), 0o644), 0);
  return volume;
}
